"""Up and down of different names: see rules/up-down-name-mismatch.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import PairMismatch


@on_fact(PairMismatch)
def check(fact: PairMismatch) -> Iterator[Remark]:
    """One finding."""
    up, down = fact.up, fact.down
    yield Remark(
        f"the down of slot {down.slot} is named {down.name}, its up {up.name}",
        down.label(f"named {down.name}"),
        "give both the same name, or find out to which up this down belongs",
        (up.label(f"named {up.name}"),),
        slot=down.slot,
        object=down.id,
    )
