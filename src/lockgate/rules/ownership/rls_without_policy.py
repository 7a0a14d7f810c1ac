"""Row level security that hides every row: see rules/rls-without-policy.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, at_step, on_scene
from lockgate.timeline.review import unguarded


@on_scene("row security")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each table."""
    for fact in unguarded(scene.steps):
        help = f"CREATE POLICY name ON {fact.object} FOR SELECT TO role USING (...);"
        mark = "nobody but the owner sees a row from here on"
        message = f"row level security is on for {fact.object}, and no policy lets anybody see a row"
        yield at_step(fact.step, message, help, mark=mark, object=fact.object, breakage=fact.breakage)
