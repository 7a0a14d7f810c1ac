"""Hostile SQL costs bounded work: each check runs in a child that may use 20 seconds of CPU and 1 GB of memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from lockgate.base.text import Source
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.budget import TEXT
from lockgate.timeline.evaluate.matching import like, matches, replaced
from lockgate.timeline.evaluate.value import UNKNOWN
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step

SECONDS, BYTES = 20, 1_000_000_000
ADDRESSES = 2_000_000_000  # a child that asks for more dies before it has it


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))


def limited(*command: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command within the limits; what this very child has held of memory is below a gigabyte."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            [sys.executable, *command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=_limits,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
        )
        alarm = threading.Timer(300, child.kill)
        alarm.start()
        _, status, usage = os.wait4(child.pid, 0)
        alarm.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    assert usage.ru_maxrss * 1024 < BYTES, f"{usage.ru_maxrss // 1024} MB"
    return subprocess.CompletedProcess(child.args, child.returncode, *texts)


def check(folder: Path, sql: str, *options: str) -> dict[str, Any]:
    """What ``check`` says of one file, within the limits."""
    (folder / "001_a.sql").write_text(sql)
    done = limited("-m", "lockgate", "check", ".", "--no-cache", "--format", "json", *options, cwd=folder)
    assert done.returncode in (0, 1), (done.returncode, done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def block(body: str, declare: str = "") -> str:
    """A DO block."""
    return f"DO $$ DECLARE n int; {declare} BEGIN {body} END $$;\n"


CUT_SHORT = {
    "doubled text": block("FOR i IN 1..60 LOOP x := x || x; END LOOP; EXECUTE x;", "x text := 'abcdefgh';"),
    "doubled text by concat": block(
        "FOR i IN 1..60 LOOP x := concat(x, x); END LOOP; EXECUTE x;", "x text := 'abcdefgh';"
    ),
    "loops in loops": block(
        "FOR a IN 1..2000 LOOP FOR b IN 1..2000 LOOP FOR c IN 1..2000 LOOP n := a + b + c; END LOOP; END LOOP; END LOOP;"
        " EXECUTE 'CREATE TABLE t (x int)';"
    ),
    "a loop for ever": block("LOOP n := 1; END LOOP;"),
    "loops in many statements": block("FOR a IN 1..2000 LOOP FOR b IN 1..2000 LOOP n := a; END LOOP; END LOOP;") * 100,
    "long notices": block(
        "FOR j IN 1..2000 LOOP FOR i IN 1..2000 LOOP RAISE NOTICE '%', repeat('n', 900000); END LOOP; END LOOP;"
    ),
    "recursion in three": "CREATE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM f(n + 1); PERFORM "
    "f(n + 2); PERFORM f(n + 3); CREATE TABLE IF NOT EXISTS q (x int); RETURN 1; END $$;\nSELECT f(1);\n",
}


@pytest.mark.parametrize("name", CUT_SHORT)
def test_what_is_cut_short_is_told(name: str, tmp_path: Path) -> None:
    report = check(tmp_path, CUT_SHORT[name])
    assert report["coverage"]["tainted"] >= 1
    assert report["coverage"]["unmodelled"], "with its reason"
    assert not [f for f in report["findings"] if f["severity"] == "error"]


ANSWERED = {
    "a pattern that backtracks": "repeat('a', 100) || '!' ~ '^(a+)+$'",
    "a LIKE that backtracks": "repeat('a', 100) LIKE repeat('%a', 60) || 'b'",
    "an ILIKE that backtracks": "repeat('a', 3000) ILIKE repeat('%A_', 200) || '%b'",
    "alternatives": "repeat('a', 200) || 'b' ~ '^(a|aa|a?)*c$'",
}


@pytest.mark.parametrize("name", ANSWERED)
def test_what_postgresql_answers_at_once_is_answered(name: str, tmp_path: Path) -> None:
    report = check(
        tmp_path,
        block(f"IF {ANSWERED[name]} THEN CREATE TABLE a (x int); ELSE CREATE TABLE b (x int); END IF;")
        + "DROP TABLE b;\n",
    )
    assert report["coverage"]["exact"] == 2
    assert not report["findings"] or all(f["severity"] != "error" for f in report["findings"])


BOUNDED = {
    "50 MB in each of 3,000 notices": block("RAISE NOTICE '%', repeat('n', 50000000);") * 3000,
    "doubled arrays": block("FOR i IN 1..60 LOOP x := x || x; END LOOP;", "x int[] := ARRAY[1, 2];"),
    "arrays of arrays": block(
        "FOR i IN 1..60 LOOP x := ARRAY[x, x]; END LOOP; IF x = x THEN NULL; END IF;", "x text[] := ARRAY['a'];"
    ),
    "format() of one argument": block("x := format(repeat('%1$s', 200000), repeat('y', 900000));", "x text;"),
    "replace()": block("x := replace(repeat('a', 900000), 'a', repeat('b', 900000));", "x text;"),
    "regexp_replace()": block("x := regexp_replace(repeat('a', 900000), 'a', repeat('b', 900000), 'g');", "x text;"),
    "array_to_string()": block(
        "x := array_to_string(string_to_array(repeat(',', 90000), ','), repeat('z', 900000));", "x text;"
    ),
    "string_agg()": block(
        "SELECT string_agg('a', repeat('z', 900000)) INTO x FROM generate_series(1, 9000);", "x text;"
    ),
    "powers": block("FOR i IN 1..100 LOOP x := x * x; y := y * y; END LOOP;", "x numeric := 3; y bigint := 3;"),
    "a billion digits": block("x := 1e999999999::numeric::text; n := 1e99999999::numeric::int;", "x text;"),
    "a series of ten billion": "SELECT count(*) FROM generate_series(1, 10000000000) g;\n"
    + block("PERFORM g FROM generate_series(1, 10000000000) g;"),
    "a product of series": block(
        "SELECT count(*) INTO n FROM generate_series(1, 9000) a, generate_series(1, 9000) b, generate_series(1, 9000) c;"
    ),
    "a product of catalogs": block("PERFORM 1 FROM pg_attribute a, pg_attribute b, pg_class c, pg_class d;"),
    "long rows in many tables": "".join(
        f"CREATE TABLE t{i} (x text);\nINSERT INTO t{i} SELECT repeat('x', 900000) || g FROM generate_series(1, 400) g;\n"
        for i in range(200)
    ),
    "deep IFs": block("IF true THEN " * 3000 + "NULL;" + " END IF;" * 3000),
    "forks": block(
        "".join(f"IF (SELECT count(*) FROM pg_stat_activity) > {i} THEN n := {i}; END IF; " for i in range(500))
    ),
    "200,000 items of IN": "CREATE TABLE t (x int);\nSELECT * FROM t WHERE x IN ("
    + ",".join(map(str, range(200_000)))
    + ");\n",
    "100,000 nested comments": "/*" * 100_000 + "*/" * 100_000 + " SELECT 1;\n",
    "100,000 nested comments in a body": block("/*" * 100_000 + "*/" * 100_000 + " NULL;"),
    "100,000 comments": "SELECT 1 " + "/* a */ " * 100_000 + ";\n",
    "3,000 partitions": "CREATE TABLE p (id int, b text) PARTITION BY RANGE (id);\n"
    + "".join(f"CREATE TABLE p{i} PARTITION OF p FOR VALUES FROM ({i}) TO ({i + 1});\n" for i in range(3000))
    + "ALTER TABLE p ADD COLUMN c int;\nALTER TABLE p DROP COLUMN b;\n",
    "a row for each of a series": "CREATE TABLE t (id int PRIMARY KEY, b text UNIQUE);\n"
    + "INSERT INTO t SELECT g, 'a' || g FROM generate_series(1, 2000) g;\n" * 20,
}


@pytest.mark.parametrize("name", BOUNDED)
def test_hostile_sql_is_checked_within_bounds(name: str, tmp_path: Path) -> None:
    report = check(tmp_path, BOUNDED[name])
    assert report["coverage"]["statements"] >= 1


TOO_LONG = {
    "3 MB of IN": "SELECT * FROM t WHERE x IN (" + ",".join(map(str, range(450_000))) + ");\n",
    "3 MB of rows": "INSERT INTO t VALUES " + ",".join(f"({i})" for i in range(350_000)) + ";\n",
    "3 MB of columns": "CREATE TABLE u (" + ",".join(f"column_{i} int" for i in range(180_000)) + ");\n",
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_statement_that_is_too_long_is_passed_over_and_told(name: str, tmp_path: Path) -> None:
    report = check(tmp_path, f"CREATE TABLE t (x int);\n{TOO_LONG[name]}DROP TABLE u;\n")
    (reason,) = (one["reason"] for one in report["coverage"]["unmodelled"] if "too long" in one["reason"])
    assert "2,000,000" in reason and report["coverage"]["tainted"] >= 1
    found = [f["sqlstate"] for f in report["findings"] if f.get("sqlstate")]
    assert found == (["42P01"] if name == "3 MB of rows" else []), "rows make no table; anything else may"


def test_a_long_file_is_parsed_in_parts_and_told_as_a_whole(tmp_path: Path) -> None:
    """Numbers, lines and mistakes are those of the file, wherever it is cut."""
    lines = [f"SELECT 'ü;', {i}; -- ; {'x' * 200}\n" for i in range(4_000)]
    lines[2_000], lines[3_000] = "SELEC 1;\n", "DROP TABLE nope;\n"
    report = check(tmp_path, "".join(lines))
    told = [f for f in report["findings"] if f.get("sqlstate")]
    found = [(f["sqlstate"], f["location"]["start"]["line"], f["statement"]) for f in told]
    assert sorted(found) == [("42601", 2_001, 2_001), ("42P01", 3_001, 3_001)]
    assert report["coverage"]["statements"] == 4_000


def test_many_tables_in_one_file_take_little_memory(tmp_path: Path) -> None:
    """A step keeps no catalog, and no tree: it took 40 kilobytes for a statement."""
    (tmp_path / "001_a.sql").write_text(_tables(8_000))
    words = [sys.executable, "-m", "lockgate", "check", ".", "--no-cache"]
    child = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, preexec_fn=_limits)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    assert used.ru_maxrss < 250_000, "kilobytes"  # those of the process that forks it count, too


def test_more_tables_than_the_budget_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockgate.timeline.budget.OBJECTS", 1_000)
    sql = _tables(100) + block("FOR i IN 1..9 LOOP EXECUTE 'CREATE TABLE e' || i || '()'; END LOOP;")
    script = Script.whole(Source("a.sql", sql), Transaction.FILE)
    steps = [s for s in Replay(Plan((Migration("1", "1", "a", script),))).steps() if isinstance(s, Step)]
    exact = [not s.tainted for s in steps]
    assert exact == sorted(exact, reverse=True) and 20 < sum(exact) < 60, "none after the first that is too much"
    assert "more objects" in steps[-1].tainted[0] and not any(s.fails for s in steps)


def _tables(count: int) -> str:
    return "".join(f"CREATE TABLE t{i} (id int PRIMARY KEY, name text);\n" for i in range(count))


def test_comments_that_never_end_are_a_syntax_error(tmp_path: Path) -> None:
    report = check(tmp_path, "SELECT " + "/*" * 100_000 + ";\n")
    assert [f["sqlstate"] for f in report["findings"] if f.get("sqlstate")] == ["42601"]


def test_what_stands_in_comments_and_strings_stays_what_it_is(tmp_path: Path) -> None:
    """Nested comments are blanked, and nothing that only looks like one."""
    deep = "/*" * 70 + " 'it''s $$ " + "*/" * 70
    report = check(
        tmp_path,
        f"{deep} CREATE TABLE \"/*a\" (x text DEFAULT '/*' || E'\\'/*' || $q$ /* $q$); -- /* no comment\n"
        f'DROP TABLE "/*a"; {deep} DROP TABLE nope;\n',
    )
    assert [f["sqlstate"] for f in report["findings"] if f.get("sqlstate")] == ["42P01"]


@pytest.mark.parametrize("made", [1600, 1000])
def test_a_column_too_many(made: int, tmp_path: Path) -> None:
    """MaxHeapAttributeNumber: 1,600, those counted that were dropped since."""
    created = "CREATE TABLE t (" + ",".join(f"c{i} int" for i in range(made)) + ");\n"
    added = "".join(f"ALTER TABLE t ADD COLUMN d{i} int;\n" for i in range(1600 - made))
    report = check(tmp_path, f"{created}{added}ALTER TABLE t DROP COLUMN c1;\nALTER TABLE t ADD COLUMN over int;\n")
    found = [f for f in report["findings"] if f.get("sqlstate")]
    assert [f["sqlstate"] for f in found] == ["54011"]


def test_a_loop_beyond_what_is_followed_leaves_its_work_in_doubt(tmp_path: Path) -> None:
    body = "FOR i IN 1..3000 LOOP IF i = 2500 THEN CREATE TABLE late (x int); END IF; END LOOP;"
    report = check(tmp_path, block(body) + "DROP TABLE late;\n")
    assert not [f for f in report["findings"] if f.get("sqlstate")]
    assert report["coverage"]["tainted"] >= 1


# --- time that grows with the work ------------------------------------------------------------------------------------


def work(folder: Path, sql: str) -> float:
    """The seconds of CPU that a check of this text takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    check(folder, sql)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def _joins(count: int) -> str:
    tables = "".join(f"CREATE TABLE t{i} (id int PRIMARY KEY, c int REFERENCES t{i});\n" for i in range(count))
    query = (
        "FOR r IN SELECT tc.constraint_name FROM information_schema.table_constraints tc JOIN "
        "information_schema.key_column_usage k ON tc.constraint_name = k.constraint_name AND tc.table_schema = "
        "k.table_schema JOIN information_schema.constraint_column_usage c ON c.constraint_name = tc.constraint_name "
        "WHERE tc.table_name = 't%d' AND tc.constraint_type = 'FOREIGN KEY' LOOP EXECUTE format('ALTER TABLE t%d DROP "
        "CONSTRAINT %%I', r.constraint_name); END LOOP;"
    )
    return tables + "".join(block(query % (i, i), "r record;") for i in range(count))


