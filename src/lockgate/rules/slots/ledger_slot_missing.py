"""Applied, but not in the tree: see rules/ledger-slot-missing.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label, Severity
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import MissingSlot


@on_fact(MissingSlot)
def check(fact: MissingSlot) -> Iterator[Remark]:
    """One finding."""
    row = fact.row
    name = f" ({row.name})" if row.name and row.name != row.version else ""
    yield Remark(
        f"the ledger holds slot {row.version}{name}, and no file has it{': ' if fact.does else ''}{fact.does}",
        Label(fact.ledger.source, row.span, "applied"),
        fact.remedy
        or "bring the file back (perhaps its branch is not merged), or set migrations.baseline where it was squashed",
        slot=row.version,
        object=row.version,
        severity=Severity.ERROR if fact.stops else None,
    )
