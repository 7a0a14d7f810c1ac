"""Conditions and expressions of indexes and constraints as SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lockgate.base.sql import literal
from lockgate.sources.code.django.names import constant, quoted
from lockgate.sources.code.values import UNKNOWN, Combining, Host, NotKnown, Partial, Passed

Columns = Callable[[str], "str | None"]  # the column of a field's name


class Unspelled(Exception):
    """An expression that is not known well enough to be sent."""


class QCondition(Combining):
    """A ``Q``."""

    word: str = "AND"
    parts: list[Any] = msgspec.field(default_factory=list)
    turned: bool = False

    def combine(self, word: str, other: Any) -> Any:
        """``&``, ``|``, ``~``."""
        if word == "~":
            return QCondition(self.word, self.parts, not self.turned)
        if not isinstance(other, QCondition | QueryTerm) or word not in ("&", "|"):
            return UNKNOWN
        return QCondition("AND" if word == "&" else "OR", [self, other])


class QueryTerm(Combining):
    """An expression: ``F``, ``Value``, a function, arithmetic."""

    kind: str
    parts: list[Any] = msgspec.field(default_factory=list)
    options: dict[str, Any] = msgspec.field(default_factory=dict)

    def combine(self, word: str, other: Any) -> Any:
        """Arithmetic."""
        return QueryTerm("arithmetic", [self, word, other]) if word in "+-*/%" else UNKNOWN


def condition(passed: Passed) -> QCondition:
    """``Q(a=1, b__isnull=True)``."""
    given = dict(passed.named)
    word, turned = given.pop("_connector", "AND"), given.pop("_negated", False)
    return QCondition(word if word in ("AND", "OR") else "AND", [*passed.args, *given.items()], turned is True)


def term(name: str) -> Host:
    """A class of expressions by its name."""
    return Host(name, lambda passed: QueryTerm(name, list(passed.args), dict(passed.named)), lambda inner: UNKNOWN)


_COMPARED = {"exact": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_FUNCTIONS = {
    "Lower": "LOWER",
    "Upper": "UPPER",
    "Coalesce": "COALESCE",
    "Length": "LENGTH",
    "Abs": "ABS",
    "Trim": "TRIM",
    "MD5": "MD5",
    "Now": "STATEMENT_TIMESTAMP",
    "Greatest": "GREATEST",
    "Least": "LEAST",
}


def where(one: Any, columns: Columns) -> str:
    """A condition as SQL. Raises Unspelled."""
    if isinstance(one, QCondition):
        parts = [where(part, columns) for part in one.parts]
        if not parts:
            raise Unspelled("an empty condition")
        sql = f" {one.word} ".join(parts)
        return f"NOT ({sql})" if one.turned else f"({sql})" if len(parts) > 1 else sql
    if isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str):
        return _lookup(one[0], one[1], columns)
    if isinstance(one, QueryTerm):
        return spelled(one, columns)
    raise Unspelled("a condition that is worked out at run time")


def _lookup(name: str, value: Any, columns: Columns) -> str:
    path = name.split("__")
    column = columns(path[0])
    if column is None:
        raise Unspelled(f"field {path[0]} is not known")
    left, lookup = quoted(column), "__".join(path[1:]) or "exact"
    match lookup:
        case "isnull" if isinstance(value, bool):
            return f"{left} IS {'' if value else 'NOT '}NULL"
        case "in" | "in_list" if isinstance(value, list | tuple | set) and value:
            return f"{left} IN ({', '.join(spelled(v, columns) for v in value)})"
        case "exact" if value is None:
            return f"{left} IS NULL"
        case "exact" if isinstance(value, bool):
            return left if value else f"NOT {left}"
        case "range" if isinstance(value, list | tuple) and len(value) == 2:
            return f"{left} BETWEEN {spelled(value[0], columns)} AND {spelled(value[1], columns)}"
        case "contains" | "startswith" | "endswith" | "icontains" | "istartswith" | "iexact" if isinstance(value, str):
            return _like(left, lookup, value)
        case "regex" if isinstance(value, str):
            return f"{left}::text ~ {literal(value)}"
        case "len" | "length":
            return f"CASE WHEN {left} IS NULL THEN NULL ELSE coalesce(array_length({left}, 1), 0) END = {spelled(value, columns)}"
    if lookup in _COMPARED:
        return f"{left} {_COMPARED[lookup]} {spelled(value, columns)}"
    raise Unspelled(f"lookup {lookup}")


def _like(left: str, lookup: str, value: str) -> str:
    first = "" if lookup.endswith(("startswith", "exact")) else "%"
    last = "" if lookup.endswith(("endswith", "exact")) else "%"
    text = literal(f"{first}{value}{last}")
    return f"UPPER({left}::text) LIKE UPPER({text})" if lookup.startswith("i") else f"{left}::text LIKE {text}"


def spelled(one: Any, columns: Columns) -> str:
    """An expression as SQL. Raises Unspelled."""
    if isinstance(one, QCondition):
        return where(one, columns)
    if isinstance(one, NotKnown | Partial):
        raise Unspelled("an expression that is worked out at run time")
    if not isinstance(one, QueryTerm):
        found = constant(one)
        if found is None:
            raise Unspelled("a value that is worked out at run time")
        return found
    match one.kind, one.parts:
        case "F" | "OrderBy", [str(name), *_]:
            return _column(name.removeprefix("-"), columns)
        case "Value", [value, *_]:
            return spelled(value, columns)
        case "RawSQL", [str(sql), *_]:
            return f"({sql})"
        case "arithmetic", [left, str(word), right]:
            return f"({spelled(left, columns)} {word} {spelled(right, columns)})"
        case "Cast", [inner, *rest]:
            kind = _type_name(one.options.get("output_field", rest[0] if rest else None))
            return f"({_operand(inner, columns)})::{kind}"
        case "Func", parts if isinstance(one.options.get("function"), str):
            return f"{one.options['function']}({', '.join(_operand(p, columns) for p in parts)})"
        case "IsNull", [inner, bool(value)]:
            return f"{_operand(inner, columns)} IS {'' if value else 'NOT '}NULL"
        case (("Exact" | "GreaterThan" | "GreaterThanOrEqual" | "LessThan" | "LessThanOrEqual"), [left, right]):
            word = {"Exact": "=", "GreaterThan": ">", "GreaterThanOrEqual": ">=", "LessThan": "<"}.get(one.kind, "<=")
            return f"{_operand(left, columns)} {word} {spelled(right, columns)}"
    if one.kind in _FUNCTIONS:
        return f"{_FUNCTIONS[one.kind]}({', '.join(_operand(p, columns) for p in one.parts)})"
    raise Unspelled(f"expression {one.kind}")


def _type_name(output: Any) -> str:
    from lockgate.sources.code.django.fields import Field, plain_type

    kind = plain_type(output) if isinstance(output, Field) else None
    if kind is None:
        raise Unspelled("a type that is worked out at run time")
    return kind


def _operand(one: Any, columns: Columns) -> str:
    """An argument of a function: a text names a field."""
    return _column(one, columns) if isinstance(one, str) else spelled(one, columns)


def _column(name: str, columns: Columns) -> str:
    found = columns(name)
    if found is None:
        raise Unspelled(f"field {name} is not known")
    return quoted(found)


def indexed(one: Any, columns: Columns) -> str:
    """An expression of an index, in brackets where SQL wants them, with its order and operator class."""
    if isinstance(one, str):
        return _column(one.removeprefix("-"), columns) + (" DESC" if one.startswith("-") else "")
    if isinstance(one, QueryTerm) and one.kind == "OpClass" and len(one.parts) + len(one.options) >= 2:
        name = one.options.get("name", one.parts[-1])
        if not isinstance(name, str):
            raise Unspelled("an operator class that is worked out at run time")
        return f"{indexed(one.parts[0], columns)} {name}"
    if isinstance(one, QueryTerm) and one.kind == "ordered":
        inner, word = one.parts
        return f"{indexed(inner, columns)} {word}"
    sql = _operand(one, columns)
    return sql if isinstance(one, QueryTerm) and one.kind == "F" else f"({sql})"
