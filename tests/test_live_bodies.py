"""Bodies in the live run: what a migration breaks in them, told alike with plpgsql_check and by preparing their
queries, and what is in doubt never."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lockgate.base.text import Source
from lockgate.oracle.apply.plan import ApplyReport, Baseline, RolePlan, ServerWish
from tests.conftest import Run
from tests.live_kit import majors, migration, run
from tests.needs import need, with_extension

ONE = RolePlan(deployer="app")


def bodies(
    *steps: tuple[str, str], extension: bool = False, major: int | None = None, roles: RolePlan = ONE, **options: Any
) -> ApplyReport:
    """Verify with bodies, with the extension or, on any server, without."""
    if extension:
        need("plpgsql_check")
    server = ServerWish(bindir=with_extension()) if extension else ServerWish(major=major)
    made = (migration(name, up) for name, up in steps)
    return run(*made, roles=roles, bodies=True, plpgsql_check=extension, server=server, **options)


def told(report: ApplyReport) -> list[tuple[str, str, str, str, int | None]]:
    refused = [seen for seen in report.observations if seen.fails]
    assert not refused, [(seen.migration, seen.index, seen.fails) for seen in refused]
    return [(b.migration, b.routine, b.fails.sqlstate, b.fails.message, b.line) for b in report.bodies]


WAYS = pytest.mark.parametrize("extension", [False, True], ids=["prepared", "plpgsql_check"])

# what stands before, what breaks it, and what a call says then: routine, SQLSTATE, message, line
BROKEN: dict[str, tuple[str, str, tuple[str, str, str, int | None]]] = {
    "a query": (
        "CREATE TABLE a (id int, x int); CREATE FUNCTION fa() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n  UPDATE a SET id = 1 WHERE x = 2;\nEND $$;",
        "ALTER TABLE a DROP COLUMN x;",
        ("fa()", "42703", 'column "x" does not exist', 3),
    ),
    "a field of NEW": (
        "CREATE TABLE b (id int, x int); CREATE FUNCTION fb() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n NEW.x := 1;\n RETURN NEW; END $$;"
        "CREATE TRIGGER b BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION fb();",
        "ALTER TABLE b RENAME COLUMN x TO y;",
        ("fb()", "42703", 'record "new" has no field "x"', 2),
    ),
    "a field of a row variable": (
        "CREATE TABLE c (id int, x int); CREATE FUNCTION fc() RETURNS void LANGUAGE plpgsql AS $$ DECLARE r c%ROWTYPE; BEGIN\n r.x := 1; END $$;",
        "ALTER TABLE c DROP COLUMN x;",
        ("fc()", "42703", 'record "r" has no field "x"', 2),
    ),
    "a star that RETURN QUERY returns": (
        "CREATE TABLE d (id int); CREATE FUNCTION fd() RETURNS TABLE (id int) LANGUAGE plpgsql AS $$ BEGIN\n RETURN QUERY SELECT * FROM d; END $$;",
        "ALTER TABLE d ADD COLUMN x int;",
        ("fd()", "42804", "structure of query does not match function result type", 2),
    ),
    "a row in a history table": (
        "CREATE TABLE e (id int); CREATE TABLE eh (id int); CREATE FUNCTION fe() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n INSERT INTO eh SELECT NEW.*;"
        " RETURN NEW; END $$; CREATE TRIGGER e AFTER INSERT ON e FOR EACH ROW EXECUTE FUNCTION fe();",
        "ALTER TABLE e ADD COLUMN x int;",
        ("fe()", "42601", "INSERT has more expressions than target columns", 2),
    ),
    "an index that ON CONFLICT needs": (
        "CREATE TABLE f (id int); CREATE UNIQUE INDEX f_unique ON f (id); CREATE FUNCTION ff() RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n"
        " INSERT INTO f VALUES (1) ON CONFLICT (id) DO NOTHING; END $$;",
        "DROP INDEX f_unique;",
        ("ff()", "42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification", 2),
    ),
    "an enum's label": (
        "CREATE TYPE g AS ENUM ('on', 'off'); CREATE TABLE gt (g g); CREATE FUNCTION fg() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n"
        " NEW.g := 'off'; RETURN NEW; END $$; CREATE TRIGGER g BEFORE INSERT ON gt FOR EACH ROW EXECUTE FUNCTION fg();",
        "ALTER TYPE g RENAME VALUE 'off' TO 'idle';",
        ("fg()", "22P02", 'invalid input value for enum g: "off"', 2),
    ),
    "the type of a variable": (
        "CREATE TABLE h (id int); CREATE FUNCTION fh() RETURNS void LANGUAGE plpgsql AS $$ DECLARE r h%ROWTYPE; BEGIN NULL; END $$;",
        "ALTER TABLE h RENAME TO h2;",
        ("fh()", "42P01", 'relation "h" does not exist', None),
    ),
    "a default": (
        "CREATE TABLE i (id int); CREATE FUNCTION fi() RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int := (SELECT max(id) FROM i);\nBEGIN RETURN n; END $$;",
        "ALTER TABLE i RENAME COLUMN id TO i2;",
        ("fi()", "42703", 'column "id" does not exist', 2),
    ),
    "a bound cursor": (
        "CREATE TABLE j (id int); CREATE FUNCTION fj() RETURNS void LANGUAGE plpgsql AS $$ DECLARE c CURSOR (k int) FOR SELECT id FROM j WHERE id > k; n int;\n"
        "BEGIN\n OPEN c(1); FETCH c INTO n; CLOSE c; END $$;",
        "ALTER TABLE j RENAME COLUMN id TO i2;",
        ("fj()", "42703", 'column "id" does not exist', 3),
    ),
    "a field of a loop's record": (
        "CREATE TABLE k (id int, x int); CREATE FUNCTION fk() RETURNS void LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM k LOOP\n"
        " RAISE NOTICE '%', r.x; END LOOP; FOR r IN SELECT 1 AS y LOOP RAISE NOTICE '%', r.y; END LOOP; END $$;",
        "ALTER TABLE k DROP COLUMN x;",
        ("fk()", "42703", 'record "r" has no field "x"', 2),
    ),
    "a field of RETURNING's record": (
        "CREATE TABLE l (id int, x int); CREATE FUNCTION fl() RETURNS int LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN\n"
        " INSERT INTO l (id) VALUES (1) RETURNING * INTO r;\n RETURN r.x; END $$;",
        "ALTER TABLE l DROP COLUMN x;",
        ("fl()", "42703", 'record "r" has no field "x"', 3),
    ),
    "rows of RETURN NEXT": (
        "CREATE TABLE m (id int); CREATE FUNCTION fm() RETURNS TABLE (id int) LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN SELECT m.id FROM m LOOP"
        " id := r.id; RETURN NEXT; END LOOP; END $$;",
        "ALTER TABLE m RENAME COLUMN id TO i2;",
        ("fm()", "42703", "column m.id does not exist", 1),
    ),
    "a procedure that is called": (
        "CREATE PROCEDURE n(x int) LANGUAGE plpgsql AS $$ BEGIN NULL; END $$; CREATE PROCEDURE fn() LANGUAGE plpgsql AS $$ BEGIN\n CALL n(1); END $$;",
        "DROP PROCEDURE n(int);",
        ("fn()", "42883", "procedure n(integer) does not exist", 2),
    ),
    "an SQL function's columns": (
        "CREATE TABLE o (id int); CREATE FUNCTION fo() RETURNS SETOF int LANGUAGE sql AS 'SELECT * FROM o';",
        "ALTER TABLE o ADD COLUMN x int;",
        ("fo()", "42P13", "return type mismatch in function declared to return integer", None),
    ),
    "a transition table": (
        "CREATE TABLE p (id int, x int); CREATE FUNCTION fp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n PERFORM max(x) FROM fresh; RETURN NULL; END $$;"
        "CREATE TRIGGER p AFTER INSERT ON p REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION fp();",
        "ALTER TABLE p DROP COLUMN x;",
        ("fp()", "42703", 'column "x" does not exist', 2),
    ),
    "a key that GROUP BY rests on": (
        "CREATE TABLE q (id int PRIMARY KEY, x int); CREATE FUNCTION fq() RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n PERFORM x FROM q GROUP BY id; END $$;",
        "ALTER TABLE q DROP CONSTRAINT q_pkey;",
        ("fq()", "42803", 'column "q.x" must appear in the GROUP BY clause or be used in an aggregate function', 2),
    ),
    "rows of another routine": (
        "CREATE TABLE xt (x int); CREATE FUNCTION rows_of() RETURNS SETOF xt LANGUAGE sql AS 'SELECT x FROM xt'; CREATE FUNCTION fx() RETURNS TABLE (x int)"
        " LANGUAGE plpgsql AS $$ BEGIN\n RETURN QUERY SELECT * FROM rows_of(); END $$;",
        "ALTER TABLE xt ADD COLUMN y int; CREATE OR REPLACE FUNCTION rows_of() RETURNS SETOF xt LANGUAGE sql AS 'SELECT x, y FROM xt';",
        ("fx()", "42804", "structure of query does not match function result type", 2),
    ),
    "the type of a column": (
        "CREATE TABLE r (x int); CREATE FUNCTION fr(n int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN\n RETURN EXISTS (SELECT FROM r WHERE x = n); END $$;",
        "ALTER TABLE r ALTER COLUMN x TYPE text;",
        ("fr(n integer)", "42883", "operator does not exist: text = integer", 2),
    ),
    "one of two tables": (
        "CREATE TABLE s (x int); CREATE TABLE s2 (x int); CREATE FUNCTION fs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n NEW.x := 1; RETURN NEW; END $$;"
        "CREATE TRIGGER s BEFORE INSERT ON s FOR EACH ROW EXECUTE FUNCTION fs(); CREATE TRIGGER s BEFORE INSERT ON s2 FOR EACH ROW EXECUTE FUNCTION fs();",
        "ALTER TABLE s2 DROP COLUMN x;",
        ("fs()", "42703", 'record "new" has no field "x"', 2),
    ),
    "a handler that raises again": (
        "CREATE TABLE t (x int); CREATE FUNCTION ft() RETURNS void LANGUAGE plpgsql AS $$ BEGIN BEGIN\n DELETE FROM t WHERE x = 1;"
        " EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION 'it failed: %', SQLERRM; END; END $$;",
        "ALTER TABLE t DROP COLUMN x;",
        ("ft()", "42703", 'column "x" does not exist', 2),
    ),
    "arguments that take no NULL": (
        "CREATE DOMAIN u AS int NOT NULL CHECK (value > 0); CREATE TABLE ut (x int); CREATE FUNCTION fu(n u) RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n"
        " DELETE FROM ut WHERE x = n; END $$;",
        "ALTER TABLE ut DROP COLUMN x;",
        ("fu(n public.u)", "42703", 'column "x" does not exist', 2),
    ),
    "what CREATE TABLE AS reads": (
        "CREATE TABLE v (x int); CREATE FUNCTION fv() RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n CREATE TEMP TABLE mine AS SELECT x FROM v; END $$;",
        "ALTER TABLE v DROP COLUMN x;",
        ("fv()", "42703", 'column "x" does not exist', 2),
    ),
    "a function of any type": (
        "CREATE TABLE aa (x int); CREATE FUNCTION faa(a anyelement) RETURNS anyelement LANGUAGE plpgsql AS $$ BEGIN\n DELETE FROM aa WHERE x = 1; RETURN a; END $$;",
        "ALTER TABLE aa DROP COLUMN x;",
        ("faa(a anyelement)", "42703", 'column "x" does not exist', 2),
    ),
    "an event trigger's function": (
        "CREATE TABLE ab (x text); CREATE FUNCTION fab() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN\n INSERT INTO ab (x) VALUES (tg_tag); END $$;",
        "ALTER TABLE ab DROP COLUMN x;",
        ("fab()", "42703", 'column "x" of relation "ab" does not exist', 2),
    ),
    "a table of its own search_path": (
        "CREATE SCHEMA ac; CREATE TABLE ac.own (x int); CREATE TABLE own (x int); CREATE FUNCTION fac() RETURNS void LANGUAGE plpgsql SET search_path = ac, pg_temp"
        " AS $$ BEGIN\n PERFORM x FROM own; END $$;",
        "DROP TABLE ac.own;",
        ("fac()", "42P01", 'relation "own" does not exist', 2),
    ),
    "an argument by name, a nested block and a loop over integers": (
        "CREATE TABLE ad (x int); CREATE FUNCTION fad(n int, OUT total int) LANGUAGE plpgsql AS $$ #variable_conflict use_column\n<<blk>> DECLARE i ad%ROWTYPE;"
        " v CONSTANT text NOT NULL := 'a'; w ALIAS FOR $1; BEGIN FOR i IN 1..fad.n LOOP\n total := blk.i.x + i + w; END LOOP; END $$;",
        "ALTER TABLE ad RENAME COLUMN x TO y;",
        ("fad(n integer, OUT total integer)", "42703", 'record "i" has no field "x"', 3),
    ),
    "a condition's second branch": (
        "CREATE TABLE w (x int); CREATE FUNCTION fw(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n IF n = 1 THEN NULL;\n"
        " ELSIF EXISTS (SELECT FROM w WHERE x = n) THEN NULL; END IF; CASE (SELECT count(*) FROM w) WHEN 1 THEN NULL; ELSE NULL; END CASE; END $$;",
        "ALTER TABLE w DROP COLUMN x;",
        ("fw(n integer)", "42703", 'column "x" does not exist', 2),
    ),
}


def broken(extension: bool, major: int | None = None) -> ApplyReport:
    steps = [(f"{number:02}_makes", before) for number, (before, _, _) in enumerate(BROKEN.values())]
    steps += [(f"{50 + number}_breaks", breaks) for number, (_, breaks, _) in enumerate(BROKEN.values())]
    return bodies(*steps, extension=extension, major=major)


EXPECTED = [
    (f"{50 + number}_breaks", f"public.{routine}", state, words, line)
    for number, (_, _, (routine, state, words, line)) in enumerate(BROKEN.values())
]


@WAYS
def test_what_a_migration_breaks_is_told_alike_both_ways(extension: bool) -> None:
    report = broken(extension)
    assert told(report) == EXPECTED
    assert not any(seen.born for seen in report.bodies)
    ways = {seen.by.partition(" ")[0] for seen in report.bodies}
    assert ways == {"validator", "prepared"} | (
        {"plpgsql_check"} if extension else set()
    )  # of any type: never by the extension
    assert [seen.table for seen in report.bodies if seen.table] == ["public.b", "public.s2"]


@pytest.mark.parametrize("major", [major for major in majors() if major != 15])
def test_every_major_tells_the_same(major: int) -> None:
    assert [row[:3] for row in told(broken(False, major))] == [row[:3] for row in EXPECTED]


# what no call need ever meet; after CREATE the tables of ``gone`` are dropped
DOUBTS: dict[str, str] = {
    "a temporary table of its own": "BEGIN CREATE TEMP TABLE da (id int); INSERT INTO da VALUES (1); UPDATE da SET other = 1; END",
    "dynamic SQL": "BEGIN EXECUTE 'SELECT gone FROM gone'; EXECUTE format('SELECT * FROM %I', 'gone'); END",
    "a handler": "BEGIN BEGIN PERFORM 1 FROM gone; EXCEPTION WHEN undefined_table THEN NULL; END;"
    " BEGIN PERFORM gone(); EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'no'; END; END",
    "a handler's SQLSTATE": "BEGIN PERFORM x FROM kept; EXCEPTION WHEN SQLSTATE '42703' THEN NULL; END",
    "a record of two shapes": "DECLARE r record; BEGIN IF random() > 0.5 THEN SELECT 1 AS x INTO r; ELSE SELECT 1 AS y INTO r; END IF; IF random() > 0.5 THEN"
    " RAISE NOTICE '%', r.x; END IF; END",
    "a record that dynamic SQL fills": "DECLARE r record; BEGIN SELECT 1 AS y INTO r; EXECUTE 'SELECT 1 AS x' INTO r; RAISE NOTICE '%', r.x; END",
    "a table of the caller's search_path": "BEGIN INSERT INTO elsewhere VALUES (1); PERFORM away('x'); END",
    "a temporary table of the caller's": "BEGIN DELETE FROM handed_over; END",
    "one that makes it": "BEGIN CREATE TEMP TABLE handed_over (id int); PERFORM d8(); END",
    "a table that dynamic SQL makes": "BEGIN EXECUTE 'CREATE TABLE ' || 'part_1 ()'; INSERT INTO part_1 DEFAULT VALUES; END",
    "an error that is meant": "BEGIN PERFORM 1/0; PERFORM 'x'::int; END",
    "a schema that somebody else fills": "BEGIN PERFORM service.uid(); INSERT INTO outbox.messages VALUES (1); END",
}


@WAYS
def test_what_is_in_doubt_is_never_told(extension: bool) -> None:
    made = "".join(
        f"CREATE FUNCTION d{n + 1}() RETURNS void LANGUAGE plpgsql AS $d${body}$d$;\n"
        for n, body in enumerate(DOUBTS.values())
    )
    base = (
        "CREATE TABLE kept (id int, x int); CREATE TABLE gone (gone int); CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        "CREATE SCHEMA tenant; CREATE TABLE tenant.elsewhere (id int); CREATE FUNCTION tenant.away(text) RETURNS int LANGUAGE sql AS 'SELECT 1';"
        "CREATE SCHEMA service; CREATE TABLE two (y int); CREATE FUNCTION shared() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF TG_TABLE_NAME = 'kept' THEN NEW.id := 1; END IF; IF TG_TABLE_NAME <> 'two' THEN RETURN NEW; END IF; NEW.y := 1; RETURN NEW; END $$;"
        "CREATE FUNCTION unused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.never := 1; RETURN NEW; END $$;"
        "CREATE FUNCTION any_of(a anyelement, VARIADIC b anyarray) RETURNS anyelement LANGUAGE plpgsql AS $$ BEGIN RETURN lower(a); END $$;"
    )
    attach = "".join(
        f"CREATE TRIGGER shared BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION shared();"
        for table in ("kept", "two")
    )
    gone = "DROP TABLE gone; DROP FUNCTION gone(); ALTER TABLE kept DROP COLUMN x;"
    report = bodies(
        ("1_base", base), ("2_routines", made), ("3_triggers", attach), ("4_gone", gone), extension=extension
    )
    assert told(report) == []


@WAYS
def test_who_is_to_blame(extension: bool) -> None:
    reads = "CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM x FROM t; END $$;"
    dump = (
        "CREATE TABLE public.t (x integer); ALTER TABLE public.t OWNER TO app;"
        "CREATE FUNCTION public.old() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM never FROM public.t; END $$;"
        "CREATE FUNCTION public.well() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM x FROM public.t; END $$;"
    )
    late = "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.x := 1; RETURN NEW; END $$;"
    steps = (
        ("1_makes", f"{reads} {late} GRANT EXECUTE ON FUNCTION f() TO PUBLIC;"),
        ("2_breaks", "ALTER TABLE t RENAME COLUMN x TO y;"),
        ("3_mends", "ALTER TABLE t RENAME COLUMN y TO x;"),
        ("4_grants", "GRANT EXECUTE ON FUNCTION f() TO PUBLIC;"),
        ("5_breaks", "DO $$ BEGIN ALTER TABLE t DROP COLUMN x; END $$;"),
        ("6_never_worked", "CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM x FROM t; END $$;"),
        ("7_makes", "CREATE FUNCTION h() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM x FROM t; END $$;"),
        ("8_drops", "DROP FUNCTION h();"),
        ("9_attaches", "CREATE TRIGGER late BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION late();"),
    )
    report = bodies(*steps, extension=extension, baseline=Baseline(Source("lockgate/baseline.sql", dump)))
    found = [(b.migration, b.routine, b.born) for b in report.bodies]
    assert found == [
        ("5_breaks", "public.well()", False),
        ("5_breaks", "public.f()", False),
        ("6_never_worked", "public.g()", True),
        ("9_attaches", "public.late()", True),
    ]


def test_no_migration_meets_the_extension() -> None:
    asks = "DO $$ BEGIN IF EXISTS (SELECT FROM pg_proc WHERE prosrc ~ 'plpgsql_check') OR EXISTS (SELECT FROM pg_namespace WHERE nspname ~ 'lockgate') THEN"
    asks += " RAISE EXCEPTION 'seen'; END IF; END $$;"
    body = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM x FROM t; END $$;"
    steps = [
        ("1", f"CREATE TABLE t (x int); {body}"),
        ("2", asks),
        ("3", "CREATE EXTENSION plpgsql_check;"),
        ("4", "ALTER TABLE t RENAME COLUMN x TO y;"),
    ]
    steps += [
        ("5", "SELECT * FROM plpgsql_check_function('f()');"),
        ("6", "DROP EXTENSION plpgsql_check;"),
        ("7", "CREATE EXTENSION IF NOT EXISTS plpgsql_check;"),
    ]
    report = bodies(*steps, extension=True, roles=RolePlan(deployer="app", superuser_runner=True))
    assert told(report) == [("4", "public.f()", "42703", 'column "x" does not exist', 1)]
    assert report.catalog_after["extensions"] == [
        {"name": "plpgsql", "schema": "pg_catalog"},
        {"name": "plpgsql_check", "schema": "public"},
    ]
    assert [row["name"] for row in report.catalog_after["schemas"]] == ["public"]
    assert bodies(*steps[:2], extension=True).bodies == ()


HOSTILE = """
CREATE SEQUENCE ran; CREATE SEQUENCE gained;
CREATE FUNCTION evil() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    PERFORM nextval('public.ran');
    PERFORM set_config('role', 'none', false), set_config('session_replication_role', 'replica', false);
    RETURN 1;
