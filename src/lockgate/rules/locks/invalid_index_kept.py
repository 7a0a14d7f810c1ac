"""An index that a failed build left is taken for the one that is wanted: see rules/invalid-index-kept.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, at_step, on_scene, tree


@on_scene("concurrently")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each statement."""
    for step in scene.steps:
        node = tree(step) if step.statement.tag == "IndexStmt" else {}
        if node.get("concurrent") and node.get("if_not_exists"):
            name = node.get("idxname", "")
            message = f"where an earlier attempt failed, its invalid index {name} is there, and IF NOT EXISTS takes it for this one"
            yield at_step(
                step, message, f"DROP INDEX CONCURRENTLY IF EXISTS {name} before it, and leave out IF NOT EXISTS"
            )
