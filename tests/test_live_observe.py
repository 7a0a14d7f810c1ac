"""What the server says of its work and locks is kept with every statement, in each major's own words, in a block and
outside of one."""

from __future__ import annotations

import pytest

from lockgate.base.effects import Lock, Work
from lockgate.oracle.apply.plan import RolePlan
from lockgate.sources.migration import Transaction
from tests.live_kit import majors, migration, run

BEFORE = """CREATE TABLE r (id bigint PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, n int, a int, b int CHECK (b IS NOT NULL));
CREATE TABLE parted (k int) PARTITION BY LIST (k); CREATE TABLE p1 (k int); CREATE TABLE p2 (k int NOT NULL CHECK (k = 2));"""

# statement | locks stronger than RowExclusive, on tables (an X is AccessExclusive) | work
SEEN = """
ALTER TABLE t ALTER n TYPE bigint | X t, Share t | rewriting table "t"; building index "t_pkey" on table "t" serially
ALTER TABLE t ALTER a SET NOT NULL | X t | verifying table "t"
ALTER TABLE t ALTER b SET NOT NULL | X t | existing constraints on column "t.b" are sufficient to prove that it does not contain nulls
ALTER TABLE t ADD plain int DEFAULT 1 | X t |
ALTER TABLE t ADD CONSTRAINT later CHECK (n > 1) NOT VALID | X t |
ALTER TABLE t VALIDATE CONSTRAINT later | ShareUpdateExclusive t | verifying table "t"
CREATE INDEX t_n ON t (n) | Share t | building index "t_n" on table "t" serially
ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES r | ShareRowExclusive r, ShareRowExclusive t | validating foreign key constraint "t_n_fkey"
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger() | ShareRowExclusive t |
ALTER TABLE parted ATTACH PARTITION p1 FOR VALUES IN (1) | X p1, ShareUpdateExclusive parted | verifying table "p1"
ALTER TABLE parted ATTACH PARTITION p2 FOR VALUES IN (2) | X p2, ShareUpdateExclusive parted | partition constraint for table "p2" is implied by existing constraints
COMMENT ON TABLE t IS 'x' | ShareUpdateExclusive t |
UPDATE t SET n = 1 | |
DROP INDEX t_n | X t |
TRUNCATE t | X t, Share t | building index "t_pkey" on table "t" serially
DROP TABLE r CASCADE | X r, X t |
"""
ROWS = [[part.strip() for part in line.split("|")] for line in SEEN.strip().splitlines()]
OUTSIDE = """
CREATE INDEX CONCURRENTLY t_n ON t (n) | building index "t_n" on table "t" serially
DROP INDEX CONCURRENTLY t_n |
VACUUM FULL r | building index "r_pkey" on table "r" serially
"""


def tables(locks: tuple[str, ...]) -> set[str]:
    """The strong ones on tables, as the table above writes them."""
    pairs = [lock.split("Lock on public.") for lock in locks]
    strong = {
        (mode, name)
        for mode, name in pairs
        if mode not in ("AccessShare", "RowShare", "RowExclusive") and name in {"r", "t", "p1", "p2", "parted"}
    }
    return {f"{'X' if mode == 'AccessExclusive' else mode} {name}" for mode, name in strong}


@pytest.mark.parametrize("shape", [Transaction.FILE, Transaction.STATEMENT])
@pytest.mark.parametrize("major", majors())
def test_locks_and_work_of_every_kind(major: int, shape: Transaction) -> None:
    each = [migration(f"{number}", f"{statement};", shape=shape) for number, (statement, _, _) in enumerate(ROWS, 1)]
    report = run(migration("0", BEFORE), *each, roles=RolePlan(deployer="app"), major=major)
    for number, (statement, locks, work) in enumerate(ROWS, 1):
        seen = report.of(f"{number}", 1)
        assert seen is not None and seen.fails is None, statement
        assert "; ".join(seen.work) == work, statement
        assert tables(seen.locks) == set(filter(None, locks.split(", "))), statement