EXCEPTION WHEN insufficient_privilege THEN
    IF (SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname IN (current_user, session_user)) OR EXISTS (SELECT FROM pg_auth_members m
        JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname ~ '^pg_(exec|read_server|write_server)') THEN PERFORM nextval('public.gained'); END IF;
    RETURN 1;
END $$;
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 WHERE evil() = 1; END $$;
"""


@WAYS
def test_what_planning_runs_gains_nothing(extension: bool) -> None:
    report = bodies(
        ("1", HOSTILE),
        ("2", "SELECT 1 / (SELECT is_called::int FROM ran); SELECT 1 / (1 - (SELECT is_called::int FROM gained));"),
        extension=extension,
    )
    assert told(report) == []


def test_a_check_that_ends_the_server_costs_a_second_run() -> None:
    """plpgsql_check 2.3 crashes over some bodies; here a function that planning evaluates ends the check's session."""
    kills = "CREATE FUNCTION kills() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN"
    kills += " IF EXISTS (SELECT FROM pg_proc WHERE proname = 'plpgsql_check_function_tb') THEN"
    kills += " PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN 1; END $$;"
    body = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM x FROM t WHERE kills() = 1; END $$;"
    report = bodies(
        ("1", f"CREATE TABLE t (x int); {kills}"), ("2", body), ("3", "ALTER TABLE t DROP COLUMN x;"), extension=True
    )
    assert [(b.migration, b.by) for b in report.bodies] == [("3", "prepared queries")]
    assert any("plpgsql_check" in note and "public.f()" in note for note in report.notes)


def test_the_finding_has_its_place_and_its_evidence(lockgate: Run, tmp_path: Path) -> None:
    """The simulator does not know what ON CONFLICT needs at a call; the server does."""
    Path(tmp_path, "0001_a.up.sql").write_text(BROKEN["an index that ON CONFLICT needs"][0])
    Path(tmp_path, "0002_b.up.sql").write_text("-- no longer unique\nDROP INDEX f_unique;\n")
    done = lockgate("verify", str(tmp_path), "--format", "json", cwd=tmp_path)
    (found,) = [f for f in json.loads(done.stdout)["findings"] if f["name"] == "broken-routine"]
    assert (found["severity"], found["slot"], found["object"], found["sqlstate"]) == (
        "error",
        "0002",
        "public.ff",
        None,
    )
    assert found["evidence"]["verdict"] == "confirmed" and found["evidence"]["sqlstate"] == "42P10"
    assert found["evidence"]["by"].split()[0] in ("plpgsql_check", "prepared")
