"""``verify --rows``: tables are filled with rows that satisfy the schema, and what these keep from being applied is told,
with the rows, as certain only where no row would pass."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lockgate.oracle.apply.plan import RolePlan
from lockgate.oracle.rows.hints import compared
from lockgate.oracle.rows.model import RowReport, RowWish
from lockgate.oracle.rows.patterns import drawn, matching
from lockgate.oracle.rows.told import told
from lockgate.sources.migration import Transaction
from tests.conftest import Run
from tests.live_kit import TWO, majors, migration, run

ENDS = sorted({majors()[0], majors()[-1]})


def over_rows(
    *texts: str, wish: RowWish | None = None, roles: RolePlan | None = None, major: int | None = None
) -> RowReport:
    """The texts as migrations, each in a transaction, over rows."""
    each = [migration(f"{n}", text, shape=Transaction.FILE) for n, text in enumerate(texts, 1)]
    roles = roles or RolePlan(deployer="app")
    report = run(*each, roles=roles, observe_locks=False, rows=wish or RowWish(), major=major).rows
    assert report is not None
    return report


# what a table can ask of its rows
EVERYTHING = r"""
CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN zip AS text NOT NULL CHECK (VALUE ~ '^\d{5}$'); CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN small AS int CHECK (VALUE BETWEEN 3 AND 7);
CREATE TABLE people (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL UNIQUE CHECK (email ~* '^[^@]+@[^@]+\.[a-z]+$'),
  m mood, z zip, c pair, tags text[] NOT NULL, r int4range, rs int4multirange NOT NULL, j jsonb NOT NULL CHECK (jsonb_typeof(j) = 'object'), n small NOT NULL);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person uuid NOT NULL REFERENCES people, age int CHECK (age BETWEEN 18 AND 99),
  code char(3) NOT NULL CHECK (code = upper(code) AND length(code) = 3), begins timestamptz NOT NULL, ends timestamptz NOT NULL, CHECK (ends > begins),
  total numeric(6,2) CHECK (total > 0), twice numeric GENERATED ALWAYS AS (total * 2) STORED, state text NOT NULL CHECK (state IN ('new', 'paid')), UNIQUE (person, code));
