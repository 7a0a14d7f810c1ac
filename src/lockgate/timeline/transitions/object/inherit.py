"""ALTER TABLE: parents, partitions and row types (src/backend/commands/tablecmds.c ATExecAddInherit, ATExecAttachPartition)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.catalog.objects import Attribute, Constraint, Relation, Type
from lockgate.timeline.binder import resolve_type
from lockgate.timeline.context import Context
from lockgate.timeline.privileges.check import need_privilege
from lockgate.timeline.transitions.constraint.not_null import counterpart
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.partition_index import attach_index
from lockgate.timeline.transitions.relation.relation import user_relation
from lockgate.timeline.transitions.table import partition
from lockgate.timeline.transitions.table.alteration import Alteration, Queue, allow
from lockgate.timeline.transitions.table.inheritance import check_parent, descendants, inheritable


def altered_relation(ctx: Context, item: Alteration) -> Relation:
    return ctx.catalog.the(Relation, item.relation)


def prepare_inherit(ctx: Context, _: Queue, item: Alteration) -> None:
    """ATPrepAddInherit."""
    relation = altered_relation(ctx, item)
    if relation.of_type:
        raise ctx.refuse("42809", "cannot change inheritance of typed table", span=item.span, kind="relation")
    if relation.is_partition:
        raise ctx.refuse("42809", "cannot change inheritance of a partition", span=item.span, kind="relation")
    if relation.kind == "p":
        raise ctx.refuse("42809", "cannot change inheritance of partitioned table", span=item.span, kind="relation")


def add_inherit(ctx: Context, _: Queue, item: Alteration) -> None:
    """INHERIT parent (ATExecAddInherit)."""
    relation = altered_relation(ctx, item)
    rangevar = item.node["def"]["RangeVar"]
    parent = user_relation(ctx, rangevar)
    assert parent is not None
    check_parent(ctx, parent, rangevar.get("location", 0), partition=False, temporary=relation.persistence == "t")
    if parent.oid in relation.parents:
        raise ctx.refuse(
            "42P07", f'relation "{parent.name}" would be inherited from more than once', span=item.span, kind="relation"
        )
    if parent.oid in descendants(ctx.catalog, relation.oid):
        raise ctx.refuse("42P07", "circular inheritance not allowed", span=item.span, kind="relation")
    merge_into(ctx, relation, parent, item, is_partition=False)


def merge_into(ctx: Context, child: Relation, parent: Relation, item: Alteration, *, is_partition: bool) -> None:
    """CreateInheritance: the child must have the parent's columns and constraints (42804)."""
    sure = doubt(ctx, child) is None and doubt(ctx, parent) is None
    attributes = list(child.attributes)
    for theirs in parent.attributes:
        at = next((i for i, a in enumerate(attributes) if a.name == theirs.name), None)
        if at is None:
            if sure:
                raise ctx.refuse(
                    "42804", f'child table is missing column "{theirs.name}"', span=item.span, kind="column"
                )
            continue
        own = attributes[at]
        if sure:
            _check_column(ctx, child, own, parent, theirs, item)
        attributes[at] = replace(own, inherited=own.inherited + 1, is_local=own.is_local and not is_partition)
    for constraint in ctx.catalog.of_relation(parent.oid, Constraint):
        if constraint.kind not in "cn" or constraint.no_inherit:
            continue
        copy = counterpart(ctx, parent, constraint, child)
        if copy is None:
            if sure:
                raise ctx.refuse(
                    "42804", f'child table is missing constraint "{constraint.name}"', span=item.span, kind="constraint"
                )
            continue
        if sure and copy.no_inherit:
            message = f'constraint "{copy.name}" conflicts with non-inherited constraint on child table "{child.name}"'
            raise ctx.refuse("42P17", message, span=item.span, kind="constraint")
        if sure and constraint.validated and not copy.validated:
            raise ctx.refuse(
                "42P17",
                f'constraint "{copy.name}" conflicts with NOT VALID constraint on child table "{child.name}"',
                span=item.span,
                kind="constraint",
            )
        ctx.catalog.put(replace(copy, inherited=copy.inherited + 1, is_local=copy.is_local and not is_partition))
    ctx.catalog.put(
        replace(child, attributes=tuple(attributes), parents=(*child.parents, parent.oid), is_partition=is_partition)
    )
    ctx.catalog.depend((child.oid, 0), [(parent.oid, 0)], "a" if is_partition else "n")


