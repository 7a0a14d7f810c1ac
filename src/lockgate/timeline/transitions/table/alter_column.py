"""ALTER TABLE subcommands on columns (ATExec*Column* in src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Attribute, Namespace, Relation, Trigger, Type
from lockgate.timeline import dependency
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Failure
from lockgate.timeline.transitions.constraint.alter_constraint import queue_constraints
from lockgate.timeline.transitions.relation.new_name import created_here, doubt
from lockgate.timeline.transitions.relation.relation import (
    MAX_COLUMNS,
    SYSTEM_COLUMNS,
    add_attribute,
    check_column_type,
    column_of,
)
from lockgate.timeline.transitions.table import table
from lockgate.timeline.transitions.table.alteration import Alteration, Queue
from lockgate.timeline.transitions.table.column import ColumnDefinition, TableDefinition, define_column
from lockgate.timeline.transitions.table.column_property import relation_of
from lockgate.timeline.transitions.table.default import set_default, store_default
from lockgate.timeline.transitions.table.partition import key_columns
from lockgate.timeline.transitions.table.virtual_column import check_virtual_type
from lockgate.timeline.transitions.type.user_type import need_type_usage

# --- ADD COLUMN -------------------------------------------------------------------------------------------------------


def prepare_add(ctx: Context, _: Queue, item: Alteration) -> None:
    """No columns for typed tables; a composite type gives its own to the tables of it."""
    relation = relation_of(ctx, item)
    if relation.of_type and not item.recursing:
        raise ctx.refuse("42809", "cannot add column to typed table", span=item.span, kind="relation")


def add_column(ctx: Context, queue: Queue, item: Alteration) -> None:
    """ATExecAddColumn."""
    relation = relation_of(ctx, item)
    node = item.node["def"]["ColumnDef"]
    name = node.get("colname", "")
    if relation.is_partition and not item.recursing:
        raise ctx.refuse("42809", "cannot add column to a partition", span=item.span, kind="relation")
    if _taken(ctx, relation, name, item):
        return
    if relation.next_attnum > MAX_COLUMNS:  # dropped ones count
        raise ctx.refuse("54011", f"tables can have at most {MAX_COLUMNS} columns", span=item.span, kind="column")
    definition = TableDefinition(relation.name, ctx.catalog.the(Namespace, relation.namespace), relation.kind, relation)
    column = define_column(ctx, definition, node)
    need_type_usage(ctx, column.ref.oid, node.get("typeName", {}).get("location", column.location))
    check_column_type(
        ctx, name, column.ref.oid, node.get("typeName", {}).get("location", column.location), relation=relation
    )
    if column.generated == "v":
        check_virtual_type(ctx, name, column.ref.oid, column.location)
    if column.generated:
        _foresee_restore(ctx, relation, item)
    if any(k["contype"] == "CONSTR_PRIMARY" for k in definition.keys):
        column.notnull = True
    children = ctx.catalog.children(relation.oid) if relation.kind in "rpf" else ()
    sequences = table.make_sequences(ctx, definition, [column], relation.persistence)
    relation = _append(ctx, relation, column)
    for made, sequence in sequences:
        table.own_sequence(ctx, relation.oid, relation.attributes[-1].num, made, sequence)
    if children and column.identity and item.recurse:
        raise ctx.refuse(
            "42P16",
            "cannot recursively add identity column to table that has child tables",
            span=item.span,
            kind="column",
        )
    if children and not item.recurse:
        raise ctx.refuse("42P16", "column must be added to child tables too", span=item.span, kind="column")
    _give_children(ctx, relation, column, item)
    _give_typed(ctx, relation, column, item)
    queue_constraints(ctx, queue, item, definition)


def _foresee_restore(ctx: Context, relation: Relation, item: Alteration) -> None:
    """A BEFORE trigger whose WHEN reads the whole of NEW stays as it is, and cannot be made again (CreateTriggerFiringOn:
    42P17): what pg_dump writes is refused."""
    for trigger in ctx.catalog.of_relation(relation.oid, Trigger):
        if trigger.whole:
            message = (
                f"trigger {trigger.name} on {ctx.catalog.qualified(relation)} stays, and no dump of it can be restored: "
                "its WHEN reads the whole of NEW, which has a generated column from here on"
            )
            help = "name the columns in the trigger's WHEN: NEW is not whole before the row is stored (42P17)"
            span = ctx.span(None, relation.name)
            ctx.latent.append(Failure("42P17", message, span, trigger.name, help, kind="trigger", latent=True))


def _taken(ctx: Context, relation: Relation, name: str, item: Alteration) -> bool:
    if name in SYSTEM_COLUMNS and relation.kind != "c":
        raise ctx.refuse(
            "42701", f'column name "{name}" conflicts with a system column name', span=item.span, kind="column"
        )
    existing = relation.attribute(name)
    tainted = doubt(ctx, relation, name) is not None
    if existing is None:
        if tainted and item.missing_ok:
            ctx.suppose(f"whether column {name} exists already is not known")
            ctx.catalog.taint(("column", relation.oid, name), ctx.supposed, ctx.place)
        else:
            ctx.catalog.untaint(("column", relation.oid, name))
        return False
    if item.missing_ok:
        if tainted:
            ctx.suppose(f"whether column {name} exists already is not known")
        ctx.warn(
            f'column "{name}" of relation "{relation.name}" already exists, skipping', level="NOTICE", sqlstate="42701"
        )
        return True
    if tainted:
        raise ctx.unsure(f"whether column {name} exists already is not known", ("column", relation.oid, name))
    raise ctx.refuse(
        "42701",
        f'column "{name}" of relation "{relation.name}" already exists',
        span=item.span,
        kind="column",
        object=f"{ctx.catalog.qualified(relation)}.{name}",
        related=created_here(ctx, relation.oid, existing.num),
    )


def _append(ctx: Context, relation: Relation, column: ColumnDefinition) -> Relation:
    attribute = Attribute(
        relation.next_attnum,
        column.name,
        column.ref.oid,
        column.ref.typmod,
        identity=column.identity,
        collation=column.collation,
        notnull=column.notnull,
        is_local=column.is_local,
        inherited=column.inherited,
        generated=column.generated,
    )
    relation = add_attribute(ctx, relation, attribute)
    if column.serial:
        relation = store_default(ctx, relation, attribute, ())
    elif column.default is not None:
        relation = set_default(ctx, relation, attribute, column.default, column.generated)
    else:
        _fill_with_null(ctx, relation, attribute)
    return ctx.catalog.the(Relation, relation.oid)


def _fill_with_null(ctx: Context, relation: Relation, attribute: Attribute) -> None:
    rows, own = ctx.catalog.contents.get(relation.oid), ctx.catalog.find(Type, attribute.type)
    if rows and attribute.type and not attribute.identity and (own is None or own.kind != "d"):
        ctx.catalog.hold(relation.oid, tuple({**row, (attribute.num, attribute.type): None} for row in rows))


def _give_children(ctx: Context, relation: Relation, column: ColumnDefinition, item: Alteration) -> None:
    for oid in ctx.catalog.children(relation.oid) if relation.kind in "rpf" else ():
        child = ctx.catalog.the(Relation, oid)
        existing = child.attribute(column.name)
        if existing is None:
            copy = replace(column, is_local=False, inherited=1)
            if column.serial:
                copy.sequence_name = ""
            child = _append(ctx, child, copy)
            if column.serial:
                child = store_default(ctx, child, child.attributes[-1], ())
            _give_children(ctx, child, column, item)
            continue
        if existing.type and column.ref.oid and (existing.type, existing.typmod) != (column.ref.oid, column.ref.typmod):
            message = f'child table "{child.name}" has different type for column "{column.name}"'
            raise ctx.refuse("42804", message, span=item.span, kind="type")
        ctx.catalog.replace_attribute(child, replace(existing, inherited=existing.inherited + 1))


def _give_typed(ctx: Context, relation: Relation, column: ColumnDefinition, item: Alteration) -> None:
    """Tables OF a composite type take its new attribute, under CASCADE (find_typed_table_dependencies: 2BP01)."""
    for typed in typed_tables(ctx, relation):
        if not item.cascade:
            raise typed_in_the_way(ctx, relation, typed, item)
        _append(ctx, typed, replace(column))


def typed_tables(ctx: Context, relation: Relation) -> list[Relation]:
    """The tables made OF a composite type."""
    if relation.kind != "c":
        return []
    users = (ctx.catalog.find(Relation, e.dependent[0]) for e in ctx.catalog.dependents(relation.rowtype))
    return [r for r in users if r is not None and r.of_type == relation.rowtype]


def typed_in_the_way(ctx: Context, relation: Relation, typed: Relation, item: Alteration) -> Exception:
    """2BP01: the composite type has tables."""
    shown = ctx.catalog.find(Type, relation.rowtype)
    return ctx.refuse(
        "2BP01",
        f'cannot alter type "{shown.name if shown else relation.name}" because it is the type of a typed table',
        span=item.span,
        kind="dependent",
        object=ctx.catalog.qualified(typed),
        help="Use ALTER ... CASCADE to alter the typed tables too.",
    )


# --- DROP COLUMN ------------------------------------------------------------------------------------------------------


def prepare_drop(ctx: Context, _: Queue, item: Alteration) -> None:
    """No column leaves a typed table."""
    if relation_of(ctx, item).of_type and not item.recursing:
        raise ctx.refuse("42809", "cannot drop column from typed table", span=item.span, kind="relation")


def drop_column(ctx: Context, _: Queue, item: Alteration) -> None:
    """ATExecDropColumn: with the children's, then performMultipleDeletions."""
    relation = relation_of(ctx, item)
    if item.missing_ok and relation.attribute(item.name) is None:
        if doubt(ctx, relation, item.name) is not None:
            ctx.catalog.untaint(("column", relation.oid, item.name))
            return
        ctx.warn(
            f'column "{item.name}" of relation "{relation.name}" does not exist, skipping',
            level="NOTICE",
            sqlstate="00000",
        )
        return
    if item.name in SYSTEM_COLUMNS:
        raise ctx.refuse("0A000", f'cannot drop system column "{item.name}"', span=item.span, kind="column")
    addresses: list[Address] = []
    _collect(ctx, relation, item, addresses, recursing=False)
    for typed in typed_tables(ctx, relation):
        if not item.cascade:
            raise typed_in_the_way(ctx, relation, typed, item)
        _collect(ctx, typed, item, addresses, recursing=True)
    dependency.drop(ctx, addresses, cascade=item.cascade, span=item.span)


