"""What a migration does to its runner's own statement: the row in the ledger goes to the first schema of search_path."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.parse.script import read_script
from lockgate.parse.statement import Statement
from lockgate.sources import Folder, Migration
from lockgate.sources.migration import Transaction

# they write the ledger by its bare name, in the session of the migration: prisma's schema engine (P1014), goose
# (insertVersionQuery), sqlx (migrate.rs), diesel (42P01)
_TABLES = {
    "prisma": "_prisma_migrations",
    "goose": "goose_db_version",
    "sqlx": "_sqlx_migrations",
    "diesel": "__diesel_schema_migrations",
}
_PATH = pattern(r"\bsearch_path\b|\breset\s+all\b|\bdiscard\s+all\b", re.IGNORECASE)
_EMPTIES = pattern(
    r"select\s+(?:pg_catalog\s*\.\s*)?set_config\s*\(\s*'search_path'\s*,\s*''\s*,\s*(?:false|'f(?:alse)?'|'off')\s*\)"
    r"|set\s+(?:session\s+)?search_path\s*(?:=|to)\s*(?:''|\"\")",
    re.IGNORECASE,
)
_LOCAL = pattern(r"set\s+local\b", re.IGNORECASE)


class LostPath(msgspec.Struct, frozen=True):
    """A statement that leaves no schema in search_path for the runner's own statement after the file."""

    source: Source
    span: Span
    slot: str
    runner: str
    table: str


def lost_paths(folder: Folder, configured: str) -> Iterator[LostPath]:
    """The migrations after which the runner does not find its ledger; nothing where that has a schema in its name
    (``configured``)."""
    table = configured or _TABLES.get(folder.layout, "")
    if folder.layout not in _TABLES or "." in table:
        return
    for migration in folder.migrations:
        script = migration.up
        if script.transaction is Transaction.STATEMENT or migration.opaque or not _PATH.search(script.source.text):
            continue
        last = _last(migration)
        if last is not None:
            yield LostPath(script.source, last.span, migration.slot, folder.layout, table)


def _last(migration: Migration) -> Statement | None:
    """The last statement that may set the path, where it empties it; none where something may do so unseen."""
    found: Statement | None = None
    for statement in read_script(migration.up):
        if not isinstance(statement, Statement) or statement.tag in ("DoStmt", "CallStmt"):
            return None
        if statement.tag in ("VariableSetStmt", "SelectStmt", "DiscardStmt") and _PATH.search(statement.text):
            text = statement.text.strip().rstrip(";").strip()
            if not _LOCAL.match(text):
                found = statement if _EMPTIES.fullmatch(text) else None
        elif statement.tag == "TransactionStmt":
            found = None if "rollback" in statement.text.lower() else found
    return found
