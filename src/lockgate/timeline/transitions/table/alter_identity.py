"""ALTER TABLE subcommands on identity columns (ATExecAddIdentity, ATExecSetIdentity, ATExecDropIdentity in
src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.objects import Attribute, Namespace, Relation
from lockgate.timeline import dependency
from lockgate.timeline.binder import TypeRef
from lockgate.timeline.context import Context, Node
from lockgate.timeline.transitions.object.creation import once
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.sequence import alter_options, identity_sequence
from lockgate.timeline.transitions.table import table
from lockgate.timeline.transitions.table.alteration import Alteration, Queue
from lockgate.timeline.transitions.table.column import (
    ColumnDefinition,
    TableDefinition,
    check_identity_type,
    given_sequence,
    sequence_name,
)
from lockgate.timeline.transitions.table.column_property import find, relation_of
from lockgate.timeline.transitions.table.inheritance import descendants


def add_identity(ctx: Context, _: Queue, item: Alteration) -> None:
    """ADD GENERATED ... AS IDENTITY: the sequence (transformAlterTableStmt), then ATExecAddIdentity."""
    relation, attribute = relation_of(ctx, item), find(ctx, item)
    node = item.node["def"]["Constraint"]
    of = f'column "{item.name}" of relation "{relation.name}"'
    check_identity_type(ctx, attribute.type, node.get("location", 0))
    parts = _identity_scope(ctx, relation, item, "cannot add identity to a column of {}")
    for wrong, message in (
        (not attribute.notnull, f"{of} must be declared NOT NULL before identity can be added"),
        (bool(attribute.identity), f"{of} is already an identity column"),
        (attribute.has_default or bool(attribute.generated), f"{of} already has a default value"),
    ):
        if wrong and doubt(ctx, relation, item.name) is None:
            raise ctx.refuse("55000", message, span=item.span, kind="column")
    definition = TableDefinition(relation.name, ctx.catalog.the(Namespace, relation.namespace), relation.kind, relation)
    column = define_identity(ctx, definition, attribute, node.get("generated_when", "a"), node.get("options", []))
    for made, sequence in table.make_sequences(ctx, definition, [column], relation.persistence):
        table.own_sequence(ctx, relation.oid, attribute.num, made, sequence)
    for part in parts:
        _put_identity(ctx, part, item.name, column.identity)


def _identity_scope(ctx: Context, relation: Relation, item: Alteration, message: str) -> list[Relation]:
    """The tables whose column is an identity column together: from 17 on a partitioned table with its partitions (42P16
    for a part of them)."""
    if ctx.catalog.major < 17:
        return [relation]
    if relation.kind == "p" and not item.recurse:
        raise ctx.refuse(
            "42P16",
            message.format("only the partitioned table"),
            span=item.span,
            kind="column",
            help="Do not specify the ONLY keyword.",
        )
    if relation.is_partition:
        raise ctx.refuse("42P16", message.format("a partition"), span=item.span, kind="column")
    if relation.kind != "p":
        return [relation]
    return [ctx.catalog.the(Relation, oid) for oid in descendants(ctx.catalog, relation.oid)]


def _put_identity(ctx: Context, relation: Relation, name: str, identity: str) -> None:
    current = ctx.catalog.the(Relation, relation.oid)
    attribute = current.attribute(name)
    if attribute is not None:
        ctx.catalog.replace_attribute(current, replace(attribute, identity=identity))


def define_identity(
    ctx: Context, definition: TableDefinition, attribute: Attribute, when: str, options: list[Node]
) -> ColumnDefinition:
    """The column as identity, with its sequence's name."""
    given = next((o["DefElem"] for o in options if o["DefElem"].get("defname") == "sequence_name"), None)
    name = given_sequence(ctx, definition, given) if given else sequence_name(ctx, definition, attribute.name)
    return ColumnDefinition(
        attribute.name, TypeRef(attribute.type), 0, 0, identity=when, sequence_name=name, sequence_options=options
    )


def set_identity(ctx: Context, _: Queue, item: Alteration) -> None:
    """SET GENERATED and sequence options (ATExecSetIdentity)."""
    relation, attribute = relation_of(ctx, item), find(ctx, item)
    parts = _identity_scope(ctx, relation, item, "cannot change identity column of {}")
    if not attribute.identity:
        raise _not_identity(ctx, relation, item)
    options = once(ctx, item.node["def"]["List"]["items"])
    generated = options.pop("generated", None)
    if generated is not None:
        code = generated["arg"].get("Integer", {}).get("ival", ord("a"))
        for part in parts:
            _put_identity(ctx, part, item.name, chr(code))
    sequence = identity_sequence(ctx, relation.oid, attribute.num)
    if sequence is not None:
        alter_options(ctx, sequence, options)


def _not_identity(ctx: Context, relation: Relation, item: Alteration) -> Exception:
    if doubt(ctx, relation, item.name) is not None:
        return ctx.unsure("whether a column is an identity column is not known")
    return ctx.refuse(
        "55000",
        f'column "{item.name}" of relation "{relation.name}" is not an identity column',
        span=item.span,
        kind="column",
    )


def drop_identity(ctx: Context, _: Queue, item: Alteration) -> None:
    """DROP IDENTITY (ATExecDropIdentity): its sequence goes too."""
    relation, attribute = relation_of(ctx, item), find(ctx, item)
    parts = _identity_scope(ctx, relation, item, "cannot drop identity from a column of {}")
    if not attribute.identity:
        if item.missing_ok:
            return
        raise _not_identity(ctx, relation, item)
    for part in parts:
        _put_identity(ctx, part, item.name, "")
    sequence = identity_sequence(ctx, relation.oid, attribute.num)
    if sequence is not None:
        ctx.catalog.undepend((sequence.oid, 0), "i")
        dependency.drop(ctx, [(sequence.oid, 0)], internal=True, span=item.span)
