"""Indexes of partitioned tables on their partitions (DefineIndex, AttachPartitionEnsureIndexes,
generateClonedIndexStmt)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.objects import Constraint, Index, Namespace, Relation
from lockgate.timeline.context import Context
from lockgate.timeline.naming import choose_index_name
from lockgate.timeline.transitions.constraint.constraint import put_constraint
from lockgate.timeline.transitions.relation.relation import create_relation


def column_map(source: Relation, target: Relation) -> dict[int, int]:
    """Attribute numbers of one relation to those of the same names in another (build_attrmap_by_name)."""
    numbers = {a.name: a.num for a in target.attributes}
    return {a.num: numbers[a.name] for a in source.attributes if a.name in numbers}


def index_partitions(ctx: Context, relation: Relation, index: Relation) -> None:
    """Give every partition its part of a new partitioned index: one that fits is attached, else one is made."""
    for oid in ctx.catalog.children(relation.oid):
        partition = ctx.catalog.find(Relation, oid)
        if partition is not None and partition.kind in "rp":
            ensure_index(ctx, index, partition)


def ensure_index(ctx: Context, parent: Relation, partition: Relation) -> None:
    """One partition's part of a partitioned index."""
    source = ctx.catalog.the(Relation, parent.index.relation if parent.index else 0)
    mapping = column_map(source, partition)
    for candidate in ctx.catalog.of_relation(partition.oid, Relation):
        if not candidate.parents and _fits(parent, candidate, mapping):
            attach_index(ctx, parent, candidate)
            return
    child = clone_index(ctx, parent, partition, mapping, attached=True)
    if partition.kind == "p":
        index_partitions(ctx, partition, child)


def _fits(parent: Relation, candidate: Relation, mapping: dict[int, int]) -> bool:
    # CompareIndexInfo, and a constraint's index must carry a constraint
    one, other = parent.index, candidate.index
    if one is None or other is None:
        return False
    keys = tuple(mapping.get(n, 0) for n in one.keys)
    return (
        one.unique == other.unique
        and one.method == other.method
        and keys == other.keys
        and one.partial == other.partial
        and tuple(mapping.get(n, 0) for n in one.included) == other.included
        and one.definition == other.definition
        and one.nulls_not_distinct == other.nulls_not_distinct
        and (not one.constraint or bool(other.constraint))
    )


def attach_index(ctx: Context, parent: Relation, child: Relation) -> None:
    """IndexSetParentIndex and ConstraintSetParentConstraint."""
    assert child.index is not None and parent.index is not None
    catalog = ctx.catalog
    catalog.put(replace(child, parents=(parent.oid,), is_partition=True))
    catalog.depend((child.oid, 0), [(parent.oid, 0)], "P")
    catalog.depend((child.oid, 0), [(child.index.relation, 0)], "S")
    if parent.index.constraint and child.index.constraint:
        adopt_constraint(ctx, child.index.constraint, parent.index.constraint)


def adopt_constraint(ctx: Context, child: int, parent: int) -> None:
    """ConstraintSetParentConstraint."""
    catalog = ctx.catalog
    constraint = catalog.the(Constraint, child)
    catalog.put(replace(constraint, parent=parent, is_local=False, inherited=constraint.inherited + 1))
    catalog.depend((child, 0), [(parent, 0)], "P")
    catalog.depend((child, 0), [(constraint.relation, 0)], "S")


def detach_index(ctx: Context, child: Relation) -> None:
    """A partition's index on its own again."""
    catalog = ctx.catalog
    catalog.put(replace(child, parents=(), is_partition=False))
    catalog.undepend((child.oid, 0), "PS")
    if child.index is not None and child.index.constraint:
        leave_parent(ctx, child.index.constraint)


def leave_parent(ctx: Context, oid: int) -> None:
    """A partition's constraint on its own again."""
    constraint = ctx.catalog.the(Constraint, oid)
    ctx.catalog.put(replace(constraint, parent=0, is_local=True, inherited=max(constraint.inherited - 1, 0)))
    ctx.catalog.undepend((oid, 0), "PS")


