"""Applied under another name: see rules/ledger-name-mismatch.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.slots.ledger import NameMismatch
from lockgate.text import Span


@on_fact(NameMismatch)
def check(fact: NameMismatch) -> Iterator[Draft]:
    """One finding."""
    migration, row = fact.migration, fact.row
    at = Label(migration.up.source, Span(0, 0), f"this file is {migration.id}")
    related = (Label(fact.ledger.source, row.span, f"applied as {row.name}"),)
    yield Draft(
        f"the ledger holds slot {migration.slot} as {row.name}, not as {migration.name}: this file will not run", at,
        "move this migration to the next free slot, or find out who applied the other one", related, slot=migration.slot, object=migration.id,
    )  # fmt: skip
