"""Signs that a query is meant for something else than this database: another server, or an object mapper's own
language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lockgate.queries.known import Known

# ClickHouse's typed parameters {id: UInt64}, its FINAL, PREWHERE and count(); MySQL's backticks
_ELSEWHERE = re.compile(
    r"\{\s*\w+\s*:\s*[A-Z]\w*(?:\(.*?\))?\s*\}|`\w+`|\bprewhere\b|\bcount\(\s*\)|\bfrom\s+\w+(?:\s+(?:as\s+)?\w+)?\s+final\b",
    re.IGNORECASE,
)
# JPQL and HQL name entities, which are classes
_ENTITY = re.compile(
    r"\b(?:[Ff][Rr][Oo][Mm]|[Jj][Oo][Ii][Nn]|[Uu][Pp][Dd][Aa][Tt][Ee])\s+(?:[\w.]+\.)?[A-Z]\w*[a-z]\w*\b"
)
_MAPPED = frozenset(("java", "kt", "kts"))


def elsewhere(text: str, suffix: str) -> bool:
    """Whether a text is written for something else."""
    if suffix == "rs" and re.search(r"[=<>,(]\s*\?|\b(?:in|and|limit|between)\s+\?", text, re.IGNORECASE):
        return True  # Rust's drivers for PostgreSQL take $1 only
    return _ELSEWHERE.search(text) is not None or (suffix in _MAPPED and _ENTITY.search(text) is not None)


def calls_unknown(node: Any, known: Known) -> bool:
    """Whether a query calls a function that neither PostgreSQL nor a migration ever had."""
    return any(not known.routine(name) for name in _calls(node))


def _calls(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _calls(item)
    elif isinstance(node, dict):
        if "funcname" in node:
            yield node["funcname"][-1]["String"]["sval"]
        for value in node.values():
            if isinstance(value, dict | list):
                yield from _calls(value)
