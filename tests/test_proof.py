"""Locks and work as proof: hand-made findings about statements that a real server ran."""

from __future__ import annotations

import pytest

from lockgate.base.effects import Effect, Lock, Work
from lockgate.base.findings import Finding, Label, Severity
from lockgate.base.text import Span
from lockgate.oracle.apply.plan import ApplyReport, RolePlan
from lockgate.rules.rulebook import FrontMatter
from lockgate.run.proof import judged
from lockgate.sources.migration import Transaction
from tests.live_kit import migration, run

BEFORE = """CREATE TABLE r (id bigint PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, n int, a int, b int CHECK (b IS NOT NULL));
CREATE TABLE "Odd.name" (a int); CREATE DOMAIN d AS int; CREATE TABLE with_d (x d);"""

# statement | relation | least lock | work | verdict, of what is in the server's words
CASES = """
ALTER TABLE t ALTER n TYPE bigint | public.t | AccessExclusiveLock | rewrite | confirmed, rewriting table "t"
ALTER TABLE t ALTER a TYPE bigint | public.t | AccessExclusiveLock | scan | refuted, rewriting table "t"
ALTER TABLE t ALTER b TYPE bigint | public.r | AccessExclusiveLock | rewrite | refuted, no lock on public.r
ALTER TABLE t ALTER a SET NOT NULL | public.t | ShareLock | scan | confirmed, verifying table "t"
ALTER TABLE t ALTER b SET NOT NULL | public.t | AccessExclusiveLock | scan | refuted, AccessExclusiveLock on public.t
ALTER TABLE t ADD c int DEFAULT 1 | public.t | AccessExclusiveLock | | confirmed, AccessExclusiveLock on public.t
ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES r | public.t | ShareRowExclusiveLock | scan | confirmed, validating foreign key
ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES r | public.t | AccessExclusiveLock | scan | refuted, ShareRowExclusiveLock
CREATE INDEX ON t (n) | public.t | ShareLock | build | confirmed, building index
CREATE INDEX CONCURRENTLY ON t (n) | public.t | ShareLock | build | unproven, does not show
VACUUM FULL t | public.t | AccessExclusiveLock | rewrite | unproven, does not show
ALTER TABLE "Odd.name" ALTER a TYPE bigint | public."Odd.name" | AccessExclusiveLock | rewrite | confirmed, rewriting
ALTER DOMAIN d ADD CHECK (VALUE > 0) | public.with_d | ShareLock | scan | confirmed, read from end to end
INSERT INTO r VALUES (1) | public.r | ShareLock | | refuted, the server applied
"""
ROWS = [[part.strip() for part in line.split(" | ")] for line in CASES.replace(" | | ", " |  | ").strip().splitlines()]


@pytest.fixture(scope="module", params=[Transaction.FILE, Transaction.STATEMENT])
def ran(request: pytest.FixtureRequest) -> ApplyReport:
    """Every statement as a migration of its own, after the tables were made."""
    shapes = [Transaction.STATEMENT if _alone(row[0]) else request.param for row in ROWS]
    each = [migration(f"{n}", f"{row[0]};", shape=s) for n, (row, s) in enumerate(zip(ROWS, shapes, strict=True), 1)]
    return run(migration("0", BEFORE), *each, roles=RolePlan(deployer="app"))


def _alone(statement: str) -> bool:
    return "CONCURRENTLY" in statement or statement.startswith("VACUUM")


def finding(relation: str, statement: str) -> Finding:
    at = Label(migration("x", statement).up.source, Span(0, 1))
    return Finding("L1", "x", Severity.ERROR, "m", at, effect=Effect(0, relation, Lock.SHARE, Lock.SHARE))


@pytest.mark.parametrize("number", range(1, len(ROWS) + 1), ids=lambda n: ROWS[n - 1][0])
def test_the_servers_word_on_locks_and_work(ran: ApplyReport, number: int) -> None:
    report = ran
    statement, relation, lock, work, wanted = ROWS[number - 1]
    seen = report.of(f"{number}", 1)
    assert seen is not None and seen.fails is None, seen
    front = FrontMatter("L1", Severity.ERROR, "locks", locks=(lock,), work=(work,) if work else ())
    verdict, words = judged(finding(relation, statement), front, seen, seen.effects)
    kind, _, said = wanted.partition(", ")
    assert (verdict.value, said in words) == (kind, True), (verdict, words)


HELD = """ALTER TABLE t ADD c int; UPDATE t SET c = 1; ALTER TABLE t ALTER c SET NOT NULL;"""
BLOCKS = "BEGIN; ALTER TABLE t ADD e int; COMMIT; BEGIN; UPDATE t SET e = 1; COMMIT; ALTER TABLE t ALTER e SET NOT NULL"


@pytest.mark.parametrize(
    ("script", "shape", "index", "held"),
    [
        (HELD, Transaction.FILE, 2, Lock.ACCESS_EXCLUSIVE),
        (HELD, Transaction.IMPLICIT, 2, Lock.ACCESS_EXCLUSIVE),
        (HELD, Transaction.STATEMENT, 2, None),
        (HELD, Transaction.STATEMENT, 3, Lock.ACCESS_EXCLUSIVE),
        (BLOCKS, Transaction.STATEMENT, 5, None),
        (BLOCKS.replace("COMMIT; BEGIN; ", ""), Transaction.STATEMENT, 3, Lock.ACCESS_EXCLUSIVE),
    ],
)
def test_what_a_transaction_holds_from_earlier_statements(
    script: str, shape: Transaction, index: int, held: Lock | None
) -> None:
    made = migration("1", script, shape=shape)
    report = run(migration("0", BEFORE), made, roles=RolePlan(deployer="app"))
    there = [seen for seen in report.observations if seen.migration == "1"]
    assert not [seen.fails for seen in there if seen.fails]
    seen = next(seen for seen in there if seen.index == index)
    effects = {e.relation: e for e in seen.effects}
    found = effects.get("public.t")
    strongest = found.held if found is not None and found.held is not None else Lock.ACCESS_SHARE
    assert strongest == held if held is not None else strongest < Lock.SHARE


def test_a_lock_proves_what_keeps_out_no_more_than_it_does() -> None:
    front = FrontMatter("L1", Severity.ERROR, "locks", locks=("ShareUpdateExclusiveLock",))
    held = {lock: front.proven_by(Effect(0, "t", lock, lock)) for lock in Lock}
    assert [lock.mode for lock, proven in held.items() if proven] == [
        "ShareUpdateExclusiveLock",
        "ShareRowExclusiveLock",
        "ExclusiveLock",
        "AccessExclusiveLock",
    ], "a ShareLock lets another ShareLock in"
    work = FrontMatter("L1", Severity.ERROR, "locks", work=("build", "rewrite"))
    assert [kind.name for kind in Work if work.proven_by(Effect(0, "t", None, None, kind))] == ["BUILD", "REWRITE"]
