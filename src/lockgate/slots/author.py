"""Files of new and of renumbered migrations, in each layout's own form. What is written is computed here, and written at the end."""

from __future__ import annotations

import re
from pathlib import Path

from lockgate.errors import CannotCheck, UsageError
from lockgate.slots.claim import Claim, claims
from lockgate.sources import Direction, Folder
from lockgate.sources.naming import BY_NAME
from lockgate.values import dataclass

# what makes migrations in layouts that keep more than files
_OWN_TOOL = {
    "drizzle": "drizzle-kit generate --custom --name {name}",
    "sqitch": "sqitch add {name}",
    "liquibase": "add a changeset to your changelog",
    "command": "alembic revision -m {name}, or manage.py makemigrations --empty --name {name}",
}
_MARKED = {
    "goose": "-- +goose Up\n\n-- +goose Down\n",
    "sql-migrate": "-- +migrate Up\n\n-- +migrate Down\n",
    "dbmate": "-- migrate:up\n\n-- migrate:down\n",
    "node-pg-migrate": "-- Up Migration\n\n-- Down Migration\n",
}


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to write: its path relative to the folder of migrations, and its text."""

    relative: str
    text: str = ""


def plain_words(name: str) -> str:
    """A name as files have it: words joined by underscores. Raises UsageError where nothing is left."""
    words = re.sub(r"[^\w]+", "_", name.strip()).strip("_")
    if not words:
        raise UsageError(f"{name!r} is no name for a migration", "use letters, digits and underscores")
    return words


def new_files(folder: Folder, slot: str, name: str, down: bool = True) -> list[NewFile]:
    """The files of a new migration. Raises UsageError for layouts whose own tool has to make it."""
    layout = folder.layout
    if layout in _OWN_TOOL:
        raise UsageError(f"{layout} keeps more than files: its own tool makes migrations", _OWN_TOOL[layout].format(name=name))
    if layout in _MARKED:
        text = _MARKED[layout] if down else _MARKED[layout].partition("\n\n")[0] + "\n"
        return [NewFile(f"{slot}_{name}.sql", text)]
    match layout:
        case "flyway" | "refinery":
            files = [NewFile(f"V{slot}__{name}.sql")]
            undo = layout == "flyway" and down and any(c.direction is Direction.DOWN for c in claims(folder))
            return [*files, NewFile(f"U{slot}__{name}.sql")] if undo else files
        case "diesel":
            shown = f"{slot[:4]}-{slot[4:6]}-{slot[6:8]}-{slot[8:]}" if len(slot) == 14 and _hyphens(folder) else slot
            return [NewFile(f"{shown}_{name}/up.sql"), *([NewFile(f"{shown}_{name}/down.sql")] if down else [])]
        case "prisma":
            return [NewFile(f"{slot}_{name}/migration.sql")]
        case "supabase" | "atlas":
            return [NewFile(f"{slot}_{name}.sql")]
    return _pair(folder, slot, name, down)


def _hyphens(folder: Folder) -> bool:
    found = [c.relative for c in claims(folder)]
    return not found or "-" in found[-1].partition("_")[0]


def _pair(folder: Folder, slot: str, name: str, down: bool) -> list[NewFile]:
    """golang-migrate, sqlx and plain folders: as the newest file has it, alone or up and down."""
    found = [c.relative for c in claims(folder) if c.direction is not Direction.DOWN]
    home = found[-1].rpartition("/")[0] if found else ""
    newest = found[-1].rpartition("/")[2] if found else "1_x.up.sql"
    form = re.match(r"[\d.]+(?P<joint>[_\-. ]?).*?(?P<up>[._]up)?\.sql$", newest)
    joint = (form.group("joint") if form else "") or "_"
    up = (form.group("up") if form else None) or (".up" if folder.layout == "golang-migrate" else "")
    stem = f"{home}/{slot}{joint}{name}" if home else f"{slot}{joint}{name}"
    files = [NewFile(f"{stem}{up}.sql")]
    return [*files, NewFile(f"{stem}{up.replace('up', 'down')}.sql")] if up and down else files


def chosen(folder: Folder, wanted: str) -> list[Claim]:
    """The files of the one migration that a slot, a name or an id stands for. Raises UsageError for none, or several."""
    found = claims(folder)
    by_id = [c for c in found if wanted in (c.id, c.name, c.relative, c.source.path)]
    number = next((c.number for c in found if c.slot == wanted), None)
    if not by_id and wanted.isdigit():
        number = number or (int(wanted),)
    matching = by_id or [c for c in found if c.number is not None and c.number == number]
    ids = list(dict.fromkeys(c.id for c in matching))
    if not ids:
        raise UsageError(f"no migration has the slot or the name {wanted}", "see `lockgate slots`")
    if len(ids) > 1 and len({c.name for c in matching}) > 1:
        raise UsageError(f"slot {wanted} is claimed by {' and by '.join(ids)}", f"say which: lockgate slots renumber {ids[-1]}")
    return matching


def renamed(folder: Folder, claim: Claim, slot: str) -> str:
    """The path of a file with another slot. Raises UsageError for layouts that keep the slot elsewhere as well."""
    layout = BY_NAME[folder.layout]
    if folder.layout in _OWN_TOOL:
        raise UsageError(f"{folder.layout} keeps more than files: renumber there", _OWN_TOOL[folder.layout].format(name=claim.name))
    match = layout.file.fullmatch(claim.relative)
    if match is None or not claim.slot:
        raise UsageError(f"{claim.id} has no slot", "only numbered migrations can be renumbered")
    start, end = match.span("slot")
    old = match.group("slot")
    if folder.layout == "flyway" and "_" in old:
        slot = slot.replace(".", "_")
    if folder.layout == "diesel" and "-" in old and len(slot) == 14:
        slot = f"{slot[:4]}-{slot[4:6]}-{slot[6:8]}-{slot[8:]}"
    return claim.relative[:start] + slot + claim.relative[end:]


def write(root: Path, files: list[NewFile]) -> list[Path]:
    """Write new files; nothing that exists is touched. Raises UsageError, CannotCheck."""
    paths = [root / f.relative for f in files]
    for path in paths:
        if path.exists():
            raise UsageError(f"{path}: exists already", "choose another name")
    for path, file in zip(paths, files, strict=True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as out:
                out.write(file.text)
        except OSError as error:
            raise CannotCheck(f"{path}: cannot be written: {error.strerror}", "make the folder writable") from error
    return paths


def move(root: Path, moves: dict[str, str]) -> None:
    """Rename files (or, for runners with a folder for each migration, their folders). Raises UsageError, CannotCheck."""
    pairs = {}
    for old, new in moves.items():
        # a migration that is a folder moves as a whole, with its settings
        folders = old.count("/") == 1 and new.count("/") == 1 and old.partition("/")[0] != new.partition("/")[0]
        pairs[old.partition("/")[0] if folders else old] = new.partition("/")[0] if folders else new
    for new in pairs.values():
        if (root / new).exists():
            raise UsageError(f"{root / new}: exists already", "remove it, or name another slot")
    for old, new in pairs.items():
        try:
            (root / old).rename(root / new)
        except OSError as error:
            raise CannotCheck(f"{root / old}: cannot be renamed: {error.strerror}", "make the folder writable") from error
