"""Which files of a folder its runner takes, in its order, and what it passes over."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.lazy_imports import pattern
from lockgate.sources.assembly import Assembly, LayoutFolder
from lockgate.sources.folder import Direction, Named, Skipped, read, shown
from lockgate.sources.listing import is_sql, meant
from lockgate.sources.naming import Layout, looks_like_migration, named, other_database, position


def chosen(layout: Layout, place: LayoutFolder, out: Assembly) -> list[Named]:
    """The files that the runner takes, in its order, without those that it passes over."""
    candidates = [f for f in place.files if is_sql(f) and f.count("/") < layout.depth]
    if layout.name == "plain":
        candidates = _shallow(candidates)
    listed = journal(place) if layout.name == "drizzle" else None
    if listed is not None:
        return _listed(layout, place, listed, candidates, out)
    if layout.name == "drizzle":  # its newer form has folders, and passes over what lies beside them
        candidates = [f for f in candidates if f.endswith("/migration.sql")] or candidates
    taken: list[Named] = []
    passed: list[str] = []
    for relative in candidates:
        item = named(layout, relative)
        if item is None:
            passed.append(relative)
        else:
            taken.append(item)
    homes = {item.relative.rpartition("/")[0] for item in taken}
    for relative in passed:  # SQL in folders without any migration is something else
        alike = (
            looks_like_migration(relative)
            and not other_database(relative)
            and (layout.depth < 3 or relative.rpartition("/")[0] in homes)
        )
        out.skipped.append(Skipped(shown(place.root / relative, place.cwd), _why(layout, relative), alike))
    _tell_empty(layout, place, out)
    if layout.name == "plain":
        taken = _directed(_dialect(taken, place, out))
    if layout.name == "versions":
        from lockgate.sources.versions import by_manifest

        return by_manifest(taken, place)
    return sorted(taken, key=lambda item: position(layout, item))


def _listed(
    layout: Layout, place: LayoutFolder, listed: Mapping[str, str], candidates: list[str], out: Assembly
) -> list[Named]:
    """drizzle: what the journal lists, in its order; a file that it lists and that is not there stops the runner."""
    by_id = {item.id: item for f in candidates if "/" not in f and (item := named(layout, f)) is not None}
    for tag in [t for t in listed if t not in by_id]:
        why = f"it lists {tag}, and {tag}.sql does not exist: drizzle refuses to run"
        out.skipped.append(Skipped(shown(place.root / "meta/_journal.json", place.cwd), why, True, stops=True))
    for ident, item in by_id.items():
        if ident not in listed:
            why = "meta/_journal.json does not list it: drizzle passes it over in silence"
            out.skipped.append(
                Skipped(shown(place.root / item.relative, place.cwd), why, looks_like_migration(item.relative))
            )
    return [replace(by_id[tag], key=when) for tag, when in listed.items() if tag in by_id]


_SCRIPT = {"prisma": "migration.sql", "diesel": "up.sql"}


def _tell_empty(layout: Layout, place: LayoutFolder, out: Assembly) -> None:
    """Folders without a script, at which prisma and diesel stop (P3015, UnknownMigrationFormat)."""
    script = _SCRIPT.get(layout.name, "")
    folders = dict.fromkeys(f.partition("/")[0] for f in place.files if "/" in f) if script else {}
    for folder in folders:
        if f"{folder}/{script}" not in place.files:
            why = f"there is no {script} in this folder: {layout.name} refuses to run"
            out.skipped.append(Skipped(shown(place.root / folder, place.cwd), why, True, stops=True))


def _shallow(candidates: list[str]) -> list[str]:
    """The files of the folder itself where it has any, else of the folders below it."""
    own = [f for f in candidates if "/" not in f]
    return own or [f for f in candidates if meant(f.rpartition("/")[0])]


_UP = pattern(r"(?:^|[-_.])(?:up|upgrade|release|deploy|apply)$", re.IGNORECASE)
_DOWN = pattern(r"(?:^|[-_.])(?:down|downgrade|rollback|revoke|revert|undo)$", re.IGNORECASE)


def _directed(taken: list[Named]) -> list[Named]:
    """Pairs such as ``x-up.sql`` and ``x-down.sql``: a last word is a direction only beside the file that it is the way
    back of."""
    stems = [item.relative[:-4] for item in taken]
    ups = {_UP.sub("", s) for s in stems if not _DOWN.search(s)}
    pairs = {bare for s in stems if (bare := _DOWN.sub("", s)) != s and bare in ups}
    return [_turned(item) if _bare(stem) in pairs else item for item, stem in zip(taken, stems, strict=True)]


def _bare(stem: str) -> str:
    return _UP.sub("", _DOWN.sub("", stem))


def _turned(item: Named) -> Named:
    direction = Direction.DOWN if _DOWN.search(item.relative[:-4]) else item.direction
    return replace(item, id=_bare(item.id), name=_bare(item.name), direction=direction)


def _dialect(chosen: list[Named], place: LayoutFolder, out: Assembly) -> list[Named]:
    """``x.postgres.up.sql`` goes before ``x.up.sql`` of the same slot, as in pop."""
    ours = {(i.slot, i.direction) for i in chosen if ".postgres" in i.relative}
    kept = []
    for item in chosen:
        if ".postgres" not in item.relative and item.slot and (item.slot, item.direction) in ours:
            out.skipped.append(
                Skipped(shown(place.root / item.relative, place.cwd), "there is one for postgres in its place")
            )
        else:
            kept.append(item)
    return kept


def _why(layout: Layout, relative: str) -> str:
    other = other_database(relative)
    if other:
        return f"it is for another database: {other}"
    if relative.endswith(".sql") or not relative.lower().endswith(".sql"):
        return f"{layout.name} does not name its files so, and passes it over in silence"
    return f"{layout.name} looks for .sql in small letters, and passes it over in silence"


def journal(place: LayoutFolder) -> dict[str, str] | None:
    """The tags of drizzle's journal, each with its time, which is what the ledger keeps; None in drizzle's newer form,
    which has none."""
    path = place.root / "meta" / "_journal.json"
    if not path.exists():
        return None
    import json

    source = read(path, place.cwd, place.root)
    try:
        entries = json.loads(source.text)["entries"]
        return {str(entry["tag"]): str(entry.get("when", "")) for entry in entries}
    except json.JSONDecodeError as error:
        raise CannotCheck(
            f"{source.path}:{error.lineno}:{error.colno}: not JSON: {error.msg}", "mend it (a merge conflict?)"
        ) from error
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise CannotCheck(
            f"{source.path}: no drizzle journal: it has no entries with tags", "run drizzle-kit again"
        ) from error
