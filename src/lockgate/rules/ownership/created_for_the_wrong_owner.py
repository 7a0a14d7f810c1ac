"""A new object that others cannot use: see rules/created-for-the-wrong-owner.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, at_step, on_scene
from lockgate.timeline.privileges.strangers import strangers


@on_scene("made", "roles")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each object."""
    for fact in strangers(scene.steps):
        lacks, help = ", ".join(fact.missing), "add to the migration: " + "\n".join(fact.sql)
        message = (
            f"{fact.object} will belong to {fact.owner}, not to {fact.other} as what stands around it: it lacks {lacks}"
        )
        place, mark = fact.place, f"owned by {fact.owner}"
        yield at_step(fact.step, message, help, mark=mark, span=place.span, source=place.source, object=fact.object)
