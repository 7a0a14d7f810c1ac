"""FOREIGN KEY (ATAddForeignKeyConstraint and its recursion in src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.objects import Attribute, Constraint, Relation
from lockgate.timeline.binder import find_relation, words
from lockgate.timeline.context import Context, Node
from lockgate.timeline.naming import choose_constraint_name, join_names
from lockgate.timeline.privileges.check import need_privilege
from lockgate.timeline.transitions.constraint.comparable import comparable, incomparable
from lockgate.timeline.transitions.constraint.constraint import (
    constraint_named,
    enforced,
    ensure_name_free,
    put_constraint,
)
from lockgate.timeline.transitions.constraint.period import check_index, one_sided
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.partition_index import adopt_constraint, column_map
from lockgate.timeline.transitions.relation.relation import column_of, is_system_catalog
from lockgate.timeline.transitions.table.virtual_column import refuse_virtual


def add_foreign_key(ctx: Context, relation: Relation, node: Node, *, recurse: bool = True) -> Constraint | None:
    """One FOREIGN KEY constraint: named, checked, stored, and given to partitions."""
    location = node.get("location", 0)
    columns = words(node.get("fk_attrs", []))
    name = node.get("conname", "")
    if name:
        ensure_name_free(ctx, relation, name, location)
    else:
        name = choose_constraint_name(ctx.catalog, relation.name, join_names(columns), "fkey", relation.namespace)
    target = _target(ctx, relation, node, recurse)
    own = _columns(ctx, relation, node.get("fk_attrs", []), location)
    if node.get("pk_with_period") and not node.get("fk_with_period"):
        raise one_sided(ctx, "referenced", "referencing", location)
    keys, index = _referenced(ctx, target, node, location)
    for number in {k.num for k in keys}:
        place = node["pktable"].get("location", 0)
        need_privilege(ctx, target, "REFERENCES", place, columns=[number], name=target.name)
    _generated(ctx, node, own, location)
    refuse_virtual(ctx, relation, [a.num for a in own], "foreign key constraints", location)
    check_index(ctx, index, node, location)
    if len(own) != len(keys):
        message = "number of referencing and referenced columns for foreign key disagree"
        raise ctx.refuse("42830", message, location, kind="constraint")
    for one, other in zip(own, keys, strict=True):
        if not comparable(ctx, one, other):
            raise incomparable(ctx, name, one, other, ctx.span(location))
    constraint = _made(ctx, relation, target, node, name, own, keys, index)
    put_constraint(ctx, constraint, location=location)
    recurse_referenced(ctx, constraint)
    recurse_referencing(ctx, constraint)
    if ctx.catalog.contents.get(relation.oid):
        from lockgate.timeline.routines.violations import check_existing

        check_existing(ctx, constraint)
    return constraint


def _made(
    ctx: Context,
    relation: Relation,
    target: Relation,
    node: Node,
    name: str,
    own: list[Attribute],
    keys: list[Attribute],
    index: Relation | None,
) -> Constraint:
    return Constraint(
        ctx.catalog.new_oid(),
        name,
        relation.namespace,
        "f",
        relation.oid,
        keys=tuple(a.num for a in own),
        foreign=target.oid,
        foreign_keys=tuple(a.num for a in keys),
        index=index.oid if index else 0,
        validated=not node.get("skip_validation") and enforced(node),
        enforced=enforced(node),
        deferrable=bool(node.get("deferrable")),
        deferred=bool(node.get("initdeferred")),
        no_inherit=relation.kind != "p",
        on_delete=node.get("fk_del_action", "a"),
        on_update=node.get("fk_upd_action", "a"),
    )


def _target(ctx: Context, relation: Relation, node: Node, recurse: bool) -> Relation:
    rangevar, location = node["pktable"], node.get("location", 0)
    target = find_relation(ctx, rangevar)
    if relation.kind == "p":
        if not recurse:
            raise ctx.refuse(
                "42809",
                f'cannot use ONLY for foreign key on partitioned table "{relation.name}" referencing relation '
                f'"{rangevar.get("relname")}"',
                location,
                kind="constraint",
            )
        if node.get("skip_validation") and not node.get("initially_valid") and ctx.catalog.major < 18:
            raise ctx.refuse(
                "42809",
                f'cannot add NOT VALID foreign key on partitioned table "{relation.name}" referencing relation '
                f'"{rangevar.get("relname")}"',
                location,
                kind="constraint",
                help="This feature is not yet supported on partitioned tables.",
            )
    place = rangevar.get("location", 0)
    if not isinstance(target, Relation):
        raise is_system_catalog(ctx, rangevar.get("relname", ""), place)
    if target.kind not in "rp":
        raise ctx.refuse(
            "42809",
            f'referenced relation "{target.name}" is not a table',
            place,
            name=target.name,
            kind="relation",
            object=ctx.catalog.qualified(target),
        )
    word = {"p": "permanent", "u": "unlogged", "t": "temporary"}[relation.persistence]
    allowed = {"p": "p", "u": "pu", "t": "t"}[relation.persistence]
    if target.persistence not in allowed:
        which = "permanent or unlogged" if word == "unlogged" else word
        raise ctx.refuse(
            "42P16",
            f"constraints on {word} tables may reference only {which} tables",
            place,
            name=target.name,
            kind="constraint",
        )
    return target


def _columns(ctx: Context, relation: Relation, names: list[Node], location: int) -> list[Attribute]:
    found = []
    for name in words(names):
        message = f'column "{name}" referenced in foreign key constraint does not exist'
        found.append(column_of(ctx, relation, name, location, message=message))
    if len(found) > 32:
        raise ctx.refuse("54011", "cannot have more than 32 keys in a foreign key", location, kind="constraint")
    return found


def _referenced(ctx: Context, target: Relation, node: Node, location: int) -> tuple[list[Attribute], Relation | None]:
    """The referenced columns and the unique index behind them (transformFkeyGetPrimaryKey, transformFkeyCheckAttrs)."""
    place = node["pktable"].get("location", 0)
    if not node.get("pk_attrs"):
        return _primary(ctx, target, place)
    period = bool(node.get("fk_with_period"))
    if period and not node.get("pk_with_period"):
        raise one_sided(ctx, "referencing", "referenced", location)
    keys = _columns(ctx, target, node["pk_attrs"], place)
    numbers = [k.num for k in keys]
    if len(set(numbers)) != len(numbers):
        raise ctx.refuse(
            "42830", "foreign key referenced-columns list must not contain duplicates", place, kind="constraint"
        )
    late = None
    for index in ctx.catalog.of_relation(target.oid, Relation):
        shape = index.index
        if (
            shape is None
            or not (shape.exclusion if period else shape.unique)
            or (period and shape.keys[-1] != numbers[-1])
            or shape.partial
            or not shape.valid
            or 0 in shape.keys
            or sorted(shape.keys) != sorted(numbers)
        ):
            continue
        if shape.immediate:
            return keys, index
        late = index
    if doubt(ctx, target) is not None:
        return keys, None
    if late is not None:
        raise ctx.refuse(
            "55000",
            f'cannot use a deferrable unique constraint for referenced table "{target.name}"',
            place,
            name=target.name,
            kind="constraint",
        )
    raise ctx.refuse(
        "42830",
        f'there is no unique constraint matching given keys for referenced table "{target.name}"',
        place,
        name=target.name,
        kind="constraint",
        object=ctx.catalog.qualified(target),
    )


def _primary(ctx: Context, target: Relation, place: int) -> tuple[list[Attribute], Relation | None]:
    for constraint in ctx.catalog.of_relation(target.oid, Constraint):
        if constraint.kind != "p":
            continue
        if constraint.deferrable:
            raise ctx.refuse(
                "55000",
                f'cannot use a deferrable primary key for referenced table "{target.name}"',
                place,
                name=target.name,
                kind="constraint",
            )
        keys = [a for n in constraint.keys if (a := target.attribute_by_num(n)) is not None]
        return keys, ctx.catalog.find(Relation, constraint.index)
    if doubt(ctx, target) is not None:
        raise ctx.unsure(f"whether table {target.name} has a primary key is not known")
    raise ctx.refuse(
        "42704",
        f'there is no primary key for referenced table "{target.name}"',
        place,
        name=target.name,
        kind="constraint",
        object=ctx.catalog.qualified(target),
    )


def _generated(ctx: Context, node: Node, own: list[Attribute], location: int) -> None:
    if not any(a.generated for a in own):
        return
    for field, word, bad in (("fk_upd_action", "ON UPDATE", "ndc"), ("fk_del_action", "ON DELETE", "nd")):
        if node.get(field, "a") in bad:
            raise ctx.refuse(
                "42601",
                f"invalid {word} action for foreign key constraint containing generated column",
                location,
                kind="constraint",
            )


def recurse_referenced(ctx: Context, constraint: Constraint) -> None:
    """addFkRecurseReferenced: one more constraint row for every partition of the referenced table."""
    target = ctx.catalog.the(Relation, constraint.foreign)
    relation = ctx.catalog.the(Relation, constraint.relation)
    if target.kind != "p":
        return
    names = [a.name for n in constraint.keys if (a := relation.attribute_by_num(n)) is not None]
    for oid in ctx.catalog.children(target.oid):
        part = ctx.catalog.the(Relation, oid)
        mapping = column_map(target, part)
        child = replace(
            constraint,
            oid=ctx.catalog.new_oid(),
            name=_further_name(ctx, constraint, relation, names),
            foreign=oid,
            parent=constraint.oid,
            is_local=False,
            inherited=1,
            foreign_keys=tuple(mapping.get(n, 0) for n in constraint.foreign_keys),
            index=_partition_index(ctx, constraint.index, oid),
        )
        put_constraint(ctx, child, internal=True)
        recurse_referenced(ctx, child)


def _further_name(ctx: Context, constraint: Constraint, relation: Relation, columns: list[str]) -> str:
    """A name for one more row of a foreign key: from its columns anew, from 18 on from the name of the whole
    (addFkConstraint)."""
    if ctx.catalog.major < 18:
        return choose_constraint_name(ctx.catalog, relation.name, join_names(columns), "fkey", relation.namespace)
    while (above := ctx.catalog.find(Constraint, constraint.parent)) is not None:
        constraint = above
    return choose_constraint_name(ctx.catalog, constraint.name, None, "", relation.namespace)


def _partition_index(ctx: Context, index: int, partition: int) -> int:
    for oid in ctx.catalog.children(index):
        found = ctx.catalog.find(Relation, oid)
        if found is not None and found.index is not None and found.index.relation == partition:
            return oid
    return 0


def recurse_referencing(ctx: Context, constraint: Constraint) -> None:
    """addFkRecurseReferencing: every partition of the referencing table gets the constraint."""
    relation = ctx.catalog.the(Relation, constraint.relation)
    if relation.kind != "p":
        return
    for oid in ctx.catalog.children(relation.oid):
        give_to_partition(ctx, constraint, relation, ctx.catalog.the(Relation, oid))


def give_to_partition(ctx: Context, constraint: Constraint, relation: Relation, partition: Relation) -> None:
    """One constraint to one partition: an equal one is adopted, else it is made, with the same name where that is
    free."""
    if partition.kind not in "rp":
        return
    mapping = column_map(relation, partition)
    keys = tuple(mapping.get(n, 0) for n in constraint.keys)
    for existing in ctx.catalog.of_relation(partition.oid, Constraint):
        same = (existing.foreign, existing.keys, existing.foreign_keys) == (
            constraint.foreign,
            keys,
            constraint.foreign_keys,
        )
        if (
            existing.kind == "f"
            and same
            and not existing.parent
            and (existing.on_delete, existing.on_update, existing.deferrable)
            == (
                constraint.on_delete,
                constraint.on_update,
                constraint.deferrable,
            )
        ):
            adopt_constraint(ctx, existing.oid, constraint.oid)
            return
    name = constraint.name
    if constraint_named(ctx, partition, name) is not None:
        names = [a.name for n in keys if (a := partition.attribute_by_num(n)) is not None]
        name = _further_name(ctx, constraint, partition, names)
    child = replace(
        constraint,
        oid=ctx.catalog.new_oid(),
        name=name,
        namespace=partition.namespace,
        relation=partition.oid,
        keys=keys,
        parent=constraint.oid,
        is_local=False,
        inherited=1,
    )
    put_constraint(ctx, child)
    recurse_referencing(ctx, child)


def clone_foreign_keys(ctx: Context, parent: Relation, partition: Relation) -> None:
    """CloneForeignKeyConstraints: those that the parent has, and those that refer to it."""
    for constraint in ctx.catalog.of_relation(parent.oid, Constraint):
        if constraint.kind == "f" and not (constraint.parent and _same_relation(ctx, constraint)):
            give_to_partition(ctx, constraint, parent, partition)
    if not any(i.index is not None and i.index.unique for i in ctx.catalog.of_relation(parent.oid, Relation)):
        return  # nothing can refer to it, and its partitions are many
    referring = {e.dependent[0] for e in ctx.catalog.dependents(parent.oid, of_columns=True)}
    for oid in sorted(referring):
        constraint_there = ctx.catalog.find(Constraint, oid)
        if constraint_there is not None and constraint_there.kind == "f" and constraint_there.foreign == parent.oid:
            _refer_to_partition(ctx, constraint_there, parent, partition)


def _same_relation(ctx: Context, constraint: Constraint) -> bool:
    above = ctx.catalog.find(Constraint, constraint.parent)
    return above is not None and above.relation == constraint.relation


def _refer_to_partition(ctx: Context, constraint: Constraint, parent: Relation, partition: Relation) -> None:
    above = ctx.catalog.find(Constraint, constraint.parent)
    if above is not None and above.foreign == constraint.foreign:
        return  # a partition's own copy: the top one is enough
    relation = ctx.catalog.the(Relation, constraint.relation)
    mapping = column_map(parent, partition)
    names = [a.name for n in constraint.keys if (a := relation.attribute_by_num(n)) is not None]
    child = replace(
        constraint,
        oid=ctx.catalog.new_oid(),
        name=_further_name(ctx, constraint, relation, names),
        foreign=partition.oid,
        parent=constraint.oid,
        is_local=False,
        inherited=1,
        foreign_keys=tuple(mapping.get(n, 0) for n in constraint.foreign_keys),
        index=_partition_index(ctx, constraint.index, partition.oid),
    )
    put_constraint(ctx, child, internal=True)
    recurse_referenced(ctx, child)
