"""Extended statistics (src/backend/commands/statscmds.c)."""

from __future__ import annotations

from lockgate.catalog.details import StatisticsColumns
from lockgate.catalog.objects import Namespace, Other, Relation
from lockgate.timeline.binder import analyze_expression, relation_scope, words
from lockgate.timeline.context import Context, Node
from lockgate.timeline.naming import join_names, make_object_name
from lockgate.timeline.privileges.check import need_create, need_owner
from lockgate.timeline.transitions.object.address import find
from lockgate.timeline.transitions.object.creation import target_namespace
from lockgate.timeline.transitions.relation.new_name import created_here
from lockgate.timeline.transitions.relation.relation import SYSTEM_COLUMNS, column_of, user_relation
from lockgate.timeline.transitions.table.virtual_column import refuse_virtual
from lockgate.timeline.transitions.type.opclass import default_opclass

_KINDS = ("ndistinct", "dependencies", "mcv")


def create_statistics(ctx: Context, node: Node) -> None:
    """CREATE STATISTICS (CreateStatistics)."""
    relations = node.get("relations", [])
    if len(relations) != 1 or "RangeVar" not in relations[0]:
        raise ctx.refuse("0A000", "only a single relation is allowed in CREATE STATISTICS", 0, kind="relation")
    location = relations[0]["RangeVar"].get("location", 0)
    relation = user_relation(ctx, relations[0]["RangeVar"])
    assert relation is not None
    if relation.kind not in "rmfp":
        raise ctx.refuse(
            "42809",
            f'cannot define statistics for relation "{relation.name}"',
            location,
            name=relation.name,
            kind="relation",
        )
    need_owner(ctx, relation, location, name=relation.name)
    elements = [e["StatsElem"] for e in node.get("exprs", [])]
    if node.get("defnames"):
        space, name = target_namespace(ctx, node["defnames"])
    else:
        if ctx.catalog.major < 16:
            raise ctx.refuse(
                "42601",
                'syntax error at or near "on"',
                0,
                name="on",
                kind="other",
                help="Give the statistics a name (needed before 16).",
            )
        space = ctx.catalog.the(Namespace, relation.namespace)
        name = statistics_name(ctx, relation, [e.get("name") or "expr" for e in elements])
    need_create(ctx, space)
    if ctx.catalog.oids(("statistics", space.oid, name)):
        if node.get("if_not_exists"):
            ctx.warn(f'statistics object "{name}" already exists, skipping', level="NOTICE", sqlstate="42710")
            return
        oid = ctx.catalog.oids(("statistics", space.oid, name))[0]
        raise ctx.refuse(
            "42710",
            f'statistics object "{name}" already exists',
            0,
            name=name,
            kind="other",
            related=created_here(ctx, oid),
        )
    _store(ctx, relation, space, name, elements, words(node.get("stat_types", [])), location)


def _store(
    ctx: Context, relation: Relation, space: Namespace, name: str, elements: list[Node], kinds: list[str], location: int
) -> None:
    if len(elements) > 8:
        raise ctx.refuse("54011", "cannot have more than 8 columns in statistics", location, kind="column")
    columns: list[int] = []
    refs = set()
    used: set[int] = set()
    for element in elements:
        if "name" in element:
            columns.append(_column(ctx, relation, element["name"], location))
        else:
            expr = analyze_expression(ctx, element["expr"], relation_scope(ctx, relation), "statistics")
            refuse_virtual(ctx, relation, sorted(expr.columns), "statistics creation", location)
            refs |= set(expr.depends)
            used |= expr.columns
    if len(set(columns)) < len(columns):
        raise ctx.refuse("42701", "duplicate column name in statistics definition", location, kind="column")
    for kind in kinds:
        if kind not in _KINDS:
            raise ctx.refuse("42601", f'unrecognized statistics kind "{kind}"', location, name=kind, kind="other")
    if len(elements) < 2 and columns:
        raise ctx.refuse("42P17", "extended statistics require at least 2 columns", location, kind="column")
    made = Other(
        ctx.catalog.new_oid(),
        "statistics",
        name,
        space.oid,
        ctx.session.role,
        relation.oid,
        details=StatisticsColumns(tuple(columns)),
    )
    ctx.catalog.put(made)
    ctx.catalog.depend(
        (made.oid, 0), [(relation.oid, n) for n in (*columns, *sorted(used))] or [(relation.oid, 0)], "a"
    )
    ctx.catalog.depend((made.oid, 0), [r for r in refs if r[0] != relation.oid])
    ctx.catalog.depend((made.oid, 0), [(space.oid, 0)])


def _column(ctx: Context, relation: Relation, name: str, location: int) -> int:
    if name in SYSTEM_COLUMNS:
        raise ctx.refuse(
            "0A000", "statistics creation on system columns is not supported", location, name=name, kind="column"
        )
    attribute = column_of(ctx, relation, name, None, message=f'column "{name}" does not exist')
    refuse_virtual(ctx, relation, [attribute.num], "statistics creation", location)
    if attribute.type and default_opclass(ctx, attribute.type, "btree") is None and attribute.type < 16384:
        message = f'column "{name}" cannot be used in statistics because its type has no default btree operator class'
        raise ctx.refuse("0A000", message, location, name=name, kind="type")
    return attribute.num


def statistics_name(ctx: Context, relation: Relation, columns: list[str]) -> str:
    """table_columns_stat, numbered where that is taken (ChooseExtendedStatisticName)."""
    number, label = 0, "stat"
    while True:
        name = make_object_name(relation.name, join_names(columns), label)
        if not ctx.catalog.oids(("statistics", relation.namespace, name)):
            return name
        number += 1
        label = f"stat{number}"


def alter_statistics(ctx: Context, node: Node) -> None:
    """ALTER STATISTICS ... SET STATISTICS."""
    found = find(
        ctx, "OBJECT_STATISTIC_EXT", {"List": {"items": node["defnames"]}}, missing_ok=bool(node.get("missing_ok"))
    )
    if found is not None and found.address is not None:
        need_owner(ctx, found.obj, name=found.obj.name)


HANDLERS = {"CreateStatsStmt": create_statistics, "AlterStatsStmt": alter_statistics}
