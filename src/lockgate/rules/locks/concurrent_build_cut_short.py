"""CONCURRENTLY under a timeout, which leaves an invalid index: see rules/concurrent-build-cut-short.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, at_step, on_scene, setting_of, tree

_HELP = "SET lock_timeout = 0 and statement_timeout = 0 before it; look for invalid indexes after it"
_TIMEOUTS = {"statement_timeout": "the build", "lock_timeout": "its wait for older transactions"}


@on_scene("concurrently")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each statement."""
    for step in scene.steps:
        if step.statement.tag != "IndexStmt" or step.session.in_block or not tree(step).get("concurrent"):
            continue
        for name, what in _TIMEOUTS.items():
            value = setting_of(scene, step, name)
            if value:
                message = f"{name} = {value} ends {what}, and leaves an invalid index"
                yield at_step(step, message, _HELP)
                break
