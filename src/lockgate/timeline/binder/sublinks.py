"""Subqueries in expressions (transformSubLink in parse_expr.c)."""

from __future__ import annotations

from typing import Any

from lockgate.base.lazy_imports import pattern
from lockgate.catalog.typename import array_of
from lockgate.timeline.binder.coercion import UNKNOWN, shown
from lockgate.timeline.binder.kinds import check_subquery
from lockgate.timeline.binder.names import words
from lockgate.timeline.binder.operators import make_op
from lockgate.timeline.binder.recurse import expr
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Nested, Term
from lockgate.timeline.context import Node

BOOL, TEXT = 16, 25
_PLACES = pattern(r"'(?:\w*location|list_start|list_end)': -?\d+(?:, )?")


def sublink(state: State, body: Node) -> Term:
    """EXISTS, IN, ANY, ALL, ARRAY(...), and scalar subqueries."""
    from lockgate.timeline.binder.select import analyze_statement

    kind, at = body.get("subLinkType", "EXISTS_SUBLINK"), body.get("location", 0)
    check_subquery(state, at)
    state.sublinks = True
    result = analyze_statement(state, body["subselect"])
    nested = Nested(result.state.outer_vars, result.state.outer_aggregates, _PLACES.sub("", repr(body["subselect"])))
    if kind == "EXISTS_SUBLINK":
        return Term("sublink", BOOL, -1, (), nested, at)
    if kind in ("EXPR_SUBLINK", "ARRAY_SUBLINK"):
        return _scalar(state, kind, result, nested, at)
    if kind == "MULTIEXPR_SUBLINK":
        return Term("sublink", 2249, -1, (), nested, at)
    return _compared(state, body, kind, result, nested, at)


def _scalar(state: State, kind: str, result: Any, nested: Nested, at: int) -> Term:
    if result.open:
        return Term("sublink", 0, -1, (), nested, at)
    if len(result.cols) != 1:
        raise state.ctx.refuse("42601", "subquery must return only one column", at)
    col = result.cols[0]
    if kind == "EXPR_SUBLINK":
        return Term("sublink", col.type, col.typmod, (), nested, at, col.coll)
    if not col.type:
        return Term("sublink", 0, -1, (), nested, at)
    target = array_of(state.catalog, col.type) if col.type != UNKNOWN else 1009
    from lockgate.catalog.typename import element_of

    if element_of(state.catalog, col.type) and col.type not in (22, 30):
        target = col.type
    if not target:
        raise state.ctx.refuse(
            "42704", f"could not find array type for data type {shown(state, col.type)}", at, kind="type"
        )
    return Term("sublink", target, col.typmod, (), nested, at, col.coll)


def _compared(state: State, body: Node, kind: str, result: Any, nested: Nested, at: int) -> Term:
    """x IN (SELECT ...), x op ANY (SELECT ...), ROW(...) op (SELECT ...)."""
    left = expr(state, body["testexpr"])
    lefts = left.args if left.op == "row" else (left,)
    names = words(body.get("operName", [])) or ["="]
    if result.open:
        return Term("sublink", BOOL, -1, tuple(lefts), nested, at)
    if len(lefts) < len(result.cols):
        raise state.ctx.refuse("42601", "subquery has too many columns", at)
    if len(lefts) > len(result.cols):
        raise state.ctx.refuse("42601", "subquery has too few columns", at)
    terms = []
    for one, col in zip(lefts, result.cols, strict=True):
        right = Term(
            "param", col.type if col.type != UNKNOWN else TEXT, col.typmod, (), ("column", col.name), at, col.coll
        )
        compared = make_op(state, names, one, right, at)
        if compared.type not in (BOOL, 0):
            raise state.ctx.refuse(
                "42804", f"row comparison operator must yield type boolean, not type {shown(state, compared.type)}", at
            )
        terms.append(compared)
    return Term("sublink", BOOL, -1, tuple(terms), nested, at)
