"""Two files, one slot: see rules/duplicate-slot.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.slots.table import DuplicateSlot
from lockgate.text import Span


@on_fact(DuplicateSlot)
def check(fact: DuplicateSlot) -> Iterator[Draft]:
    """One finding."""
    first, second = fact.first, fact.second
    at = Label(second.up.source, Span(0, 0), f"claims slot {second.slot}, too")
    related = (Label(first.up.source, Span(0, 0), f"slot {first.slot} is taken here"),)
    applied = f"; the ledger has it as {fact.applied}" if fact.applied else ""
    yield Draft(
        f"slot {second.slot} is claimed by {first.id} and by {second.id}{applied}", at, f"move {second.id} to the next free slot",
        related, slot=second.slot, object=second.id,
    )  # fmt: skip
