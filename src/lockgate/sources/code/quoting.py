"""Names and values as JavaScript's libraries send them: names always in quotes."""

from __future__ import annotations

from typing import Any

from lockgate.base.sql import literal
from lockgate.sources.code.values import Host, NotKnown, Partial


def quoted(name: str) -> str:
    """A name, "schema.name" in its parts."""
    return ".".join('"' + part.strip('"').replace('"', '""') + '"' for part in name.split("."))


def listed(names: Any) -> list[str] | None:
    """Names in a list, or the one that stands for it; None where one is not known."""
    found = [names] if isinstance(names, str) else names
    if not isinstance(found, list | tuple) or not all(isinstance(n, str) for n in found):
        return None
    return list(found)


def columns(names: list[str]) -> str:
    """Names of columns, as SQL lists them."""
    return ", ".join(f'"{name}"' for name in names)


def constant(value: Any) -> str | None:
    """A value as SQL; raw SQL as it is; None where it is not known."""
    if value is None:
        return "NULL"
    if isinstance(value, Host) and value.name == "raw":
        sql = value.members.get("sql")
        return sql if isinstance(sql, str) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, dict | list):
        import json

        try:
            return literal(json.dumps(value))
        except (TypeError, ValueError):
            return None
    return None


def raw(sql: Any) -> Host:
    """SQL that is put in as it is."""
    return Host("raw", get=lambda name: Host(name, lambda passed: raw(sql)), sql=sql)


def unknown(value: Any) -> bool:
    """Whether a value is not known."""
    return isinstance(value, NotKnown | Partial)
