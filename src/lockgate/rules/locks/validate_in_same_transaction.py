"""A constraint validated in the transaction that added it: see rules/validate-in-same-transaction.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Effect, Remark, Scene, Step, at_effect, on_effect, validated_here

_HELP = "VALIDATE it in a later migration, in a transaction of its own: reads and writes go on then"


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each constraint."""
    name = validated_here(scene, step, effect)
    if effect.kind == "table" and name and effect.held is not None:
        who = "read or write" if effect.held.blocks_reads else "write to"
        message = f"NOT VALID gains nothing: {name} is validated in the transaction that added it, and nobody can {who} {effect.relation} meanwhile"
        yield at_effect(step, effect, message, _HELP)