def _check_column(
    ctx: Context, child: Relation, own: Attribute, parent: Relation, theirs: Attribute, item: Alteration
) -> None:
    """MergeAttributesIntoExisting: the same type, NOT NULL, and generated alike."""
    if own.type and theirs.type and (own.type, own.typmod) != (theirs.type, theirs.typmod):
        message = f'child table "{child.name}" has different type for column "{theirs.name}"'
        raise ctx.refuse("42804", message, span=item.span, kind="type")
    if theirs.notnull and not own.notnull and inheritable(ctx, parent, theirs.num):
        message = f'column "{theirs.name}" in child table must be marked NOT NULL'
        raise ctx.refuse("42804", message, span=item.span, kind="column")
    _same_generation(ctx, own, theirs, item)


def _same_generation(ctx: Context, own: Attribute, theirs: Attribute, item: Alteration) -> None:
    """MergeAttributesIntoExisting: a generated column inherits to a generated one, of the same kind."""
    message = ""
    if theirs.generated and not own.generated:
        message = f'column "{theirs.name}" in child table must be a generated column'
    elif own.generated and not theirs.generated and ctx.catalog.major >= 16:
        message = f'column "{theirs.name}" in child table must not be a generated column'
    elif own.generated != theirs.generated and theirs.generated:
        message = f'column "{theirs.name}" inherits from generated column of different kind'
    if message:
        raise ctx.refuse("42804", message, span=item.span, kind="column")


def drop_inherit(ctx: Context, _: Queue, item: Alteration) -> None:
    """NO INHERIT parent (ATExecDropInherit, RemoveInheritance)."""
    relation = altered_relation(ctx, item)
    rangevar = item.node["def"]["RangeVar"]
    if relation.is_partition:
        raise ctx.refuse("42809", "cannot change inheritance of a partition", span=item.span, kind="relation")
    parent = user_relation(ctx, rangevar)
    assert parent is not None
    if parent.kind in "iIc":
        raise ctx.refuse(
            "42809",
            f'"{parent.name}" is {"a composite type" if parent.kind == "c" else "an index"}',
            span=item.span,
            kind="relation",
        )
    if parent.oid not in relation.parents:
        raise ctx.refuse(
            "42P01",
            f'relation "{parent.name}" is not a parent of relation "{relation.name}"',
            span=item.span,
            kind="relation",
        )
    names = {a.name for a in parent.attributes}
    attributes = tuple(_orphan(a) if a.name in names and a.inherited else a for a in relation.attributes)
    ctx.catalog.undepend((relation.oid, 0), "n", referenced=parent.oid)
    ctx.catalog.put(
        replace(relation, attributes=attributes, parents=tuple(p for p in relation.parents if p != parent.oid))
    )
    for constraint in ctx.catalog.of_relation(parent.oid, Constraint):
        copy = (
            counterpart(ctx, parent, constraint, relation)
            if constraint.kind in "cn" and not constraint.no_inherit
            else None
        )
        if copy is not None and copy.inherited:
            left = copy.inherited - 1
            ctx.catalog.put(replace(copy, inherited=left, is_local=copy.is_local or not left))


def _orphan(attribute: Any) -> Any:
    left = attribute.inherited - 1
    return replace(attribute, inherited=left, is_local=attribute.is_local or not left)


def add_of(ctx: Context, _: Queue, item: Alteration) -> None:
    """OF type (ATExecAddOf): the columns must match."""
    relation = altered_relation(ctx, item)
    ref = resolve_type(ctx, item.node["def"]["TypeName"])
    found = ctx.catalog.find(Type, ref.oid)
    if found is not None and ctx.catalog.major >= 18:
        need_privilege(ctx, found, "USAGE", kind="type")
    holder = ctx.catalog.find(Relation, found.relation) if found is not None else None
    if holder is None or found is None:
        raise ctx.unsure("the columns of a composite type are not known")
    own, theirs = (
        [(a.name, a.type, a.typmod) for a in relation.attributes],
        [(a.name, a.type, a.typmod) for a in holder.attributes],
    )
    if own != theirs and doubt(ctx, relation) is None:
        raise ctx.refuse("42804", f'table has different columns than type "{found.name}"', span=item.span, kind="type")
    ctx.catalog.put(replace(relation, of_type=found.oid))
    ctx.catalog.depend((relation.oid, 0), [(found.oid, 0)])


def drop_of(ctx: Context, _: Queue, item: Alteration) -> None:
    """NOT OF (ATExecDropOf)."""
    relation = altered_relation(ctx, item)
    if not relation.of_type:
        raise ctx.refuse("42809", f'"{relation.name}" is not a typed table', span=item.span, kind="relation")
    ctx.catalog.undepend((relation.oid, 0), "n", referenced=relation.of_type)
    ctx.catalog.put(replace(relation, of_type=0))


