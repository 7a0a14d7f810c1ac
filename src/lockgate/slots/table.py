"""Facts about slots in the tree: two migrations that claim one number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from lockgate.sources import Folder, Migration


@dataclass(frozen=True, slots=True)
class DuplicateSlot:
    """``second`` claims the slot that ``first`` holds. ``applied`` is the name under which the ledger has it, if known."""

    first: Migration
    second: Migration
    applied: str | None = None


def slot_number(slot: str) -> tuple[int, ...] | None:
    """A slot as its runner compares it: numbers, so that 7 and 007 are one; None for repeatable migrations."""
    parts = [part for part in slot.replace("_", ".").replace("-", ".").split(".") if part]
    if not parts or not all(part.isdigit() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def duplicates(folder: Folder) -> Iterator[DuplicateSlot]:
    """Every migration whose slot another one before it holds. Runners that go by the whole name have no such thing."""
    if folder.layout in ("prisma", "sql-migrate", "diesel"):
        return
    holders: dict[tuple[str, tuple[int, ...]], list[Migration]] = defaultdict(list)
    for migration in folder.migrations:
        number = slot_number(migration.slot)
        if number is not None:
            home = migration.up.source.path.rpartition("/")[0] if folder.layout == "plain" else ""
            holders[(home, number)].append(migration)
    for group in holders.values():
        for second in group[1:]:
            yield DuplicateSlot(group[0], second)
