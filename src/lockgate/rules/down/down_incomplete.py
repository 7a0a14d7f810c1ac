"""Another place than before: see rules/down-incomplete.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.run.evidence import DownIncomplete


@on_fact(DownIncomplete)
def check(fact: DownIncomplete) -> Iterator[Remark]:
    """One finding."""
    down = fact.observation
    parts = [f"left: {', '.join(down.left[:5])}"] if down.left else []
    parts += [f"missing: {', '.join(down.missing[:5])}"] if down.missing else []
    parts += [f"changed: {', '.join(down.changed[:5])}"] if down.changed else []
    yield Remark(
        f"the down script of {fact.migration.id} does not lead back",
        fact.at,
        "; ".join(parts),
        slot=fact.migration.slot,
    )
