"""Slots: who claims which number, in the tree and in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lockgate.config import Config
from lockgate.slots.ledger import Ledger, compare, plain_name, read_ledger
from lockgate.slots.table import DuplicateSlot, duplicates, slot_number
from lockgate.sources import Folder

__all__ = ["DuplicateSlot", "Ledger", "facts", "read_ledger", "slot_number"]


def facts(config: Config, folder: Folder, cwd: Path) -> Iterator[object]:
    """Every conflict of slots, for the rules to word."""
    ledger = read_ledger(config, cwd)
    applied = {slot_number(row.version): row for row in ledger.rows} if ledger else {}
    for fact in duplicates(folder):
        row = applied.get(slot_number(fact.first.slot))
        if row is not None and row.name and plain_name(row.name) == plain_name(fact.second.name):
            fact = replace(fact, first=fact.second, second=fact.first)
        yield replace(fact, applied=row.name if row is not None else None)
    if ledger is not None:
        yield from compare(folder, ledger)