def test_blocks_over_information_schema_take_linear_time(tmp_path: Path) -> None:
    empty = work(tmp_path, "SELECT 1;\n")
    small, large = (work(tmp_path, _joins(count)) - empty for count in (60, 240))
    assert large < 8 * max(small, 0.1), (small, large)


def test_many_tables_take_linear_time(tmp_path: Path) -> None:
    empty = work(tmp_path, "SELECT 1;\n")
    small, large = (
        work(tmp_path, "".join(f"CREATE TABLE t{i} (id int PRIMARY KEY);\n" for i in range(count))) - empty
        for count in (1000, 4000)
    )
    assert large < 8 * max(small, 0.1), (small, large)


# --- patterns ---------------------------------------------------------------------------------------------------------


def test_like_is_postgresqls() -> None:
    assert like("abc", "a%c") is True
    assert like("abc", "a_c") is True
    assert like("ac", "a_c") is False
    assert like("a%c", r"a\%c") is True
    assert like("abc", r"a\%c") is False
    assert like("abc", "abc\\") is UNKNOWN, "22025"
    assert like("aXbXc", "a%b%c") is True
    assert like("ab", "ab%ab") is False
    assert like("ABC", "a%", fold=True) is True
    assert like("ä", "Ä", fold=True) is UNKNOWN
    assert like("a" * TEXT, "%a" * 1000 + "b") is False
    assert like("a\nb", "a%b") is True
    assert like("", "%%") is True


