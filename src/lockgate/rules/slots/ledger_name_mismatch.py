"""Applied under another name: see rules/ledger-name-mismatch.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label, Severity
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import NameMismatch


@on_fact(NameMismatch)
def check(fact: NameMismatch) -> Iterator[Remark]:
    """One finding."""
    claim, row = fact.claim, fact.row
    if fact.same:
        yield Remark(
            f"the ledger holds slot {claim.slot} as {row.name}, not as {claim.name}, with the checksum of this file: "
            + fact.ledger.kind.renamed,
            claim.label(f"this file is {claim.id}"),
            "nothing has to be done; the old name is the one that the ledger shows",
            (Label(fact.ledger.source, row.span, f"applied as {row.name}"),),
            slot=claim.slot,
            object=claim.id,
            severity=Severity.INFO,
        )
        return
    free = f", {fact.next_free}" if fact.next_free else ""
    yield Remark(
        f"the ledger holds slot {claim.slot} as {row.name}, not as {claim.name}: this file will not run",
        claim.label(f"this file is {claim.id}"),
        f"move this migration to the next free slot{free}, or find out who applied the other one",
        (Label(fact.ledger.source, row.span, f"applied as {row.name}"),),
        slot=claim.slot,
        object=claim.id,
    )
