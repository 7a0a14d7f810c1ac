"""Somebody else reserved the slot: see rules/slot-reserved.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import TakenByReservation


@on_fact(TakenByReservation)
def check(fact: TakenByReservation) -> Iterator[Remark]:
    """One finding."""
    ours = fact.ours
    who = f" by {fact.who}" if fact.who else ""
    yield Remark(
        f"slot {ours.slot} is reserved{who} for {fact.name} ({fact.path})",
        ours.label(f"claims slot {ours.slot}"),
        f"move it: lockgate slots renumber {ours.id}; or settle it with whoever reserved the slot, and remove the reservation",
        slot=ours.slot,
        object=ours.id,
    )
