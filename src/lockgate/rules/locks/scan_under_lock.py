"""A table read from end to end under the lock of the statement that reads it: see rules/scan-under-lock.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Effect, Remark, Scene, Step, at_effect, on_effect

_HELP = "add the constraint NOT VALID, and VALIDATE it in a later migration, which lets reads and writes go on"


@on_effect
def check(scene: Scene, step: Step, effect: Effect) -> Iterator[Remark]:
    """One finding for each table; of a lock that an earlier statement took tells another rule."""
    if effect.kind == "table" and effect.lock is not None and effect.lock.blocks_writes:
        who = "read or write" if effect.lock.blocks_reads else "write to"
        why = f" ({effect.why})" if effect.why else ""
        yield at_effect(step, effect, f"{effect.relation} is read whole while nobody can {who} it{why}", _HELP)
