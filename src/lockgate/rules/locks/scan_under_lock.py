"""A table read from end to end under the lock of the statement that reads it: see rules/scan-under-lock.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Effect, Remark, Scene, Step, at_effect, on_effect, only_referenced

_HELP = "add the constraint NOT VALID, and VALIDATE it in a later migration, which lets reads and writes go on"


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each table; of a lock that an earlier statement took tells another rule."""
    lock = effect.lock
    if effect.kind == "table" and lock is not None and lock.blocks_writes and not only_referenced(step, effect):
        who = "read or write" if lock.blocks_reads else "write to"
        why = f" ({effect.why})" if effect.why else ""
        yield at_effect(step, effect, f"{effect.relation} is read whole while nobody can {who} it{why}", _HELP)
