"""Too late for its number: see rules/slot-below-highest-applied.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import Below


@on_fact(Below)
def check(fact: Below) -> Iterator[Remark]:
    """One finding."""
    claim, row = fact.claim, fact.highest
    yield Remark(
        f"{f'slot {claim.slot}' if claim.slot else claim.id} is not applied, but {row.version} is: {fact.does}",
        claim.label("not applied"),
        f"move it to the next free slot: lockgate slots renumber {claim.id}" if claim.slot else "move it to the end",
        (Label(fact.ledger.source, row.span, "the highest that is applied"),),
        slot=claim.slot,
        object=claim.id,
    )
