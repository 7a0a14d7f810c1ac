"""What is executed: texts, and SQLAlchemy's own statements, of which only the tables are known."""

from __future__ import annotations

import re
from typing import Any

from lockgate.base.sql import literal, quote_identifier
from lockgate.sources.code.alembic.naming import Final
from lockgate.sources.code.alembic.schema import SqlExpression
from lockgate.sources.code.recorder import SendLog, touched
from lockgate.sources.code.values import UNKNOWN, Host, NotKnown, Partial, Passed, is_known

_BIND = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
_MOST_ROWS = 1_000


def table(name: Any) -> Host:
    """A table that statements are built of; nothing that is built of it changes more than rows."""
    return chain("rows", of=name if isinstance(name, str) else "")


def chain(name: str = "rows", of: str = "") -> Host:
    """Part of a statement of SQLAlchemy's: whatever it is asked gives another one."""
    host = Host(name, of=of)

    def get(attribute: str) -> Any:
        if attribute == "name" and of:
            return of
        if attribute.startswith("__") and attribute.endswith("__"):
            return UNKNOWN
        return chain(name, of)

    host._get = get
    host._call = lambda passed: chain(name, of)
    return host


def statement(value: Any, passed: Passed) -> Any:
    """The text of something that is executed, with its bound values put in."""
    if isinstance(value, SqlExpression):
        value = value.sql if value.sql is not None else UNKNOWN
        given = passed.get(1, "parameters", passed.named.get("params"))
        if isinstance(value, str) and isinstance(given, dict):
            return bound(value, given)
        return value.replace("\\:", ":") if isinstance(value, str) else value
    return value


def bound(text: str, given: dict[Any, Any]) -> Any:
    """A text with ``:name`` replaced by what is bound to it; what is not known stays a hole."""
    from lockgate.sources.code.values import text_of

    parts: list[Any] = []
    at = 0
    for found in _BIND.finditer(text):
        parts.append(text[at : found.start()])
        parts.append(constant(given[found.group(1)]) if found.group(1) in given else found.group())
        at = found.end()
    return text_of([*parts, text[at:]])


def constant(value: Any) -> str | NotKnown:
    """A value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, SqlExpression) and value.sql is not None:
        return value.sql
    return UNKNOWN


def execute(recorder: SendLog, value: Any, passed: Passed, what: str) -> Any:
    """Execute something; its rows are not known."""
    if isinstance(value, Host):
        if value.name in ("rows", "query"):
            recorder.rows(f"{what}: a statement that SQLAlchemy builds")
        elif value.name == "ddl":
            recorder.sql(value.members["sql"], what)
        else:
            recorder.gap(f"{what}: {value.name}", ("*",))
        return result()
    text = statement(value, passed)
    given = passed.get(1, "parameters")
    if (isinstance(text, str) and _BIND.search(text) and isinstance(value, SqlExpression) and not touched(text)) or (
        isinstance(text, str) and given is not None and "%" in text and not touched(text)
    ):
        recorder.rows(f"{what}: values are bound at run time")
    else:
        recorder.sql(text, what)
    return result()


def result() -> Host:
    """What a query gives: rows that nobody knows."""
    return Host("result", lambda p: result(), lambda name: Host(name, lambda p: UNKNOWN))


def bulk_insert(recorder: SendLog, passed: Passed) -> None:
    """``op.bulk_insert(table, rows)``."""
    where, given = passed.get(0, "table"), passed.get(1, "rows")
    name = where.members.get("of") if isinstance(where, Host) else ""
    if not name or not isinstance(given, list) or len(given) > _MOST_ROWS or not all(map(_plain_row, given)):
        return recorder.rows("op.bulk_insert: its rows are worked out at run time")
    for row in given:
        columns = ", ".join(map(quote_identifier, row))
        values = ", ".join(str(constant(v)) for v in row.values())
        recorder.sql(f"INSERT INTO {quote_identifier(name)} ({columns}) VALUES ({values})", "op.bulk_insert")
    return None


def _plain_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and bool(row)
        and all(is_known(v) and not isinstance(v, list | dict | tuple | bytes) for v in row.values())
    )


__all__ = ["Final", "Partial", "bound", "bulk_insert", "chain", "constant", "execute", "result", "statement", "table"]
