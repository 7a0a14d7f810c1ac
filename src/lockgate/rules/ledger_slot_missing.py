"""Applied, but not in the tree: see rules/ledger-slot-missing.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.slots.ledger import Missing


@on_fact(Missing)
def check(fact: Missing) -> Iterator[Draft]:
    """One finding."""
    row = fact.row
    at = Label(fact.ledger.source, row.span, "applied")
    name = f" ({row.name})" if row.name else ""
    yield Draft(f"the ledger holds slot {row.version}{name}, and no file has it", at, "bring the file back, or squash it knowingly", slot=row.version)
