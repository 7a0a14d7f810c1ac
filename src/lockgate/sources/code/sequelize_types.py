"""Sequelize's types, functions and operators as PostgreSQL has them (dialects/postgres/data-types.js)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.sources.code.quoting import constant, raw
from lockgate.sources.code.values import Host, Passed

_PLAIN = {
    "TEXT": "TEXT",
    "TINYINT": "SMALLINT",
    "SMALLINT": "SMALLINT",
    "MEDIUMINT": "INTEGER",
    "INTEGER": "INTEGER",
    "BIGINT": "BIGINT",
    "REAL": "REAL",
    "DOUBLE": "DOUBLE PRECISION",
    "BOOLEAN": "BOOLEAN",
    "DATE": "TIMESTAMP WITH TIME ZONE",
    "DATEONLY": "DATE",
    "TIME": "TIME",
    "NOW": "now",
    "UUID": "UUID",
    "JSON": "JSON",
    "JSONB": "JSONB",
    "BLOB": "BYTEA",
    "CITEXT": "CITEXT",
    "INET": "INET",
    "CIDR": "CIDR",
    "MACADDR": "MACADDR",
    "HSTORE": "HSTORE",
    "TSVECTOR": "TSVECTOR",
}
SERIAL = {"INTEGER": "SERIAL", "BIGINT": "BIGSERIAL", "SMALLINT": "SMALLSERIAL"}


def kind(name: str) -> Any:
    """A type, a function or an operator of Sequelize's by its name."""
    match name:
        case "STRING" | "CHAR":
            word = "VARCHAR" if name == "STRING" else "CHAR"
            return _type(
                lambda p: f"{word}({p.get(0, 'length') if isinstance(p.get(0, 'length'), int) else 255})",
                f"{word}(255)",
            )
        case "FLOAT":
            return _type(lambda p: "FLOAT", "FLOAT")
        case "DECIMAL" | "NUMERIC":
            return _type(lambda p: f"DECIMAL({','.join(str(a) for a in p.args)})" if p.args else "DECIMAL", "DECIMAL")
        case "ARRAY":
            return Host(name, lambda p: _array(p.get(0, "type")))
        case "ENUM":
            return Host(name, lambda p: _enum(p), is_enum=True)
        case "UUIDV4" | "UUIDV1":
            return Host("generated")
        case "literal" | "Literal":
            return Host(name, lambda p: raw(p.get(0, "sql")))
        case "fn" | "Fn":
            return Host(name, _function)
        case "col":
            return Host(name, lambda p: raw(f'"{p.get(0, "name")}"'))
        case "Op":
            return Host("Op", get=lambda word: f"$op.{word}")
        case "Sequelize" | "DataTypes" | "default" | "sequelize":
            return Host(name, get=kind)
    if name in _PLAIN:
        return _type(lambda p: _PLAIN[name], _PLAIN[name])
    return Host(name)


def _type(make: Callable[[Passed], str], plain: str) -> Host:
    """A type, called or not."""
    return Host(
        "type",
        lambda passed: Host("type", get=lambda word: _type(make, plain), sql=make(passed)),
        lambda word: _type(make, plain),
        sql=plain,
    )


def _array(inner: Any) -> Host:
    sql = inner.members.get("sql") if isinstance(inner, Host) else None
    return Host("type", sql=f"{sql}[]" if isinstance(sql, str) else None)


def _enum(passed: Passed) -> Host:
    given: Any = passed.args[0] if passed.args and isinstance(passed.args[0], list) else passed.args
    given = given[0].get("values") if given and isinstance(given[0], dict) else given
    known = isinstance(given, list) and all(isinstance(v, str) for v in given)
    return Host("type", is_enum=True, values=list(given) if known else None)


def _function(passed: Passed) -> Host:
    parts = [constant(a) for a in passed.args[1:]]
    known = isinstance(passed.args[0], str) and None not in parts if passed.args else False
    return raw(f"{passed.args[0]}({', '.join(str(p) for p in parts)})" if known else None)
