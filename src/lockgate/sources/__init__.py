"""Where migrations come from: files of one runner's layout into ``Migration`` values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source
from lockgate.sources.assemble import assemble
from lockgate.sources.assembly import Assembly, LayoutFolder
from lockgate.sources.detect import Detection, detect, find, recognise, several, unknown
from lockgate.sources.folder import FOUND_BELOW, Direction, Folder, Named, Skipped, SlotFile, read, shown
from lockgate.sources.listing import below, is_sql, walk
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.sources.naming import BY_NAME, CODE
from lockgate.sources.several import Separate, SeveralHistories
from lockgate.sources.span import PENDING, span_of

_CODE_SUFFIXES = (".py", ".ts", ".js", ".mts", ".cts", ".mjs", ".cjs")
_FOREIGN_SUFFIXES = (".rb", ".exs", ".cs", ".php")
_CODE_PLACE = pattern(r"(?:^|/)(?:versions|[^/]*migrations?[^/]*)/", re.IGNORECASE)

__all__ = [
    "Detection",
    "Direction",
    "Folder",
    "Migration",
    "Named",
    "Script",
    "Separate",
    "SeveralHistories",
    "Skipped",
    "SlotFile",
    "Transaction",
    "detect",
    "home_of",
    "load",
    "load_separate",
    "may_hold_code",
    "read",
    "shown",
    "single",
]


def load(
    paths: Sequence[Path],
    layout: str = "auto",
    *,
    transaction: str | None = None,
    cwd: Path,
    command: str = "",
    placeholders: Mapping[str, str] | None = None,
    exclude: Sequence[str] = (),
) -> Folder:
    """The migrations of these folders and files, in application order.

    ``transaction`` "statement" sends every statement on its own, "pending" all pending files in one transaction;
    "file" or None keeps each layout's own shape. With
    ``command`` the standard output of that program is taken as the migrations (``alembic upgrade head --sql``), and
    paths are not looked at. ``placeholders`` are flyway's; ``exclude`` are patterns of paths, as reports show them, that
    are left out. Raises UsageError for a missing path, an unknown layout,
    mixed or unknown names; CannotCheck for an unreadable file or a folder without migrations.
    """
    if layout not in ("auto", *BY_NAME):
        raise UsageError(f"no such layout: {layout}", "known: " + ", ".join(["auto", *BY_NAME]))
    if layout == "command" or command:
        from lockgate.sources.command import from_command

        folder = from_command(command, cwd)
    else:
        folder = _join([_load(p, files, layout, cwd, placeholders or {}, exclude) for p, files in _places(paths)])
    return _sent(folder, transaction)


def _sent(folder: Folder, transaction: str | None) -> Folder:
    """The folder, sent as asked."""
    if transaction == "statement":
        return replace(folder, migrations=tuple(_each_on_its_own(m) for m in folder.migrations))
    return replace(folder, span=PENDING if transaction == PENDING else folder.span)


def _places(paths: Sequence[Path]) -> list[tuple[Path, list[str]]]:
    """The folders to load; single files as their folder, with only them in it."""
    out: dict[tuple[Path, bool], list[str]] = {}
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder", _near(path) or "name an existing folder of migrations")
        if path.is_dir():
            out.setdefault((path, False), [])
        else:
            home = home_of(path)
            out.setdefault((home, True), []).append(path.relative_to(home).as_posix())
    return [(path, names) for (path, _), names in out.items()]


def _near(path: Path) -> str:
    """The nearest name that is there, in the deepest folder of the path that is."""
    from difflib import get_close_matches

    home = next((up for up in path.absolute().parents if up.is_dir()), path.absolute().parent)
    missing = path.absolute().relative_to(home).parts[0]
    near = get_close_matches(missing, (p.name for p in home.iterdir()), 1)
    return f"did you mean {(path.parent if path.absolute().parent == home else home) / near[0]}?" if near else ""


def excluded(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path, or a folder that it lies in, matches a pattern ("old/*", "*.seed.sql", "archive")."""
    from fnmatch import fnmatchcase

    parts = path.split("/")
    places = ("/".join(parts[: n + 1]) for n in range(len(parts)))
    return any(fnmatchcase(place, p) or fnmatchcase(place.rpartition("/")[2], p) for place in places for p in patterns)


