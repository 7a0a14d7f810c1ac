"""Another branch claims the slot: see rules/slot-taken-on-branch.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import TakenOnBranch


@on_fact(TakenOnBranch)
def check(fact: TakenOnBranch) -> Iterator[Remark]:
    """One finding."""
    ours, theirs = fact.ours, fact.theirs
    free = f", {fact.next_free}" if fact.next_free else ""
    other = theirs if fact.stays is ours else ours
    whoever = f"whichever merges last has to move{free}: agree who, or reserve slots with `lockgate slots reserve`"
    if fact.stays is not None:
        whoever = f"{other.id} has to move before it merges{free}: {fact.stays.id} is applied"
    elif fact.merged:
        whoever = f"{theirs.id} has to move before it merges: {ours.id} is on the base branch already"
    yield Remark(
        f"slot {ours.slot} is claimed by {theirs.id} on {theirs.where} as well, which is not merged",
        ours.label(f"claims slot {ours.slot}"),
        whoever,
        (theirs.label(f"on {theirs.where}"),),
        slot=ours.slot,
        object=f"{ours.id} {theirs.id}",
    )