def _mapped(index: Index, target: Relation, mapping: dict[int, int]) -> Index:
    """The same index over another table's columns; 0 stands for an expression."""
    return replace(
        index,
        relation=target.oid,
        keys=tuple(mapping.get(n, 0) for n in index.keys),
        constraint=0,
        replica=False,
        clustered=False,
        included=tuple(mapping.get(n, 0) for n in index.included),
    )


def clone_index(
    ctx: Context, source: Relation, target: Relation, mapping: dict[int, int], *, attached: bool, name: str = ""
) -> Relation:
    """The same index on another table: attached to it (partitions), or free (LIKE); its name is generated."""
    catalog, index = ctx.catalog, source.index
    assert index is not None
    columns = source.attributes  # with the names that they had when the index was made: no RENAME COLUMN reaches them
    constraint = catalog.find(Constraint, index.constraint)
    _cover_partition_key(ctx, target, source, mapping)
    name = name or choose_index_name(
        catalog,
        target.name,
        target.namespace,
        [a.name for a in columns],
        primary=index.primary,
        exclusion=index.exclusion,
        constraint=constraint is not None,
    )
    own = _mapped(index, target, mapping)
    if target.kind == "p":
        from lockgate.timeline.transitions.relation.index import check_partition_key

        check_partition_key(ctx, target, own, own.keys, None)
    space = catalog.the(Namespace, target.namespace)
    made = create_relation(
        ctx,
        name,
        space,
        "I" if target.kind == "p" else "i",
        columns,
        owner=target.owner,
        persistence=target.persistence,
        index=own,
        parents=(source.oid,) if attached else (),
        is_partition=attached,
    )
    catalog.undepend((made.oid, 0), "n")
    _depend_like(ctx, source, made, target, mapping)
    if constraint is not None:
        made = _clone_constraint(ctx, constraint, made, target, mapping, attached)
    if attached:
        catalog.depend((made.oid, 0), [(source.oid, 0)], "P")
        catalog.depend((made.oid, 0), [(target.oid, 0)], "S")
    return made


def _cover_partition_key(ctx: Context, target: Relation, source: Relation, mapping: dict[int, int]) -> None:
    """A unique index goes to a partitioned table only with its partition key in it (DefineIndex: 0A000)."""
    parts, index = target.partitioning, source.index
    if target.kind != "p" or parts is None or index is None or not (index.unique or index.exclusion):
        return
    keys = {mapping.get(n, 0) for n in index.keys}
    if not set(parts.keys) <= keys or 0 in parts.keys:
        raise ctx.refuse(
            "0A000",
            "unique constraint on partitioned table must include all partitioning columns",
            kind="index",
            object=ctx.catalog.qualified(target),
        )


def _depend_like(ctx: Context, source: Relation, made: Relation, target: Relation, mapping: dict[int, int]) -> None:
    assert source.index is not None and made.index is not None
    table = source.index.relation
    for edge in ctx.catalog.dependencies(source.oid):
        oid, number = edge.referenced
        if edge.kind in "na" and not (source.index.constraint and oid == table):
            ctx.catalog.depend(
                (made.oid, 0), [(target.oid, mapping.get(number, 0)) if oid == table else edge.referenced], edge.kind
            )


def _clone_constraint(
    ctx: Context, source: Constraint, index: Relation, target: Relation, mapping: dict[int, int], attached: bool
) -> Relation:
    made = replace(
        source,
        oid=ctx.catalog.new_oid(),
        name=index.name,
        namespace=target.namespace,
        relation=target.oid,
        index=index.oid,
        keys=tuple(mapping.get(n, 0) for n in source.keys),
        is_local=not attached,
        inherited=1 if attached else 0,
        parent=source.oid if attached else 0,
    )
    put_constraint(ctx, made)
    ctx.catalog.depend((index.oid, 0), [(made.oid, 0)], "i")
    assert index.index is not None
    index = replace(index, index=replace(index.index, constraint=made.oid))
    ctx.catalog.put(index)
    return index
