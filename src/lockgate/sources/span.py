"""Transactions that span files: which runners send all that is pending in one, by their own configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from lockgate.base.files import peek
from lockgate.base.lazy_imports import pattern
from lockgate.sources.folder import Folder
from lockgate.sources.migration import Migration, Transaction

PENDING = "pending"
_ONE_BY_ONE = pattern(
    r"--no-single-transaction|--single-transaction[= ]+false|[\"']?singleTransaction[\"']?\s*:\s*false"
)
_GROUP = pattern(r"^\s*(?:flyway\.|spring\.flyway\.)?group\s*[=:]\s*[\"']?true", re.MULTILINE | re.IGNORECASE)
_BEGIN = pattern(r"^BEGIN;[ \t\r]*$", re.MULTILINE)
_CONFIGURED = {
    "node-pg-migrate": ("package.json", ".node-pg-migraterc", "node-pg-migrate.json", "config/default.json"),
    "flyway": ("flyway.conf", "flyway.toml", "conf/flyway.conf", "application.properties"),
}


def span_of(layout: str, root: Path) -> str:
    """The span of a layout's transactions: "pending" or "file".

    drizzle: always (drizzle-orm, dialect.migrate); node-pg-migrate unless ``singleTransaction`` is false (runner.js);
    flyway with ``group``.
    """
    if layout == "drizzle":
        return PENDING
    said = "".join(_settings(root, name) for name in _CONFIGURED.get(layout, ()))
    if layout == "node-pg-migrate":
        return "file" if _ONE_BY_ONE.search(said) else PENDING
    return PENDING if layout == "flyway" and _GROUP.search(said) else "file"


def _settings(root: Path, name: str) -> str:
    """A configuration's text, of the nearest folder upward that has it, not beyond the repository."""
    for folder in (root.resolve(), *root.resolve().parents):
        if (folder / name).is_file():
            return peek(folder / name, folder)
        if (folder / ".git").exists():
            break
    return ""


def printed_span(migrations: Sequence[Migration]) -> str:
    """alembic prints one BEGIN for all revisions, or one for each (``transaction_per_migration``)."""
    text = migrations[0].up.source.text
    begun = len(_BEGIN.findall(text))
    return PENDING if "-- Running upgrade" in text and begun == 1 and len(migrations) > 1 else "file"


def joined(folder: Folder, pending: frozenset[str]) -> tuple[Migration, ...]:
    """The migrations with the pending ones in one transaction, where their runner sends them so; one that wants none
    parts them."""
    out = list(folder.migrations)
    if folder.span != PENDING:
        return folder.migrations
    for number, one in enumerate(out):
        following = out[number + 1] if number + 1 < len(out) else None
        if one.id not in pending or one.up.transaction is Transaction.STATEMENT or one.opaque:
            continue
        wanted = following is not None and following.id in pending and not following.opaque
        on = wanted and following is not None and following.up.transaction is not Transaction.STATEMENT
        with_others = on or (number > 0 and out[number - 1].up.goes_on)
        out[number] = replace(one, up=replace(one.up, transaction=Transaction.FILE, goes_on=on, joined=with_others))
    return tuple(out)


_NEWEST = 3  # files that may well go out together, where nobody says which are pending
_HELD_BACK = pattern(r"add\s+value|deferr(?:able|ed)", re.IGNORECASE)


def newest_together(folder: Folder) -> list[frozenset[str]]:
    """The newest files that a transaction may span, two of them and more; none where nothing in the folder waits for a
    COMMIT."""
    if folder.span != PENDING or not any(_HELD_BACK.search(m.up.source.text) for m in folder.migrations):
        return []
    ids = [m.id for m in folder.migrations]
    return [frozenset(ids[-count:]) for count in range(2, _NEWEST + 1) if count < len(ids) or count == 2 == len(ids)]
