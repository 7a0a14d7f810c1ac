"""Casts between the evaluator's values, by the type's name."""

from __future__ import annotations

import re
from decimal import Decimal

from lockgate.parse.statement import Node
from lockgate.timeline.evaluate.lookup import lookup, reg_name
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Reg, Unknown, Value, number, text_of, truth
from lockgate.timeline.evaluate.world import World

_TEXTS = (
    "text",
    "varchar",
    "name",
    "bpchar",
    "char",
    "cstring",
    "sql_identifier",
    "character_data",
    "yes_or_no",
    "citext",
    "refcursor",
)
_DIGITS = 18  # of a bigint, the first left out
_INTEGERS = ("int2", "int4", "int8", "oid", "smallint", "integer", "bigint", "cardinal_number")


def cast_to(world: World, value: Value, type_name: Node) -> Value:
    """A value cast to a TypeName; UNKNOWN where the outcome (or whether it fails) cannot be told."""
    names = [n["String"].get("sval", "") for n in type_name.get("names", ())]
    if not names or type_name.get("setof"):
        return UNKNOWN
    if type_name.get("arrayBounds"):
        if isinstance(value, str):
            from lockgate.timeline.evaluate.operators import array_of_text

            value = array_of_text(value)
        if isinstance(value, list):
            return [scalar(world, v, names[-1], type_name) for v in value]
        return value
    return scalar(world, value, names[-1], type_name)


def scalar(world: World, value: Value, name: str, type_name: Node | None = None) -> Value:
    """A value cast to a scalar type."""
    if value is None:
        return None
    if name.startswith("reg") and name not in ("regexp", "register"):
        return _reg(world, value, name[3:])
    if isinstance(value, Unknown):
        return SOMETHING if value.notnull else UNKNOWN
    if name in _TEXTS:
        return _text(world, value, name, type_name)
    if name in _INTEGERS:
        found = number(value)
        if isinstance(value, bool) and name in ("int4", "integer"):
            return int(value)
        if isinstance(value, Reg):
            return int(value)
        if isinstance(found, Decimal):
            if not found.is_finite() or found.adjusted() > _DIGITS:
                return UNKNOWN  # 22003
            return int(found.to_integral_value()) if not isinstance(value, str) else UNKNOWN
        return found if isinstance(found, int) else UNKNOWN
    if name in ("bool", "boolean"):
        if isinstance(value, int) and not isinstance(value, bool):
            return value != 0
        return truth(value)
    if name in ("numeric", "decimal"):
        found = number(value)
        return found if found is not None and not (type_name or {}).get("typmods") else UNKNOWN
    if name in ("float4", "float8"):
        found = number(value)
        return float(found) if found is not None else UNKNOWN
    # dates, json, user types: the text is kept only where it was one, for comparisons with other literals of the type
    # nothing is known
    return SOMETHING


def _text(world: World, value: Value, name: str, type_name: Node | None) -> Value:
    shown = reg_name(world, value) if isinstance(value, Reg) else text_of(value)
    if not isinstance(shown, str):
        return shown
    if name == "name":
        return shown[:63]
    modifiers = (type_name or {}).get("typmods")
    if modifiers and name in ("varchar", "bpchar", "char"):
        length = modifiers[0].get("A_Const", {}).get("ival", {}).get("ival")
        return shown[:length] if isinstance(length, int) else SOMETHING
    return shown


def _reg(world: World, value: Value, kind: str) -> Value:
    kind = {"procedure": "procedure", "operator": "operator"}.get(kind, kind)
    if isinstance(value, Unknown):
        return value
    if isinstance(value, int):
        return Reg(value, kind)
    if not isinstance(value, str):
        return UNKNOWN
    if re.fullmatch(r"\d+", value):
        return Reg(int(value), kind)
    found = lookup(world, kind, value)
    # a missing one is an error of the cast, which the binder tells of where the text is constant
    return found if found is not None else UNKNOWN
