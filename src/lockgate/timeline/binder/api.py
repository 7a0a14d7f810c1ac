"""The binder's entries: a query, or an expression in a given scope (parse_analyze, cookDefault and kin)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Relation
from lockgate.catalog.typename import type_of
from lockgate.timeline.binder.coercion import CONTEXTS, coerce_to_boolean, coerce_to_target
from lockgate.timeline.binder.from_item import WHOLE_ROW, Part, Scope
from lockgate.timeline.binder.recurse import transform
from lockgate.timeline.binder.replica import check_replica_identity
from lockgate.timeline.binder.select import SelectResult, analyze_statement
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term, variables_of
from lockgate.timeline.binder.values import AnalyzedQuery, Column, Expr, Variables
from lockgate.timeline.context import Context, Node

_COMMANDS = {
    "SelectStmt": "select",
    "InsertStmt": "insert",
    "UpdateStmt": "update",
    "DeleteStmt": "delete",
    "MergeStmt": "merge",
}


def empty_scope() -> Scope:
    """Nothing to refer to."""
    return Scope()


def relation_scope(ctx: Context, relation: Any, alias: str | None = None, *, qualified_only: bool = False) -> Scope:
    """The columns of one relation, under its own name or an alias; ``qualified_only``: only as alias.column (OLD and
    NEW)."""
    del ctx
    return Scope((Part(relation, alias or relation.name, qualified_only),))


def value_scope(type: int, typmod: int = -1, collation: int = 0) -> Scope:
    """VALUE in a domain's CHECK."""
    return Scope((), Column("value", type, typmod, collation))


def analyze_query(
    ctx: Context, tag: str, node: Node, *, variables: Variables | None = None, scope: Scope | None = None
) -> AnalyzedQuery:
    """Analyse a SELECT, INSERT, UPDATE, DELETE or MERGE; ``scope`` is what surrounds it (OLD and NEW of a rule).

    Refuses where parse analysis does. What comes later, when the query is rewritten, planned or run, is in ``late`` and
    ``uses``: see check_uses.
    """
    variables = ctx.variables if variables is None else variables
    outer = None
    if scope is not None:
        outer = State(ctx, None, variables)
        scope.enter(outer)
        outer.lateral_active = True
    state = State(ctx, outer, variables)
    result = analyze_statement(None, {tag: node}, state=state)
    return _query(state, result, _COMMANDS[tag])


def _query(state: State, result: SelectResult, command: str) -> AnalyzedQuery:
    gathered = state.gathered
    gathered.settle()
    columns = tuple(
        Column(c.name, c.type, c.typmod, (own := _collation(state, c.type)) and (c.coll or own)) for c in result.cols
    )
    target = state.target.rel.oid if state.target is not None and state.target.rel is not None else 0
    gathered.release()
    return AnalyzedQuery(
        command,
        columns,
        _distinct(gathered.depends),
        tuple(u.frozen() for u in gathered.uses if u.privileges),
        target,
        result.open,
        result.updatable,
        gathered.modifies,
        state.locked,
        gathered.temporary,
        frozenset(gathered.routines),
        gathered.volatility,
        tuple(gathered.late),
    )


def _distinct(depends: set[Address]) -> frozenset[Address]:
    """Without the whole relations of which columns are referred to (eliminate_duplicate_dependencies in
    dependency.c)."""
    columns = {oid for oid, num in depends if num}
    return frozenset(d for d in depends if d[1] or d[0] not in columns)


def _collation(state: State, oid: int) -> int:
    found = type_of(state.catalog, oid)
    return found.collation if found is not None else 0


def analyze_expression(
    ctx: Context, node: Node, scope: Scope, kind: str, *, variables: Variables | None = None
) -> Expr:
    """Analyse an expression outside a query; see the package's docstring for ``kind``."""
    state = State(ctx, None, variables)
    scope.enter(state)
    term = transform(state, node, kind)
    return _expr(state, term)


def _expr(state: State, term: Term, before: Expr | None = None) -> Expr:
    gathered = state.gathered
    gathered.settle()
    numbers, whole = set(), False
    for var in variables_of(term):
        item, position = var.data
        if item.state is state or before is not None:
            if position == WHOLE_ROW:
                whole = True
            else:
                numbers.add(item.cols[position].num if position >= 0 else position + 100)
    gathered.release()
    depends, routines, volatility = _distinct(gathered.depends), frozenset(gathered.routines), gathered.volatility
    if before is not None:
        depends |= before.depends
        routines |= before.routines
        volatility = max(before.volatility, volatility, key=lambda v: ("i", "s", "v", "").index(v))
    coll = term.coll or _collation(state, term.type)
    constant = term.op == "const" or (
        not numbers and not whole and term.op in ("relabel", "cast", "io", "length") and term.args[0].op == "const"
    )
    return Expr(
        term.type, term.typmod, coll, depends, volatility, frozenset(numbers), whole, constant, routines, term, term.loc
    )


