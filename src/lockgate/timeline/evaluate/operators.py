"""Operators over values: what is not known stays not known, NULL stays NULL."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from lockgate.base.lazy_imports import pattern
from lockgate.timeline.budget import TEXT
from lockgate.timeline.evaluate.matching import like, matches
from lockgate.timeline.evaluate.value import (
    SOMETHING,
    UNKNOWN,
    Unknown,
    Value,
    conjunction,
    disjunction,
    equal,
    known,
    less,
    negation,
    number,
    text_of,
)

_BIGINT = 2**63 - 1


_ELEMENTS = pattern(r'"([^"]*)"|([^,"]+)')


def distinct(left: Value, right: Value, positive: bool) -> Value:
    if left is None or right is None:
        other = right if left is None else left
        if isinstance(other, Unknown):
            return positive if other.notnull else UNKNOWN
        return (left is not right) == positive
    same = equal(left, right)
    return same if isinstance(same, Unknown) else (not same) == positive


def over_array(name: str, left: Value, right: Value, any_: bool) -> Value:
    if isinstance(right, str):
        right = array_of_text(right)
    if right is None:
        return None
    if not isinstance(right, list):
        return UNKNOWN
    found = [binary(name, left, item) for item in right]
    return disjunction(found) if any_ else conjunction(found)


def array_of_text(text: str) -> Value:
    """An array literal of plain elements."""
    if not (text.startswith("{") and text.endswith("}")) or "\\" in text or text.count("{") > 1:
        return UNKNOWN
    inner = text[1:-1]
    if not inner.strip():
        return []
    parts = _ELEMENTS.findall(inner)
    return [a or (None if b.strip().upper() == "NULL" else b.strip()) for a, b in parts]


def prefix(name: str, value: Value) -> Value:
    if value is None or isinstance(value, Unknown):
        return value
    found = number(value)
    if name == "-" and found is not None:
        return -found
    if name == "+" and found is not None:
        return found
    return UNKNOWN


def binary(name: str, left: Value, right: Value) -> Value:
    """A binary operator."""
    if name in _COMPARISONS:
        return _COMPARISONS[name](left, right)
    if left is None or right is None:
        # every operator used here is strict, but || of arrays
        return None if not isinstance(left, list) and not isinstance(right, list) else UNKNOWN
    if name == "||":
        return _concatenate(left, right)
    if name in ("~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*"):
        return _match(name, left, right)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return UNKNOWN
    if name in ("@>", "<@", "&&") and isinstance(left, list) and isinstance(right, list):
        return _contains(name, left, right)
    a, b = number(left), number(right)
    if a is None or b is None or isinstance(a, float) or isinstance(b, float):
        return UNKNOWN
    return _arithmetic(name, a, b)


def _arithmetic(name: str, a: int | Decimal, b: int | Decimal) -> Value:
    try:
        found = _computed(name, a, b)
    except ArithmeticError:
        return UNKNOWN
    # beyond bigint it is numeric's, or 22003
    return UNKNOWN if isinstance(found, int) and abs(found) > _BIGINT else found


def _computed(name: str, a: int | Decimal, b: int | Decimal) -> Value:
    match name:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/" if isinstance(a, int) and isinstance(b, int) and b != 0:
            return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        case "%" if isinstance(a, int) and isinstance(b, int) and b != 0:
            return abs(a) % abs(b) * (1 if a >= 0 else -1)
        case _:
            return UNKNOWN


_COMPARISONS: dict[str, Callable[[Value, Value], Value]] = {
    "=": equal,
    "<>": lambda a, b: negation(equal(a, b)),
    "!=": lambda a, b: negation(equal(a, b)),
    "<": less,
    ">": lambda a, b: less(b, a),
    "<=": lambda a, b: negation(less(b, a)),
    ">=": lambda a, b: negation(less(a, b)),
}


def _concatenate(left: Value, right: Value) -> Value:
    if isinstance(left, list) or isinstance(right, list):
        items = left if isinstance(left, list) else [left]
        more = right if isinstance(right, list) else [right]
        return UNKNOWN if isinstance(left, Unknown) or isinstance(right, Unknown) else [*items, *more]
    a, b = text_of(left), text_of(right)
    if isinstance(a, str) and isinstance(b, str):
        return a + b if len(a) + len(b) <= TEXT else SOMETHING
    return SOMETHING if getattr(a, "notnull", True) and getattr(b, "notnull", True) else UNKNOWN


def _contains(name: str, left: list[Value], right: list[Value]) -> Value:
    if not known(left, right):
        return UNKNOWN
    if name == "<@":
        left, right = right, left
    if name == "&&":
        return any(item in left for item in right)
    return all(item in left for item in right)


def _match(name: str, left: Value, right: Value) -> Value:
    if not isinstance(left, str) or not isinstance(right, str):
        return UNKNOWN
    test = like if "~~" in name else matches
    found = test(left, right, fold=name.endswith("*"))
    return negation(found) if name.startswith("!") else found
