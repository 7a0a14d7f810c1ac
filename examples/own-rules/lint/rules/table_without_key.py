"""Table without key: see table-without-key.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Constraint, Relation, Remark, Scene, at_step, on_scene


@on_scene("made")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each table, at the statement that makes it."""
    for step, table in scene.made(Relation):
        keys = [c for c in scene.after.of_relation(table.oid, Constraint) if c.kind == "p"]
        if table.kind in "rp" and not table.is_partition and not keys:
            name = scene.after.qualified(table)
            yield at_step(step, f"table {name} has no primary key", "add PRIMARY KEY (...)", object=name)
