"""What a probe asks of one query, in words that run nothing of it."""

from __future__ import annotations

import re

from lockgate.base.sql import quote
from lockgate.parse.plpgsql.scan import scan
from lockgate.parse.routine import GrammarError, parse_query

_PLANNED = re.compile(r"\s*\(*\s*(select|insert|update|delete|with|values|merge|table)\b", re.IGNORECASE)
_READS = re.compile(r"\s*\(*\s*(select|with|values|table)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(insert|update|delete|merge)\b", re.IGNORECASE)
_CREATES = re.compile(r"\s*create\b.*\bas\b", re.IGNORECASE | re.DOTALL)


def can_be_planned(text: str) -> bool:
    """Whether EXPLAIN takes a statement."""
    return bool(_PLANNED.match(text)) or (bool(_CREATES.match(text)) and _tag(text) == "CreateTableAsStmt")


def reads(text: str) -> bool:
    """Whether a query only reads, and may so stand in FROM."""
    return bool(_READS.match(text)) and not _WRITES.search(text)


def plan(sql: str) -> str:
    """Have a query planned."""
    return f"FOR lg_line IN EXPLAIN {sql}\n LOOP EXIT; END LOOP;"


def empty(sql: str, into: str = "") -> str:
    """A query's columns without its rows."""
    return f"SELECT * {'INTO ' + into if into else ''} FROM ({sql}\n) lg_query WHERE false;"


def dotted(parts: tuple[str, ...]) -> str:
    """A name with its qualifications."""
    return ".".join(part if part.startswith("$") else quote(part) for part in parts)


def _tag(text: str) -> str:
    try:
        return parse_query(text)[0]
    except GrammarError:
        return ""


def returned(text: str) -> str:
    """A query with the columns of INSERT, UPDATE, DELETE or MERGE ... RETURNING; empty where more than the target's
    columns may be returned."""
    try:
        _, node = parse_query(text)
    except GrammarError:
        return ""
    tokens = [token for token in scan(text) if token.kind == "word" and token.value == "returning"]
    target = node.get("relation")
    if (
        not tokens
        or not target
        or any(key in node for key in ("fromClause", "usingClause", "withClause", "sourceRelation"))
    ):
        return ""
    name = ".".join(quote(target[key]) for key in ("schemaname", "relname") if key in target)
    alias = f" AS {quote(target['alias']['aliasname'])}" if "alias" in target else ""
    return f"SELECT {text[tokens[-1].end :]} FROM {name}{alias}"
