"""Ledger against tree: which claims are applied, and on what the two disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from lockgate.slots.claim import Claim, by_name, claims
from lockgate.slots.conflicts import Below, Changed, Dirty, MissingSlot, NameMismatch, OutOfOrder
from lockgate.slots.ledger import Ledger, LedgerRow, plain_name
from lockgate.sources import Direction, Folder

_WORDS = {"liquibase": "MD5SUM", "statements": "the statements themselves"}


class Matching(msgspec.Struct, frozen=True):
    """The rows of a ledger matched with the ups of a tree. ``rows`` holds the row of every applied claim by the claim's
    id."""

    ups: tuple[Claim, ...]
    rows: Mapping[str, LedgerRow]
    missing: tuple[LedgerRow, ...]


def match(folder: Folder, ledger: Ledger) -> Matching:
    """Rows and claims that belong together: by whole name where the runner goes by names, else by number."""
    ups = tuple(c for c in claims(folder) if c.direction is not Direction.DOWN)
    if ledger.kind.by_name or (by_name(folder) and not ledger.kind.runner):
        return _by_key(ups, ledger, folder)
    numbers: dict[
        tuple[int, ...] | str, list[Claim]
    ] = {}  # diesel takes what stands before the first "_" for the version, whatever that is
    for claim in ups:
        if claim.slot:
            numbers.setdefault(claim.number or claim.slot, []).append(claim)
    rows: dict[str, LedgerRow] = {}
    missing = []
    applied = ledger.applied_numbers()
    for row in ledger.rows:
        held = numbers.get(row.number or row.version, [])
        exact = [c for c in held if not row.name or plain_name(c.name) == plain_name(row.name)]
        for claim in exact or held:
            rows[claim.id] = row
        if not held and not row.fake:
            missing.append(row)
    if ledger.kind.head_only and applied:
        top = max(applied)
        rows |= {c.id: applied[top] for c in ups if c.number is not None and c.number < top}
    rows |= _below_baseline(ups, ledger)
    rows |= _passed(ups, ledger) | _repeated(ups, ledger)
    return Matching(ups, rows, tuple(missing))


def _below_baseline(ups: Iterable[Claim], ledger: Ledger) -> dict[str, LedgerRow]:
    """Flyway ignores everything up to the baseline's version."""
    bases = [row for row in ledger.rows if row.fake and row.number is not None]
    return {
        c.id: row
        for row in bases
        for c in ups
        if c.number is not None and row.number is not None and c.number <= row.number
    }


def _passed(ups: Iterable[Claim], ledger: Ledger) -> dict[str, LedgerRow]:
    """A baseline's file (flyway's B, atlas's checkpoint) is for new databases: one that has anything applied needs it
    no more."""
    return {c.id: ledger.rows[-1] for c in ups if c.baseline and ledger.rows}


def _repeated(ups: Iterable[Claim], ledger: Ledger) -> dict[str, LedgerRow]:
    """Flyway's repeatable ones that are still what was run last: one that was changed runs again."""
    from lockgate.slots.checksums import agrees

    last = {row.name: row for row in ledger.repeated}
    names = [(c, last.get(c.name.replace("_", " "))) for c in ups if not c.slot]
    return {
        c.id: row
        for c, row in names
        if row is not None and agrees(row.checksum, ledger.kind.algorithm, c.source) is not False
    }


def _by_key(ups: tuple[Claim, ...], ledger: Ledger, folder: Folder) -> Matching:
    keys: dict[str, list[Claim]] = {}
    for claim in ups:
        for name in dict.fromkeys((claim.id, claim.key)):
            keys.setdefault(name, []).append(claim)
    rows: dict[str, LedgerRow] = {}
    missing: list[LedgerRow] = []
    for row in ledger.rows:
        found = keys.get(row.version) or keys.get(row.version.removesuffix(".sql")) or []
        # liquibase: the same id may be in several files; sqitch: a change that was reworked is applied several times,
        # in the plan's order
        matching = next((c for c in found if c.id not in rows and _of_file(c, row, ledger)), None)
        if matching is None:
            missing.append(row)
        else:
            rows[matching.id] = row
    if ledger.kind.head_only and rows:
        done = _up_to(ups, rows, folder)
        rows = {c.id: ledger.rows[0] for c in ups if c.id in done}
    if ledger.kind.runner == "django" and folder.revisions:
        rows |= _squashed(rows, ledger, folder)
        missing = _of_this_project(missing, folder)
    return Matching(ups, rows, tuple(missing))


