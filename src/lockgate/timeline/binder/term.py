"""Analysed expressions: a light tree, enough for equality, aggregate levels and dependencies (what primnodes.h is to
PostgreSQL)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Term:
    """A node of an analysed expression.

    ``op`` is its kind: var const param func agg win op case coalesce row array sublink relabel ... ``type`` 0 is not
    known; ``data`` tells terms of a kind apart (hashable). ``level`` of an aggregate is the depth of the query it
    belongs to.
    """

    __slots__ = ("args", "coll", "data", "level", "loc", "op", "retset", "type", "typmod")

    def __init__(
        self,
        op: str,
        type: int,
        typmod: int = -1,
        args: tuple[Term, ...] = (),
        data: Any = None,
        loc: int = -1,
        coll: int = 0,
    ) -> None:
        self.op = op
        self.type = type
        self.typmod = typmod
        self.args = args
        self.data = data
        self.loc = loc
        self.coll = coll
        self.level = -1
        self.retset = False


def key(term: Term) -> Any:
    """What equal() compares: the same for terms that mean the same."""
    if term.op == "var":
        return ("var", id(term.data[0]), term.data[1])
    data = (
        term.data[0] if term.op in ("func", "agg", "win") and isinstance(term.data, tuple) else term.data
    )  # the routine by its oid
    return (term.op, term.type, data, tuple(key(a) for a in term.args))


def walk(term: Term) -> Iterator[Term]:
    """The term and all below it; subqueries are leaves."""
    stack = [term]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(reversed(one.args))


def variables_of(term: Term) -> Iterator[Term]:
    """Every column reference below a term, those of subqueries to outer queries included."""
    for one in walk(term):
        if one.op == "var":
            yield one
        elif one.op == "sublink":
            yield from one.data.outer


def returns_set(term: Term) -> bool:
    """expression_returns_set."""
    return any(t.retset for t in walk(term))


def strip_relabel(term: Term) -> Term:
    """The term below binary-compatible coercions."""
    while term.op == "relabel":
        term = term.args[0]
    return term


class Nested:
    """A subquery inside an expression: its outer references, for the checks of the query around it."""

    __slots__ = ("aggregates", "outer", "text")

    def __init__(self, outer: list[Term], aggregates: list[Term], text: str) -> None:
        self.outer = outer
        self.aggregates = aggregates
        self.text = text  # the raw subquery without places: equal texts count as equal

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nested) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)
