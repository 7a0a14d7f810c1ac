"""The table of slots: for each number where it lives: tree, base, branches, ledger, reservations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from lockgate.base.config import Config
from lockgate.slots.applied import match
from lockgate.slots.branches import GitView, claims_on, view
from lockgate.slots.claim import Claim, claims
from lockgate.slots.ledger import Ledger, LedgerRow
from lockgate.slots.read import read_ledger
from lockgate.slots.reserve import Reservation, in_tree, on_branches
from lockgate.sources import Direction, Folder

__all__ = ["SlotEntry", "SlotTable", "entries", "gather"]


class SlotTable(msgspec.Struct, frozen=True):
    """Everything that is known about the slots of one folder; the checks are functions of it."""

    folder: Folder
    tree: tuple[Claim, ...]
    git: GitView | None = None
    base: tuple[Claim, ...] = ()  # files that only the base branch has
    branches: tuple[tuple[str, tuple[Claim, ...]], ...] = ()  # files that only a branch has
    ledger: Ledger | None = None
    reserved: tuple[Reservation, ...] = ()

    def taken(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Every number that anybody claims, as written and as number."""
        places: list[Claim | Reservation] = [
            *self.tree,
            *self.base,
            *(c for _, found in self.branches for c in found),
            *self.reserved,
        ]
        for place in places:
            if place.number is not None:
                yield place.slot, place.number
        for row in self.ledger.rows if self.ledger else ():
            if row.number is not None:
                yield row.version, row.number


class SlotEntry(msgspec.Struct):
    """One line of the table."""

    slot: str
    number: tuple[int, ...] | None
    names: list[str] = msgspec.field(default_factory=list)
    tree: list[str] = msgspec.field(default_factory=list)
    base: bool = False
    branches: list[str] = msgspec.field(default_factory=list)
    ledger: LedgerRow | None = None
    reserved: list[Reservation] = msgspec.field(default_factory=list)


def gather(config: Config, folder: Folder, cwd: Path, offline: bool = False) -> SlotTable:
    """The table of a folder. ``offline``: without the ledger. Raises CannotCheck, UsageError for a ledger that cannot
    be read."""
    seen = view(config, folder, cwd)
    base: tuple[Claim, ...] = ()
    branches: tuple[tuple[str, tuple[Claim, ...]], ...] = ()
    if seen is not None and seen.head:
        present = {c.relative for c in claims(folder)}
        base = tuple(c for c in claims_on(folder, seen, seen.base_added, seen.base, cwd) if c.relative not in present)
        branches = tuple(
            (b.name, tuple(c for c in claims_on(folder, seen, b.added, b.name, cwd) if c.relative not in present))
            for b in seen.branches
        )
    reserved = (*in_tree(config), *(on_branches(config, seen) if config.git.branches else ()))
    return SlotTable(
        folder, claims(folder), seen, base, branches, None if offline else read_ledger(config, cwd, folder), reserved
    )


def entries(table: SlotTable) -> list[SlotEntry]:
    """The table's lines in the runner's order; what only branches, ledger or reservations have comes where its number
    belongs."""
    out: dict[object, SlotEntry] = {}

    def entry(slot: str, number: tuple[int, ...] | None, name: str, ident: str) -> SlotEntry:
        found = out.setdefault(number or ident, SlotEntry(slot or name, number))
        if name and name not in found.names:
            found.names.append(name)
        return found

    in_base = table.git.base_files if table.git else frozenset()
    for claim in table.tree:
        line = entry(claim.slot, claim.number, claim.name, claim.id)
        if claim.direction is not Direction.DOWN:
            line.tree.append(claim.source.path)
        line.base = line.base or claim.relative in in_base
    for claim in table.base:
        entry(claim.slot, claim.number, claim.name, claim.id).base = True
    for branch, found in table.branches:
        for claim in found:
            line = entry(claim.slot, claim.number, claim.name, claim.id)
            if branch not in line.branches:
                line.branches.append(branch)
    for reservation in table.reserved:
        entry(reservation.slot, reservation.number, reservation.name, reservation.name).reserved.append(reservation)
    _add_ledger(table, out, entry)
    numbered = sorted((e for e in out.values() if e.number is not None), key=lambda e: e.number or ())
    return [*numbered, *(e for e in out.values() if e.number is None)]


def _add_ledger(
    table: SlotTable, out: dict[object, SlotEntry], entry: Callable[[str, tuple[int, ...] | None, str, str], SlotEntry]
) -> None:
    if table.ledger is None:
        return
    found = match(table.folder, table.ledger)
    for claim in found.ups:
        line = out.get(claim.number or claim.id)
        if line is not None and claim.id in found.rows:
            line.ledger = line.ledger or found.rows[claim.id]
    for row in found.missing:
        entry(row.version, row.number, row.name, row.version).ledger = row
