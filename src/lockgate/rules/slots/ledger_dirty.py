"""Left half done: see rules/ledger-dirty.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import Dirty


@on_fact(Dirty)
def check(fact: Dirty) -> Iterator[Remark]:
    """One finding."""
    row = fact.row
    yield Remark(
        f"the ledger says that slot {row.version} failed or was left half done",
        Label(fact.ledger.source, row.span, "failed or half done"),
        "see how far it came, repair the database, then clear the mark as the runner wants it (force, repair, resolve)",
        slot=row.version,
        object=row.version,
    )