def attach_partition(ctx: Context, _: Queue, item: Alteration) -> None:
    """ATTACH PARTITION (ATExecAttachPartition, ATExecAttachPartitionIdx)."""
    relation = altered_relation(ctx, item)
    command = item.node["def"]["PartitionCmd"]
    rangevar = command["name"]
    if relation.kind == "I":
        _attach_index(ctx, relation, rangevar)
        return
    if relation.kind != "p":
        raise ctx.refuse(
            "42P17", f'table "{relation.name}" is not partitioned', span=ctx.span(None, relation.name), kind="relation"
        )
    location = rangevar.get("location", 0)
    form = (
        partition.bound_form(ctx, relation, command["bound"], rangevar.get("relname", ""))
        if "bound" in command
        else ("default",)
    )
    child = user_relation(ctx, rangevar)
    assert child is not None
    allow(ctx, child, "rpf", replace(item, recursing=True))
    _attachable(ctx, relation, child, location)
    if ctx.catalog.major >= 17:
        _no_identity(ctx, relation, child, location)
    extra = [a.name for a in child.attributes if relation.attribute(a.name) is None]
    if extra and doubt(ctx, child) is None and doubt(ctx, relation) is None:
        message = f'table "{child.name}" contains column "{extra[0]}" not found in parent "{relation.name}"'
        raise ctx.refuse("42804", message, location, name=child.name, kind="column")
    merge_into(ctx, child, relation, item, is_partition=True)
    partition.check_overlap(ctx, relation, form, child.name, command.get("bound", {}).get("location"))
    partition.store_bound(ctx, ctx.catalog.the(Relation, child.oid), form)
    partition.adopt(ctx, relation, ctx.catalog.the(Relation, child.oid))


def _no_identity(ctx: Context, relation: Relation, child: Relation, location: int) -> None:
    """No identity column of its own comes along; a column that the table has not is found before those behind it."""
    for attribute in child.attributes:
        if attribute.identity:
            raise ctx.refuse(
                "55000",
                f'table "{child.name}" being attached contains an identity column "{attribute.name}"',
                location,
                name=child.name,
                kind="column",
                help="The new partition may not contain an identity column.",
            )
        if relation.attribute(attribute.name) is None:
            return


def _attachable(ctx: Context, relation: Relation, child: Relation, location: int) -> None:
    for wrong, message in (
        (child.is_partition, f'"{child.name}" is already a partition'),
        (bool(child.of_type), "cannot attach a typed table as partition"),
        (bool(child.parents) and not child.is_partition, "cannot attach inheritance child as partition"),
        (child.kind == "r" and bool(ctx.catalog.children(child.oid)), "cannot attach inheritance parent as partition"),
        (
            relation.persistence == "t" and child.persistence != "t",
            f'cannot attach a permanent relation as partition of temporary relation "{relation.name}"',
        ),
        (
            relation.persistence != "t" and child.persistence == "t",
            f'cannot attach a temporary relation as partition of permanent relation "{relation.name}"',
        ),
    ):
        if wrong:
            raise ctx.refuse(
                "42809", message, location, name=child.name, kind="relation", object=ctx.catalog.qualified(child)
            )
    if relation.oid in descendants(ctx.catalog, child.oid):
        raise ctx.refuse("42P07", "circular inheritance not allowed", location, name=child.name, kind="relation")


def _attach_index(ctx: Context, parent: Relation, rangevar: dict[str, Any]) -> None:
    child = user_relation(ctx, rangevar)
    assert child is not None and parent.index is not None
    location = rangevar.get("location", 0)
    if child.kind not in "iI" or child.index is None:
        raise ctx.refuse("42P17", f'"{child.name}" is not an index', location, name=child.name, kind="index")
    if parent.oid in child.parents:
        return
    if child.parents:
        message = f'cannot attach index "{child.name}" as a partition of index "{parent.name}"'
        raise ctx.refuse(
            "55000",
            message,
            location,
            name=child.name,
            kind="index",
            help=f'Index "{child.name}" is already attached to another index.',
        )
    table = ctx.catalog.find(Relation, child.index.relation)
    if table is not None and parent.index.relation not in table.parents:
        message = f'cannot attach index "{child.name}" as a partition of index "{parent.name}"'
        raise ctx.refuse("55000", message, location, name=child.name, kind="index")
    attach_index(ctx, parent, child)


def detach_partition(ctx: Context, _: Queue, item: Alteration) -> None:
    """DETACH PARTITION (ATExecDetachPartition)."""
    relation = altered_relation(ctx, item)
    rangevar = item.node["def"]["PartitionCmd"]["name"]
    child = user_relation(ctx, rangevar)
    assert child is not None
    if relation.kind != "p":
        raise ctx.refuse(
            "42P17", f'table "{relation.name}" is not partitioned', span=ctx.span(None, relation.name), kind="relation"
        )
    if relation.oid not in child.parents:
        raise ctx.refuse(
            "42P01",
            f'relation "{child.name}" is not a partition of relation "{relation.name}"',
            rangevar.get("location", 0),
            name=child.name,
            kind="relation",
        )
    partition.release(ctx, relation, child)
