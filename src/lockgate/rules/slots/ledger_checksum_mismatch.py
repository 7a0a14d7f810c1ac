"""Changed after it was applied: see rules/ledger-checksum-mismatch.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label, Severity
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import Changed


@on_fact(Changed)
def check(fact: Changed) -> Iterator[Remark]:
    """One finding."""
    claim, row, kind = fact.claim, fact.row, fact.ledger.kind
    what = ": its line ends were changed" if fact.ends else " was changed"
    does = f": {kind.edited}" if kind.edited else ""
    yield Remark(
        f"{claim.id}{what} after it was applied: its checksum ({fact.algorithm}) is not the one that the ledger holds{does}",
        claim.label("not what was applied"),
        "bring back the line ends that were applied, and pin them in .gitattributes: *.sql -text"
        if fact.ends
        else "bring back the text that was applied (git log), and write the change as a new migration",
        (Label(fact.ledger.source, row.span, "applied with this checksum"),),
        slot=claim.slot,
        object=claim.id,
        severity=None if kind.edits_stop else Severity.WARNING,
    )
