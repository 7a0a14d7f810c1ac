"""No way back: see rules/down-fails.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.run.evidence import DownFails


@on_fact(DownFails)
def check(fact: DownFails) -> Iterator[Remark]:
    """One finding."""
    seen = fact.observation
    assert seen.fails is not None
    yield Remark(
        f"the down script of {fact.migration.id} fails: {seen.fails.message} ({seen.fails.sqlstate})",
        fact.at,
        seen.fails.hint,
        slot=fact.migration.slot,
    )
