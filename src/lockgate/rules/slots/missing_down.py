"""An up without a down: see rules/missing-down.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import MissingDown


@on_fact(MissingDown)
def check(fact: MissingDown) -> Iterator[Remark]:
    """One finding."""
    up = fact.up
    yield Remark(
        f"{up.id} has no down"
        + (f": {fact.refused}" if fact.refused else f", as {fact.having} of {fact.total} migrations here have"),
        up.label("cannot be rolled back"),
        "write the down; where there is no way back, a down that says so (RAISE EXCEPTION)",
        slot=up.slot,
        object=up.id,
    )
