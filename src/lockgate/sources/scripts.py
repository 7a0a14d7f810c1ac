"""What a runner sends of one file, and in which transaction."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lockgate.base import toml
from lockgate.base.errors import CannotCheck
from lockgate.base.files import peek, read_text
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.sources import marks
from lockgate.sources.migration import Script, Transaction

Loaded = tuple[Script | None, Script | None]
# statements that PostgreSQL refuses in a transaction block: flyway then sends the file without one
# (PostgreSQLParser.detectCanExecuteInTransaction)
_ALONE = pattern(
    r"^\s*(?:create\s+(?:unique\s+)?index\s+concurrently|drop\s+index\s+concurrently|reindex\b(?!\s+table\s+pg_)|vacuum\b|discard\s+all|"
    r"alter\s+system|(?:create|drop)\s+(?:database|tablespace|subscription)|refresh\s+materialized\s+view\s+concurrently)\b",
    re.IGNORECASE | re.MULTILINE,
)
# runners of golang-migrate's kind with their own mark for "no transaction": morph, postgres-migrations, pop's file
# names
_OPTED_OUT = pattern(
    r"^--\s*(?:morph:nontransactional|postgres-migrations\s+disable-transaction|x-no-tx|no-transaction\b|atlas:txmode\s+none)",
    re.MULTILINE | re.IGNORECASE,
)
_DELIMITER = pattern(r"\A\ufeff?(?:--[^\n]*\n)*?--\s*atlas:delimiter\s+(\S[^\n]*)")


def scripts(layout: str, source: Source, path: str) -> Loaded:
    """The two directions of a file that may hold both, or its one script as the first."""
    match layout:
        case "goose":
            return marks.annotated(source, "+goose")
        case "sql-migrate":
            return marks.annotated(source, "+migrate")
        case "dbmate":
            return marks.blocks(source)
        case "node-pg-migrate":
            return marks.sections(source)
        case "drizzle":
            return marks.breakpoints(source), None
        case _:
            return Script(source, _pieces(layout, source), _transaction(layout, source, path)), None


def _pieces(layout: str, source: Source) -> tuple[Span, ...]:
    if layout in ("plain", "sqitch", "versions"):
        return marks.body(source)
    start = 1 if source.text.startswith("\ufeff") else 0
    custom = _DELIMITER.match(source.text) if layout == "atlas" else None
    if custom is not None:
        word = custom.group(1).rstrip("\r").replace(r"\n", "\n").replace(r"\t", "\t")
        return marks.cut(source, custom.end(), word)
    return (Span(start, len(source.text)),)


def _transaction(layout: str, source: Source, path: str) -> Transaction:
    text = source.text
    match layout:
        case "flyway":
            return _flyway(text, f"{path}.conf")
        case "diesel":
            # diesel sends the file as one simple query, with or without a BEGIN around it
            return Transaction.IMPLICIT if _diesel_alone(f"{os.path.dirname(path)}/metadata.toml") else Transaction.FILE
        case "sqlx":
            return Transaction.IMPLICIT if text.startswith("-- no-transaction") else Transaction.FILE
        case "atlas":
            return Transaction.STATEMENT if _directive(text, "txmode") == "none" else Transaction.FILE
        case "sqitch":
            return Transaction.STATEMENT  # psql, statement by statement; the scripts bring their own BEGIN and COMMIT
        case "refinery":
            return Transaction.FILE
        case "golang-migrate" | "plain" | "versions" if _OPTED_OUT.search(text) or ".autocommit." in os.path.basename(
            path
        ):
            return Transaction.STATEMENT
    return Transaction.IMPLICIT


def _directive(text: str, name: str) -> str | None:
    """A directive of atlas: one of the comments at the top that an empty line parts from the statements (sql/migrate,
    LocalFile.comments)."""
    head = re.match(r"(?:(?:--|#)[^\n]*(?:\n|\Z))*", text)
    rest = text[head.end() :] if head else text
    if head is None or (rest and not rest.lstrip(" \t\r").startswith("\n")):
        return None
    found = re.search(rf"^[ -~]*atlas:{name}\b(?: +([^\r\n]*))?", head.group(), re.MULTILINE)
    return (found.group(1) or "").strip() if found else None


def is_checkpoint(source: Source) -> bool:
    """Whether a file of atlas holds the whole schema up to it."""
    return _directive(source.text, "checkpoint") is not None


def _diesel_alone(settings: str) -> bool:
    """Whether metadata.toml turns the transaction off; a file that says nothing of it does (serde's default of a bool),
    a broken one does not."""
    if not os.path.lexists(settings):  # of most migrations: that is quicker asked than read
        return False
    try:
        return not toml.loads(read_text(settings, Path(settings).parent)).get("run_in_transaction", False)
    except (OSError, ValueError, CannotCheck):
        return False


def _flyway(text: str, settings: str) -> Transaction:
    if os.path.lexists(settings):
        said = re.findall(r"executeInTransaction\s*=\s*(false|true)", peek(settings, Path(settings).parent))
        if said:
            return Transaction.STATEMENT if "false" in said else Transaction.FILE
    return Transaction.STATEMENT if _ALONE.search(text) else Transaction.FILE
