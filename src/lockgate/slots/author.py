"""Files of a new migration, in each layout's own form. What is written is computed here, and written at the end."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.slots.claim import claims
from lockgate.sources import Direction, Folder

# what makes migrations in layouts that keep more than files
_OWN_TOOL = {
    "drizzle": "drizzle-kit generate --custom --name {name}",
    "sqitch": "sqitch add {name}",
    "liquibase": "add a changeset to your changelog",
    "command": "alembic revision -m {name}, or manage.py makemigrations --empty --name {name}",
    "alembic": "alembic revision -m {name}",
    "django": "manage.py makemigrations --empty --name {name}",
    "knex": "knex migrate:make {name}",
    "typeorm": "typeorm migration:create {name}",
    "sequelize": "sequelize migration:generate --name {name}",
}
_MARKED = {
    "goose": "-- +goose Up\n\n-- +goose Down\n",
    "sql-migrate": "-- +migrate Up\n\n-- +migrate Down\n",
    "dbmate": "-- migrate:up\n\n-- migrate:down\n",
    "node-pg-migrate": "-- Up Migration\n\n-- Down Migration\n",
}


class NewFile(msgspec.Struct, frozen=True):
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
        raise UsageError(
            f"{layout} keeps more than files: its own tool makes migrations", _OWN_TOOL[layout].format(name=name)
        )
    if layout in _MARKED:
        # dbmate refuses a file without a down
        text = _MARKED[layout] if down or layout == "dbmate" else _MARKED[layout].partition("\n\n")[0] + "\n"
        return [NewFile(f"{slot}{_joint(folder)}{name}.sql", text)]
    match layout:
        case "flyway" | "refinery":
            home = _home(folder)
            files = [NewFile(f"{home}V{slot}__{name}.sql")]
            undo = layout == "flyway" and down and any(c.direction is Direction.DOWN for c in claims(folder))
            return [*files, NewFile(f"{home}U{slot}__{name}.sql")] if undo else files
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


def _newest(folder: Folder) -> str:
    numbered = [
        c
        for c in claims(folder)
        if c.direction is not Direction.DOWN and c.number is not None and c.relative.endswith(".sql")
    ]
    return max(numbered, key=lambda c: c.number or ()).relative if numbered else ""


def _home(folder: Folder) -> str:
    """The subfolder of the newest migration, with its slash."""
    home = _newest(folder).rpartition("/")[0]
    return f"{home}/" if home else ""


def _joint(folder: Folder) -> str:
    """What the newest file has between slot and name."""
    form = re.match(r"[\d.]+([_\-. ]?)", _newest(folder).rpartition("/")[2])
    return (form.group(1) if form else "") or "_"


def _pair(folder: Folder, slot: str, name: str, down: bool) -> list[NewFile]:
    """golang-migrate, sqlx and plain folders: as the newest file has it, alone or up and down."""
    form = re.search(r"(\.up)?\.sql$", _newest(folder) or "1_x.up.sql")
    up = (form.group(1) if form else None) or (".up" if folder.layout == "golang-migrate" else "")
    stem = f"{_home(folder)}{slot}{_joint(folder)}{name}"
    files = [NewFile(f"{stem}{up}.sql")]
    return [*files, NewFile(f"{stem}{up.replace('up', 'down')}.sql")] if up and down else files


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
