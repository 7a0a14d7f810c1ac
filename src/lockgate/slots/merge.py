"""Slots against the base branch and against every other branch: who else claims them, and who should move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lockgate.slots.branches import is_new
from lockgate.slots.claim import Claim, by_name, dated
from lockgate.slots.conflicts import Below, TakenByReservation, TakenOnBase, TakenOnBranch
from lockgate.slots.ledger import plain_name
from lockgate.slots.table import SlotTable
from lockgate.sources import Direction
from lockgate.sources.naming import BY_NAME, named, slot_number


def examine_merges(table: SlotTable, next_free: str) -> Iterator[TakenOnBase | TakenOnBranch | TakenByReservation]:
    """Every slot of the tree that somebody else claims as well."""
    if not by_name(table.folder):
        yield from _base(table, next_free)
        yield from _branches(table, next_free)
    yield from _reservations(table)


def unseen_below(table: SlotTable) -> Iterator[Below]:
    """A ledger of one row (golang-migrate's) tells nothing of what is below it; but what the base branch has not was
    never deployed from it."""
    ledger, view = table.ledger, table.git
    if ledger is None or not ledger.kind.head_only or ledger.kind.by_name or view is None or not view.base:
        return
    top = max((row for row in ledger.rows if row.number is not None), key=lambda row: row.number or (), default=None)
    layout = BY_NAME[table.folder.layout]
    there = {slot_number(item.slot) for f in view.base_files if (item := named(layout, f)) is not None}
    for claim in table.tree:
        if top is not None and claim.direction is not Direction.DOWN and claim.number is not None:
            if claim.number <= (top.number or ()) and claim.number not in there:
                yield Below(claim, top, ledger, ledger.kind.late)


def _slots(table: SlotTable) -> dict[object, list[Claim]]:
    out: dict[object, list[Claim]] = defaultdict(list)
    for claim in table.tree:
        if claim.number is not None and not dated(claim.slot):
            out[_key(table, claim)].append(claim)
    return out


def _key(table: SlotTable, claim: Claim) -> tuple[object, ...]:
    home = claim.relative.rpartition("/")[0] if table.folder.layout == "plain" else ""
    return home, claim.number, claim.direction is Direction.DOWN


def _applied_name(table: SlotTable, claim: Claim) -> str:
    row = table.ledger.applied_numbers().get(claim.number or ()) if table.ledger else None
    return row.name if row is not None else ""


def _applied_one(table: SlotTable, *both: Claim) -> Claim | None:
    """Which of two claims of one slot the ledger holds, by its name; None where it tells neither."""
    name = plain_name(_applied_name(table, both[0]))
    found = [claim for claim in both if name and plain_name(claim.name) == name]
    return found[0] if len(found) == 1 else None


def _base(table: SlotTable, next_free: str) -> Iterator[TakenOnBase]:
    assert table.git is not None or not table.base
    gone = table.git.base_deleted if table.git else frozenset()
    slots = _slots(table)
    said = set()
    for theirs in table.base:
        for ours in slots.get(_key(table, theirs), ()):
            if ours.relative in gone or ours.id == theirs.id or ours.id in said:
                continue  # a merge takes ours away, or both are one migration under two file names
            said.add(ours.id)
            yield TakenOnBase(ours, theirs, _applied_name(table, ours), _applied_one(table, ours, theirs), next_free)


def _branches(table: SlotTable, next_free: str) -> Iterator[TakenOnBranch]:
    slots, view = _slots(table), table.git
    if view is None:
        return
    by_branch = {b.name: b for b in view.branches}
    said: set[tuple[str, str]] = set()
    for branch, found in table.branches:
        for theirs in found:
            for ours in slots.get(_key(table, theirs), ()):
                if (
                    (ours.id, theirs.id) in said
                    or ours.id == theirs.id
                    or not is_new(view, by_branch[branch], theirs.relative)
                ):
                    continue
                said.add((ours.id, theirs.id))
                yield TakenOnBranch(
                    ours, theirs, ours.relative in view.base_files, _applied_one(table, ours, theirs), next_free
                )


def _reservations(table: SlotTable) -> Iterator[TakenByReservation]:
    ours: dict[object, list[Claim]] = defaultdict(list)
    for claim in table.tree:
        if claim.direction is not Direction.DOWN and claim.number is not None:
            ours[claim.number].append(claim)
    merged = table.git.base_files if table.git else frozenset()
    for reservation in table.reserved:
        for claim in ours.get(reservation.number, ()):
            if plain_name(claim.name) != plain_name(reservation.name) and claim.relative not in merged:
                yield TakenByReservation(
                    claim, reservation.name, reservation.who or reservation.where, reservation.path
                )