def _up_to(ups: tuple[Claim, ...], rows: Mapping[str, LedgerRow], folder: Folder) -> frozenset[str]:
    """What alembic counts as applied: its heads and what they stand on; all before the last one where no graph is
    known."""
    graph = {r.id: r for r in folder.revisions if r.runner == "alembic"}
    if rows.keys() <= graph.keys():
        from lockgate.sources.revisions import ancestors

        return ancestors(rows, graph)
    last = max(i for i, c in enumerate(ups) if c.id in rows)
    return frozenset(c.id for c in ups[: last + 1])


def _squashed(rows: Mapping[str, LedgerRow], ledger: Ledger, folder: Folder) -> dict[str, LedgerRow]:
    """Django counts a squash as applied where all that it replaces is."""
    applied = {row.version: row for row in ledger.rows}
    done = [r for r in folder.revisions if r.replaces and all(name in applied for name in r.replaces)]
    return {r.id: applied[r.replaces[-1]] for r in done if r.id not in rows}


def _of_this_project(missing: list[LedgerRow], folder: Folder) -> list[LedgerRow]:
    """Rows of apps whose files lie here; what a squash replaced is not missed."""
    apps = {r.home for r in folder.revisions}
    replaced = {name for r in folder.revisions for name in r.replaces}
    return [row for row in missing if row.version.partition(".")[0] in apps and row.version not in replaced]


def _of_file(claim: Claim, row: LedgerRow, ledger: Ledger) -> bool:
    """Whether a row of liquibase is of the claim's file: both paths end alike, each counts from a root of its own."""
    if ledger.kind.runner != "liquibase":
        return True
    ours, theirs = claim.relative.split("/"), row.name.removeprefix("classpath:").split("/")
    length = min(len(ours), len(theirs))
    return ours[-length:] == theirs[-length:]


def applied_ids(folder: Folder, ledger: Ledger) -> frozenset[str]:
    """The ids of the migrations that the ledger holds as applied."""
    return frozenset(match(folder, ledger).rows)


def compare(
    folder: Folder, ledger: Ledger, coming: frozenset[tuple[int, ...] | str], next_free: str = ""
) -> Iterator[object]:
    """What ledger and tree disagree on; ``coming``: numbers and ids that the base branch will bring with a merge."""
    found = match(folder, ledger)
    for row in ledger.rows:
        if row.dirty:
            yield Dirty(row, ledger)
    for row in found.missing:
        if row.number not in coming and row.version not in coming:
            yield without_file(row, found, ledger)
    yield from renamed_ones(found, ledger, next_free)
    yield from _changed(found, ledger, folder)
    if ledger.kind.runner == "django" and folder.revisions:
        from lockgate.slots.graph import inconsistent

        yield from inconsistent(folder, ledger)
    else:
        yield from too_late(found, ledger)


def without_file(row: LedgerRow, found: Matching, ledger: Ledger) -> MissingSlot:
    """A row that no file has, and what its runner does at that."""
    kind = ledger.kind
    again = next((c for c in found.ups if c.id not in found.rows and is_same(c, row, ledger)), None)
    if again is not None and kind.by_name and kind.runner != "sqitch":
        does = f"{again.source.path} holds its text under another name, and {kind.runner} runs that again"
        return MissingSlot(row, ledger, does, True, f"give {again.source.path} its old name back")
    if kind.runner == "node-pg-migrate":
        return _by_position(row, found, ledger)
    if kind.runner == "flyway" and _above(row, found):
        return MissingSlot(row, ledger, "flyway ignores what lies above its highest file, and goes on")
    if kind.needs_files:
        return MissingSlot(row, ledger, f"{kind.runner} will refuse to run", True)
    return MissingSlot(row, ledger, f"{kind.runner} goes on without it" if kind.runner else "")


def _by_position(row: LedgerRow, found: Matching, ledger: Ledger) -> MissingSlot:
    """node-pg-migrate compares names row by row and file by file, as far as both go (runner.js, checkOrder)."""
    if ledger.rows.index(row) < len(found.ups):
        return MissingSlot(row, ledger, "node-pg-migrate will refuse to run (it checks the order)", True)
    return MissingSlot(row, ledger, "node-pg-migrate goes on without it")


