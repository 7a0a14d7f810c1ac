"""How SQL names an object."""

from __future__ import annotations

from lockgate.base.sql import quote_identifier as q
from lockgate.oracle.read.definition import Definition

TABLES = ("table", "foreign table")
PARTS = (
    "column",
    "attribute",
    "constraint",
    "index",
    "trigger",
    "policy",
    "rule",
)  # of a table, a view, a type or a domain
_SUB = ("constraint", "trigger", "policy", "rule")  # named within a table
_SPELLED = (
    *TABLES,
    "view",
    "materialized view",
    "sequence",
    "function",
    "procedure",
    "aggregate",
    "type",
    "domain",
    "schema",
    "extension",
    "role",
)


def address(one: Definition) -> str:
    """The object as COMMENT ON and DROP name it."""
    if one.kind in ("column", "attribute"):
        return f"COLUMN {table(one)}.{q(one.name[2])}"
    if one.kind in _SUB:
        on = "DOMAIN " if one.properties.get("of domain") else ""
        return f"{one.kind.upper()} {q(one.name[-1])} ON {on}{table(one)}"
    if one.kind == "index":
        return f"INDEX {q(one.name[0])}.{q(one.name[-1])}"
    if one.kind == "database":
        return f"DATABASE {q(one.properties['named'])}"
    if one.kind == "statistics object":
        return f"STATISTICS {one.name[0]}"
    arguments = f"({one.args})" if one.args is not None else ""
    # what pg_identify_object names is quoted already
    return f"{one.kind.upper()} {'.'.join(map(q, one.name)) if one.kind in _SPELLED else one.name[-1]}{arguments}"


def table(one: Definition) -> str:
    """Schema and table (or what else comes after the schema)."""
    return f"{q(one.name[0])}.{q(one.name[1])}"
