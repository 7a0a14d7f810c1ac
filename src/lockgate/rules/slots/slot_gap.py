"""Numbers left out: see rules/slot-gap.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import Gap


@on_fact(Gap)
def check(fact: Gap) -> Iterator[Remark]:
    """One finding."""
    missing = fact.missing[0] if len(fact.missing) == 1 else f"{fact.missing[0]} to {fact.missing[-1]}"
    yield Remark(
        f"no migration has slot {missing}",
        fact.after.label(f"the next one is {fact.after.slot}"),
        "nothing to do if it was renumbered or reserved; else look on which branch it lies: it must not come later",
        (fact.before.label(f"the one before is {fact.before.slot}"),),
        slot=fact.after.slot,
        object=fact.after.id,
    )
