"""A lock that others wait behind, without an end to waiting for it: see rules/lock-without-timeout.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Age, Effect, Remark, Role, Scene, Step, at_effect, on_scene

_HELP = "SET LOCAL lock_timeout = '5s' before it, or give it to the role (ALTER ROLE ... SET lock_timeout), and try again where it ends"


@on_scene()
def check(scene: Scene) -> Iterator[Remark]:
    """One finding for each migration: one setting mends them all."""
    for step in scene.steps:
        effect = next(filter(_blocks, step.effects), None)
        if effect is not None and step.fails is None and not _limited(scene, step):
            message = f"waits for {effect.relation} without lock_timeout, and everybody who comes later waits behind it"
            yield at_effect(step, effect, message, _HELP)
            return


def _blocks(effect: Effect) -> bool:
    lock = effect.lock
    return lock is not None and lock.blocks_writes and effect.age is Age.PRODUCTION and effect.kind == "table"


def _limited(scene: Scene, step: Step) -> bool:
    """Whether the session's lock_timeout is not 0: as SET says, else the role's setting, else the database's."""
    role = scene.before.find(Role, step.session.login)
    own = dict(role.settings).get("lock_timeout") if role is not None else None
    begun = own if own is not None else scene.before.settings.get(("database", "lock_timeout"), "0")
    value = step.session.settings.get("lock_timeout", begun)
    return value.strip("'").rstrip("abcdefghijklmnopqrstuvwxyz ").lstrip("0") != ""
