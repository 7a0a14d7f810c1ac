"""Applied, but not in the tree: see rules/ledger-slot-missing.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import Missing


@on_fact(Missing)
def check(fact: Missing) -> Iterator[Remark]:
    """One finding."""
    row, kind = fact.row, fact.ledger.kind
    name = f" ({row.name})" if row.name and row.name != row.version else ""
    refused = f": {kind.runner} will refuse to run" if kind.needs_files else ""
    yield Remark(
        f"the ledger holds slot {row.version}{name}, and no file has it{refused}",
        Label(fact.ledger.source, row.span, "applied"),
        "bring the file back (perhaps its branch is not merged), or set migrations.baseline where it was squashed",
        slot=row.version,
        object=row.version,
    )
