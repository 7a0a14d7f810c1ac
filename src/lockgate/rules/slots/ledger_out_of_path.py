"""A search_path in which the runner does not find its ledger: see rules/ledger-out-of-path.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.lost_path import LostPath


@on_fact(LostPath)
def check(fact: LostPath) -> Iterator[Remark]:
    """At the statement that empties the path."""
    yield Remark(
        f"search_path is left empty: {fact.runner} then does not find its own {fact.table}",
        Label(fact.source, fact.span, "stays for the runner's next statement"),
        "remove it, or end the migration with RESET search_path",
        slot=fact.slot,
    )
