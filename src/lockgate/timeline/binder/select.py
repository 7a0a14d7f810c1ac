"""SELECT, VALUES and set operations (transformSelectStmt and kin in src/backend/parser/analyze.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import Relation
from lockgate.timeline.binder.aggregates import check_grouping
from lockgate.timeline.binder.clauses import (
    distinct_clause,
    group_clause,
    limit_clause,
    locking_clause,
    sort_clause,
    window_clause,
)
from lockgate.timeline.binder.coercion import UNKNOWN, coerce_type, common_type, common_typmod, shown, to_common
from lockgate.timeline.binder.ctes import set_columns, with_clause
from lockgate.timeline.binder.from_clause import first_place, from_clause
from lockgate.timeline.binder.from_item import Col, Item
from lockgate.timeline.binder.ordering import check_groupable
from lockgate.timeline.binder.recurse import where
from lockgate.timeline.binder.state import Cte, State
from lockgate.timeline.binder.targets import Target, expand_list, resolve_unknowns, target_list
from lockgate.timeline.binder.term import Term, returns_set
from lockgate.timeline.context import Node

TEXT = 25


class SelectResult:
    """An analysed query: its columns, whether there may be others, and the state it left."""

    __slots__ = ("cols", "literals", "open", "returning", "state", "updatable")

    def __init__(
        self,
        state: State,
        cols: list[Col],
        open: bool = False,
        *,
        returning: bool = True,
        updatable: tuple[int, ...] = (),
    ) -> None:
        self.state = state
        self.cols = cols
        self.open = open
        self.returning = returning
        self.updatable = updatable
        self.literals: list[Term] = []  # the output terms, for INSERT ... SELECT 'literal'


def analyze_statement(
    parent: State | None, node: Node, *, state: State | None = None, cte: Cte | None = None, unknowns: bool = True
) -> SelectResult:
    """Analyse a query as a level below ``parent`` (or in ``state``)."""
    ((tag, body),) = node.items()
    if state is None:
        assert parent is not None
        state = State(parent.ctx, parent)
    state.cte_parent = cte
    state.resolve_unknowns = unknowns
    if tag == "SelectStmt":
        return select(state, body)
    if tag == "InsertStmt":
        from lockgate.timeline.binder.insert import insert

        return insert(state, body)
    from lockgate.timeline.binder import modify

    return {"UpdateStmt": modify.update, "DeleteStmt": modify.delete, "MergeStmt": modify.merge}[tag](state, body)


def select(state: State, body: Node) -> SelectResult:
    """Any SelectStmt."""
    if body.get("intoClause") and state.parent is not None:
        raise state.ctx.refuse(
            "42601", "SELECT ... INTO is not allowed here", body["intoClause"]["rel"].get("location", 0)
        )
    if body.get("valuesLists"):
        return values(state, body)
    if body.get("op", "SETOP_NONE") != "SETOP_NONE":
        return set_operation(state, body)
    with_clause(state, body.get("withClause"))
    state.windows = [w["WindowDef"] for w in body.get("windowClause", [])]
    from_clause(state, body.get("fromClause", []))
    targets, is_open = target_list(state, body.get("targetList", []), "select")
    qualification = where(state, body.get("whereClause"), "where", "WHERE")
    having = where(state, body.get("havingClause"), "having", "HAVING")
    order = sort_clause(state, body.get("sortClause", []), targets, "order")
    groups, sets = group_clause(state, body.get("groupClause", []), targets)
    if body.get("distinctClause"):
        distinct_clause(state, body["distinctClause"], targets, order)
    limit_clause(state, body.get("limitOffset"), "offset")
    limit_clause(state, body.get("limitCount"), "limit")
    window_clause(state, targets)
    if state.resolve_unknowns:
        resolve_unknowns(state, targets)
    _lock(state, body, targets)
    if groups or sets or having is not None or state.aggregates or body.get("groupClause"):
        terms = [t.term for t in targets] + ([having] if having is not None else [])
        check_grouping(state, terms, [g.term for g in groups], sets)
    result = SelectResult(state, columns_of(targets), is_open, updatable=_updatable(state, body, targets))
    result.literals = [t.term for t in targets if not t.junk]
    del qualification
    return result


def columns_of(targets: list[Target]) -> list[Col]:
    """The visible entries of a target list as columns."""
    return [Col(t.name, t.term.type, t.term.typmod, t.term.coll) for t in targets if not t.junk]


def _lock(state: State, body: Node, targets: list[Target]) -> None:
    if not body.get("lockingClause"):
        return
    problem = ""
    for given, noun in (
        (body.get("distinctClause"), "DISTINCT clause"),
        (body.get("groupClause"), "GROUP BY clause"),
        (body.get("havingClause"), "HAVING clause"),
        (state.aggregates, "aggregate functions"),
        (state.window_terms, "window functions"),
        (any(returns_set(t.term) for t in targets), "set-returning functions in the target list"),
    ):
        if given and not problem:
            problem = noun
    locking_clause(state, body["lockingClause"], problem)


def _updatable(state: State, body: Node, targets: list[Target]) -> tuple[int, ...]:
    """view_query_is_auto_updatable: one table or view, nothing that groups, limits or calls sets, and one plain
    column."""
    forbidden = ("distinctClause", "groupClause", "havingClause", "withClause", "limitOffset", "limitCount")
    if any(body.get(f) for f in forbidden) or state.aggregates or state.window_terms:
        return ()
    sources = body.get("fromClause", [])
    if len(sources) != 1 or "RangeVar" not in sources[0] or len(state.range) != 1:
        return ()
    item: Item = state.range[0]
    if item.kind != "relation" or not isinstance(item.rel, Relation):
        return (0,) if item.kind == "relation" and item.rel is None else ()
    if item.rel.kind not in "rpfv" or any(returns_set(t.term) for t in targets):
        return ()
    columns = tuple(
        max(item.cols[t.term.data[1]].num, 0) if t.term.op == "var" and t.term.data[1] >= 0 else 0
        for t in targets
        if not t.junk
    )
    return (item.rel.oid, *columns) if any(columns) else ()


# --- VALUES -----------------------------------------------------------------------------------------------------------


def values(state: State, body: Node) -> SelectResult:
    """VALUES as a query (transformValuesClause)."""
    with_clause(state, body.get("withClause"))
    rows: list[list[Term]] = []
    state.kind = "values"
    for node in body["valuesLists"]:
        items = node["List"].get("items", [])
        for item in items:
            if "SetToDefault" in item:
                raise state.ctx.refuse(
                    "42601", "DEFAULT is not allowed in this context", item["SetToDefault"].get("location", 0)
                )
        row = expand_list(state, items)
        if rows and len(row) != len(rows[0]) and not any(t.op == "open" for t in (*row, *rows[0])):
            raise state.ctx.refuse("42601", "VALUES lists must all be the same length", first_place(node))
        rows.append(row)
    state.kind = ""
    is_open = any(t.op == "open" for row in rows for t in row)
    cols = []
    for number in range(0 if is_open else len(rows[0])):
        column = [row[number] for row in rows]
        target = common_type(state, column, "VALUES")
        out = [to_common(state, t, target, "VALUES") for t in column]
        cols.append(
            Col(f"column{number + 1}", target, common_typmod(out, target), next((t.coll for t in out if t.coll), 0))
        )
    item = Item("values", "*VALUES*", cols, state, open=is_open)
    state.items.append(item)
    state.range.append(item)
    targets = [Target(Term("var", c.type, c.typmod, (), (item, n), -1, c.coll), c.name) for n, c in enumerate(cols)]
    sort_clause(state, body.get("sortClause", []), targets, "order")
    limit_clause(state, body.get("limitOffset"), "offset")
    limit_clause(state, body.get("limitCount"), "limit")
    if body.get("lockingClause"):
        raise state.ctx.refuse("0A000", "FOR UPDATE cannot be applied to VALUES", None)
    return SelectResult(state, cols, is_open)


# --- UNION, INTERSECT, EXCEPT -----------------------------------------------------------------------------------------


def set_operation(state: State, body: Node) -> SelectResult:
    """A tree of set operations (transformSetOperationStmt)."""
    with_clause(state, body.get("withClause"))
    cte = state.cte_parent
    first, cols, is_open = _tree(state, body, cte if cte is not None and cte.recursive else None, top=True)
    cols = [Col(cols[n].name if n < len(cols) else "", c.type, c.typmod, c.coll) for n, c in enumerate(cols)]
    item = Item("join", "*SELECT*", cols, state, open=is_open)
    item.rel_visible = False
    item.kind = "subquery"
    targets = [Target(Term("var", c.type, c.typmod, (), (item, n), -1, c.coll), c.name) for n, c in enumerate(cols)]
    state.items = [item]
    _order_union(state, body.get("sortClause", []), targets)
    state.items = []
    limit_clause(state, body.get("limitOffset"), "offset")
    limit_clause(state, body.get("limitCount"), "limit")
    if body.get("lockingClause"):
        locking_clause(state, body["lockingClause"], "UNION/INTERSECT/EXCEPT")
    if state.resolve_unknowns:
        for col in cols:
            col.type = TEXT if col.type == UNKNOWN else col.type
    del first
    return SelectResult(state, cols, is_open)


def _order_union(state: State, items: list[Any], targets: list[Target]) -> None:
    before = len(targets)
    sort_clause(state, items, targets, "order")
    if len(targets) != before:
        raise state.ctx.refuse("0A000", "invalid UNION/INTERSECT/EXCEPT ORDER BY clause", targets[before].term.loc)


_WORDS = {"SETOP_UNION": "UNION", "SETOP_INTERSECT": "INTERSECT", "SETOP_EXCEPT": "EXCEPT"}


def _tree(state: State, body: Node, cte: Cte | None, *, top: bool = False) -> tuple[list[Term], list[Col], bool]:
    """One node of the tree: the output terms of a leaf (for its untyped literals), its columns, whether they are
    all."""
    leaf = body.get("op", "SETOP_NONE") == "SETOP_NONE"
    if not leaf and not top:
        leaf = any(body.get(f) for f in ("sortClause", "limitOffset", "limitCount", "lockingClause", "withClause"))
    if leaf:
        return _leaf(state, body)
    word = _WORDS[body["op"]]
    left_terms, left, left_open = _tree(state, body["larg"], None)
    recursive = top and cte is not None and body["op"] == "SETOP_UNION"
    if recursive and cte is not None:
        partial = SelectResult(state, left, left_open)
        set_columns(state, cte, partial)
    right_terms, right, right_open = _tree(state, body["rarg"], None)
    if left_open or right_open:
        return [], [Col(c.name, 0) for c in left], True
    if len(left) != len(right):
        message = f"each {word} query must have the same number of columns"
        raise state.ctx.refuse("42601", message, first_place(body["rarg"]))
    cols = []
    terms = []
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        a = _output(left_terms, one, number)
        b = _output(right_terms, other, number)
        target = common_type(state, [a, b], word)
        pair = [to_common(state, a, target, word), to_common(state, b, target, word)] if target else [a, b]
        typmod = common_typmod(pair, target) if target else -1
        if not body.get("all") and target:
            check_groupable(state, target, a.loc)
        if recursive and cte is not None:
            _check_recursive(state, cte, number, target, typmod)
        cols.append(Col(one.name, target, typmod, one.coll or other.coll))
        terms.append(Term("setop", target, typmod, (), number, a.loc))
    return terms, cols, False


def _output(terms: list[Term], col: Col, number: int) -> Term:
    if number < len(terms):
        return terms[number]
    return Term("column", col.type, col.typmod, (), number, -1, col.coll)


def _leaf(state: State, body: Node) -> tuple[list[Term], list[Col], bool]:
    result = analyze_statement(state, {"SelectStmt": body}, unknowns=False)
    terms = [
        t if t.op == "const" else Term("column", t.type, t.typmod, (), n, t.loc, t.coll)
        for n, t in enumerate(result.literals)
    ]
    for term, col in zip(terms, result.cols, strict=False):
        term.type, term.typmod = col.type, col.typmod
    return terms, result.cols, result.open


def _check_recursive(state: State, cte: Cte, number: int, target: int, typmod: int) -> None:
    if number >= len(cte.columns):
        return
    column = cte.columns[number]
    if column.type and target and (column.type != target or column.typmod != typmod):
        from lockgate.catalog.typename import type_name

        path = state.ctx.path()
        message = (
            f'recursive query "{cte.name}" column {number + 1} has type {type_name(state.catalog, column.type, column.typmod, path)} '
            f"in non-recursive term but type {type_name(state.catalog, target, typmod, path)} overall"
        )
        raise state.ctx.refuse("42804", message, cte.node.get("location", 0))


__all__ = ["SelectResult", "analyze_statement", "coerce_type", "columns_of", "select", "shown"]
