"""The base branch has the slot: see rules/slot-taken-on-base.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import TakenOnBase


@on_fact(TakenOnBase)
def check(fact: TakenOnBase) -> Iterator[Remark]:
    """One finding."""
    ours, theirs = fact.ours, fact.theirs
    applied = f"; the ledger has it as {fact.applied}" if fact.applied else ""
    free = f", {fact.next_free}" if fact.next_free else ""
    ours_move = f"move {ours.id} (it would merge last) to the next free slot{free}: lockgate slots renumber {ours.id}"
    theirs_move = f"move {theirs.id} on {theirs.where}, for no environment has applied it, before this is merged; {ours.id} is applied and stays"
    yield Remark(
        f"slot {ours.slot} is taken on {theirs.where} by {theirs.id}: after the merge two files claim it{applied}",
        ours.label(f"claims slot {ours.slot}, too"),
        theirs_move if fact.stays is ours else ours_move,
        (theirs.label(f"on {theirs.where}"),),
        slot=ours.slot,
        object=ours.id,
    )
