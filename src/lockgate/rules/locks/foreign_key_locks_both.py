"""A foreign key that is made or dropped locks the table that it refers to: see rules/foreign-key-locks-both.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import (
    Constraint,
    Effect,
    Remark,
    Scene,
    Severity,
    Step,
    at_effect,
    held_before,
    on_effect,
    setting_of,
)

_HELP = "put it into a migration of its own, with a lock_timeout"


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each table that is referred to, where its transaction locks it first."""
    if (
        effect.kind != "table"
        or effect.lock is None
        or not effect.lock.blocks_writes
        or held_before(scene, step, effect)
        or setting_of(scene, step, "lock_timeout")
        or scene.after.get(effect.oid) is None  # it goes as well
    ):
        return
    for change in step.changes:
        key = change.after or change.before
        one = change.after is None or change.before is None
        if isinstance(key, Constraint) and key.kind == "f" and key.foreign == effect.oid != key.relation and one:
            dropped = change.after is None
            what = "dropping" if dropped else "making"
            who = "read or write" if effect.lock.blocks_reads else "write to"
            message = f"{what} the foreign key {key.name} locks {effect.relation}, too: nobody can {who} it until the end of the transaction"
            severity = Severity.WARNING if dropped else Severity.INFO
            yield at_effect(step, effect, message, _HELP, severity=severity)
            return
