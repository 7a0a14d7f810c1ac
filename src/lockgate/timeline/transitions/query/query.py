"""Queries at top level: analysed, their privileges checked, and the routines that they call carried out
(src/backend/tcop/pquery.c)."""

from __future__ import annotations

from typing import Any

from lockgate.timeline.binder import AnalyzedQuery, Variables, analyze_query, check_uses
from lockgate.timeline.context import Context, Node
from lockgate.timeline.hazards.queries import queried


def select(ctx: Context, node: Node) -> None:
    """SELECT and VALUES; SELECT ... INTO makes a table."""
    if "intoClause" in node:
        _select_into(ctx, node)
        return
    run_query(ctx, "SelectStmt", node)


def _select_into(ctx: Context, node: Node) -> None:
    from lockgate.timeline.transitions import execute

    query = {name: value for name, value in node.items() if name != "intoClause"}
    made = {
        "query": {"SelectStmt": query},
        "into": node["intoClause"],
        "objtype": "OBJECT_TABLE",
        "is_select_into": True,
    }
    execute(ctx, "CreateTableAsStmt", made)


def _handler(tag: str) -> Any:
    def run(ctx: Context, node: Node) -> None:
        run_query(ctx, tag, node)

    return run


def run_query(
    ctx: Context, tag: str, node: Node, *, variables: Variables | None = None, world: Any = None
) -> AnalyzedQuery:
    """Analyse a query and carry out what it does to the catalog: the routines and triggers that it runs."""
    from lockgate.timeline.routines.effects import query_effects

    query = analyze_query(ctx, tag, node, variables=variables)
    check_uses(ctx, query)
    queried(ctx, tag, node, query)
    query_effects(ctx, tag, node, query, world)
    return query


HANDLERS: dict[str, Any] = {
    "SelectStmt": select,
    "InsertStmt": _handler("InsertStmt"),
    "UpdateStmt": _handler("UpdateStmt"),
    "DeleteStmt": _handler("DeleteStmt"),
    "MergeStmt": _handler("MergeStmt"),
}