@pytest.mark.parametrize(
    "pattern",
    [
        r"\ba",
        r"\ya",
        r"(a)\1",
        "(?=a)",
        "(?i)a",
        "***=a",
        "a**",
        "^*",
        "[[.a.]]",
        "[[:<:]]a",
        "a{256}",
        "a{",
        "é",
        "(*a)",
    ],
)
def test_patterns_that_mean_something_else_are_not_guessed(pattern: str) -> None:
    assert matches("a", pattern) is UNKNOWN


def test_patterns_are_postgresqls() -> None:
    assert matches("a\nb", "a.b") is True, "the dot is a newline's, too"
    assert matches("a\n", "a$") is False
    assert matches("tbl_2024_01", r"^tbl_\d{4}_\d{2}$") is True
    assert matches("ABC", "abc", fold=True) is True
    assert matches("abc", "[[:alpha:]]+") is True
    assert matches("é", r"\w") is UNKNOWN
    assert replaced("aab", "a*(ab)*", "x", "") == "x", "the longest match"
    assert replaced("a-b-c", "-", "+", "g") == "a+b+c"
    assert replaced("a-b-c", "-", "+", "") == "a+b-c"
    assert replaced("abc", "x*", "-", "g") is UNKNOWN


# --- text that only looks at text --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "/**/" * 20_000 + "x",
        "-" * 50_000 + " x",
        "/* " * 30_000,
        "'" * 50_001,
        "\n" * 50_000 + "x",
        "a" * 50_000,
        "--\n" * 20_000,
        "\\ " * 30_000,
        "${" * 50_000,
        "{{ " * 30_000,
        "create table schema_migrations_ " * 10_000,
        "extension " * 30_000,
        "-- +goose Up\nSELECT 1;\n-- +goose " + " " * 50_000 + "x",
        "--liquibase formatted sql\n--changeset a:1\n" + "/* liquibase rollback\n" * 20_000,
        "file:" * 30_000,
    ],
)
def test_our_own_patterns_take_linear_time(text: str, tmp_path: Path) -> None:
    """As a file, as a body, as a string that is continued."""
    report = check(
        tmp_path, f"{text}\n;CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN RETURN 'a' {text}"
    )
    assert report["coverage"]["migrations"] >= 1


# --- the editor -------------------------------------------------------------------------------------------------------

EDITOR = """
import sys, pathlib
from lockgate.editor.desk import Desk
from lockgate.editor.diagnostics import diagnostics
root = pathlib.Path.cwd()
asked = Desk().asked(root / "002_b.sql", (root / "buffer").read_text(), root)
diagnostics(asked, root)
"""


@pytest.mark.parametrize("name", ["loops in many statements", "doubled text", "recursion in three"])
def test_a_hostile_buffer_is_checked_within_bounds(name: str, tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE t (x int);\n")
    (tmp_path / "002_b.sql").write_text("SELECT 1;\n")
    (tmp_path / "buffer").write_text(CUT_SHORT[name])
    done = limited("-c", EDITOR, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
