"""What can be wrong with slots in the tree alone."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from lockgate.base.text import Source
from lockgate.slots.claim import Claim, by_name, claims, dated
from lockgate.slots.conflicts import (
    CaseCollision,
    DownWithoutUp,
    DuplicateSlot,
    Gap,
    MissingDown,
    PairMismatch,
    PassedOver,
    SharedNumber,
)
from lockgate.slots.direction import wrong_directions
from lockgate.slots.ledger import plain_name
from lockgate.sources import Direction, Folder
from lockgate.sources.naming import CODE

_TIMESTAMP = 10**8  # numbers from here on are dates or times, not counts
_MANY_GAPS = 0.1


def examine_tree(folder: Folder) -> Iterator[object]:
    """Every conflict that the tree shows by itself."""
    found = claims(folder)
    yield from duplicates(folder, found)
    yield from _pairs(folder, found)
    yield from _gaps(found)
    yield from (PassedOver(Source(s.path, ""), s.why, s.stops) for s in folder.skipped if s.alike)
    yield from _collisions(folder, found)
    yield from wrong_directions(folder, found)


def duplicates(folder: Folder, found: Iterable[Claim]) -> Iterator[DuplicateSlot | SharedNumber]:
    """Every file whose slot and direction another one before it holds."""
    holders: dict[object, list[Claim]] = defaultdict(list)
    for claim in found:
        if claim.number is not None:
            home = claim.relative.rpartition("/")[0] if folder.layout == "plain" else ""
            holders[home, claim.number, claim.direction is Direction.DOWN, claim.baseline].append(claim)
    usual = _usually_shared(folder, holders.values())
    paired = {
        c.id for group in holders.values() if len(group) > 1 for c in group[1:] if c.direction is not Direction.DOWN
    }
    for group in holders.values():
        for second in group[1:]:
            if by_name(folder) or usual or dated(second.slot):
                if not dated(second.slot) and folder.layout not in ("prisma", "liquibase", "command", *CODE):
                    yield SharedNumber(group[0], second, folder.layout)
            elif second.direction is not Direction.DOWN or second.id not in paired:
                yield DuplicateSlot(group[0], second)  # the down of a second pair goes without saying


def _usually_shared(folder: Folder, groups: Iterable[list[Claim]]) -> bool:
    """Whether a plain folder, whose runner is not known, shares numbers as a habit: they then are an order, and no
    slots."""
    shared = [len(group) - 1 for group in groups if len(group) > 1]
    return (
        folder.layout == "plain"
        and len(folder.migrations) >= 10
        and sum(shared) * 10 >= max(len(folder.migrations), 30)
    )


def _pairs(folder: Folder, found: tuple[Claim, ...]) -> Iterator[PairMismatch | DownWithoutUp | MissingDown]:
    if folder.layout in ("sqitch", "liquibase", "command", *CODE):
        return
    ups: dict[object, list[Claim]] = defaultdict(list)
    downs: dict[object, list[Claim]] = defaultdict(list)
    for claim in found:
        if claim.direction is not Direction.BOTH:
            (downs if claim.direction is Direction.DOWN else ups)[claim.number or claim.id].append(claim)
    for key, group in downs.items():
        names = {plain_name(u.name) for u in ups.get(key, ())}
        for down in group:
            if not ups.get(key):
                yield DownWithoutUp(down)
            elif plain_name(down.name) not in names and len(group) <= len(ups[key]):
                yield PairMismatch(ups[key][0], down)
    yield from _missing_downs(folder, found)


def _missing_downs(folder: Folder, found: tuple[Claim, ...]) -> Iterator[MissingDown]:
    # those before the first down are from before the folder had them
    first = (
        next((n for n, m in enumerate(folder.migrations) if m.down is not None), 0) if folder.layout != "dbmate" else 0
    )
    since = [m for m in folder.migrations[first:] if not m.opaque]
    having, total = sum(1 for m in since if m.down is not None), len(since)
    # dbmate: "requires each migration to define a down block"
    refused = "dbmate refuses to run without a `-- migrate:down` line" if folder.layout == "dbmate" else ""
    if folder.layout == "flyway" or having == total or (having * 2 < total and not refused):
        return
    by_id = {c.id: c for c in found if c.direction is not Direction.DOWN}
    for migration in since:
        if migration.down is None and migration.id in by_id:
            yield MissingDown(by_id[migration.id], having, total, refused)


def _gaps(found: tuple[Claim, ...]) -> Iterator[Gap]:
    """Numbers left out of a count; a folder that counts in tens, or by dates, has none."""
    counted = {
        n[0]: c
        for c in reversed(found)
        if (n := c.number) is not None and len(n) == 1 and c.direction is not Direction.DOWN
    }
    numbers = sorted(counted)
    if not numbers or numbers[-1] >= _TIMESTAMP:
        return
    steps = [(a, b) for a, b in pairwise(numbers) if b - a > 1]
    if len(steps) > max(1, len(numbers) * _MANY_GAPS):
        return
    for before, after in steps:
        width = len(counted[after].slot)
        first, last = str(before + 1).zfill(width), str(after - 1).zfill(width)
        yield Gap(counted[before], counted[after], (first,) if first == last else (first, last))


def _collisions(folder: Folder, found: tuple[Claim, ...]) -> Iterator[CaseCollision]:
    seen: dict[str, str] = {}
    sources = {c.source.path: c.source for c in found}
    paths = [*sources, *(s.path for s in folder.skipped)]
    for path in dict.fromkeys(paths):
        folded = unicodedata.normalize("NFC", path).casefold()
        first = seen.setdefault(folded, path)
        if first != path:
            same = unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", path)
            how = (
                "macOS, which does not tell Unicode forms apart"
                if same
                else "Windows and macOS, which do not tell case apart"
            )
            yield CaseCollision(first, sources.get(path) or Source(path, ""), how)
