"""Policies that ask each other in a circle: see rules/policy-recursion.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, at_step, on_scene
from lockgate.timeline.recursion import circles


@on_scene("CreatePolicyStmt")
@on_scene("AlterPolicyStmt")
@on_scene("row security")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each circle."""
    for one in circles(scene.steps):
        way = " -> ".join(one.around)
        message = f"policies ask each other in a circle: every {one.command} on {one.object} by {one.role} fails"
        help = (
            "ask the other table in a SECURITY DEFINER function (LANGUAGE sql or plpgsql, with SET search_path) of a role "
            "to which its policies do not apply, and call that in the policy"
        )
        mark = f"{way}: infinite recursion detected in policy (42P17)"
        yield at_step(one.step, message, help, mark=mark, object=one.object, breakage=one.breakage)
