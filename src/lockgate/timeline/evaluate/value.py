"""Values of the evaluator: Python's own for what is known (None is NULL), UNKNOWN for what is not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from lockgate.timeline.budget import ITEMS, TEXT


class Unknown(msgspec.Struct, frozen=True):
    """A value that cannot be computed; ``notnull`` where it is certain not to be NULL.

    ``spelled`` is what is known of a text put together of several parts (plpgsql/dynamic.py's template).
    """

    notnull: bool = False
    spelled: str = ""

    def __bool__(self) -> bool:
        raise TypeError("an unknown value has no truth")


_DIGITS = 1_000  # of a number's text, before and after the point
UNKNOWN = Unknown()
SOMETHING = Unknown(notnull=True)


class Reg(int):
    """An oid alias type's value: ``kind`` is class type proc namespace role."""

    kind: str

    def __new__(cls, oid: int, kind: str) -> Reg:
        self = super().__new__(cls, oid)
        self.kind = kind
        return self


Value = Any  # None | bool | int | float | Decimal | str | list[Value] | Row | Reg | Unknown


class Row(msgspec.Struct, frozen=True):
    """A row of a relation or a query. ``certain`` is False for one that may be missing, or stand for any number of
    rows."""

    values: dict[str, Value] = msgspec.field(default_factory=dict)
    certain: bool = True


def known(*values: Value) -> bool:
    """Whether all of these are known, NULL included."""
    return not any(isinstance(v, Unknown) or (isinstance(v, list) and not known(*v)) for v in values)


def weigh(value: Value) -> int:
    """How long a value is, in characters of its text; more than TEXT, not how much, for one of too many parts."""
    if type(value) is str:
        return len(value)
    weight, parts, stack = 0, 0, [value]
    while stack:
        item = stack.pop()
        parts += 1
        if type(item) is str:
            weight += len(item)
        elif type(item) is list:
            stack.extend(item)
        elif type(item) is Row:
            stack.extend(item.values.values())
        if weight > TEXT or parts + len(stack) > ITEMS:
            return TEXT + 1
    return weight + parts


def truth(value: Value) -> bool | Unknown | None:
    """A value as a condition: True, False, NULL or UNKNOWN."""
    if value is None or isinstance(value, (bool, Unknown)):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("t", "true", "y", "yes", "on", "1"):
            return True
        if word in ("f", "false", "n", "no", "off", "0"):
            return False
    return UNKNOWN


def conjunction(values: list[Value]) -> Value:
    """AND over NULL and UNKNOWN: one False decides."""
    found = [truth(v) for v in values]
    if any(v is False for v in found):
        return False
    if any(isinstance(v, Unknown) for v in found):
        return UNKNOWN
    return None if any(v is None for v in found) else True


def disjunction(values: list[Value]) -> Value:
    """OR over NULL and UNKNOWN: one True decides."""
    found = [truth(v) for v in values]
    if any(v is True for v in found):
        return True
    if any(isinstance(v, Unknown) for v in found):
        return UNKNOWN
    return None if any(v is None for v in found) else False


def negation(value: Value) -> Value:
    """NOT."""
    found = truth(value)
    return (not found) if isinstance(found, bool) else found


def text_of(value: Value) -> str | Unknown | None:
    """A value's text output; Reg values need a world (see functions.py) and are unknown here."""
    if value is None or isinstance(value, (str, Unknown)):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Reg, Row, dict)):
        return SOMETHING
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return format(value, "f") if isinstance(exponent, int) and abs(exponent) < _DIGITS else SOMETHING
    if isinstance(value, list):
        return _array_text(value)
    return SOMETHING


def _array_text(values: list[Value]) -> str | Unknown:
    parts = []
    for value in values:
        shown = "NULL" if value is None else text_of(value)
        if isinstance(shown, Unknown) or shown is None:
            return SOMETHING
        plain = value is None or (shown and not any(c in shown for c in ' ,{}"\\\t\n') and shown.upper() != "NULL")
        parts.append(shown if plain else '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return "{" + ",".join(parts) + "}"


def number(value: Value) -> int | float | Decimal | None:
    """A number, or the number that an untyped literal spells; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float, Decimal)):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            try:
                return Decimal(value)
            except ArithmeticError:
                return None
    return None


def equal(left: Value, right: Value) -> Value:
    """``=`` between values of like types; an untyped literal takes the other side's type."""
    if left is None or right is None:
        return None
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return UNKNOWN
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            return False
        pairs = [(True if a is None and b is None else equal(a, b)) for a, b in zip(left, right, strict=True)]
        return conjunction([False if p is None else p for p in pairs])
    if isinstance(left, bool) or isinstance(right, bool):
        p, q = truth(left), truth(right)
        return p == q if isinstance(p, bool) and isinstance(q, bool) else UNKNOWN
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    a, b = number(left), number(right)
    if a is not None and b is not None:
        return a == b
    return UNKNOWN


def less(left: Value, right: Value) -> Value:
    """``<``; the order of texts depends on the collation and is not known."""
    if left is None or right is None:
        return None
    if isinstance(left, str) and isinstance(right, str):
        return False if left == right else UNKNOWN
    a, b = number(left), number(right)
    if a is None or b is None:
        return UNKNOWN
    return a < b
