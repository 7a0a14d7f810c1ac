"""Two migrations share a number: see rules/shared-slot.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import SharedNumber


@on_fact(SharedNumber)
def check(fact: SharedNumber) -> Iterator[Remark]:
    """One finding."""
    first, second = fact.first, fact.second
    order = "its journal" if fact.layout == "drizzle" else "their names"
    yield Remark(
        f"number {second.slot} is shared by {first.id} and {second.id}: {fact.layout} runs both, in the order of {order}",
        second.label(f"number {second.slot}, too"),
        "give the later one a number of its own, if one builds on the other",
        (first.label(f"number {first.slot} is here"),),
        slot=second.slot,
        object=second.id,
    )
