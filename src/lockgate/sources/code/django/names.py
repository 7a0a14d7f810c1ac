"""Names that Django makes for indexes and constraints (django/db/backends/base/schema.py, backends/utils.py)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from lockgate.base.sql import literal

_LONGEST = 63


def quoted(name: str) -> str:
    """A name as Django sends it: always in quotes, unless it brings its own."""
    return name if name.startswith('"') and name.endswith('"') else f'"{name}"'


def bare_table(name: str) -> str:
    """A table's name without a schema written as ``schema"."table`` (``split_identifier``)."""
    last = name.split('"."')[-1]
    return last.strip('"')


def digest(*parts: str, length: int = 8) -> str:
    """``names_digest``: the beginning of an MD5 over names."""
    total = hashlib.md5(usedforsecurity=False)
    for part in parts:
        total.update(part.encode())
    return total.hexdigest()[:length]


def index_name(table: str, columns: Sequence[str], suffix: str = "") -> str:
    """``_create_index_name``."""
    table = bare_table(table)
    last = f"{digest(table, *columns)}{suffix}"
    name = f"{table}_{'_'.join(columns)}_{last}"
    if len(name) <= _LONGEST:
        return name
    if len(last) > _LONGEST / 3:
        last = last[: _LONGEST // 3]
    other = (_LONGEST - len(last)) // 2 - 1
    name = f"{table[:other]}_{'_'.join(columns)[:other]}_{last}"
    return f"D{name[:-1]}" if name[0] == "_" or name[0].isdigit() else name


def truncated(name: str, length: int = _LONGEST) -> str:
    """``truncate_name``: a name within PostgreSQL's length."""
    if len(name) <= length:
        return name
    return f"{name[: length - 4]}{digest(name, length=4)}"


def foreign_key_name(table: str, column: str, to_table: str, to_column: str) -> str:
    """``_fk_constraint_name``."""
    return index_name(table, [column], f"_fk_{bare_table(to_table)}_{to_column}")


def sequence_name(table: str, column: str) -> str:
    """What PostgreSQL calls the sequence of a column (makeObjectName)."""
    room = _LONGEST - len("_seq") - 1
    first, second = bare_table(table), column
    while len(first) + len(second) > room:
        if len(first) > len(second):
            first = first[:-1]
        else:
            second = second[:-1]
    return f"{first}_{second}_seq"


def constant(value: object) -> str | None:
    """A plain value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return literal(value) if isinstance(value, str) else None
