"""The way into an expression, and from one into those below it (transformExprRecurse in src/backend/parser/parse_expr.c)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from lockgate.timeline.binder.coercion import coerce_to_boolean
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.context import Node

Handler = Callable[[State, Node], Term]


@cache
def _handlers() -> dict[str, Handler]:
    """What knows each node; they import this module, so that they are asked for at the first expression."""
    from lockgate.timeline.binder.expressions import HANDLERS

    return HANDLERS


def transform(state: State, node: Node, kind: str) -> Term:
    """An expression of a given kind (transformExpr)."""
    saved, state.kind = state.kind, kind
    try:
        return expr(state, node)
    finally:
        state.kind = saved


def expr(state: State, node: Node) -> Term:
    """An expression within another."""
    ((tag, body),) = node.items()
    handler = _handlers().get(tag)
    if handler is None:
        return Term("doubt", 0, -1, (), tag, body.get("location", -1) if isinstance(body, dict) else -1)
    return handler(state, body)


def where(state: State, node: Node | None, kind: str, construct: str) -> Term | None:
    """A boolean clause (transformWhereClause)."""
    if not node:
        return None
    return coerce_to_boolean(state, transform(state, node, kind), construct)
