"""``lockgate rows``: what production is asked, and that its answers say what the migration would have met there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server
from lockgate.questions import fragments
from lockgate.questions.answer import answers, printed
from lockgate.questions.ask import questions
from lockgate.questions.safe import unsafe
from lockgate.sources.migration import Transaction
from lockgate.timeline.plan import Plan
from tests.conftest import Run
from tests.live_kit import majors, migration

BEFORE = """CREATE TABLE people (id int PRIMARY KEY); CREATE DOMAIN whole AS int;
CREATE TABLE orders (id int PRIMARY KEY, total int, note text, price numeric(8,2), d whole, "Odd Name" text, CONSTRAINT old CHECK (total > 0) NOT VALID);
CREATE TABLE empty (id int);"""
DATA = """INSERT INTO people VALUES (1); INSERT INTO orders VALUES (1, 1, 'ab', 1.5, 1, 'x'), (2, 1, 'cd', 999999.99, -2, 'y'), (3, 70000, NULL, NULL, NULL, 'x');
ALTER TABLE orders DROP CONSTRAINT old; INSERT INTO orders VALUES (4, -5, '12', 0, 0, NULL); ALTER TABLE orders ADD CONSTRAINT old CHECK (total > 0) NOT VALID;"""
# pending migrations, "//" between two of them; whether rows of DATA break one is asked of the server that applies them
CASES = r"""
ALTER TABLE orders ADD x int NOT NULL
ALTER TABLE empty ADD x int NOT NULL
ALTER TABLE orders ADD x int NOT NULL DEFAULT 7 CHECK (x > total)
ALTER TABLE orders ADD x int DEFAULT 70001 CHECK (x > total) -- a comment
ALTER TABLE orders ALTER note SET NOT NULL
ALTER TABLE orders ALTER id SET NOT NULL
UPDATE orders SET note = 'none' WHERE note IS NULL -- mended
 // ALTER TABLE orders ALTER note SET NOT NULL
