"""Changed after it was applied: see rules/ledger-checksum-mismatch.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import Changed


@on_fact(Changed)
def check(fact: Changed) -> Iterator[Remark]:
    """One finding."""
    claim, row = fact.claim, fact.row
    yield Remark(
        f"{claim.id} was changed after it was applied: its checksum ({fact.algorithm}) is not the one that the ledger holds",
        claim.label("not what was applied"),
        "bring back the text that was applied (git log), and write the change as a new migration",
        (Label(fact.ledger.source, row.span, "applied with this checksum"),),
        slot=claim.slot,
        object=claim.id,
    )