CREATE TABLE events (at date NOT NULL, k text, PRIMARY KEY (at, k)) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE lists (k text NOT NULL, v int) PARTITION BY LIST (k); CREATE TABLE lists_1 PARTITION OF lists FOR VALUES IN ('eu', 'us');
CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree, during tsrange, EXCLUDE USING gist (during WITH &&));
CREATE TABLE "Odd.name" ("Key" smallserial PRIMARY KEY, "a b" varchar(2) UNIQUE, b bit(3), y bytea, i inet, x xml, ts tsvector, p point, iv interval, f float4);
CREATE TABLE one_to_one (person uuid PRIMARY KEY REFERENCES people); CREATE TABLE lower_unique (name text NOT NULL); CREATE UNIQUE INDEX ON lower_unique (lower(name));
CREATE TABLE late (id int PRIMARY KEY, other int NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE nothing (); CREATE TABLE only_one (there bool PRIMARY KEY CHECK (there));
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TABLE guarded (id int PRIMARY KEY, note text); CREATE TRIGGER g BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION touched();
CREATE TABLE impossible (a int NOT NULL CHECK (a > 1 AND a < 1));
CREATE TABLE orphans (i int NOT NULL REFERENCES impossible_key);
""".replace(
    "CREATE TABLE orphans", "CREATE TABLE impossible_key (id int PRIMARY KEY CHECK (id IS NULL));\nCREATE TABLE orphans"
)


@pytest.mark.parametrize("major", ENDS)
def test_rows_satisfy_whatever_a_schema_asks(major: int) -> None:
    """Each table has rows, but those that no row satisfies, which are told; and a broken trigger is left where it was."""
    report = over_rows(
        EVERYTHING,
        "UPDATE guarded SET note = 'x'; ALTER TABLE people ADD x int; SELECT count(*) FROM orders;",
        major=major,
    )
    assert {table for table, _ in report.unfilled} == {"public.impossible", "public.impossible_key", "public.orphans"}
    assert all(reason for _, reason in report.unfilled)
    assert report.tables == 12 and report.rows > 35
    assert report.failures == ()


ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, total int, note text, code text, sent date);"
PARENT = "CREATE TABLE people (id int PRIMARY KEY);"
# before | pending | statement and SQLSTATE of each failure; "any": no row would pass; a row that is told
CASES = """
ALTER TABLE orders ADD x int NOT NULL | 1 23502 any
ALTER TABLE orders ADD x int NOT NULL DEFAULT 1 |
ALTER TABLE orders ADD x int NOT NULL DEFAULT nullif(1, 1) | 1 23502
ALTER TABLE orders ADD x int; ALTER TABLE orders ALTER x SET NOT NULL | 2 23502 any
ALTER TABLE orders ADD x int; UPDATE orders SET x = total; ALTER TABLE orders ALTER x SET NOT NULL | 3 23502
ALTER TABLE orders ADD x int; UPDATE orders SET x = 1; ALTER TABLE orders ALTER x SET NOT NULL |
ALTER TABLE orders ALTER note SET NOT NULL | 1 23502 note = NULL
ALTER TABLE orders ADD x int; ALTER TABLE orders ADD CHECK (x IS NOT NULL) | 2 23514 any
ALTER TABLE orders ADD x int; ALTER TABLE orders ADD CHECK ((note IS NULL) = (x IS NOT NULL)) | 2 23514 note = NULL
ALTER TABLE orders ADD x int; ALTER TABLE orders ADD CHECK (x > 0) |
ALTER TABLE orders ADD CHECK (total > 0) | 1 23514 total =
ALTER TABLE orders ADD CHECK (total > 0) NOT VALID |
UPDATE orders SET total = 1 WHERE total <= 0; ALTER TABLE orders ADD CHECK (total > 0) |
CREATE UNIQUE INDEX ON orders (code) | 1 23505
CREATE UNIQUE INDEX ON orders (id, code) |
ALTER TABLE orders ADD x int REFERENCES people |
ALTER TABLE orders ADD FOREIGN KEY (total) REFERENCES people | 1 23503
ALTER TABLE orders ALTER code TYPE int USING code::int | 1 22P02 code =
ALTER TABLE orders ALTER note TYPE varchar(5) | 1 22001 note =
ALTER TABLE orders ALTER total TYPE smallint | 1 22003 total =
ALTER TABLE orders ALTER total TYPE bigint |
INSERT INTO orders VALUES (1, 2), (900001, 2) |
INSERT INTO people VALUES (1); UPDATE orders SET total = 1; ALTER TABLE orders ADD FOREIGN KEY (total) REFERENCES people |
DO $$ BEGIN IF EXISTS (SELECT FROM orders WHERE code = 'special') THEN RAISE EXCEPTION 'special'; END IF; END $$ | 1 P0001
CREATE TABLE new (id int); INSERT INTO new SELECT total FROM orders; ALTER TABLE new ADD x int NOT NULL | 3 23502
UPDATE orders SET total = (SELECT o.total FROM orders o) | 1 21000
SELECT 1 / 0 |
"""
SPLIT = [[part.strip() for part in line.split(" |")] for line in CASES.strip().splitlines()]


@pytest.mark.parametrize("major", ENDS)
def test_what_rows_keep_from_being_applied(major: int) -> None:
    """One folder for all: each case has tables of its own."""
    texts, wanted = [], list[tuple[str, str]]()
    for number, (change, expected) in enumerate(SPLIT, 1):
        tables = {name: f"{name}_{number}" for name in ("orders", "people", "new")}
        named = re.compile("|".join(rf"\b{name}\b" for name in tables))
        before, after = (named.sub(lambda m, t=tables: t[m[0]], text) for text in (PARENT + ORDERS, change))  # type: ignore[misc]
        texts += [before, after]
        wanted.append((str(2 * number), expected))
    plain = run(
        *[migration(f"{n}", t, shape=Transaction.FILE) for n, t in enumerate(texts, 1)],
        roles=RolePlan(deployer="app"),
        major=major,
    )
    refused = frozenset((seen.migration, seen.index) for seen in plain.observations if seen.fails is not None)
    report = over_rows(*texts, major=major, wish=RowWish(None, refused))
    found = {failure.migration: failure for failure in report.failures}
    assert len(found) == len(report.failures)
    for (change, _), (name, expected) in zip(SPLIT, wanted, strict=True):
        failure = found.pop(name, None)
        if not expected:
            assert failure is None, (change, failure)
            continue
        assert failure is not None, change
        index, state, *more = expected.split(maxsplit=2)
        assert (failure.index, failure.sqlstate) == (int(index), state), (change, failure)
        rest = more[0] if more else ""
        assert failure.any == (rest == "any"), (change, failure)
        assert rest in ("", "any") or rest in failure.rows[0], (change, failure)
    assert not found


TRIGGER = """CREATE TABLE links (id bigint PRIMARY KEY, organization_id bigint, target text NOT NULL);
CREATE FUNCTION links_touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM OLD.organization_id; RETURN NEW; END $$;
CREATE TRIGGER links_touch AFTER UPDATE ON links FOR EACH ROW EXECUTE FUNCTION links_touched();"""


def test_triggers_fire_on_rows_that_the_migration_looks_for() -> None:
    change = "ALTER TABLE links RENAME COLUMN organization_id TO company_id; UPDATE links SET target = 'company' WHERE target = 'organization';"
    (failure,) = over_rows(TRIGGER, change).failures
    assert (failure.index, failure.sqlstate, failure.rows) == (2, "42703", ("target = 'organization'",))


def test_only_what_is_pending_meets_rows_and_the_rest_goes_on() -> None:
    """The handover's roles; a table made by a pending migration has no rows; what comes after a failure is told, too."""
    texts = (
        ORDERS,
        "ALTER TABLE orders ADD early int NOT NULL;",
        "ALTER TABLE orders ADD x int NOT NULL; CREATE TABLE new (id int); ALTER TABLE orders ALTER x SET DEFAULT 1;",
        "ALTER TABLE new ADD y int NOT NULL; ALTER TABLE orders ADD z int NOT NULL;",
    )
    report = over_rows(*texts, wish=RowWish(frozenset({"3", "4"})))
    assert [(f.migration, f.index, f.any) for f in report.failures] == [("3", 1, True)]  # its rows are gone then
    assert report.tables == 1
    both = over_rows(*texts[:1], "UPDATE orders SET total = total + 1; TRUNCATE orders;", roles=TWO)
    assert [f.sqlstate for f in both.failures] == ["22003"]


def test_tables_that_lost_their_rows_are_filled_again_under_their_new_names() -> None:
    """TRUNCATE took a child's rows along; what is renamed is found."""
    texts = (
        f"{PARENT} CREATE TABLE orders (id int PRIMARY KEY, person int NOT NULL REFERENCES people);",
        "ALTER TABLE people ADD x int NOT NULL; ALTER TABLE people RENAME TO humans; ALTER TABLE humans RENAME id TO number;",
        "ALTER TABLE orders ADD y int NOT NULL; CREATE TABLE more (person int NOT NULL REFERENCES humans);",
        "ALTER TABLE more ADD z int NOT NULL;",
    )
    report = over_rows(*texts)
    assert [(f.migration, f.index, f.any) for f in report.failures] == [("2", 1, True), ("3", 1, True), ("4", 1, True)]
    assert report.unfilled == ()


def test_hostile_schemas_end_in_time_and_are_told() -> None:
    """Bodies that loop, sleep, or drop what is being filled run as an ordinary role, for a while."""
    before = """CREATE FUNCTION forever(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN LOOP BEGIN PERFORM pg_sleep(1); EXCEPTION WHEN query_canceled THEN END; END LOOP; END $$;
CREATE TABLE slow (a int CHECK (forever(a))); CREATE TABLE fine (a int);
CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DROP TABLE fine'; RETURN NULL; END $$;
CREATE TABLE nasty (a int); CREATE TRIGGER t BEFORE INSERT ON nasty FOR EACH ROW EXECUTE FUNCTION away();
CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ALTER ROLE app SUPERUSER'; RETURN NEW; END $$;
CREATE TABLE worse (a int); CREATE TRIGGER t BEFORE INSERT ON worse FOR EACH ROW EXECUTE FUNCTION up();"""
    report = over_rows(before, "ALTER TABLE worse ADD b int NOT NULL; ALTER TABLE slow ADD b int;", wish=RowWish())
    assert "public.slow" in dict(report.unfilled)
    assert report.note == "" and {f.sqlstate for f in report.failures} <= {"23502"}


def project(folder: Path) -> Path:
    (folder / "migrations").mkdir()
    (folder / "migrations/0001_orders.sql").write_text(ORDERS)
    (folder / "migrations/0002_more.sql").write_text(
        "ALTER TABLE orders ADD x int NOT NULL;\nALTER TABLE orders ADD y int;\n"
    )
    return folder


def test_as_a_user_runs_it(lockgate: Run, tmp_path: Path) -> None:
    """Nobody says what is pending: a warning. The ledger says it: an error, for no row would pass. --no-rows: nothing."""
    project(tmp_path)
    done = lockgate("verify", "--no-bodies", "--format", "json")
    report = json.loads(done.stdout)
    (found,) = (f for f in report["findings"] if f.get("rows"))
    assert (found["severity"], found["rows"], found["sqlstate"]) == ("warning", "any", None)
    assert found["evidence"]["verdict"] == "confirmed" and found["evidence"]["sqlstate"] == "23502"
    assert found["location"]["start"]["line"] == 1 and done.returncode == 0
    assert report["coverage"]["rows"]["unfilled"] == []
    (tmp_path / "ledger.json").write_text(json.dumps({"table": "schema_migrations", "rows": [{"version": "0001"}]}))
    (tmp_path / "lockgate.toml").write_text(
        '[migrations]\npaths = ["migrations"]\n[ledger]\nsnapshot = "ledger.json"\n'
    )
    done = lockgate("verify", "--no-bodies", "--format", "json")
    (found,) = (f for f in json.loads(done.stdout)["findings"] if f.get("rows"))
    assert found["name"] == "required-column-without-default", "what speaks of the same refusal is proven"
    assert (found["severity"], found["sqlstate"], done.returncode) == ("error", "23502", 1)
    done = lockgate("verify", "--no-bodies", "--no-rows", "--format", "json")
    assert done.returncode == 0 and "rows" not in json.loads(done.stdout)["coverage"]


DRAWN = [
    r"^[A-Z]{3}-\d+$",
    r"^\S+@\S+$",
    "^(a|b)c?[^x]{2}$",
    "^[[:alpha:]_][[:alnum:]_]*$",
    r"^v?\d+(\.\d+){2}$",
    "^[0-9a-f]{64}$",
]


@pytest.mark.parametrize("pattern", DRAWN)
def test_a_text_for_a_pattern(pattern: str) -> None:
    found = drawn(pattern)
    assert found is not None
    assert re.search(pattern.replace("[[:alpha:]_]", "[a-zA-Z_]").replace("[[:alnum:]_]", r"\w"), found)


def test_patterns_and_literals_of_conditions() -> None:
    assert matching("CHECK (((a ~~ 'x%_y'::text) AND (b !~ 'no'::text) AND (c ~ '(('::text)))") == ["xaay"]
    assert drawn("((((a{60}){60}){60}){60}){60}") is not None  # 60 to the fifth characters are not made
    assert compared(["UPDATE t SET x = 1 WHERE Kind IN ('a', 'it''s') AND n >= 18 OR k LIKE 'p%'"]) == {
        "x": ["1"],
        "kind": ["a", "it's"],
        "n": ["18"],
        "k": ["p%"],
    }
    assert told('{"id": 1, "note": null, "long": "' + "x" * 50 + '"}', {"note", "long"}).startswith(
        "note = NULL, long = 'xxx"
    )
    assert told('{"id": 1, "b": true}', set()) == "id = 1, b = true"
