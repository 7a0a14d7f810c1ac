"""A down without an up: see rules/down-without-up.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import DownWithoutUp


@on_fact(DownWithoutUp)
def check(fact: DownWithoutUp) -> Iterator[Remark]:
    """One finding."""
    down = fact.down
    yield Remark(
        f"slot {down.slot or down.name} has a down and no up: nothing applies it, and rolling back runs it all the same",
        down.label("no file goes up here"),
        "bring the up back, or remove the down",
        slot=down.slot,
        object=down.id,
    )
