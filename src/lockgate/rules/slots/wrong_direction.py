"""SQL for the other direction: see rules/wrong-direction.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import WrongDirection


@on_fact(WrongDirection)
def check(fact: WrongDirection) -> Iterator[Remark]:
    """One finding."""
    yield Remark(
        f"{fact.claim.id}: {fact.why}",
        fact.claim.label("looks like a down"),
        "put each script into the file of its own direction",
        (fact.other.label("its down"),),
        slot=fact.claim.slot,
        object=fact.claim.id,
    )
