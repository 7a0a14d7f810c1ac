"""What a column's new type asks of its rows."""

from __future__ import annotations

from lockgate.base.sql import literal
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Attribute
from lockgate.catalog.typename import (
    BPCHAR,
    DATE,
    FLOAT4,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    NAME,
    NUMERIC,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    type_name,
)

_WHOLE = {INT2: (-(2**15), 2**15 - 1), INT4: (-(2**31), 2**31 - 1), INT8: (-(2**63), 2**63 - 1)}
_NUMBERS = [INT2, INT4, INT8, NUMERIC]
_TEXTS = frozenset({TEXT, VARCHAR, BPCHAR, NAME})
_TIMES = frozenset({DATE, TIMESTAMP, TIMESTAMPTZ})
_CHECKED_SINCE = 16  # pg_input_is_valid


def condition(catalog: Catalog, old: Attribute, new: Attribute, value: str, major: int) -> tuple[str, str] | None:
    """The condition of the rows that break ALTER TYPE without USING, and its SQLSTATE; None where none does. "" where
    only a cast tells; ``value`` is the column."""
    if new.type in (VARCHAR, BPCHAR) and old.type in _TEXTS:
        size = new.typmod - 4
        if size <= 0 or (old.type in (VARCHAR, BPCHAR) and 4 < old.typmod <= new.typmod):
            return None
        return f"pg_catalog.char_length(pg_catalog.rtrim({value}::text)) > {size}", "22001"
    if new.type == TEXT or (new.type in _TEXTS and new.typmod < 4):
        return None
    if new.type in _WHOLE and old.type in _NUMBERS:
        low, high = _WHOLE[new.type]
        wider = old.type in _WHOLE and _WHOLE[old.type][1] <= high
        return None if wider else (f"pg_catalog.round({value}) NOT BETWEEN {low} AND {high}", "22003")
    if new.type == NUMERIC and old.type in _NUMBERS:
        return _numeric(old, new, value)
    if (old.type in _WHOLE and new.type in (FLOAT4, FLOAT8)) or {old.type, new.type} <= _TIMES or old.type == new.type:
        return None
    if old.type in _TEXTS and major >= _CHECKED_SINCE:
        wanted = literal(type_name(catalog, new.type, new.typmod))
        return f"NOT pg_catalog.pg_input_is_valid({value}::text, {wanted})", "22P02"
    return "", "22P02" if old.type in _TEXTS else "22003"


def _numeric(old: Attribute, new: Attribute, value: str) -> tuple[str, str] | None:
    if new.typmod < 4:
        return None
    digits, scale = _precision(new.typmod)
    if old.type == NUMERIC and old.typmod >= 4:
        had, behind = _precision(old.typmod)
        if digits - scale >= had - behind and scale >= behind:
            return None
    return f"pg_catalog.abs(pg_catalog.round({value}::numeric, {scale})) >= 1e{digits - scale}::numeric", "22003"


def _precision(typmod: int) -> tuple[int, int]:
    """numeric_typmod_precision and numeric_typmod_scale (src/backend/utils/adt/numeric.c)."""
    scale = (typmod - 4) & 0x7FF
    return (typmod - 4) >> 16 & 0xFFFF, scale - 0x800 if scale & 0x400 else scale
