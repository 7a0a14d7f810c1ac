"""ANALYZE or VACUUM that the server skips: see rules/maintenance-skipped.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, at_step, on_scene


@on_scene("warned", "VacuumStmt")
def check(scene: Scene) -> Iterator[Remark]:
    """A WARNING, and no statistics."""
    for step, warned in scene.undone():
        if step.statement.tag == "VacuumStmt" and warned.sqlstate == "01000":
            mark = "a warning, and nothing is done"
            yield at_step(step, warned.message, warned.help, mark=mark, span=warned.span, object=warned.object)