def _above(row: LedgerRow, found: Matching) -> bool:
    """flyway's ``*:future``, which it ignores by default."""
    highest = max((n for c in found.ups if (n := c.number) is not None), default=())
    return row.number is not None and row.number > highest


def is_same(claim: Claim, row: LedgerRow, ledger: Ledger) -> bool:
    """Whether the row's checksum proves that it is of this file."""
    from lockgate.slots.checksums import agrees

    known = ledger.kind.algorithm not in ("", "atlas-sum", "liquibase") and bool(row.checksum and claim.source.text)
    return known and agrees(row.checksum, ledger.kind.algorithm, claim.source) is True


def renamed_ones(found: Matching, ledger: Ledger, next_free: str = "") -> Iterator[NameMismatch]:
    """Claims whose slot is applied under another name."""
    if ledger.kind.by_name or ledger.kind.head_only:
        return
    agreeing = {
        row.version for c in found.ups if (row := found.rows.get(c.id)) and plain_name(row.name) == plain_name(c.name)
    }
    for claim in found.ups:
        row = found.rows.get(claim.id)
        if row is not None and not row.fake and row.name and row.version not in agreeing:
            same = bool(ledger.kind.renamed) and is_same(claim, row, ledger)
            yield NameMismatch(claim, row, ledger, next_free, same)


def _changed(found: Matching, ledger: Ledger, folder: Folder) -> Iterator[Changed]:
    from lockgate.slots.checksums import agrees, algorithm_of
    from lockgate.slots.checksums import same as same_text

    atlas = ledger.kind.algorithm == "atlas-sum"
    hashes = _sums_of_atlas(folder) if atlas else {}
    broken = False
    for claim in found.ups:
        row = found.rows.get(claim.id)
        if row is None or not row.checksum or row.fake or not claim.source.text or row.dirty:
            continue
        if row.name and not ledger.kind.by_name and plain_name(row.name) != plain_name(claim.name):
            continue
        if atlas:
            same: bool | None = hashes.get(claim.relative) == row.checksum or broken
            broken = broken or not same  # the sums run on: after one change all that follow differ
        else:
            same = agrees(row.checksum, ledger.kind.algorithm, claim.source, claim.key)
        words = _WORDS.get(ledger.kind.algorithm) or ledger.kind.algorithm or algorithm_of(row.checksum)
        if same is False:
            yield Changed(claim, row, ledger, words)
        elif ledger.kind.bytewise and same_text(row.checksum, ledger.kind.algorithm, claim.source.text) is False:
            yield Changed(claim, row, ledger, words, ends=True)


def too_late(found: Matching, ledger: Ledger) -> Iterator[Below | OutOfOrder]:
    """What is not applied, below something that is."""
    if ledger.kind.head_only:
        return
    if ledger.kind.runner == "drizzle" and ledger.kind.version == "created_at":
        yield from _before(found, ledger)
        return
    seen: LedgerRow | None = None
    taken = {(n, c.direction) for c in found.ups if c.id in found.rows and (n := c.number) is not None}
    for claim in reversed(found.ups):
        row = found.rows.get(claim.id)
        if row is not None:
            seen = seen or row
        elif (
            seen is not None
            and _ordered(claim, ledger)
            and (ledger.kind.by_name or (claim.number, claim.direction) not in taken)
        ):
            yield (OutOfOrder if ledger.kind.runs_late else Below)(claim, seen, ledger, ledger.kind.late)


def _ordered(claim: Claim, ledger: Ledger) -> bool:
    """Whether the claim has a place in its runner's order; what is repeated, or has no number, has none."""
    return bool(claim.slot) or ledger.kind.runner in ("sqitch", "liquibase")


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 40


def _before(found: Matching, ledger: Ledger) -> Iterator[Below]:
    """drizzle applies what its journal dates after the newest row, and nothing else (drizzle-orm, dialect.migrate)."""
    dated = [(row.number, row) for row in ledger.rows if row.number is not None]
    newest = max(dated, key=lambda item: item[0], default=None)
    for claim in found.ups:
        if (
            newest is not None
            and claim.id not in found.rows
            and _is_number(claim.key)
            and (int(claim.key),) <= newest[0]
        ):
            yield Below(claim, newest[1], ledger, ledger.kind.late)


def _sums_of_atlas(folder: Folder) -> dict[str, str]:
    from lockgate.slots.atlas import sums, texts

    return sums(texts(folder))
