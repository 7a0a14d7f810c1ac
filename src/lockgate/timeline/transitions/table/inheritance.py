"""Inheritance: what a table takes from its parents (MergeAttributes, StoreCatalogInheritance in
src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Constraint, Relation
from lockgate.timeline.binder import TypeRef
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingColumn
from lockgate.timeline.privileges.check import need_owner
from lockgate.timeline.transitions.constraint.constraint import constraint_named, copy_check
from lockgate.timeline.transitions.constraint.not_null import not_null_of
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.partition_index import column_map
from lockgate.timeline.transitions.relation.relation import user_relation
from lockgate.timeline.transitions.table.column import ColumnDefinition, TableDefinition
from lockgate.timeline.transitions.table.default import copy_default


def find_parents(ctx: Context, nodes: list[Node]) -> list[Relation]:
    """The relations of INHERITS or PARTITION OF."""
    parents: list[Relation] = []
    for node in nodes:
        rangevar = node["RangeVar"]
        parent = user_relation(ctx, rangevar)
        assert parent is not None
        if parent.oid in {p.oid for p in parents}:
            raise ctx.refuse(
                "42P07",
                f'relation "{parent.name}" would be inherited from more than once',
                rangevar.get("location", 0),
                name=parent.name,
                kind="relation",
            )
        parents.append(parent)
    return parents


def check_parent(ctx: Context, parent: Relation, location: int, *, partition: bool, temporary: bool) -> None:
    """Whether a table may inherit from (or be a partition of) this relation (42809, 42501)."""

    def wrong(message: str) -> Exception:
        return ctx.refuse(
            "42809", message, location, name=parent.name, kind="relation", object=ctx.catalog.qualified(parent)
        )

    if parent.kind in "iIc":
        raise wrong(f'"{parent.name}" is {"a composite type" if parent.kind == "c" else "an index"}')
    if not partition and parent.kind == "p":
        raise wrong(f'cannot inherit from partitioned table "{parent.name}"')
    if not partition and parent.is_partition:
        raise wrong(f'cannot inherit from partition "{parent.name}"')
    if parent.kind not in "rfp":
        raise wrong(f'inherited relation "{parent.name}" is not a table or foreign table')
    if parent.persistence == "t" and not temporary:
        if partition:
            raise wrong(f'cannot create a permanent relation as partition of temporary relation "{parent.name}"')
        raise wrong(f'cannot inherit from temporary relation "{parent.name}"')
    if partition and temporary and parent.persistence != "t":
        raise wrong(f'cannot create a temporary relation as partition of permanent relation "{parent.name}"')
    need_owner(ctx, parent, location)


def check_columns_once(ctx: Context, definition: TableDefinition) -> None:
    """Every column is named once (42701)."""
    seen: set[str] = set()
    for column in definition.columns:
        if column.name in seen:
            raise ctx.refuse(
                "42701",
                f'column "{column.name}" specified more than once',
                column.location,
                name=column.name,
                kind="column",
            )
        seen.add(column.name)


def merge_columns(
    ctx: Context, definition: TableDefinition, parents: list[Relation], location: int
) -> list[ColumnDefinition]:
    """The columns of a new table: inherited ones first, each local one merged with an inherited one of its name."""
    merged: dict[str, ColumnDefinition] = {}
    for parent in parents:
        _take(ctx, definition, parent, merged, location)
    for column in definition.columns:
        inherited = merged.get(column.name)
        if inherited is None:
            if definition.partition:
                raise ctx.refuse(
                    "42703",
                    f'column "{column.name}" does not exist',
                    column.location,
                    name=column.name,
                    kind="column",
                    subject=MissingColumn(column.name),
                )
            merged[column.name] = column
        else:
            merged[column.name] = _override(ctx, definition, inherited, column)
    return list(merged.values())


def _take(
    ctx: Context, definition: TableDefinition, parent: Relation, merged: dict[str, ColumnDefinition], location: int
) -> None:
    for attribute in parent.attributes:
        known = merged.get(attribute.name)
        notnull = attribute.notnull and inheritable(ctx, parent, attribute.num)
        if known is None:
            default = (parent.oid, attribute.num) if attribute.has_default or attribute.generated else None
            identity = attribute.identity if definition.partition and ctx.catalog.major >= 17 else ""
            merged[attribute.name] = ColumnDefinition(
                attribute.name,
                TypeRef(attribute.type, attribute.typmod),
                attribute.collation,
                location,
                notnull=notnull,
                is_local=False,
                inherited=1,
                inherited_default=default,
                generated=attribute.generated,
                identity=identity,
            )
            continue
        if known.ref.oid and attribute.type and (known.ref.oid, known.ref.typmod) != (attribute.type, attribute.typmod):
            raise ctx.refuse("42804", f'inherited column "{attribute.name}" has a type conflict', location, kind="type")
        known.inherited += 1
        known.notnull = known.notnull or notnull
        if known.inherited_default is None and attribute.has_default:
            known.inherited_default = (parent.oid, attribute.num)
    if doubt(ctx, parent) is not None:
        ctx.notes.append(f"columns inherited from {parent.name} are not certain")


def inheritable(ctx: Context, parent: Relation, number: int) -> bool:
    """Whether a column's NOT NULL goes to the children: not where its constraint is NO INHERIT (18)."""
    constraint = not_null_of(ctx, parent, number)
    return constraint is None or not constraint.no_inherit