UPDATE orders o SET note = coalesce(o.note, 'a, b'), total = abs(total) // ALTER TABLE orders ALTER note SET NOT NULL, ADD CHECK (total >= 0)
UPDATE orders SET note = 'none' WHERE total > 100000 // ALTER TABLE orders ALTER note SET NOT NULL
DELETE FROM orders WHERE note IS NULL RETURNING id // ALTER TABLE orders ALTER note SET NOT NULL
TRUNCATE orders // ALTER TABLE orders ALTER note SET NOT NULL; ALTER TABLE orders ADD x int NOT NULL
ALTER TABLE orders RENAME note TO words; ALTER TABLE orders RENAME TO requests; ALTER TABLE requests ALTER words SET NOT NULL
ALTER TABLE orders ADD x text; ALTER TABLE orders ADD CONSTRAINT c CHECK ((note IS NULL) = (x IS NOT NULL))
ALTER TABLE orders ADD x text; UPDATE orders SET x = 'u' WHERE note IS NULL; ALTER TABLE orders ADD CONSTRAINT c CHECK ((note IS NULL) = (x IS NOT NULL))
ALTER TABLE orders VALIDATE CONSTRAINT old
UPDATE orders SET total = 1 WHERE total <= 0; ALTER TABLE orders VALIDATE CONSTRAINT old
ALTER TABLE orders ADD CONSTRAINT n CHECK (total > 0) NOT VALID // ALTER TABLE orders VALIDATE CONSTRAINT n
ALTER TABLE orders ADD CHECK (total > 0 OR total IN (-5, -6))
ALTER DOMAIN whole ADD CHECK (VALUE >= 0)
ALTER DOMAIN whole ADD CHECK (VALUE >= -2)
CREATE UNIQUE INDEX ON orders (total)
CREATE UNIQUE INDEX ON orders (total, note)
CREATE UNIQUE INDEX ON orders (lower("Odd Name") text_ops DESC, (total IS NULL))
CREATE UNIQUE INDEX ON orders (lower("Odd Name") COLLATE "C", note)
CREATE UNIQUE INDEX ON orders ("Odd Name") WHERE total < 100
CREATE UNIQUE INDEX ON orders (total) WHERE id > 2
ALTER TABLE orders ADD x int DEFAULT 1 UNIQUE
ALTER TABLE orders ADD x serial UNIQUE
ALTER TABLE orders ADD x int REFERENCES people
ALTER TABLE orders ADD x int DEFAULT 5 REFERENCES people
ALTER TABLE orders ADD FOREIGN KEY (total) REFERENCES people
DELETE FROM orders WHERE total <> 1; ALTER TABLE orders ADD FOREIGN KEY (total) REFERENCES people (id)
ALTER TABLE orders ALTER note TYPE int USING note::int
DELETE FROM orders WHERE note ~ '[a-z]'; ALTER TABLE orders ALTER note TYPE int USING note::int
ALTER TABLE orders ALTER note TYPE varchar(1)
ALTER TABLE orders ALTER note TYPE varchar(2)
ALTER TABLE orders ALTER total TYPE smallint
ALTER TABLE orders ALTER total TYPE bigint
ALTER TABLE orders ALTER price TYPE numeric(5,1)
ALTER TABLE orders ALTER price TYPE numeric(9,2)
ALTER TABLE orders ALTER price TYPE int
ALTER TABLE orders ALTER price TYPE smallint
ALTER TABLE orders ALTER price TYPE int USING (price * 10000)::int, ALTER note TYPE varchar(9) USING left(note, 9)
ALTER TABLE orders DROP COLUMN note, ALTER total SET NOT NULL
CREATE TABLE new (id int); INSERT INTO new VALUES (1); ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES people
"""
SPLIT = [case.split(" // ") for case in re.sub(r"\n (?=//)", " ", CASES.strip()).replace("// ", " // ").splitlines()]
SPLIT = [[part.strip() for part in case if part.strip()] for case in SPLIT]


@pytest.fixture(scope="module", params=sorted({majors()[0], majors()[-1]}))
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    with Server(choose("", request.param)) as found:
        found.ready()
        made = found.template
        yield (
            f"host={found._home} port=5432 user={made.superuser} password={made.password} dbname=lockgate",
            request.param,
        )


def test_the_answers_are_what_the_migration_meets(server: tuple[str, int]) -> None:
    dsn, major = server
    wrong = []
    with psycopg.connect(dsn, autocommit=True) as link:
        for parts in SPLIT:
            link.execute(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {BEFORE} {DATA}".encode())
            each = [migration(f"{n}", text, shape=Transaction.FILE) for n, text in enumerate((BEFORE, *parts), 1)]
            asked = questions(Plan(tuple(each), major), frozenset(m.id for m in each[1:]), major)
            told = list(answers(dsn, asked, "", ("public",), seconds=20, show=2))
            refused = ""
            try:
                with link.transaction(force_rollback=True):
                    link.execute(";".join(re.sub("--.*", "", part) for part in parts).encode())
            except psycopg.Error as error:
                refused = error.sqlstate or "?"
            breaks = any(one.breaks for one in told)
            states = {one.question.sqlstate for one in told if one.breaks} | {
                one.sqlstate for one in told if one.sqlstate
            }
            unanswered = [one.failure for one in told if one.count is None and not one.breaks]
            if breaks != bool(refused) or unanswered or (refused and refused not in states):
                wrong.append((parts, refused, [(t.question.sql, t.count, t.failure) for t in told]))
            script = "".join(printed(asked, ("public",)))
            assert script.count(";") >= 4 and not re.search("^(?!--).*--", script, re.MULTILINE), script
    assert not wrong, "\n".join(map(str, wrong))


def test_rows_are_shown_only_where_they_are_asked_for(server: tuple[str, int]) -> None:
    dsn, major = server
    with psycopg.connect(dsn, autocommit=True) as link:
        link.execute(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {BEFORE} {DATA}".encode())
    each = (migration("1", BEFORE), migration("2", "ALTER TABLE orders ALTER note SET NOT NULL"))
    asked = questions(Plan(each, major), frozenset({"2"}), major)
    (told,) = answers(dsn, asked, "", ("public",), seconds=20)
    assert (told.count, told.rows) == (1, ())
    (told,) = answers(dsn, asked, "", ("public",), seconds=20, show=1)
    assert told.rows[0].startswith("(3,70000,,")


UNSAFE = {
    "SELECT pg_catalog.count(*) FROM t WHERE (a > 1) IS FALSE": "",
    "SELECT count(lower(a)) FROM t": "",
    "SELECT count(*) FROM t WHERE pg_sleep(1) IS NULL": "pg_sleep",
    "SELECT count(*) FROM t WHERE pg_read_file('/etc/passwd') = ''": "pg_read_file",
    "SELECT count(*) FROM t WHERE query_to_xml('select', true, true, '') IS NULL": "query_to_xml",
    "SELECT count(*) FROM t WHERE public.f(a)": "public.f",
    "SELECT count(*) FROM t; DROP TABLE t": "cannot be read",
    "DROP TABLE t": "no SELECT",
    "SELECT 1 INTO x": "more than a SELECT",
    "WITH x AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM x": "more than a SELECT",
    "SELECT * FROM t FOR UPDATE": "more than a SELECT",
}


@pytest.mark.parametrize("sql", UNSAFE)
def test_what_is_never_sent_to_production(sql: str) -> None:
    found = unsafe(sql, 16)
    assert bool(found) == bool(UNSAFE[sql]) and UNSAFE[sql] in found


def project(folder: Path) -> None:
    (folder / "migrations").mkdir()
    (folder / "migrations/0001_orders.sql").write_text(BEFORE)
    (folder / "migrations/0002_more.sql").write_text(
        "ALTER TABLE orders ALTER note SET NOT NULL;\nALTER TABLE orders ADD CHECK (pg_sleep(0) IS NOT NULL);\n"
    )
    (folder / "lockgate.toml").write_text('[migrations]\npaths = ["migrations"]\n[ledger]\nsnapshot = "l.json"\n')
    (folder / "l.json").write_text(json.dumps({"table": "schema_migrations", "rows": [{"version": "0001"}]}))


def test_as_a_user_runs_it(lockgate: Run, tmp_path: Path, server: tuple[str, int]) -> None:
    dsn, _ = server
    project(tmp_path)
    with psycopg.connect(dsn, autocommit=True) as link:
        link.execute(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {BEFORE} {DATA}".encode())
    done = lockgate("rows")
    assert done.returncode == 0 and done.stdout.startswith("BEGIN TRANSACTION READ ONLY;")
    assert "FROM public.orders AS orders WHERE note IS NULL;" in done.stdout
    done = lockgate("rows", "--run")
    assert done.returncode == 2 and "needs production's DSN" in done.stderr
    done = lockgate("rows", "--run", "--dsn-env", "P", "--untrusted", P=dsn)
    assert done.returncode == 2 and "is not trusted" in done.stderr
    done = lockgate("rows", "--run", "--dsn-env", "P", P=dsn)
    assert (
        done.returncode == 1
        and "0002_more.sql:1: column note becomes NOT NULL (23502): 1 rows of public.orders break it" in done.stdout
    )
    done = lockgate("rows", "--run", "--dsn-env", "P", "--format", "json", P=dsn)
    told = json.loads(done.stdout)
    assert told["pending"] == ["0002_more"]
    assert [(q["count"], q["breaks"]) for q in told["questions"]] == [(1, True), (None, False)]
    assert told["summary"] == {"questions": 2, "asked": 2, "breaking": 1, "unanswered": 1}
    (tmp_path / "migrations/0002_more.sql").write_text("ALTER TABLE orders ADD CHECK (pg_sleep(0) IS NOT NULL);")
    assert lockgate("rows", "--run", "--dsn-env", "P", P=dsn).returncode == 3
    (tmp_path / "migrations/0002_more.sql").write_text("ALTER TABLE orders ADD CHECK (id > 0);")
    assert lockgate("rows", "--run", "--dsn-env", "P", P=dsn).returncode == 0
    done = lockgate("rows", "--run", "--dsn-env", "P", P="host=/nowhere password=very-secret")
    assert done.returncode == 3 and "very-secret" not in done.stdout + done.stderr


def test_parts_of_statements() -> None:
    text = "UPDATE t SET a = f(1, ';'), \"B\" = 'x, y' -- why\n WHERE (a > 1) AND b IN (SELECT 1) RETURNING a;"
    assert fragments.assignments(text) == {"a": "f(1, ';')", "B": "'x, y'"}
    assert fragments.clause(text, "where") == "(a > 1) AND b IN (SELECT 1)"
    assert fragments.parenthesized("ADD CHECK (a > 1 -- b)\n AND (c)) NOT VALID", "check") == "a > 1 -- b)\n AND (c)"
    assert fragments.default("x int DEFAULT 'a'::text || now() NOT NULL, y int", 6) == "'a'::text || now()"
    assert [
        fragments.key_expression(e) for e in ("lower(a) DESC", "(a || b) x_ops", "a", '"B" COLLATE "C"', "s.f(a)")
    ] == [
        "lower(a)",
        "(a || b)",
        "a",
        '"B"',
        "s.f(a)",
    ]
    assert fragments.assignments("UPDATE t SET (a, b) = (1, 2)") is None
