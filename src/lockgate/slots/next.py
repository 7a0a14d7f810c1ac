"""The next slot that is free in the tree, on every branch, in the ledger and among the reservations."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from lockgate.slots.table import SlotTable
from lockgate.sources.naming import CODE

_COUNTED = 10**8  # numbers from here on are times, not counts
# layouts whose tools make timestamps where a folder is new
_BY_TIME = {"goose", "dbmate", "sqlx", "diesel", "prisma", "supabase", "atlas", "sql-migrate"}
_STAMP = "%Y%m%d%H%M%S"


def next_slot(table: SlotTable, now: datetime | None = None) -> str:
    """The next free slot in the folder's own form: as many digits, or a UTC time as its newest has it; "" where slots
    are no numbers."""
    if table.folder.layout in ("command", "sqitch", "liquibase", *CODE):
        return ""
    newest = next((c for c in reversed(table.tree) if c.number is not None), None)
    if newest is None:
        taken = {slot for slot, _ in table.taken()}
        first = _first(table.folder.layout, now)
        return first if not taken else next_after(table, first)
    return next_after(table, newest.slot, now)


def _first(layout: str, now: datetime | None) -> str:
    """The first slot of a new folder, as the layout's own tool makes it."""
    if layout == "node-pg-migrate":
        return str(int((now or datetime.now(UTC)).timestamp() * 1000))
    return _stamp(now) if layout in _BY_TIME else "1" if layout in ("flyway", "refinery") else "0001"


def next_after(table: SlotTable, slot: str, now: datetime | None = None) -> str:
    """The next free slot in the form of this one."""
    digits = slot.replace("-", "")
    if not digits.isdecimal():
        return _dotted(table, slot)
    if int(digits) >= _COUNTED:
        return _time(table, len(digits), now)
    counted = [n[0] for _, n in table.taken() if len(n) == 1 and n[0] < _COUNTED]
    return str(max(counted, default=0) + 1).zfill(_width(table, slot))


def _width(table: SlotTable, slot: str) -> int:
    """How many digits numbers are filled up to: what most of those with zeros in front have."""
    padded = Counter(len(c.slot) for c in table.tree if c.slot.startswith("0") and c.slot.isdecimal())
    return max(padded, key=padded.__getitem__) if padded else len(slot) if slot.startswith("0") else 1


def _dotted(table: SlotTable, slot: str) -> str:
    """Flyway's versions: the first part of the highest counts on, with as many parts as the newest."""
    numbers = [n for _, n in table.taken() if n[0] < _COUNTED]
    parts = slot.split(".")
    highest = max(numbers)
    if len(parts) == 2 and parts[0].isdecimal():
        minor = max(n[1] if len(n) > 1 else 0 for n in numbers if n[0] == highest[0])
        return f"{highest[0]}.{minor + 1}"
    return ".".join([str(highest[0] + 1), *("0" for _ in parts[1:])])


def _time(table: SlotTable, digits: int, now: datetime | None) -> str:
    """A time later than every other slot: the present one unless somebody is ahead of the clock."""
    numbers = {n[0] for _, n in table.taken() if len(n) == 1 and len(str(n[0])) == digits}
    moment = now or datetime.now(UTC)
    if digits == 14:
        return _free_stamp(moment, numbers)
    if digits in (10, 13) and not str(max(numbers, default=0)).startswith("20"):
        wanted = int(moment.timestamp() * (1000 if digits == 13 else 1))
    else:
        wanted = int(moment.strftime(_STAMP + "000000")[:digits])
    return str(max(wanted, max(numbers, default=0) + 1))


def _free_stamp(moment: datetime, numbers: set[int]) -> str:
    highest = max(numbers, default=0)
    if int(moment.strftime(_STAMP)) <= highest:
        try:
            moment = datetime.strptime(str(highest), _STAMP) + timedelta(seconds=1)
        except (ValueError, OverflowError):
            return str(highest + 1)
    return moment.strftime(_STAMP)


def _stamp(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).strftime(_STAMP)
