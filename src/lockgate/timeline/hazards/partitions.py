"""ATTACH and DETACH PARTITION, CREATE TABLE ... PARTITION OF (ATExecAttachPartition, ATExecDetachPartition in
src/backend/commands/tablecmds.c; check_default_partition_contents in src/backend/partitioning/partbounds.c)."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.effects import Lock, Work
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Constraint, Relation
from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.hazards.bounds import bound_claim, default_claim, is_constrained
from lockgate.timeline.hazards.find import named
from lockgate.timeline.hazards.implied import Claim, bound_proven
from lockgate.timeline.hazards.touches import Touches, default_partition, family, lock_all


def attach(ctx: Context, touches: Touches, catalog: Catalog, parent: Relation, node: Node) -> None:
    """ATTACH PARTITION: the child is held against the bound, the default partition against its absence."""
    child = named(ctx, node.get("name"))
    bound = node.get("bound")
    if child is None or bound is None:
        return  # ALTER INDEX ... ATTACH PARTITION
    lock_all(touches, family(catalog, child), Lock.ACCESS_EXCLUSIVE)
    referenced(touches, catalog, parent)
    _taken_in(touches, catalog, parent, child)
    if bound.get("is_default"):
        if is_constrained(catalog, parent, child):
            _look(touches, catalog, child, ("other", "bound"), "partition bound verified")
        return
    _look(touches, catalog, child, bound_claim(parent, bound), "partition bound verified")
    check_default(touches, catalog, parent, bound)


def _taken_in(touches: Touches, catalog: Catalog, parent: Relation, child: Relation) -> None:
    """A foreign key of the child's that is like one of the parent's becomes its part, and loses triggers of its own
    (tryAttachPartitionForeignKey)."""
    own = [c for c in catalog.of_relation(child.oid, Constraint) if c.kind == "f" and not c.parent]
    for key in catalog.of_relation(parent.oid, Constraint):
        if key.kind == "f" and any(_alike(catalog, parent, key, child, one) for one in own):
            touches.lock(catalog.find(Relation, key.foreign), Lock.ACCESS_EXCLUSIVE)


def _alike(catalog: Catalog, parent: Relation, key: Constraint, child: Relation, own: Constraint) -> bool:
    names = [a.name for n in key.keys if (a := parent.attribute_by_num(n)) is not None]
    mine = [a.name for n in own.keys if (a := child.attribute_by_num(n)) is not None]
    return (names, key.foreign, key.foreign_keys, key.on_delete, key.on_update, key.deferrable, key.deferred) == (
        mine,
        own.foreign,
        own.foreign_keys,
        own.on_delete,
        own.on_update,
        own.deferrable,
        own.deferred,
    )


def check_default(touches: Touches, catalog: Catalog, parent: Relation, bound: Node) -> None:
    """A new partition beside a default one, whose rows might belong into it."""
    default = default_partition(catalog, parent)
    if default is None:
        return
    lock_all(touches, family(catalog, default), Lock.ACCESS_EXCLUSIVE)
    _look(touches, catalog, default, default_claim(parent, bound), "default partition verified")


def _look(touches: Touches, catalog: Catalog, relation: Relation, wanted: Claim, why: str) -> None:
    """QueuePartitionConstraintValidation: a partitioned table's partitions are asked one by one."""
    if bound_proven(catalog, relation, wanted):
        touches.note(relation, "proven by its checks")
        return
    if relation.kind != "p":
        touches.work(relation, Work.SCAN, why)
        return
    for oid in catalog.children(relation.oid):
        part = catalog.find(Relation, oid)
        if part is not None:
            _look(touches, catalog, part, wanted, why)


def detach(ctx: Context, touches: Touches, catalog: Catalog, parent: Relation, node: Node) -> None:
    """DETACH PARTITION: parent, child and default partition; foreign keys that refer to the table are asked whether
    they need the rows (ATDetachCheckNoForeignKeyRefs)."""
    child = named(ctx, node.get("name"))
    if child is None:
        return
    lock_all(touches, family(catalog, child), Lock.ACCESS_EXCLUSIVE)
    if node.get("concurrent"):
        return
    touches.lock(default_partition(catalog, parent), Lock.ACCESS_EXCLUSIVE)
    for key in foreign_keys_to(catalog, child):
        source = catalog.find(Relation, key.relation)
        touches.lock(source, Lock.ACCESS_EXCLUSIVE)
        touches.work(source, Work.SCAN, "foreign key validated")
    for key in catalog.of_relation(child.oid, Constraint):
        if key.kind == "f" and key.parent:
            touches.lock(catalog.find(Relation, key.foreign), Lock.SHARE_ROW_EXCLUSIVE)


def referenced(touches: Touches, catalog: Catalog, parent: Relation) -> None:
    """Foreign keys that refer to a partitioned table get their part for a new partition (CloneFkReferenced)."""
    for key in foreign_keys_to(catalog, parent):
        touches.lock(catalog.find(Relation, key.relation), Lock.SHARE_ROW_EXCLUSIVE)


def foreign_keys_to(catalog: Catalog, relation: Relation) -> Iterator[Constraint]:
    """The foreign keys that refer to a table."""
    seen: set[int] = set()
    for edge in catalog.dependents(relation.oid, of_columns=True):
        found = catalog.find(Constraint, edge.dependent[0])
        if found is not None and found.kind == "f" and found.foreign == relation.oid and found.oid not in seen:
            seen.add(found.oid)
            yield found
