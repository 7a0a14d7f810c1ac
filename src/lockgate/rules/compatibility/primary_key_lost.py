"""A table without a primary key from now on: see rules/primary-key-lost.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Constraint, Relation, Remark, Scene, at_step, on_scene

_HELP = "make the new key first (an index CONCURRENTLY, then ADD PRIMARY KEY USING INDEX in the same ALTER TABLE as the drop), or set REPLICA IDENTITY"


@on_scene("dropped", "AlterTableStmt")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each table."""
    for step, change in scene.changes():
        key = change.before
        if not (isinstance(key, Constraint) and key.kind == "p" and change.after is None and scene.old(key.relation)):
            continue
        table = scene.after.find(Relation, key.relation)
        if table is None or table.is_partition or step.fails is not None:
            continue
        kinds = [c.kind for c in scene.after.of_relation(table.oid, Constraint)]
        if "p" not in kinds:
            name = f"{scene.after.namespace_name(table.namespace)}.{table.name}"
            message = f"{name} has no primary key from now on: where it is published, its UPDATE and DELETE are refused (55000)"
            yield at_step(step, message, _HELP, object=name)
