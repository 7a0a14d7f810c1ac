"""Moving a migration to another slot: which files, what they are called then, and the move itself, in git as well."""

from __future__ import annotations

from pathlib import Path

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.git import attempt, output
from lockgate.slots.claim import Claim, claims
from lockgate.sources import Direction, Folder
from lockgate.sources.naming import BY_NAME

# what orders migrations where the names of files do not, and is to be changed in their place
_ORDERED = {
    "drizzle": "its journal does: remove the file and its entry (drizzle-kit drop), and generate it again",
    "sqitch": "sqitch.plan does: move its line there",
    "liquibase": "the changelog does: move the changeset there",
    "command": "alembic: change down_revision; Django: rename the module, and mend the dependencies on it",
    "alembic": "down_revision does: change it",
    "django": "dependencies do: rename the module, and mend the dependencies on it",
    "knex": "the names of the files do: rename it",
    "typeorm": "the timestamp in the class's name does: change it, and rename the file",
    "sequelize": "the names of the files do: rename it",
}


def chosen(folder: Folder, wanted: str) -> list[Claim]:
    """The files of the one migration that a slot, a name or an id stands for. Raises UsageError for none, or
    several."""
    found = claims(folder)
    by_id = [c for c in found if wanted in (c.id, c.name, c.relative, c.source.path)]
    number = next((c.number for c in found if c.slot == wanted), None)
    if not by_id and wanted.isdecimal() and len(wanted) < 40:
        number = number or (int(wanted),)
    matching = by_id or [c for c in found if c.number is not None and c.number == number]
    ids = list(dict.fromkeys(c.id for c in matching))
    if not ids:
        raise UsageError(f"no migration has the slot or the name {wanted}", "see `lockgate slots`")
    if len({c.relative for c in matching if c.direction is not Direction.DOWN}) > 1:
        what = f"slot {wanted} is claimed by" if not by_id else f"{wanted} is the name of"
        raise UsageError(
            f"{what} {' and by '.join(ids) if not by_id else ' and of '.join(ids)}",
            f"say which: lockgate slots renumber {ids[-1]}",
        )
    return matching


def renamed(folder: Folder, claim: Claim, slot: str) -> str:
    """The path of a file with another slot. Raises UsageError for layouts that keep the slot elsewhere as well."""
    layout = BY_NAME[folder.layout]
    if folder.layout in _ORDERED and not (folder.layout == "drizzle" and "/" in claim.relative):
        raise UsageError(f"{folder.layout} does not order by the names of files", _ORDERED[folder.layout])
    match = layout.file.fullmatch(claim.relative) or (
        layout.code.fullmatch(claim.relative) if layout.code is not None else None
    )
    if match is None or not claim.slot:
        raise UsageError(f"{claim.id} has no slot", "only numbered migrations can be renumbered")
    start, end = match.span("slot")
    old = match.group("slot")
    if folder.layout == "flyway" and "_" in old:
        slot = slot.replace(".", "_")
    if folder.layout == "diesel" and "-" in old and len(slot) == 14:
        slot = f"{slot[:4]}-{slot[4:6]}-{slot[6:8]}-{slot[8:]}"
    return claim.relative[:start] + slot + claim.relative[end:]


def moves(folder: Folder, files: list[Claim], slot: str, cwd: Path) -> dict[str, str]:
    """Old paths and new ones, relative to the working directory, of these files and of what lies beside them
    (``V1__a.sql.conf``).

    A migration that is a folder moves as a whole, with its settings.
    """
    out = {}
    for claim in files:
        root = claim.source.path[: len(claim.source.path) - len(claim.relative)]
        old, new = claim.relative, renamed(folder, claim, slot)
        if BY_NAME[folder.layout].depth == 2 and "/" in old:
            old, new = old.partition("/")[0], new.partition("/")[0]
        out[root + old] = root + new
        for beside in sorted((cwd / root).glob(f"{_escaped(old)}.*")):
            out[root + old + beside.name.removeprefix(Path(old).name)] = (
                root + new + beside.name.removeprefix(Path(old).name)
            )
    return out


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def move(cwd: Path, pairs: dict[str, str]) -> None:
    """Rename files and folders; what git tracks is moved in its index, too. Raises UsageError, CannotCheck."""
    for number, new in enumerate(pairs.values()):
        if (cwd / new).exists() or new in [*pairs.values()][:number]:
            raise UsageError(f"{new}: exists already", "remove it, or name another slot")
    for old, new in pairs.items():
        if attempt(cwd, "ls-files", "-z", "--", f":(literal){old}"):
            output(cwd, "mv", "--", old, new)
            continue
        try:
            (cwd / old).rename(cwd / new)
        except OSError as error:
            raise CannotCheck(f"{old}: cannot be renamed: {error.strerror}", "make the folder writable") from error