def single(source: Source) -> Folder:
    """A text that is no file: one migration, each statement on its own."""
    return Folder("plain", (Migration(source.path, "", source.path, Script.whole(source, Transaction.STATEMENT)),))


def home_of(file: Path) -> Path:
    """The folder of migrations that a single file would be loaded from."""
    return file.parent.parent if file.name in ("up.sql", "down.sql", "migration.sql") else file.parent


def _load(
    path: Path, only: list[str], layout: str, cwd: Path, placeholders: Mapping[str, str], exclude: Sequence[str]
) -> tuple[str, Assembly, Folder]:
    label = shown(path, cwd)
    files = walk(path) if not only else [*only, *(f for f in walk(path, 2) if not is_sql(f))]
    if exclude:
        files = [f for f in files if not excluded(shown(path / f, cwd), exclude)]
    if layout in CODE or only == [f for f in only if not is_sql(f)] != []:
        return _in_code(path, label, cwd, layout if layout in CODE else "auto")
    if layout == "auto" and not only and any(f.endswith(_FOREIGN_SUFFIXES) for f in files):
        dumped = _foreign(path, files, label, cwd)
        if dumped is not None:
            return dumped
    if not only and not any(is_sql(f) or f.endswith("sqitch.plan") for f in files):
        return _in_code(path, label, cwd, "auto")
    if layout == "auto" and not only and may_hold_code(files) and recognise(path, files, label) is None:
        from lockgate.sources.code.beside import beside_sql

        found_in_code = beside_sql(path, files, label, cwd)
        if found_in_code is not None:
            return found_in_code
    if layout == "auto":
        path, files, found = _found(path, files, label, bool(only))
    else:
        path, files = _layout_root(layout, path, files)
        found = Detection(layout, (f"{layout}: as configured",))
    place = LayoutFolder(path, cwd, tuple(files), placeholders)
    out = _assembled(found.layout, place)
    if only and not out.ordered and not out.files:
        found = Detection("plain", (*found.explain, "plain: single files that the layout does not name so"))
        out = assemble(BY_NAME["plain"], place)
    if not out.ordered and not out.files:
        raise CannotCheck(
            f"{shown(path, cwd)}: no {found.layout} migration among {len(files)} files" + _sample(out),
            "name the layout with --layout",
        )
    root = shown(path, cwd)
    return (
        found.layout,
        out,
        Folder(
            found.layout,
            (),
            tuple(out.skipped),
            tuple(f"{root}: {e}" for e in found.explain),
            roots=(root,),
            span=span_of(found.layout, path),
        ),
    )


def _foreign(path: Path, files: list[str], label: str, cwd: Path) -> tuple[str, Assembly, Folder] | None:
    """A dump in the place of migrations that nobody reads here; None where there are others. Raises CannotCheck where
    there is no dump."""
    from lockgate.sources.foreign import foreign, not_read

    found = foreign(files)
    if found is None or recognise(path, [f for f in files if f != found.dump], label) is not None:
        return None
    if not found.dump:
        if any(is_sql(f) for f in files) or may_hold_code(files):
            return None
        raise not_read(label, found)
    kind, out, folder = _load(path, [found.dump], "plain", cwd, {}, ())
    return kind, out, replace(folder, unread=(found.words, found.framework.remedy))


def _in_code(path: Path, label: str, cwd: Path, layout: str) -> tuple[str, Assembly, Folder]:
    from lockgate.sources.code.beside import in_code

    return in_code(path, label, cwd, layout)


