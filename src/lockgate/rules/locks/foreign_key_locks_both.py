"""A foreign key that is made or dropped locks the table that it refers to: see rules/foreign-key-locks-both.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Constraint, Effect, Remark, Scene, Step, at_effect, held_before, on_effect


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each table that is referred to, where its transaction locks it first."""
    if (
        effect.kind != "table"
        or effect.lock is None
        or not effect.lock.blocks_writes
        or held_before(scene, step, effect)
    ):
        return
    for change in step.changes:
        key = change.after or change.before
        one = change.after is None or change.before is None
        if isinstance(key, Constraint) and key.kind == "f" and key.foreign == effect.oid != key.relation and one:
            what = "making" if change.before is None else "dropping"
            who = "read or write" if effect.lock.blocks_reads else "write to"
            message = f"{what} the foreign key {key.name} locks {effect.relation}, too: nobody can {who} it until the end of the transaction"
            yield at_effect(step, effect, message, "put it into a migration of its own, with a lock_timeout")
            return
