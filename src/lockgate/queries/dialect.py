"""Signs that a query is meant for something else than this database: another server, or an object mapper's own language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lockgate.queries.known import Known

# ClickHouse's typed parameters {id: UInt64}, its FINAL, PREWHERE and count(); MySQL's backticks
_ELSEWHERE = re.compile(r"\{\s*\w+\s*:\s*[A-Z]\w*(?:\(.*?\))?\s*\}|`\w+`|\bprewhere\b|\bcount\(\s*\)|\bfrom\s+\w+(?:\s+(?:as\s+)?\w+)?\s+final\b", re.IGNORECASE)
# JPQL and HQL name entities, which are classes
_ENTITY = re.compile(r"\b(?:[Ff][Rr][Oo][Mm]|[Jj][Oo][Ii][Nn]|[Uu][Pp][Dd][Aa][Tt][Ee])\s+(?:[\w.]+\.)?[A-Z]\w*[a-z]\w*\b")
_MAPPED = frozenset(("java", "kt", "kts"))
_OTHER_SERVERS = re.compile(rb"clickhouse|bigquery|snowflake|duckdb|cassandra|scylla", re.IGNORECASE)
_OTHER_CLIENTS = re.compile(r"sqlite|mysql|mariadb|mssql|oracle|clickhouse", re.IGNORECASE)
_THIS_SERVER = re.compile(r"prisma|queryraw|executeraw|sqlx|postgres|pgx|\bpg\b", re.IGNORECASE)


def meant_here(receiver: str) -> bool:
    """Whether what a program gives a query to is a client of PostgreSQL's."""
    return _THIS_SERVER.search(receiver) is not None


def meant_elsewhere(receiver: str) -> bool:
    """Whether it is a client of another server's."""
    return _OTHER_CLIENTS.search(receiver) is not None


def speaks_elsewhere(path: str, data: bytes) -> bool:
    """Whether a file talks to another kind of server (too): then a name that is not here may be there."""
    return _OTHER_SERVERS.search(data) is not None or _OTHER_SERVERS.search(path.encode("utf-8", "replace")) is not None


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