def may_hold_code(files: list[str]) -> bool:
    """Whether some file lies where migrations in code do."""
    return any(f.endswith(_CODE_SUFFIXES) and _CODE_PLACE.search(f) for f in files)


def load_separate(
    one: Separate,
    *,
    transaction: str | None = None,
    cwd: Path,
    placeholders: Mapping[str, str] | None = None,
    exclude: Sequence[str] = (),
) -> Folder:
    """One history of several, as ``load`` gives it. Raises UsageError, CannotCheck."""
    if not one.home:
        return load(
            [one.root], one.layout, transaction=transaction, cwd=cwd, placeholders=placeholders, exclude=exclude
        )
    from lockgate.sources.code.beside import of_code
    from lockgate.sources.code.find import folder_of, histories

    for history in histories(one.root, cwd, one.layout):
        if str(history.homes[0]) == one.home:
            return _sent(_join([of_code(folder_of(history, one.root, cwd, ""))]), transaction)
    raise CannotCheck(f"{one.name}: no {one.layout} migration here any more", "check again")


def _sample(out: Assembly) -> str:
    return f" ({', '.join(s.path for s in out.skipped[:3])})" if out.skipped else ""


def _found(path: Path, files: list[str], label: str, single: bool) -> tuple[Path, list[str], Detection]:
    found = recognise(path, files, label)
    if found is not None:
        return path, files, found
    if single:
        return path, files, Detection("plain", ("plain: single files",))
    inside = find(path, files, label)
    if len(inside) == 1:
        folder, found = inside[0]
        return path / folder, below(files, folder), Detection(found.layout, (*found.explain, f"{FOUND_BELOW}{label}"))
    if inside:
        raise several(label, path, files, inside)
    raise unknown(label, files)


def _layout_root(layout: str, path: Path, files: list[str]) -> tuple[Path, list[str]]:
    """The folder that a named layout is to be loaded from: sqitch's deploy folder stands for its project."""
    if layout == "sqitch" and "sqitch.plan" not in files and (path.parent / "sqitch.plan").exists():
        return path.parent, walk(path.parent)
    return path, files


def _assembled(layout: str, place: LayoutFolder) -> Assembly:
    if layout == "sqitch":
        from lockgate.sources.sqitch import load_plan

        return load_plan(place)
    if layout == "liquibase":
        from lockgate.sources.liquibase import load_changelogs

        return load_changelogs(place)
    return assemble(BY_NAME[layout], place)


def _join(found: list[tuple[str, Assembly, Folder]]) -> Folder:
    """Several folders as one: in one order where they are of one layout and all numbered, else one after the other."""
    layouts = sorted({layout for layout, _, _ in found})
    numbered = (
        not {"command", *CODE} & set(layouts)
        and len(layouts) == 1
        and all(m.slot for _, out, _ in found for _, m in out.ordered)
    )
    ordered = [item for _, out, _ in found for item in (sorted(out.ordered, key=lambda i: i[0]))]
    if numbered:
        ordered.sort(key=lambda item: item[0])
    return Folder(
        " and ".join(layouts),
        tuple(m for _, m in ordered),
        tuple(s for _, _, f in found for s in f.skipped),
        tuple(e for _, _, f in found for e in f.explain),
        tuple(f for _, out, _ in found for f in out.files),
        tuple(dict.fromkeys(r for _, _, f in found for r in f.roots)),
        tuple(r for _, _, f in found for r in f.revisions),
        PENDING if found and all(f.span == PENDING for _, _, f in found) and len(found) == 1 else "file",
        "".join(f.before for _, _, f in found),
        tuple(name for _, _, f in found for name in f.strange),
        unread=next((f.unread for _, _, f in found if f.unread is not None), None),
    )


def _each_on_its_own(migration: Migration) -> Migration:
    return replace(migration, up=_apart(migration.up), down=migration.down and _apart(migration.down))


def _apart(script: Script) -> Script:
    return replace(script, transaction=Transaction.STATEMENT, apart=script.transaction is not Transaction.STATEMENT)
