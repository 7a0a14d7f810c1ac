"""A lock that others wait behind, without an end to waiting for it: see rules/lock-without-timeout.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, at_effect, on_scene, setting_of

_HELP = "SET LOCAL lock_timeout = '5s' before it, or give it to the role (ALTER ROLE ... SET lock_timeout), and try again where it ends"


@on_scene("locked")
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each migration: one setting mends them all."""
    for step in scene.steps:
        effect = next((one for one in step.effects if one.keeps_out), None)
        if effect is not None and step.fails is None and not setting_of(scene, step, "lock_timeout"):
            message = f"waits for {effect.relation} without lock_timeout, and everybody who comes later waits behind it"
            yield at_effect(step, effect, message, _HELP)
            return
