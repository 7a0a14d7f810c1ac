"""What a runner sends of one file, and in which transaction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lockgate.sources import marks
from lockgate.sources.migration import Script, Transaction
from lockgate.text import Source, Span

Loaded = tuple[Script | None, Script | None]
# statements that PostgreSQL refuses in a transaction block: flyway then sends the file without one
# (PostgreSQLParser.detectCanExecuteInTransaction)
_ALONE = re.compile(
    r"^\s*(?:create\s+(?:unique\s+)?index\s+concurrently|drop\s+index\s+concurrently|reindex\b(?!\s+table\s+pg_)|vacuum\b|discard\s+all|"
    r"alter\s+system|(?:create|drop)\s+(?:database|tablespace|subscription)|refresh\s+materialized\s+view\s+concurrently)\b",
    re.IGNORECASE | re.MULTILINE,
)
# runners of golang-migrate's kind with their own mark for "no transaction": morph, postgres-migrations, pop's file names
_OPTED_OUT = re.compile(
    r"^--\s*(?:morph:nontransactional|postgres-migrations\s+disable-transaction|x-no-tx|no-transaction\b|atlas:txmode\s+none)",
    re.MULTILINE | re.IGNORECASE,
)
_NO_TX = re.compile(r"\ufeff?--\s*no-transaction")
_ATLAS = re.compile(r"^--\s*atlas:txmode\s+none\b", re.MULTILINE)
_DELIMITER = re.compile(r"\A\ufeff?(?:--[^\n]*\n)*?--\s*atlas:delimiter\s+(\S[^\n]*)")


def scripts(layout: str, source: Source, path: Path) -> Loaded:
    """The two directions of a file that may hold both, or its one script as the first."""
    match layout:
        case "goose":
            return marks.annotated(source, "+goose")
        case "sql-migrate":
            return marks.annotated(source, "+migrate")
        case "dbmate":
            return marks.sections(source, r"^\s*--\s*migrate:up\b.*$", r"^\s*--\s*migrate:down\b.*$", r"transaction:\s*false")
        case "node-pg-migrate":
            return marks.sections(source, r"^\s*--[\s-]*up\s+migration.*$", r"^\s*--[\s-]*down\s+migration.*$", r"(?!)", bare=True)
        case "drizzle":
            return marks.breakpoints(source), None
        case _:
            return Script(source, _pieces(layout, source), _transaction(layout, source, path)), None


def _pieces(layout: str, source: Source) -> tuple[Span, ...]:
    if layout in ("plain", "sqitch"):
        return marks.body(source)
    start = 1 if source.text.startswith("\ufeff") else 0
    custom = _DELIMITER.match(source.text) if layout == "atlas" else None
    if custom is not None:
        word = custom.group(1).rstrip("\r").replace(r"\n", "\n").replace(r"\t", "\t")
        return marks.cut(source, custom.end(), word)
    return (Span(start, len(source.text)),)


def _transaction(layout: str, source: Source, path: Path) -> Transaction:
    text = source.text
    match layout:
        case "flyway":
            return _flyway(text, path)
        case "diesel":
            # diesel sends the file as one simple query, with or without a BEGIN around it
            return Transaction.IMPLICIT if _has(path.parent / "metadata.toml", r"run_in_transaction\s*=\s*false") else Transaction.FILE
        case "sqlx":
            return Transaction.IMPLICIT if _NO_TX.match(text) else Transaction.FILE
        case "atlas":
            return Transaction.STATEMENT if _ATLAS.search(text) else Transaction.FILE
        case "sqitch":
            return Transaction.STATEMENT  # psql, statement by statement; the scripts bring their own BEGIN and COMMIT
        case "refinery":
            return Transaction.FILE
        case "golang-migrate" | "plain" if _OPTED_OUT.search(text) or ".autocommit." in path.name:
            return Transaction.STATEMENT
    return Transaction.IMPLICIT


def _flyway(text: str, path: Path) -> Transaction:
    settings = path.with_name(path.name + ".conf")
    if _has(settings, r"executeInTransaction\s*=\s*false"):
        return Transaction.STATEMENT
    if _has(settings, r"executeInTransaction\s*=\s*true"):
        return Transaction.FILE
    return Transaction.STATEMENT if _ALONE.search(text) else Transaction.FILE


def _has(path: Path, pattern: str) -> bool:
    try:
        return re.search(pattern, path.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return False


def filled(source: Source, placeholders: Mapping[str, str]) -> Source:
    """Flyway's ``${name}`` replaced; lines stay lines, columns after a placeholder on its line count in what the server gets."""
    if not placeholders or "${" not in source.text:
        return source
    return Source(source.path, re.sub(r"\$\{([^}\s]+)\}", lambda m: placeholders.get(m.group(1), m.group()), source.text))
