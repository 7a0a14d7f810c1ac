"""Aggregates and window functions: calls, levels and grouping (src/backend/parser/parse_agg.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import Constraint, Relation
from lockgate.timeline.binder.from_item import Item
from lockgate.timeline.binder.functions import Call, call_function
from lockgate.timeline.binder.kinds import check_aggregate, check_window
from lockgate.timeline.binder.names import words
from lockgate.timeline.binder.recurse import expr, transform, where
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term, key, strip_relabel, walk
from lockgate.timeline.context import Node


def function_call(state: State, body: Node) -> Term:
    """FuncCall: arguments, decorations, and the function they pick."""
    marks = _marks(state)
    args, argnames = [], []
    procedure = state.kind == "call"
    if procedure:
        state.kind = "other"  # what CALL names is a procedure; what its arguments call are functions
    for item in body.get("args", []):
        if "NamedArgExpr" in item:
            named = item["NamedArgExpr"]
            if named["name"] in argnames:
                message = f'argument name "{named["name"]}" used more than once'
                raise state.ctx.refuse("42601", message, named.get("location", 0))
            argnames.append(named["name"])
            args.append(expr(state, named["arg"]))
        elif argnames:
            raise state.ctx.refuse("42601", "positional argument cannot follow named argument", body.get("location", 0))
        else:
            args.append(expr(state, item))
    order = body.get("agg_order", [])
    if body.get("agg_within_group"):
        args += [transform(state, o["SortBy"]["node"], "order") for o in order]
    filtered = where(state, body.get("agg_filter"), "filter", "FILTER")
    call = Call(
        words(body["funcname"]),
        args,
        tuple(argnames),
        body.get("location", 0),
        bool(body.get("agg_star")),
        bool(body.get("agg_distinct")),
        bool(body.get("func_variadic")),
        order,
        bool(body.get("agg_within_group")),
        filtered,
        body.get("over"),
        procedure=procedure,
    )
    term = apply(state, call, marks)
    assert term is not None
    return term


def apply(state: State, call: Call, marks: list[tuple[State, int]] | None = None) -> Term | None:
    """A call with its arguments analysed; ``marks`` tell where the outer references of its arguments begin."""
    term = call_function(state, call)
    if term is not None and term.op in ("agg", "win") and term.level < 0:
        return _aggregate(state, term, call, _marks(state) if marks is None else marks)
    return term


def decorated(state: State, term: Term, body: Node) -> Term:
    """An aggregate that is no function (JSON_OBJECTAGG): its FILTER, ORDER BY and OVER."""
    marks = _marks(state)
    filtered = where(state, body.get("agg_filter"), "filter", "FILTER")
    if body.get("over"):
        term.op = "win"
    call = Call(
        ["json"],
        list(term.args),
        (),
        term.loc,
        order=body.get("agg_order") or (),
        filtered=filtered,
        over=body.get("over"),
    )
    return _aggregate(state, term, call, marks)


def _marks(state: State) -> list[tuple[State, int]]:
    marks, one = [], state
    while one.parent is not None:
        marks.append((one, len(one.outer_vars)))
        one = one.parent
    return marks


def _aggregate(state: State, term: Term, call: Call, marks: list[tuple[State, int]]) -> Term:
    ctx, name = state.ctx, ".".join(call.names)
    if not term.args and not call.star and not call.within and term.op == "agg":
        message = f"{name}(*) must be used to call a parameterless aggregate function"
        raise ctx.refuse("42809", message, call.location, object=name, kind="function")
    order = () if call.within else tuple(_sort_terms(state, call.order))
    if call.distinct and order:
        given = {key(a) for a in term.args}
        for one in order:
            if key(one) not in given and not any(key(strip_relabel(a)) == key(one) for a in term.args):
                message = "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list"
                raise ctx.refuse("42P10", message, one.loc)
    extra = (*order, *((call.filtered,) if call.filtered is not None else ()))
    term.args = (*term.args, *extra)
    if any(t.retset for t in term.args):
        word = "window" if term.op == "win" else "aggregate"
        raise ctx.refuse("0A000", f"{word} function calls cannot contain set-returning function calls", call.location)
    if term.op == "win":
        return _window(state, term, call)
    _level(state, term, marks)
    return term


def _sort_terms(state: State, order: Any) -> list[Term]:
    return [transform(state, o["SortBy"]["node"], "order") for o in order]


def _level(state: State, term: Term, marks: list[tuple[State, int]]) -> None:
    """Which query the aggregate belongs to: the nearest one that its arguments refer to (check_agg_arguments)."""
    deepest, nested = -1, -1
    for arg in term.args:
        for one in walk(arg):
            if one.op == "var":
                deepest = max(deepest, one.data[0].state.depth)
            elif one.op in ("agg", "grouping"):
                nested = max(nested, one.level)
            elif one.op == "win" and one.level == state.depth:
                raise state.ctx.refuse(
                    "42803", "aggregate function calls cannot contain window function calls", one.loc
                )
            elif one.op == "sublink":
                deepest = max(
                    [deepest, *(v.data[0].state.depth for v in one.data.outer if v.data[0].state.depth <= state.depth)]
                )
                nested = max([nested, *(a.level for a in one.data.aggregates if a.level <= state.depth)])
    level = max(deepest, nested)
    if level < 0:
        level = state.depth
    if nested == level:
        raise state.ctx.refuse("42803", "aggregate function calls cannot be nested", term.loc)
    owner, kind = state, state.kind
    while owner.depth > level and owner.parent is not None:
        owner = owner.parent
        kind = owner.kind
    check_aggregate(owner, kind, term.loc)
    term.level = level
    owner.aggregates.append(term)
    for inner, mark in marks:
        if inner.depth > level:
            inner.outer_vars[mark:] = [v for v in inner.outer_vars[mark:] if v.data[0].state is not owner]
            inner.outer_aggregates.append(term)


def _window(state: State, term: Term, call: Call) -> Term:
    ctx = state.ctx
    for arg in term.args:
        for one in walk(arg):
            if one.op == "win" and one.level == state.depth:
                raise ctx.refuse("42P20", "window function calls cannot be nested", one.loc)
    check_window(state, call.location)
    if call.distinct:
        raise ctx.refuse("0A000", "DISTINCT is not implemented for window functions", call.location)
    if call.order:
        raise ctx.refuse("0A000", "aggregate ORDER BY is not implemented for window functions", call.location)
    term.level = state.depth
    state.window_terms.append(term)
    over = call.over
    if over.get("name"):
        if not any(w.get("name") == over["name"] for w in state.windows):
            message = f'window "{over["name"]}" does not exist'
            raise ctx.refuse(
                "42704", message, over.get("location", 0), name=over["name"], object=over["name"], kind="other"
            )
    else:
        state.windows.append(over)
    return term


# --- grouping ---------------------------------------------------------------------------------------------------------


def check_grouping(state: State, terms: list[Term], groups: list[Term], sets: bool) -> None:
    """Every column outside an aggregate must be grouped, or depend on what is (parseCheckAggregates). Refuses with
    42803."""
    group_keys = {key(g) for g in groups}
    group_vars = {(id(g.data[0]), g.data[1]) for g in groups if g.op == "var"}
    checker = _Grouping(state, group_keys, group_vars, sets)
    for term in terms:
        checker.check(term)


class _Grouping:
    """The walk of check_ungrouped_columns."""

    def __init__(self, state: State, group_keys: set[Any], group_vars: set[tuple[int, int]], sets: bool) -> None:
        self.state = state
        self.keys = group_keys
        self.vars = group_vars
        self.sets = sets
        self.others = len(group_keys) > len(group_vars)
        self.determined: dict[int, bool] = {}

    def check(self, term: Term) -> None:
        """One expression of the target list or HAVING."""
        stack = [term]
        while stack:
            one = stack.pop()
            if one.op in ("const", "param", "doubt", "variable"):
                continue
            if one.op == "agg" and one.level <= self.state.depth:
                self._direct(one, stack)
                continue
            if one.op == "grouping" and one.level == self.state.depth:
                self._grouping(one)
                continue
            if self.others and key(one) in self.keys:
                continue
            if one.op == "var":
                self._var(one, nested=False)
            elif one.op == "sublink":
                stack.extend(one.args)
                for outer in one.data.outer:
                    self._var(outer, nested=True)
            else:
                stack.extend(reversed(one.args))

    def _direct(self, term: Term, stack: list[Term]) -> None:
        routine = term.data[1]
        if term.level == self.state.depth and routine is not None and routine.agg_kind in ("o", "h"):
            stack.extend(term.args[: routine.agg_direct])

    def _grouping(self, term: Term) -> None:
        for arg in term.args:
            if key(arg) not in self.keys:
                message = "arguments to GROUPING must be grouping expressions of the associated query level"
                raise self.state.ctx.refuse("42803", message, arg.loc)

    def _var(self, term: Term, *, nested: bool) -> None:
        item: Item = term.data[0]
        if item.state is not self.state or item.open or (id(item), term.data[1]) in self.vars:
            return
        if not self.sets and self._determines(item):
            return
        name = "*" if term.data[1] == -1 else item.cols[term.data[1]].name if term.data[1] >= 0 else ""
        shown = f"{item.name}.{name}"
        message = f'column "{shown}" must appear in the GROUP BY clause or be used in an aggregate function'
        if nested:
            message = f'subquery uses ungrouped column "{shown}" from outer query'
        raise self.state.ctx.refuse("42803", message, term.loc, name=name or None, object=shown)

    def _determines(self, item: Item) -> bool:
        """Whether the grouped columns hold the relation's primary key (check_functional_grouping)."""
        if id(item) not in self.determined:
            self.determined[id(item)] = self._has_key(item)
        return self.determined[id(item)]

    def _has_key(self, item: Item) -> bool:
        if item.kind != "relation" or not isinstance(item.rel, Relation):
            return False
        grouped = {item.cols[p].num for i, p in self.vars if i == id(item) and p >= 0}
        for constraint in self.state.catalog.of_relation(item.rel.oid, Constraint):
            if (
                constraint.kind == "p"
                and not constraint.deferrable
                and constraint.keys
                and set(constraint.keys) <= grouped
            ):
                self.state.gathered.depends.add((constraint.oid, 0))
                return True
        return bool(self.state.catalog.taint_of(("object", item.rel.oid)))