def _override(
    ctx: Context, definition: TableDefinition, inherited: ColumnDefinition, own: ColumnDefinition
) -> ColumnDefinition:
    if not definition.partition or own.ref.oid:
        if (
            own.ref.oid
            and inherited.ref.oid
            and (own.ref.oid, own.ref.typmod) != (inherited.ref.oid, inherited.ref.typmod)
        ):
            raise ctx.refuse(
                "42804", f'column "{own.name}" has a type conflict', own.location, name=own.name, kind="type"
            )
        if own.collation != inherited.collation and own.collation and inherited.collation:
            raise ctx.refuse(
                "42P21", f'column "{own.name}" has a collation conflict', own.location, name=own.name, kind="collation"
            )
    inherited.is_local = not definition.partition
    inherited.notnull = inherited.notnull or own.notnull
    inherited.location = own.location
    if own.identity:
        inherited.identity, inherited.sequence_name, inherited.sequence_options = (
            own.identity,
            own.sequence_name,
            own.sequence_options,
        )
    elif own.sequence_name:
        inherited.sequence_name, inherited.inherited_default = own.sequence_name, None
    if own.default is not None:
        if inherited.generated and not own.generated:
            raise ctx.refuse(
                "42611",
                f'column "{own.name}" inherits from generated column but specifies default',
                own.location,
                name=own.name,
                kind="column",
            )
        if inherited.generated and own.generated != inherited.generated:
            message = f'column "{own.name}" inherits from generated column of different kind'
            raise ctx.refuse("42611", message, own.location, name=own.name, kind="column")
        inherited.default, inherited.inherited_default, inherited.generated = own.default, None, own.generated
    return inherited


def link(ctx: Context, child: Relation, parents: list[Relation], *, partition: bool) -> Relation:
    """pg_inherits, and the dependency on the parents: a partition goes with its table, a child does not."""
    child = replace(child, parents=tuple(p.oid for p in parents), is_partition=partition)
    ctx.catalog.put(child)
    ctx.catalog.depend((child.oid, 0), [(p.oid, 0) for p in parents], "a" if partition else "n")
    return child


def inherit_defaults(ctx: Context, child: Relation, columns: list[ColumnDefinition]) -> Relation:
    """Copy the parents' defaults to the columns that give none themselves."""
    for column in columns:
        if column.inherited_default is None or column.default is not None:
            continue
        parent = ctx.catalog.the(Relation, column.inherited_default[0])
        attribute = child.attribute(column.name)
        assert attribute is not None
        child = copy_default(ctx, parent, column.inherited_default[1], child, attribute, column_map(parent, child))
    return child


def inherit_checks(ctx: Context, child: Relation, parents: list[Relation]) -> None:
    """Copy the parents' CHECK constraints."""
    for parent in parents:
        for constraint in ctx.catalog.of_relation(parent.oid, Constraint):
            if constraint.kind != "c" or constraint.no_inherit:
                continue
            existing = constraint_named(ctx, child, constraint.name)
            if existing is not None:
                ctx.catalog.put(replace(existing, inherited=existing.inherited + 1))
                continue
            copy_check(ctx, constraint, child, column_map(parent, child), is_local=False, inherited=1, validated=True)


def descendants(catalog: Draft, oid: int) -> list[int]:
    """A relation and all that inherit from it, parents first (find_all_inheritors)."""
    found, at = [oid], 0
    while at < len(found):
        found += [c for c in catalog.children(found[at]) if c not in found]
        at += 1
    return found
