"""ALTER COLUMN: a column's default, its expression and its NOT NULL (src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.objects import Attribute, Constraint, Relation
from lockgate.timeline.context import Context
from lockgate.timeline.transitions.constraint.alter_constraint import drop_one
from lockgate.timeline.transitions.constraint.not_null import named, not_null_of, set_not_null
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.relation import (
    SYSTEM_COLUMNS,
    column_of,
)
from lockgate.timeline.transitions.table.alteration import Alteration, Queue
from lockgate.timeline.transitions.table.default import remove_default, set_default
from lockgate.timeline.transitions.table.inheritance import descendants
from lockgate.timeline.transitions.table.virtual_column import check_new_expression


def relation_of(ctx: Context, item: Alteration) -> Relation:
    """The table as it is now."""
    return ctx.catalog.the(Relation, item.relation)


def find(ctx: Context, item: Alteration) -> Attribute:
    """The column that a subcommand names (42703; 0A000 for system columns)."""
    if item.name in SYSTEM_COLUMNS:
        raise ctx.refuse("0A000", f'cannot alter system column "{item.name}"', span=item.span, kind="column")
    return column_of(ctx, relation_of(ctx, item), item.name, span=item.span)


def touch(ctx: Context, _: Queue, item: Alteration) -> None:
    """SET STATISTICS, STORAGE, COMPRESSION, (options): the column must be there."""
    if not item.name:
        return
    attribute = find(ctx, item)
    if item.node["subtype"] == "AT_SetStatistics" and attribute.generated == "v":
        message = f'cannot alter statistics on virtual generated column "{item.name}"'
        raise ctx.refuse("0A000", message, span=item.span, kind="column")


def set_column_default(ctx: Context, _: Queue, item: Alteration) -> None:
    """SET DEFAULT and DROP DEFAULT (ATExecColumnDefault)."""
    relation, attribute = relation_of(ctx, item), find(ctx, item)
    of = f'column "{item.name}" of relation "{relation.name}" is'
    dropping = "def" not in item.node
    if attribute.identity:
        help = "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead." if dropping else ""
        raise ctx.refuse("42601", f"{of} an identity column", span=item.span, kind="column", help=help)
    if attribute.generated:
        help = (
            "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead."
            if dropping and attribute.generated == "s"
            else ""
        )
        raise ctx.refuse("42601", f"{of} a generated column", span=item.span, kind="column", help=help)
    remove_default(ctx, relation, attribute.num)
    if not dropping:
        set_default(ctx, relation_of(ctx, item), find(ctx, item), item.node["def"])


def set_expression(ctx: Context, _: Queue, item: Alteration) -> None:
    """SET EXPRESSION (17)."""
    relation, attribute = relation_of(ctx, item), find(ctx, item)
    if not attribute.generated:
        raise ctx.refuse(
            "55000",
            f'column "{item.name}" of relation "{relation.name}" is not a generated column',
            span=item.span,
            kind="column",
        )
    check_new_expression(ctx, relation, attribute, item.span)
    kind = attribute.generated
    remove_default(ctx, relation, attribute.num)
    set_default(ctx, relation_of(ctx, item), find(ctx, item), item.node["def"], kind)


def drop_expression(ctx: Context, _: Queue, item: Alteration) -> None:
    """DROP EXPRESSION (ATExecDropExpression): the column stays, as a plain one."""
    relation, attribute = relation_of(ctx, item), find(ctx, item)
    if attribute.inherited and not item.recursing:
        raise ctx.refuse(
            "42P16", "cannot drop generation expression from inherited column", span=item.span, kind="column"
        )
    if attribute.generated == "v":
        message = "ALTER TABLE / DROP EXPRESSION is not supported for virtual generated columns"
        raise ctx.refuse("0A000", message, span=item.span, kind="column")
    if not attribute.generated:
        if item.missing_ok:
            return
        kind = "generated" if ctx.catalog.major >= 18 else "stored generated"
        raise ctx.refuse(
            "55000",
            f'column "{item.name}" of relation "{relation.name}" is not a {kind} column',
            span=item.span,
            kind="column",
        )
    remove_default(ctx, relation, attribute.num)


def prepare_drop_not_null(ctx: Context, _: Queue, item: Alteration) -> None:
    """Not from a partitioned table alone (ATPrepDropNotNull)."""
    relation = relation_of(ctx, item)
    if (
        not named(ctx)
        and relation.kind == "p"
        and not item.recurse
        and not item.recursing
        and ctx.catalog.children(relation.oid)
    ):
        raise ctx.refuse(
            "42P16",
            "cannot remove constraint from only the partitioned table when partitions exist",
            span=item.span,
            kind="constraint",
            help="Do not specify the ONLY keyword.",
        )


def drop_not_null(ctx: Context, _: Queue, item: Alteration) -> None:
    """DROP NOT NULL (ATExecDropNotNull)."""
    relation, attribute = relation_of(ctx, item), find(ctx, item)
    if named(ctx) and not attribute.notnull and doubt(ctx, relation, item.name) is None:
        return
    if attribute.identity:
        raise ctx.refuse(
            "42601",
            f'column "{item.name}" of relation "{relation.name}" is an identity column',
            span=item.span,
            kind="column",
        )
    for constraint in ctx.catalog.of_relation(relation.oid, Constraint):
        if constraint.kind == "p" and attribute.num in constraint.keys:
            raise ctx.refuse(
                "42P16",
                f'column "{item.name}" is in a primary key',
                span=item.span,
                kind="column",
                object=f"{ctx.catalog.qualified(relation)}.{item.name}",
            )
    for index in ctx.catalog.of_relation(relation.oid, Relation):
        if index.index is not None and index.index.replica and attribute.num in index.index.keys:
            raise ctx.refuse(
                "42P16", f'column "{item.name}" is in index used as replica identity', span=item.span, kind="column"
            )
    if relation.is_partition and not item.recursing:
        for oid in relation.parents:
            theirs = ctx.catalog.the(Relation, oid).attribute(item.name)
            if theirs is not None and theirs.notnull:
                raise ctx.refuse(
                    "42P16", f'column "{item.name}" is marked NOT NULL in parent table', span=item.span, kind="column"
                )
    existing = not_null_of(ctx, relation, attribute.num)
    if existing is not None:
        drop_one(ctx, relation, existing, item)
    elif attribute.notnull:
        ctx.catalog.replace_attribute(relation, replace(attribute, notnull=False))


def set_column_not_null(ctx: Context, _: Queue, item: Alteration) -> None:
    """SET NOT NULL (ATExecSetNotNull; up to 17 with ATPrepSetNotNull's and ATExecCheckNotNull's look at the
    partitions)."""
    relation, attribute = relation_of(ctx, item), find(ctx, item)
    if not named(ctx) and relation.kind == "p" and not item.recurse and not item.recursing and not attribute.notnull:
        for oid in descendants(ctx.catalog, relation.oid)[1:]:
            theirs = ctx.catalog.the(Relation, oid).attribute(item.name)
            if theirs is not None and not theirs.notnull:
                raise ctx.refuse(
                    "42P16",
                    "constraint must be added to child tables too",
                    span=item.span,
                    kind="constraint",
                    help="Do not specify the ONLY keyword.",
                )
    set_not_null(ctx, relation, item.name, recurse=item.recurse, span=item.span)


def recurses_later(ctx: Context, item: Alteration) -> bool:
    """Whether NOT NULL is taken to the children in execution (18), or needs not be: a partitioned table that has it
    (ATPrepSetNotNull)."""
    if item.node["subtype"] not in ("AT_SetNotNull", "AT_DropNotNull"):
        return False
    relation = relation_of(ctx, item)
    attribute = relation.attribute(item.name)
    return named(ctx) or (
        item.node["subtype"] == "AT_SetNotNull" and relation.kind == "p" and attribute is not None and attribute.notnull
    )
