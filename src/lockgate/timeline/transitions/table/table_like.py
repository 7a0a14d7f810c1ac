"""LIKE in CREATE TABLE (transformTableLikeClause, expandTableLikeClause in src/backend/parser/parse_utilcmd.c)."""

from __future__ import annotations

from lockgate.catalog.details import StatisticsColumns
from lockgate.catalog.objects import Constraint, Other, Relation
from lockgate.timeline.binder import TypeRef
from lockgate.timeline.context import Context, Node
from lockgate.timeline.naming import choose_relation_name
from lockgate.timeline.privileges.check import need_privilege
from lockgate.timeline.transitions.constraint.constraint import constraint_named, copy_check, primary_key
from lockgate.timeline.transitions.constraint.not_null import mark
from lockgate.timeline.transitions.relation.index import many_keys
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.partition_index import clone_index, column_map
from lockgate.timeline.transitions.relation.relation import user_relation
from lockgate.timeline.transitions.table.column import ColumnDefinition, TableDefinition, not_null
from lockgate.timeline.transitions.table.default import copy_default

COMMENTS, COMPRESSION, CONSTRAINTS, DEFAULTS, GENERATED, IDENTITY, INDEXES, STATISTICS, STORAGE = (
    1 << n for n in range(9)
)


def like_columns(ctx: Context, definition: TableDefinition, clause: Node) -> list[ColumnDefinition]:
    """The columns of the other table, without what INCLUDING brings later; identity is already theirs."""
    source = _source(ctx, clause)
    if source is None:
        raise ctx.unsure("the columns of a system catalog taken by LIKE are not followed")
    location, options = clause["relation"].get("location", 0), clause.get("options", 0)
    if definition.kind == "f":
        raise ctx.refuse("0A000", "LIKE is not supported for creating foreign tables", location, kind="other")
    if doubt(ctx, source) is not None:
        raise ctx.unsure("the columns of a table made LIKE another are not known")
    columns = []
    for attribute in source.attributes:
        column = ColumnDefinition(
            attribute.name,
            TypeRef(attribute.type, attribute.typmod),
            attribute.collation,
            location,
            notnull=attribute.notnull,
        )
        if attribute.identity and options & IDENTITY:
            column.identity = attribute.identity
            column.sequence_name = choose_relation_name(
                ctx.catalog, definition.name, attribute.name, "seq", definition.namespace.oid
            )
        columns.append(column)
    if ctx.catalog.major >= 18:
        for constraint in ctx.catalog.of_relation(source.oid, Constraint):
            found = source.attribute_by_num(constraint.keys[0]) if constraint.kind == "n" else None
            if found is not None:
                definition.not_nulls.append(
                    not_null(found.name, {"conname": constraint.name, "is_no_inherit": constraint.no_inherit})
                )
    return columns


def _source(ctx: Context, clause: Node) -> Relation | None:
    from lockgate.timeline.binder import find_relation

    found = find_relation(ctx, clause["relation"])
    if not isinstance(found, Relation):
        return None
    location = clause["relation"].get("location", 0)
    if found.kind not in "rvmcfp":
        raise ctx.refuse(
            "42809", f'relation "{found.name}" is invalid in LIKE clause', location, name=found.name, kind="relation"
        )
    if found.kind != "c":
        need_privilege(ctx, found, "SELECT", location)
    return found


def source_oid(ctx: Context, clause: Node) -> int:
    """The other table, remembered: the new one may hide it once it is made."""
    source = user_relation(ctx, clause["relation"])
    assert source is not None
    return source.oid


def finish_like(ctx: Context, target: int, clause: Node) -> None:
    """What INCLUDING asks for: defaults, generated, constraints, indexes, statistics, comments."""
    source = ctx.catalog.the(Relation, clause["relationOid"])
    options = clause.get("options", 0)
    relation = ctx.catalog.the(Relation, target)
    mapping = column_map(source, relation)
    for attribute in source.attributes:
        wanted = (attribute.has_default and options & DEFAULTS) or (attribute.generated and options & GENERATED)
        own = relation.attribute(attribute.name)
        if wanted and own is not None:
            relation = copy_default(ctx, source, attribute.num, relation, own, mapping)
        comment = ctx.catalog.comments.get((source.oid, attribute.num))
        if comment is not None and options & COMMENTS and own is not None:
            ctx.catalog.comments = ctx.catalog.comments.set((target, own.num), comment)
    if options & CONSTRAINTS:
        for constraint in ctx.catalog.of_relation(source.oid, Constraint):
            if constraint.kind == "c" and constraint_named(ctx, relation, constraint.name) is None:
                copy_check(ctx, constraint, relation, mapping, is_local=True, inherited=0, validated=True, parent=0)
    if options & INDEXES and source.kind in "rmp":
        for index in ctx.catalog.of_relation(source.oid, Relation):
            if index.index is not None and index.index.primary and primary_key(ctx, relation) is not None:
                raise many_keys(ctx, relation.name, clause["relation"].get("location", 0))
            made = clone_index(ctx, index, relation, mapping, attached=False)
            if made.index is not None and made.index.primary:
                for number in made.index.keys:
                    mark(ctx, ctx.catalog.the(Relation, target), number)
    if options & STATISTICS:
        _copy_statistics(ctx, source, relation, mapping)


def _copy_statistics(ctx: Context, source: Relation, target: Relation, mapping: dict[int, int]) -> None:
    from msgspec.structs import replace

    for statistics in ctx.catalog.of_relation(source.oid, Other):
        if not isinstance(statistics.details, StatisticsColumns):
            continue
        columns = statistics.details.columns
        names = [a.name for n in columns if (a := source.attribute_by_num(n)) is not None] or ["expr"]
        from lockgate.timeline.transitions.relation.statistics import statistics_name

        copied = [mapping.get(n, 0) for n in columns]
        copy = replace(
            statistics,
            oid=ctx.catalog.new_oid(),
            name=statistics_name(ctx, target, names),
            namespace=target.namespace,
            relation=target.oid,
            details=StatisticsColumns(tuple(copied)),
        )
        ctx.catalog.put(copy)
        ctx.catalog.depend((copy.oid, 0), [(target.oid, n) for n in copied if n] or [(target.oid, 0)], "a")