@pytest.mark.parametrize("major", majors())
def test_what_runs_in_no_block_shows_its_work_all_the_same(major: int) -> None:
    rows = [[part.strip() for part in line.split("|")] for line in OUTSIDE.strip().splitlines()]
    each = [migration(f"{number}", f"{statement};") for number, (statement, _) in enumerate(rows, 1)]
    report = run(migration("0", BEFORE), *each, roles=RolePlan(deployer="app"), major=major)
    for number, (statement, work) in enumerate(rows, 1):
        seen = report.of(f"{number}", 1)
        assert seen is not None and seen.fails is None, statement
        assert "; ".join(seen.work) == work, statement


# statement | what it does to each table that was there before: held lock and work, what debug1 does not tell included
DONE = """
ALTER DOMAIN dom ADD CHECK (VALUE > 0) | with_dom Share scan
CREATE TABLE p3 PARTITION OF beside FOR VALUES IN (3) | beside AccessExclusive none, rest AccessExclusive scan
TRUNCATE t | t AccessExclusive rewrite
CLUSTER t USING t_pkey | t AccessExclusive rewrite
REINDEX TABLE t | t Share build
REFRESH MATERIALIZED VIEW mat | mat AccessExclusive rewrite, t AccessShare scan
UPDATE t SET a = 1 | t RowExclusive scan
INSERT INTO r SELECT id FROM t | r RowExclusive none, t AccessShare scan
ANALYZE t | t ShareUpdateExclusive none
DO $$ BEGIN ALTER TABLE t ALTER n TYPE bigint; END $$ | t AccessExclusive rewrite
ALTER TABLE t ADD UNIQUE (b) | t AccessExclusive build
DROP TABLE t CASCADE | t AccessExclusive none, mat AccessExclusive none
"""
WITH_MORE = f"""{BEFORE} CREATE DOMAIN dom AS int; CREATE TABLE with_dom (x dom); CREATE MATERIALIZED VIEW mat AS SELECT id FROM t;
CREATE TABLE beside (k int) PARTITION BY LIST (k); CREATE TABLE rest PARTITION OF beside DEFAULT;"""


@pytest.mark.parametrize("shape", [Transaction.FILE, Transaction.STATEMENT])
@pytest.mark.parametrize("major", majors())
def test_effects_are_told_by_oid_the_silent_ones_too(major: int, shape: Transaction) -> None:
    rows = [[part.strip() for part in line.split(" | ")] for line in DONE.strip().splitlines()]
    each = [migration(f"{number}", f"{statement};", shape=shape) for number, (statement, _) in enumerate(rows, 1)]
    report = run(migration("0", WITH_MORE), *each, roles=RolePlan(deployer="app"), major=major)
    for number, (statement, wanted) in enumerate(rows, 1):
        seen = report.of(f"{number}", 1)
        assert seen is not None and seen.fails is None and seen.looked, statement
        done = {
            f"{e.relation.removeprefix('public.')} {(e.held or Lock.ACCESS_SHARE).mode.removesuffix('Lock')} {e.work.name.lower()}"
            for e in seen.effects
            if e.kind == "table"
        }
        assert done == set(wanted.split(", ")), statement


def test_a_table_made_again_under_its_name_is_another_one() -> None:
    """What is done to the new one is no work on the one that was there before."""
    again = migration(
        "1",
        "DROP TABLE t; CREATE TABLE t (id int); CREATE INDEX ON t (id); ALTER TABLE t ADD CHECK (id > 0);",
        shape=Transaction.FILE,
    )
    report = run(migration("0", "CREATE TABLE t (id int); INSERT INTO t VALUES (1);"), again, roles=RolePlan("app"))
    there = [seen.effects for seen in report.observations if seen.migration == "1"]
    assert [e.work for effects in there for e in effects] == [Work.NONE], "the DROP's alone"
