"""Migrations in code below a folder, beside SQL or alone."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.sources.assembly import Assembly
from lockgate.sources.code.find import History, folder_of, histories
from lockgate.sources.detect import find, several
from lockgate.sources.folder import Folder, shown
from lockgate.sources.listing import likely
from lockgate.sources.several import Separate, SeveralHistories


def in_code(path: Path, label: str, cwd: Path, layout: str = "auto") -> tuple[str, Assembly, Folder]:
    """A folder's migrations in code. Raises CannotCheck where there are none."""
    found = histories(path, cwd, layout)
    if not found:
        raise CannotCheck(
            f"{label}: no migrations here: no .sql file at all"
            if layout == "auto"
            else f"{label}: no {layout} migration here",
            "name the folder of migrations, or set migrations.paths",
        )
    return _only_code(found, path, label, cwd)


def beside_sql(path: Path, files: list[str], label: str, cwd: Path) -> tuple[str, Assembly, Folder] | None:
    """Migrations in code where there is SQL, too: the only history, unless a folder of SQL has a runner's own layout.
    Raises SeveralHistories."""
    found = histories(path, cwd)
    if not found:
        return None
    homes = [shown(home, path) for history in found for home in history.homes]
    rest = [f for f in files if not any(home == "." or f.startswith(f"{home}/") for home in homes)]
    try:
        strong = [(folder, of) for folder, of in find(path, rest, label) if of.layout not in ("plain", "auto")]
    except UsageError:
        strong = []
    return _only_code(found, path, label, cwd, several(label, path, rest, strong))


def _only_code(
    found: list[History], path: Path, label: str, cwd: Path, beside: SeveralHistories | None = None
) -> tuple[str, Assembly, Folder]:
    """The only history in code. Raises SeveralHistories where there is another one."""
    every = [
        *(beside.found if beside is not None else ()),
        *(Separate(shown(h.homes[0], cwd), h.layout, path, str(h.homes[0])) for h in found),
    ]
    wanted = likely([one.name for one in every])
    every = [one for one in every if one.name in wanted]
    if len(every) > 1:
        raise SeveralHistories(label, sorted(every, key=lambda one: one.name), beside.passed if beside else ())
    only = next((h for h in found if every and str(h.homes[0]) == every[0].home), found[0])
    return of_code(folder_of(only, path, cwd, "" if path in only.homes else label))


def of_code(folder: Folder) -> tuple[str, Assembly, Folder]:
    """As ``load`` takes it."""
    out = Assembly(ordered=[((number,), m) for number, m in enumerate(folder.migrations)])
    return folder.layout, out, replace(folder, migrations=())
