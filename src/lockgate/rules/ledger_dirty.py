"""Left half done: see rules/ledger-dirty.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.slots.ledger import Dirty


@on_fact(Dirty)
def check(fact: Dirty) -> Iterator[Draft]:
    """One finding."""
    at = Label(fact.ledger.source, fact.row.span, "dirty")
    yield Draft(f"the ledger says that slot {fact.row.version} was left half done", at, "repair the database, then clear the mark", slot=fact.row.version)
