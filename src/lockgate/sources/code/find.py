"""Which histories of migrations in code lie below a folder, found by what is in the files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from lockgate.base.lazy_imports import pattern
from lockgate.sources.folder import FOUND_BELOW, Folder, Revision, shown
from lockgate.sources.migration import Migration
from lockgate.sources.naming import CODE
from lockgate.sources.span import PENDING


class History(msgspec.Struct, frozen=True):
    """The migrations of one runner: its layout, the folders that hold them, and its files' graph or names."""

    layout: str
    homes: tuple[Path, ...]
    revisions: tuple[Revision, ...] = ()
    files: tuple[Path, ...] = ()


_MANY = 3  # folders that are told one by one
OTHER = pattern(r"mysql|mariadb|sqlite|mssql|oracle|cockroach|clickhouse")


def histories(root: Path, cwd: Path, layout: str = "auto") -> list[History]:
    """The histories below a folder, those of other databases left out where there are others."""
    out: list[History] = []
    root = root.resolve()
    if layout in ("auto", "alembic", "django"):
        from lockgate.sources.revisions import revisions

        found = revisions(root, cwd)
        out += _of_alembic([r for r in found if r.runner == "alembic"])
        django = tuple(r for r in found if r.runner == "django" and not OTHER.search(r.home))
        if django:
            out.append(History("django", tuple(dict.fromkeys(_home(r, cwd) for r in django)), django))
    if layout in ("auto", "knex", "typeorm", "sequelize"):
        from lockgate.sources.code.scripts import histories as in_scripts

        out += in_scripts(root)
    wanted = [h for h in out if layout in ("auto", h.layout)]
    return [h for h in wanted if not OTHER.search(os.path.relpath(h.homes[0], root).lower())] or wanted


def _home(one: Revision, cwd: Path) -> Path:
    return Path(os.path.normpath(cwd / one.source.path)).parent


def _of_alembic(found: Sequence[Revision]) -> list[History]:
    """Revisions that stand on each other are one history, in however many folders."""
    homes: dict[str, str] = {r.home: r.home for r in found}
    by_id = {r.id: r for r in found}

    def top(home: str) -> str:
        while homes[home] != home:
            home = homes[home]
        return home

    for one in found:
        for name in one.below:
            if name in by_id:
                homes[top(one.home)] = top(by_id[name].home)
    groups: dict[str, list[Revision]] = {}
    for one in found:
        groups.setdefault(top(one.home), []).append(one)
    return [
        History("alembic", tuple(Path(h) for h in dict.fromkeys(r.home for r in g)), tuple(g)) for g in groups.values()
    ]


def folder_of(history: History, root: Path, cwd: Path, found_below: str = "") -> Folder:
    """One history, read."""
    migrations, span, before, strange = _READERS[history.layout](history, root, cwd)
    homes = [shown(home, cwd) for home in history.homes]
    if len(homes) > _MANY:
        homes = [shown(os.path.commonpath(history.homes), cwd)]
    exact = sum(1 for m in migrations if not m.up.gaps)
    some = ", ".join(homes)
    explain = (
        f"{some}: {history.layout}: {len(migrations)} migrations in code, {exact} of them printed whole",
        *((f"{some}: {FOUND_BELOW}{found_below}",) if found_below else ()),
    )
    folder = Folder(
        history.layout, tuple(migrations), (), explain, roots=tuple(homes), revisions=history.revisions, span=span
    )
    return replace(folder, before=before, strange=strange)


Answer = tuple[list[Migration], str, str, tuple[str, ...]]  # the span, what stands before, and of what little is known
Read = Callable[[History, Path, Path], "Answer"]


def _alembic(history: History, root: Path, cwd: Path) -> Answer:
    from lockgate.sources.code.alembic.history import migrations, per_migration
    from lockgate.sources.revisions import in_order

    span = "file" if per_migration(history.homes[0], root) else PENDING
    return migrations(in_order(history.revisions), root, cwd), span, "", ()


def _django(history: History, root: Path, cwd: Path) -> Answer:
    from lockgate.sources.code.django.history import migrations

    found, before, strange = migrations(history.revisions, root, cwd)
    return found, "file", before, strange


def _scripts(history: History, root: Path, cwd: Path) -> Answer:
    from lockgate.sources.code.scripts import migrations

    found, span = migrations(history.layout, history.files, root, cwd)
    return found, span, "", ()


_READERS: dict[str, Read] = {
    "alembic": _alembic,
    "django": _django,
    "knex": _scripts,
    "typeorm": _scripts,
    "sequelize": _scripts,
}
assert set(_READERS) == CODE


def read_all(found: Iterable[History], root: Path, cwd: Path, label: str) -> list[Folder]:
    """Several histories, read."""
    return [folder_of(one, root, cwd, label if root not in one.homes else "") for one in found]