def _tree(expr: Expr) -> Term:
    """The term of an expression; that of a bare value of its type (a column being converted) where it was not
    analysed."""
    return expr.tree or Term("value", expr.type, expr.typmod, (), "value", expr.location, expr.collation)


def coerce(
    ctx: Context, expr: Expr, type: int, typmod: int, context: str, location: int | None = None, message: str = ""
) -> Expr:
    """Convert an expression to a type; ``message`` (42804) is refused with where there is no way in that context."""
    state = State(ctx)
    out = coerce_to_target(state, _tree(expr), type, typmod, CONTEXTS[context])
    if out is None:
        raise ctx.refuse("42804", message, location if location is not None else max(expr.location, 0))
    return _expr(state, out, expr)


def boolean(ctx: Context, expr: Expr, what: str) -> Expr:
    """Convert to boolean, or refuse: argument of ``what`` must be type boolean, not type ..."""
    state = State(ctx)
    return _expr(state, coerce_to_boolean(state, _tree(expr), what), expr)


def check_uses(ctx: Context, query: AnalyzedQuery) -> None:
    """What running a query needs: rewriting and planning first, then the privileges on its relations and routines."""
    from lockgate.timeline.privileges import check as privileges

    check_rewriting(ctx, query, planned=False)
    _check_planning(ctx, query)
    privileges.check_uses(ctx, query)
    if query.late and not ctx.catalog.taint_of(("any",)):  # CheckValidResultRel, as execution starts
        raise query.late[0]
    check_replica_identity(ctx, query)
    looked: set[int] = set()
    for use in query.uses:
        relation = ctx.catalog.find(Relation, use.relation)
        if relation is not None and "SELECT" in use.privileges:
            _scannable(ctx, relation, use.location, looked)


def _check_planning(ctx: Context, query: AnalyzedQuery) -> None:
    from lockgate.timeline.privileges.query import check_views

    for late in query.late if not ctx.catalog.taint_of(("any",)) else ():
        if late.failure.sqlstate == "42P10":
            check_views(ctx, query)
            raise late


def check_rewriting(ctx: Context, query: AnalyzedQuery, *, planned: bool = True) -> None:
    """What QueryRewrite refuses: views that select from themselves, and those that cannot be written to; with
    ``planned`` what the planner does, too."""
    if ctx.catalog.taint_of(("any",)):
        return
    looked: set[int] = set()
    for use in query.uses:
        _recursion(ctx, use.relation, frozenset(), looked)
    for late in query.late:
        if late.failure.sqlstate != "42809" and (planned or late.failure.sqlstate != "42P10"):
            raise late


def _recursion(ctx: Context, oid: int, seen: frozenset[int], looked: set[int]) -> None:
    """fireRIRrules: a view that selects from itself, as CREATE OR REPLACE lets it (42P17). ``looked``: views found
    innocent, looked at once."""
    view = ctx.catalog.find(Relation, oid)
    if view is None or view.kind != "v" or oid in looked:
        return
    if oid in seen:
        raise ctx.refuse(
            "42P17",
            f'infinite recursion detected in rules for relation "{view.name}"',
            name=view.name,
            kind="relation",
            object=ctx.catalog.qualified(view),
        )
    for behind in {edge.referenced[0] for edge in ctx.catalog.dependencies(oid) if edge.kind == "n"}:
        _recursion(ctx, behind, seen | {oid}, looked)
    looked.add(oid)


def _scannable(ctx: Context, relation: Relation, location: int, looked: set[int]) -> None:
    """ExecOpenScanRelation: a materialized view must hold data (55000), behind a view too."""
    if relation.oid in looked or ctx.catalog.taint_of(("any",), ("object", relation.oid)) is not None:
        return
    looked.add(relation.oid)
    if relation.kind == "m" and not relation.populated:
        raise ctx.refuse(
            "55000",
            f'materialized view "{relation.name}" has not been populated',
            location,
            name=relation.name,
            kind="relation",
            object=ctx.catalog.qualified(relation),
            help="Use the REFRESH MATERIALIZED VIEW command.",
        )
    if relation.kind != "v":
        return
    for edge in ctx.catalog.dependencies(relation.oid):
        behind = ctx.catalog.find(Relation, edge.referenced[0])
        if behind is not None and edge.kind == "n":
            _scannable(ctx, behind, location, looked)
