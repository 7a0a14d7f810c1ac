"""atlas.sum is not of these files: see rules/stale-sum-file.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import StaleSums


@on_fact(StaleSums)
def check(fact: StaleSums) -> Iterator[Remark]:
    """One finding."""
    yield Remark(
        f"atlas.sum is not of these files: {fact.why}; atlas will refuse to run",
        Label(fact.source, fact.span, fact.why),
        "see what changed, and then: atlas migrate hash",
        object=fact.source.path,
    )
