"""Expressions: constants, truth, choices, and what knows each node (src/backend/parser/parse_expr.c)."""

from __future__ import annotations

from lockgate.timeline.binder import special
from lockgate.timeline.binder.coercion import (
    UNKNOWN,
    coerce_to_boolean,
    coerce_type,
    common_type,
    common_typmod,
    to_common,
)
from lockgate.timeline.binder.containers import array_literal, cast, collate, indirection
from lockgate.timeline.binder.operations import operation
from lockgate.timeline.binder.operators import make_op
from lockgate.timeline.binder.recurse import Handler, expr, transform
from lockgate.timeline.binder.references import column_ref, param_ref
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.sublinks import sublink
from lockgate.timeline.binder.term import Term, returns_set
from lockgate.timeline.context import Node

BOOL, INT4, INT8, NUMERIC, BIT, TEXT = 16, 23, 20, 1700, 1560, 25


def constant(state: State, body: Node) -> Term:
    """A_Const (make_const)."""
    at = body.get("location", 0)
    if "sval" in body:
        return Term("const", UNKNOWN, -1, (), body["sval"].get("sval", ""), at)
    if "ival" in body:
        return Term("const", INT4, -1, (), body["ival"].get("ival", 0), at)
    if body.get("isnull"):
        return Term("const", UNKNOWN, -1, (), None, at)
    if "fval" in body:
        return _number(body["fval"].get("fval", "0"), at)
    if "boolval" in body:
        return Term("const", BOOL, -1, (), bool(body["boolval"].get("boolval")), at)
    return Term("const", BIT, -1, (), body.get("bsval", {}).get("bsval", ""), at)


def _number(text: str, at: int) -> Term:
    try:
        value = int(text.replace("_", ""), 0)
    except ValueError:
        try:
            value = int(text)
        except ValueError:
            return Term("const", NUMERIC, -1, (), text, at)
    if -(1 << 31) <= value < 1 << 31:
        return Term("const", INT4, -1, (), value, at)
    return Term("const", INT8 if -(1 << 63) <= value < 1 << 63 else NUMERIC, -1, (), value, at)


def boolean(state: State, body: Node) -> Term:
    """AND, OR, NOT."""
    word = body["boolop"].removesuffix("_EXPR")
    args = tuple(coerce_to_boolean(state, expr(state, a), word) for a in body["args"])
    return Term("bool", BOOL, -1, args, word, body.get("location", 0))


def null_test(state: State, body: Node) -> Term:
    """IS [NOT] NULL."""
    return Term("nulltest", BOOL, -1, (expr(state, body["arg"]),), body.get("nulltesttype"), body.get("location", 0))


def boolean_test(state: State, body: Node) -> Term:
    """IS [NOT] TRUE, FALSE, UNKNOWN."""
    kind = body.get("booltesttype", "IS_TRUE")
    return Term(
        "booltest",
        BOOL,
        -1,
        (coerce_to_boolean(state, expr(state, body["arg"]), kind.replace("_", " ")),),
        kind,
        body.get("location", 0),
    )


# --- choices ----------------------------------------------------------------------------------------------------------


def case(state: State, body: Node) -> Term:
    """CASE."""
    at = body.get("location", 0)
    arg = None
    if body.get("arg"):
        arg = expr(state, body["arg"])
        if arg.type == UNKNOWN:
            arg = coerce_type(state, arg, TEXT, -1, 0)
        arg = Term("casetest", arg.type, arg.typmod, (arg,), None, arg.loc, arg.coll)
    conditions, results = [], []
    for when in body["args"]:
        clause = when["CaseWhen"]
        condition = expr(state, clause["expr"])
        if arg is not None:
            condition = make_op(state, ["="], arg, condition, clause.get("location", 0))
        conditions.append(coerce_to_boolean(state, condition, "CASE/WHEN"))
        results.append(expr(state, clause["result"]))
    other = expr(state, body["defresult"]) if body.get("defresult") else Term("const", UNKNOWN, -1, (), None, at)
    target = common_type(state, [other, *results], "CASE")
    other = to_common(state, other, target, "CASE/ELSE")
    results = [to_common(state, r, target, "CASE/WHEN") for r in results]
    parts = (other, *results)
    if any(returns_set(t) for t in (*parts, *conditions)):
        raise state.ctx.refuse("0A000", "set-returning functions are not allowed in CASE", at)
    args = (*((arg,) if arg else ()), *conditions, *parts)
    return Term(
        "case",
        target,
        common_typmod(parts, target),
        args,
        len(conditions),
        at,
        next((t.coll for t in parts if t.coll), 0),
    )


def coalesce(state: State, body: Node) -> Term:
    """COALESCE."""
    at = body.get("location", 0)
    terms = [expr(state, a) for a in body["args"]]
    target = common_type(state, terms, "COALESCE")
    out = tuple(to_common(state, t, target, "COALESCE") for t in terms)
    if any(returns_set(t) for t in out):
        raise state.ctx.refuse("0A000", "set-returning functions are not allowed in COALESCE", at)
    return Term("coalesce", target, common_typmod(out, target), out, None, at, next((t.coll for t in out if t.coll), 0))


def min_max(state: State, body: Node) -> Term:
    """GREATEST and LEAST."""
    word = "LEAST" if body.get("op") == "IS_LEAST" else "GREATEST"
    terms = [expr(state, a) for a in body["args"]]
    target = common_type(state, terms, word)
    out = tuple(to_common(state, t, target, word) for t in terms)
    return Term(
        "minmax",
        target,
        common_typmod(out, target),
        out,
        word,
        body.get("location", 0),
        next((t.coll for t in out if t.coll), 0),
    )


def row(state: State, body: Node) -> Term:
    """ROW(...); a.* in it is expanded."""
    from lockgate.timeline.binder.targets import expand_list

    args = expand_list(state, body.get("args", []))
    return Term("row", 2249, -1, tuple(args), None, body.get("location", 0))


def set_to_default(state: State, body: Node) -> Term:
    """DEFAULT where it is not allowed."""
    raise state.ctx.refuse("42601", "DEFAULT is not allowed in this context", body.get("location", 0))


def function(state: State, body: Node) -> Term:
    """FuncCall."""
    from lockgate.timeline.binder.aggregates import function_call

    return function_call(state, body)


def grouping(state: State, body: Node) -> Term:
    """GROUPING(...)."""
    args = tuple(transform(state, a, state.kind) for a in body.get("args", []))
    term = Term("grouping", INT4, -1, args, None, body.get("location", 0))
    from lockgate.timeline.binder.kinds import check_aggregate

    check_aggregate(state, state.kind, term.loc, "grouping operations")
    term.level = state.depth
    state.aggregates.append(term)
    return term


def multi_assign(state: State, body: Node) -> Term:
    """One column of (a, b) = ...; handled where the assignment is."""
    return expr(state, body["source"])


HANDLERS: dict[str, Handler] = {
    "ColumnRef": column_ref,
    "ParamRef": param_ref,
    "A_Const": constant,
    "A_Expr": operation,
    "BoolExpr": boolean,
    "NullTest": null_test,
    "BooleanTest": boolean_test,
    "TypeCast": cast,
    "A_ArrayExpr": array_literal,
    "A_Indirection": indirection,
    "CollateClause": collate,
    "CaseExpr": case,
    "CoalesceExpr": coalesce,
    "MinMaxExpr": min_max,
    "RowExpr": row,
    "SetToDefault": set_to_default,
    "FuncCall": function,
    "GroupingFunc": grouping,
    "SubLink": sublink,
    "MultiAssignRef": multi_assign,
    **special.HANDLERS,
}
