"""Work under a lock that an earlier statement took: see rules/work-under-held-lock.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Effect, Remark, Scene, Step, at_effect, on_effect, only_referenced, validated_here

_HELP = "put it into a migration of its own: a transaction keeps its locks to its end"


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each table; where the statement's own lock is the one that hurts, other rules tell it."""
    held, own = effect.held, effect.lock is not None and effect.lock.blocks_writes
    if held is None or own or only_referenced(step, effect) or validated_here(scene, step, effect):
        return
    if effect.kind == "table":
        who = "read or write" if held.blocks_reads else "write to"
        message = f"nobody can {who} {effect.relation} while this runs: an earlier statement locked it ({held.mode})"
        yield at_effect(step, effect, message, _HELP)
