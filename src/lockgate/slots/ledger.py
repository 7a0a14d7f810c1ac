"""The ledger: what production's runner recorded as applied."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from lockgate.base.text import Source, Span
from lockgate.slots import kinds
from lockgate.slots.kinds import Kind
from lockgate.sources.naming import slot_number


class LedgerRow(msgspec.Struct, frozen=True):
    """One applied migration; ``span`` marks it in the ledger's text."""

    version: str  # as the runner wrote it; the whole name for runners that go by names
    name: str
    checksum: str
    dirty: bool
    span: Span
    applied_at: str = ""
    fake: bool = False  # a baseline or a marker of the runner itself: no file belongs to it

    @property
    def number(self) -> tuple[int, ...] | None:
        """The version as numbers."""
        return slot_number(self.version)


class Ledger(msgspec.Struct, frozen=True):
    """All rows that stand for something applied; ``source`` is the snapshot's text, or the rows of the table as
    read."""

    source: Source
    rows: tuple[LedgerRow, ...]
    kind: Kind = kinds.CUSTOM
    repeated: tuple[LedgerRow, ...] = ()  # flyway's repeatable ones, the newest row of each

    def applied_numbers(self) -> dict[tuple[int, ...], LedgerRow]:
        """The rows by number; without those that are none."""
        return {number: row for row in self.rows if (number := row.number) is not None}


@lru_cache(maxsize=65_536)
def plain_name(name: str) -> str:
    """A migration's name as ledgers spell it in their different ways: without slot, direction and suffix, words joined
    alike."""
    name = re.sub(r"([._]up|[._]down)?\.sql$", "", name.rpartition("/")[2])
    name = re.sub(r"\.(?:postgres(?:ql)?|pg|all|autocommit)$", "", name)
    name = re.sub(r"^[VURB]?\d[\d.]*(__|[_\-. ]|$)", "", name)
    return re.sub(r"[\s_\-]+", "_", name).strip("_").lower()
