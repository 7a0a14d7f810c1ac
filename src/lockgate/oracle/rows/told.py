"""A row in a few words."""

from __future__ import annotations

import json

_COLUMNS, _LONGEST = 4, 40  # columns of a row that are told, and characters of each value


def told(row: str, columns: set[str]) -> str:
    """A row, given as JSON, in the columns of these names, else in its first ones: ``id = 900003, note = NULL``."""
    try:
        values = json.loads(row)
    except ValueError:
        return row[: _COLUMNS * _LONGEST]
    names = [name for name in values if name in columns] or list(values)
    return ", ".join(f"{name} = {_value(values[name])}" for name in names[:_COLUMNS])


def _value(value: object) -> str:
    if value is None:
        return "NULL"
    text = f"'{value}'" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"
