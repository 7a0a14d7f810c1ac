"""Slots: who claims which number, in the tree, on branches and in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.slots import git
from lockgate.slots.applied import applied_ids, compare
from lockgate.slots.conflicts import DuplicateSlot, NotCompared
from lockgate.slots.ledger import Ledger, plain_name
from lockgate.slots.merge import examine_merges, unseen_below
from lockgate.slots.next import next_slot
from lockgate.slots.read import ledger_table, read_ledger, read_snapshot
from lockgate.slots.table import SlotTable, gather
from lockgate.slots.tree import examine_tree
from lockgate.sources import Folder
from lockgate.sources.naming import CODE, slot_number

__all__ = [
    "DuplicateSlot",
    "Ledger",
    "SlotTable",
    "applied_ids",
    "examine",
    "facts",
    "gather",
    "ledger_table",
    "next_slot",
    "read_ledger",
    "read_snapshot",
    "slot_number",
]


def facts(config: Config, folder: Folder, cwd: Path) -> Iterator[object]:
    """Every conflict of slots, for the rules to word. Raises CannotCheck, UsageError for a ledger that cannot be
    read."""
    table = gather(config, folder, cwd)
    yield from examine(table, cwd, bool(config.migrations.baseline), config.migrations.command, config.ledger.table)


def examine(
    table: SlotTable, cwd: Path, squashed: bool = False, command: str = "", ledger: str = ""
) -> Iterator[object]:
    """Every conflict of a table. ``squashed``: slots below the lowest one in the tree are in a baseline, and not
    missed."""
    if table.tree and table.git is not None:
        yield from (NotCompared(table.tree[0].source, n.why, n.remedy, n.grave) for n in table.git.notes)
    free = next_slot(table) if any(c.number for c in table.tree) else ""
    for fact in examine_tree(table.folder):
        yield _decided(fact, table, cwd, free) if isinstance(fact, DuplicateSlot) else fact
    sums = None
    if table.folder.layout == "atlas":
        from lockgate.slots.atlas import stale

        sums = stale(table.folder, cwd)
    if sums is not None:
        yield sums
    yield from _declared_twice(table.folder, cwd)
    if table.folder.revisions or table.folder.layout in CODE:
        from lockgate.slots.graph import faults, unread

        yield from faults(table.folder, command)
        yield from unread(table.folder)
    if table.folder.layout in ("prisma", "goose", "sqlx", "diesel"):
        from lockgate.slots.lost_path import lost_paths

        yield from lost_paths(table.folder, ledger)
    yield from examine_merges(table, free)
    yield from unseen_below(table)
    if table.ledger is not None:
        coming = {n for c in table.base if (n := c.number) is not None} | {c.key for c in table.base}
        if squashed:
            lowest = min((n for c in table.tree if (n := c.number) is not None), default=())
            coming |= {n for n in table.ledger.applied_numbers() if n < lowest}
        yield from compare(table.folder, table.ledger, frozenset(coming), free)


def _declared_twice(folder: Folder, cwd: Path) -> Iterator[object]:
    """What a plan or a changelog declares twice."""
    if folder.layout == "liquibase":
        from lockgate.slots.liquibase import declared_twice

        yield from declared_twice(folder)
    elif folder.layout == "sqitch":
        from lockgate.slots.sqitch import plan_faults

        yield from plan_faults(folder, cwd)


def _decided(fact: DuplicateSlot, table: SlotTable, cwd: Path, free: str) -> DuplicateSlot:
    """Which of the two has to move: the one that no environment has applied, else the one that was merged last."""
    first, second = fact.first, fact.second
    row = table.ledger.applied_numbers().get(first.number or ()) if table.ledger else None
    fact = replace(fact, next_free=free)
    if row is not None and table.ledger is not None:
        runner = table.ledger.kind.runner or "a runner that goes by numbers"
        fact = replace(fact, applied=row.name) if row.name else replace(fact, does=f"{runner} will never run the other")
    if row is not None and row.name:
        if plain_name(row.name) == plain_name(second.name):
            first, second = second, first
        if plain_name(row.name) == plain_name(first.name):
            return replace(fact, first=first, second=second, why="no environment has applied it")
    view = table.git
    if view is not None and view.head:
        ranks = git.appearance(cwd, [first.source.path, second.source.path])
        if ranks[first.source.path] > ranks[second.source.path]:
            first, second = second, first
        if len(set(ranks.values())) == 2:
            return replace(fact, first=first, second=second, why="it was merged last")
    return replace(fact, first=first, second=second)
