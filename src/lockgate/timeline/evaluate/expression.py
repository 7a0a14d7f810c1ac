"""Expressions of the raw parse tree, evaluated."""

from __future__ import annotations

from typing import Any

from lockgate.parse.statement import Node
from lockgate.timeline.budget import TEXT
from lockgate.timeline.evaluate.casts import cast_to
from lockgate.timeline.evaluate.functions import call
from lockgate.timeline.evaluate.operators import binary, distinct, over_array, prefix
from lockgate.timeline.evaluate.sql_function import called, value
from lockgate.timeline.evaluate.value import (
    SOMETHING,
    UNKNOWN,
    Row,
    Unknown,
    Value,
    conjunction,
    disjunction,
    equal,
    known,
    less,
    negation,
    number,
    truth,
    weigh,
)
from lockgate.timeline.evaluate.world import Missing, World, constant

_UNITS, _CHARACTERS = 4, 16  # what an expression costs, and how many characters of its value cost one more
_SIZED = frozenset({str, list})


def expression(world: World, node: Node) -> Value:
    """The value of an expression node (``{"A_Expr": {...}}``)."""
    ((tag, body),) = node.items()
    handler = _HANDLERS.get(tag)
    if handler is None:
        return UNKNOWN
    budget = world.ctx.budget
    budget.left -= _UNITS
    if budget.left < 0:
        raise budget.over()
    value = handler(world, body)
    if type(value) in _SIZED:
        weight = weigh(value)
        budget.spend(weight // _CHARACTERS)
        return SOMETHING if weight > TEXT else value
    return value


def _names(body: Node) -> tuple[str, ...] | None:
    parts = []
    for field in body.get("fields", ()):
        if "String" not in field:
            return None
        parts.append(field["String"].get("sval", ""))
    return tuple(parts)


def _column(world: World, body: Node) -> Value:
    names = _names(body)
    return UNKNOWN if names is None else world.reference(names)


def _parameter(world: World, body: Node) -> Value:
    number_ = body.get("number", 0)
    if 1 <= number_ <= len(world.parameters):
        return world.parameters[number_ - 1]
    found = world.variable((f"${number_}",))
    return UNKNOWN if isinstance(found, Missing) else found


def _bool(world: World, body: Node) -> Value:
    kind = body.get("boolop", "AND_EXPR")
    args = body.get("args", ())
    if kind == "NOT_EXPR":
        return negation(expression(world, args[0]))
    found: list[Value] = []
    for arg in args:
        value = truth(expression(world, arg))
        if value is (kind == "OR_EXPR"):
            return value
        found.append(value)
    return conjunction(found) if kind == "AND_EXPR" else disjunction(found)


def _null_test(world: World, body: Node) -> Value:
    value = expression(world, body["arg"])
    negative = body.get("nulltesttype") == "IS_NOT_NULL"
    if isinstance(value, Unknown):
        return negative if value.notnull else UNKNOWN
    if isinstance(value, Row):
        return UNKNOWN
    return (value is not None) if negative else (value is None)


def _boolean_test(world: World, body: Node) -> Value:
    value = truth(expression(world, body["arg"]))
    if isinstance(value, Unknown):
        return UNKNOWN
    kind = body.get("booltesttype", "IS_TRUE")
    wanted = {"TRUE": True, "FALSE": False, "UNKNOWN": None}[kind.rpartition("_")[2]]
    return (value is wanted) != ("NOT" in kind)


def _operator(world: World, body: Node) -> Value:
    kind = body.get("kind", "AEXPR_OP")
    name = body["name"][-1]["String"].get("sval", "") if body.get("name") else "="
    left = expression(world, body["lexpr"]) if "lexpr" in body else None
    if kind in ("AEXPR_IN", "AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN"):
        items = body["rexpr"]["List"]["items"]
        values = [expression(world, item) for item in items]
        if kind == "AEXPR_IN":
            found = disjunction([equal(left, v) for v in values])
            return negation(found) if name == "<>" else found
        inside = conjunction([negation(less(left, values[0])), negation(less(values[1], left))])
        return inside if kind == "AEXPR_BETWEEN" else negation(inside)
    right = expression(world, body["rexpr"]) if "rexpr" in body else None
    if kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL"):
        return over_array(name, left, right, kind == "AEXPR_OP_ANY")
    if kind in ("AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"):
        return distinct(left, right, kind == "AEXPR_DISTINCT")
    if kind == "AEXPR_NULLIF":
        same = equal(left, right)
        return UNKNOWN if isinstance(same, Unknown) else (None if same is True else left)
    if "lexpr" not in body:
        return prefix(name, right)
    return binary(name, left, right)


def _case(world: World, body: Node) -> Value:
    operand = expression(world, body["arg"]) if "arg" in body else None
    for branch in body.get("args", ()):
        when = branch["CaseWhen"]
        value = expression(world, when["expr"])
        condition = truth(value) if "arg" not in body else equal(operand, value)
        if isinstance(condition, Unknown):
            return UNKNOWN
        if condition is True:
            return expression(world, when["result"])
    return expression(world, body["defresult"]) if "defresult" in body else None


def _coalesce(world: World, body: Node) -> Value:
    for arg in body.get("args", ()):
        value = expression(world, arg)
        if isinstance(value, Unknown):
            return value
        if value is not None:
            return value
    return None


def _min_max(world: World, body: Node) -> Value:
    values = [v for arg in body.get("args", ()) if (v := expression(world, arg)) is not None]
    numbers = [number(v) for v in values]
    if not known(*values) or any(n is None or isinstance(n, float) for n in numbers):
        return UNKNOWN
    pick: Any = min if body.get("op") == "IS_LEAST" else max
    return pick(numbers) if numbers else None


def _array(world: World, body: Node) -> Value:
    return [expression(world, item) for item in body.get("elements", ())]


def _row(world: World, body: Node) -> Value:
    return [expression(world, item) for item in body.get("args", ())]


def _cast(world: World, body: Node) -> Value:
    return cast_to(world, expression(world, body["arg"]), body["typeName"])


def _collate(world: World, body: Node) -> Value:
    return expression(world, body["arg"])


def _indirection(world: World, body: Node) -> Value:
    value = expression(world, body["arg"])
    for step in body.get("indirection", ()):
        if isinstance(value, Unknown) or value is None:
            return UNKNOWN if isinstance(value, Unknown) else None
        if "String" in step and isinstance(value, Row):
            value = value.values.get(step["String"].get("sval", ""), UNKNOWN)
        elif "A_Indices" in step and isinstance(value, list) and not step["A_Indices"].get("is_slice"):
            at = expression(world, step["A_Indices"]["uidx"])
            if not isinstance(at, int):
                return UNKNOWN
            value = value[at - 1] if 1 <= at <= len(value) else None
        else:
            return UNKNOWN
    return value


def _value_function(world: World, body: Node) -> Value:
    session, catalog = world.ctx.session, world.ctx.catalog
    match body.get("op", ""):
        case "SVFOP_CURRENT_USER" | "SVFOP_USER" | "SVFOP_CURRENT_ROLE":
            return catalog.role_name(session.role) if session.known else SOMETHING
        case "SVFOP_SESSION_USER":
            return catalog.role_name(session.login) if session.known else SOMETHING
        case "SVFOP_CURRENT_SCHEMA":
            return call(world, "current_schema", [])
        case _:
            return SOMETHING


def _function(world: World, body: Node) -> Value:
    from lockgate.timeline.evaluate.aggregate import AGGREGATES, aggregate

    names = [n["String"].get("sval", "") for n in body.get("funcname", ())]
    name = names[-1]
    if body.get("over"):
        return UNKNOWN
    if world.grouped is not None and name in AGGREGATES:
        return aggregate(world, name, body)
    args = [expression(world, arg) for arg in body.get("args", ())]
    if body.get("func_variadic") or any("NamedArgExpr" in arg for arg in body.get("args", ())):
        return UNKNOWN
    routine = called(world, body, args)
    if routine is not None:
        return value(world, routine, args)
    if len(names) > 1 and names[0] != "pg_catalog":
        return UNKNOWN
    return call(world, name, args)


def _sublink(world: World, body: Node) -> Value:
    from lockgate.timeline.evaluate.query import select

    columns, rows = select(world, body["subselect"]["SelectStmt"])
    kind = body.get("subLinkType", "EXISTS_SUBLINK")
    if kind == "EXISTS_SUBLINK":
        return True if any(row.certain for row in rows) else (UNKNOWN if rows else False)
    first = [row.values.get(columns[0], UNKNOWN) if columns else UNKNOWN for row in rows]
    unsure = any(not row.certain for row in rows)
    if kind == "EXPR_SUBLINK":
        return UNKNOWN if unsure or len(first) > 1 else (first[0] if first else None)
    if kind == "ARRAY_SUBLINK":
        return SOMETHING if unsure else first
    if kind in ("ANY_SUBLINK", "ALL_SUBLINK"):
        name = body["operName"][-1]["String"]["sval"] if body.get("operName") else "="
        left = expression(world, body["testexpr"])
        found = [binary(name, left, value) for value in first]
        # a row that may be missing can neither make ANY true nor ALL false
        decisive = kind == "ANY_SUBLINK"
        found = [UNKNOWN if v is decisive and not row.certain else v for v, row in zip(found, rows, strict=True)]
        return disjunction(found) if kind == "ANY_SUBLINK" else conjunction(found)
    return UNKNOWN


_HANDLERS = {
    "A_Const": lambda world, body: constant(body),
    "ColumnRef": _column,
    "ParamRef": _parameter,
    "BoolExpr": _bool,
    "NullTest": _null_test,
    "BooleanTest": _boolean_test,
    "A_Expr": _operator,
    "CaseExpr": _case,
    "CoalesceExpr": _coalesce,
    "MinMaxExpr": _min_max,
    "A_ArrayExpr": _array,
    "RowExpr": _row,
    "TypeCast": _cast,
    "CollateClause": _collate,
    "A_Indirection": _indirection,
    "SQLValueFunction": _value_function,
    "FuncCall": _function,
    "SubLink": _sublink,
}