def _collect(ctx: Context, relation: Relation, item: Alteration, addresses: list[Address], *, recursing: bool) -> None:
    attribute = column_of(ctx, relation, item.name, span=item.span)
    if attribute.inherited and not recursing:
        raise ctx.refuse("42P16", f'cannot drop inherited column "{item.name}"', span=item.span, kind="column")
    if attribute.num in key_columns(relation):
        message = (
            f'cannot drop column "{item.name}" because it is part of the partition key of relation "{relation.name}"'
        )
        raise ctx.refuse("42P16", message, span=item.span, kind="column")
    children = ctx.catalog.children(relation.oid) if relation.kind in "rpf" else ()
    if children and relation.kind == "p" and not item.recurse and not recursing:
        raise ctx.refuse(
            "42P16",
            "cannot drop column from only the partitioned table when partitions exist",
            span=item.span,
            kind="column",
            help="Do not specify the ONLY keyword.",
        )
    for oid in children:
        child = ctx.catalog.the(Relation, oid)
        theirs = child.attribute(item.name)
        if theirs is None or not theirs.inherited:
            continue
        if item.recurse and theirs.inherited == 1 and not theirs.is_local:
            _collect(ctx, child, item, addresses, recursing=True)
        elif item.recurse:
            ctx.catalog.replace_attribute(child, replace(theirs, inherited=theirs.inherited - 1))
        else:
            ctx.catalog.replace_attribute(child, replace(theirs, inherited=theirs.inherited - 1, is_local=True))
    addresses.append((relation.oid, attribute.num))


# --- defaults, identity, generated ------------------------------------------------------------------------------------


# --- NOT NULL ---------------------------------------------------------------------------------------------------------
