"""WITH (src/backend/parser/parse_cte.c). A query is analysed when it is first referred to, or at the latest when its
WITH has been read."""

from __future__ import annotations

from typing import Any

from lockgate.parse.facts import MODIFYING
from lockgate.timeline.binder.coercion import UNKNOWN
from lockgate.timeline.binder.recurse import transform
from lockgate.timeline.binder.state import Cte, State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.binder.values import Column
from lockgate.timeline.context import Node

RECORDARRAY, RECORD, TEXT, BOOL = 2287, 2249, 25, 16


def with_clause(state: State, body: Node | None) -> None:
    """Make the queries of WITH known to a level. Refuses with 42712, 0A000."""
    if not body:
        return
    ctes = [node["CommonTableExpr"] for node in body["ctes"]]
    recursive = bool(body.get("recursive"))
    for node in ctes:
        name, at = node["ctename"], node.get("location", 0)
        if sum(n["ctename"] == name for n in ctes) > 1 and node is not next(n for n in ctes if n["ctename"] == name):
            raise state.ctx.refuse("42712", f'WITH query name "{name}" specified more than once', at, name=name)
        if next(iter(node["ctequery"])) in MODIFYING and state.parent is not None:
            message = "WITH clause containing a data-modifying statement must be at the top level"
            raise state.ctx.refuse("0A000", message, at)
    made = []
    for node in ctes:
        cte = Cte(node["ctename"], node, state.depth)
        cte.recursive = recursive
        made.append(cte)
        if recursive:
            state.ctes[cte.name] = cte
    for cte in made:
        _analyse(state, cte)
        state.ctes[cte.name] = cte


def ensure(state: State, cte: Cte, at: int) -> None:
    """The columns of a WITH query that is referred to; a reference to itself must come from its recursive term. Refuses
    with 42P19."""
    if cte.analysed:
        return
    owner: State | None = state
    while owner is not None and owner.ctes.get(cte.name) is not cte:
        owner = owner.parent
    if cte.self_reference == 0 and owner is not None:
        _analyse(owner, cte)
        return
    if cte.self_reference == 1:
        if not _is_union(cte.node["ctequery"]):
            message = (
                f'recursive query "{cte.name}" does not have the form non-recursive-term UNION [ALL] recursive-term'
            )
        else:
            message = f'recursive reference to query "{cte.name}" must not appear within its non-recursive term'
        raise state.ctx.refuse("42P19", message, at, name=cte.name)


def _is_union(query: Node) -> bool:
    return bool(query.get("SelectStmt", {}).get("op") == "SETOP_UNION")


def _analyse(owner: State, cte: Cte) -> None:
    from lockgate.timeline.binder.select import analyze_statement

    if cte.analysed or cte.self_reference:
        return
    cte.self_reference = 1  # in progress: 1 before its columns are known, 2 after
    saved_items, saved_kind, gathered = owner.items, owner.kind, owner.gathered
    uses, routines, gathered.uses, gathered.routines = gathered.uses, gathered.routines, cte.uses, cte.routines
    owner.items = []  # a WITH query does not see the FROM of its own level
    result = analyze_statement(owner, cte.node["ctequery"], cte=cte)
    owner.items, owner.kind = saved_items, saved_kind
    gathered.uses, gathered.routines = uses, routines
    gathered.ctes.append(cte)
    cte.dml = next(iter(cte.node["ctequery"])) in MODIFYING
    if cte.dml:
        owner.gathered.modifies = True
        cte.has_returning = result.returning
    if cte.self_reference != 2:
        set_columns(owner, cte, result)
    cte.analysed = True
    _search_and_cycle(owner, cte)


def set_columns(state: State, cte: Cte, result: Any) -> None:
    """analyzeCTETargetList: column names from the alias list, untyped literals as text. Refuses with 42P10."""
    names = [n["String"].get("sval", "") for n in cte.node.get("aliascolnames", [])]
    if len(names) > len(result.cols) and not result.open:
        message = f'WITH query "{cte.name}" has {len(result.cols)} columns available but {len(names)} columns specified'
        raise state.ctx.refuse("42P10", message, cte.node.get("location", 0))
    cte.columns = [
        Column(names[n] if n < len(names) else c.name, TEXT if c.type == UNKNOWN else c.type, c.typmod, c.coll)
        for n, c in enumerate(result.cols)
    ]
    cte.columns += [Column(n, 0) for n in names[len(result.cols) :]]
    cte.open = result.open
    if cte.recursive:
        cte.self_reference = 2


def _search_and_cycle(state: State, cte: Cte) -> None:
    search, cycle = cte.node.get("search_clause"), cte.node.get("cycle_clause")
    for clause, field in ((search, "search_col_list"), (cycle, "cycle_col_list")):
        for node in (clause or {}).get(field, []):
            name = node["String"].get("sval", "")
            if not cte.open and all(c.name != name for c in cte.columns):
                word = "search" if field == "search_col_list" else "cycle"
                message = f'{word} column "{name}" not in WITH query column list'
                raise state.ctx.refuse("42601", message, (clause or {}).get("location", 0), name=name)
    if search:
        depth_first = not search.get("search_breadth_first")
        cte.columns.append(Column(search["search_seq_column"], RECORDARRAY if depth_first else RECORD))
    if cycle:
        mark = Term("const", BOOL)
        if cycle.get("cycle_mark_value"):
            mark = transform(state, cycle["cycle_mark_value"], "cycle")
        cte.columns.append(Column(cycle["cycle_mark_column"], TEXT if mark.type == UNKNOWN else mark.type, mark.typmod))
        cte.columns.append(Column(cycle["cycle_path_column"], RECORDARRAY))


__all__ = ["ensure", "set_columns", "with_clause"]
