"""CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW (src/backend/commands/createas.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.timeline.binder import AnalyzedQuery, analyze_query, check_uses, creation_target, words
from lockgate.timeline.binder.names import relation_in
from lockgate.timeline.context import Context, Node
from lockgate.timeline.hazards.queries import queried
from lockgate.timeline.transitions.relation.new_name import creation_place, ensure_free, skip_existing
from lockgate.timeline.transitions.relation.relation import create_relation
from lockgate.timeline.transitions.relation.view import check_attributes, make_attributes, query_refs
from lockgate.timeline.transitions.session.option import check_storage_options
from lockgate.timeline.transitions.session.prepare import execute_prepared


def create_table_as(ctx: Context, node: Node) -> None:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW."""
    ((tag, body),) = node["query"].items()
    if tag == "ExecuteStmt":
        execute_prepared(ctx, body)
        raise ctx.unsure("the columns of CREATE TABLE AS EXECUTE are not followed")
    query = analyze_query(ctx, tag, body)
    create_as(
        ctx,
        node["into"],
        query,
        (tag, body),
        materialized=node.get("objtype") == "OBJECT_MATVIEW",
        if_not_exists=bool(node.get("if_not_exists")),
    )


def create_as(
    ctx: Context, into: Node, query: AnalyzedQuery, read: tuple[str, Node], *, materialized: bool, if_not_exists: bool
) -> None:
    """ExecCreateTableAs: the relation with the query's columns; ``read`` is the query's raw tree."""
    rangevar = into["rel"]
    location = rangevar.get("location", 0)
    if materialized and query.modifies:
        raise ctx.refuse(
            "0A000", "materialized views must not use data-modifying statements in WITH", location, kind="other"
        )
    if materialized and query.temporary:
        raise ctx.refuse("0A000", "materialized views must not use temporary tables or views", location, kind="other")
    # CreateTableAsRelExists, then the query's own privileges (ExecutorStart), then CREATE on the schema
    # (DefineRelation)
    space = creation_target(ctx, rangevar)
    existing = relation_in(ctx, space.oid, rangevar.get("relname", ""))
    if if_not_exists and skip_existing(ctx, rangevar, existing, space):
        return
    ensure_free(ctx, rangevar.get("relname", ""), space.oid, location)
    skip = bool(into.get("skipData"))
    if not skip:
        check_uses(ctx, query)
    queried(ctx, *read, query, runs=not skip)
    names = words(into.get("colNames", []))
    if len(names) > len(query.columns) and not query.open:
        raise ctx.refuse("42601", "too many column names were specified", location, kind="column")
    creation_place(ctx, rangevar)
    columns = [replace(c, name=names[i]) if i < len(names) else c for i, c in enumerate(query.columns)]
    check_storage_options(ctx, into.get("options", []), "m" if materialized else "r")
    attributes = make_attributes(columns)
    check_attributes(ctx, attributes, "m" if materialized else "r", location)
    persistence = "t" if space.oid == ctx.session.temp_namespace else rangevar.get("relpersistence", "p")
    relation = create_relation(
        ctx,
        rangevar.get("relname", ""),
        space,
        "m" if materialized else "r",
        attributes,
        location=location,
        persistence=persistence,
        populated=not (materialized and skip),
        on_commit={"ONCOMMIT_DROP": "d", "ONCOMMIT_DELETE_ROWS": "r"}.get(into.get("onCommit", ""), ""),
    )
    if materialized:
        ctx.catalog.depend((relation.oid, 0), query_refs(query))
        if not skip:
            _check_functions(ctx, query)
    if query.open:
        ctx.taint(("shape", relation.oid), "its columns are not known for certain")


def _check_functions(ctx: Context, query: AnalyzedQuery) -> None:
    """From 17 on the rows come by a refresh, with the safe search path."""
    if ctx.catalog.major >= 17:
        from lockgate.timeline.routines.safe_path import check_safe_path

        check_safe_path(ctx, sorted(query.routines), rows=False)


HANDLERS = {"CreateTableAsStmt": create_table_as}
