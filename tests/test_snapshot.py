"""A baseline end to end: read from a real production, then ``check`` and ``verify`` from there; the outage of slot 129
in its three variants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Run
from tests.production_kit import production, project

VARIANTS = {
    "a table that the owner made": (
        "ALTER TABLE paliad.rules ADD COLUMN choice text;\n",
        "paliad.rules",
        "must be owner of table rules",
    ),
    "a table made by hand, behind IF NOT EXISTS": (
        "CREATE TABLE IF NOT EXISTS paliad.choices (id int PRIMARY KEY);\nALTER TABLE paliad.choices ADD COLUMN rule int;\n",
        "paliad.choices",
        "must be owner of table choices",
    ),
    "another's function, replaced": (
        "CREATE OR REPLACE FUNCTION paliad.answer() RETURNS int LANGUAGE sql AS 'SELECT 42';\n",
        "paliad.answer",
        "must be owner of function answer",
    ),
}


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with production() as found:
        yield found


@pytest.fixture(scope="module")
def files(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot's files."""
    from lockgate.oracle.read import snapshot

    folder = tmp_path_factory.mktemp("snapshot")
    taken = snapshot.take(dsn, "paliad.applied_migrations")
    snapshot.write(folder / "baseline.sql", taken.baseline)
    snapshot.write(folder / "ledger.json", taken.ledger)
    return folder


def with_baseline(folder: Path, files: Path, pending: dict[str, str]) -> Path:
    project(folder, pending, baseline=True)
    (folder / "lockgate").mkdir()
    for path in files.iterdir():
        (folder / "lockgate" / path.name).write_text(path.read_text())
    return folder


def refusals(text: str) -> list[tuple[str, str, str | None]]:
    """Object, message and verdict of what PostgreSQL refuses, by the report."""
    found = json.loads(text)["findings"]
    return [(f["object"], f["message"], (f.get("evidence") or {}).get("verdict")) for f in found if f["sqlstate"]]


def test_the_command_writes_what_can_be_read_and_compared(lockgate: Run, dsn: str, tmp_path: Path) -> None:
    project(tmp_path, {}, baseline=False)
    first = lockgate("snapshot", "--dsn-env", "PRODUCTION", PRODUCTION=dsn)
    assert first.returncode == 0, first.stderr
    assert 'lockgate.toml: [migrations] baseline = "lockgate/baseline.sql"' in first.stderr
    texts = {path.name: path.read_text() for path in (tmp_path / "lockgate").iterdir()}
    assert sorted(texts) == ["baseline.sql", "ledger.json", "statistics.json"]
    sizes = json.loads(texts.pop("statistics.json"))["tables"]
    assert sizes["paliad.rules"] == {"rows": None, "bytes": 0, "index_bytes": 8192, "columns": {}}
    assert [row["version"] for row in json.loads(texts["ledger.json"])["rows"]] == [1, 2]
    assert 'ALTER ROLE "paliad_owner" WITH NOSUPERUSER INHERIT CREATEROLE' in texts["baseline.sql"]
    assert "ALTER TABLE paliad.choices OWNER TO somebody;" in texts["baseline.sql"]
    assert "very-secret" not in texts["baseline.sql"] + first.stderr and "SCRAM" not in texts["baseline.sql"]
    lockgate("snapshot", "--dsn-env", "PRODUCTION", PRODUCTION=dsn)
    again = {path.name: path.read_text() for path in (tmp_path / "lockgate").iterdir()}
    assert {name: text for name, text in again.items() if name != "statistics.json"} == texts, (
        "the same production, the same files"
    )


def test_nothing_is_written_to_the_database(dsn: str) -> None:
    """Every session of the snapshot is read-only: even its pg_dump could not write."""
    from lockgate.oracle.read import production as reading

    with reading._Reader(dsn) as reader, pytest.raises(Exception, match="it would write"):
        reader.execute("CREATE TABLE written (id int)")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_outage_from_the_baseline(lockgate: Run, files: Path, tmp_path: Path, variant: str) -> None:
    sql, name, message = VARIANTS[variant]
    with_baseline(tmp_path, files, {"129_choices.up.sql": sql})
    static = lockgate("check", "--format", "json")
    assert (static.returncode, refusals(static.stdout)) == (1, [(name, message, None)])
    live = lockgate("verify", "--format", "json")
    assert (live.returncode, refusals(live.stdout)) == (1, [(name, message, "confirmed")])
    assert json.loads(live.stdout)["coverage"]["migrations"] == 1, "what the ledger holds is not applied again"


@pytest.mark.parametrize("variant", [name for name in VARIANTS if "by hand" not in name])
def test_the_outage_from_the_handover(lockgate: Run, tmp_path: Path, variant: str) -> None:
    """Without a baseline: the owner applied what the ledger holds. What was made by hand only a baseline knows."""
    sql, name, message = VARIANTS[variant]
    project(tmp_path, {"129_choices.up.sql": sql}, baseline=False)
    (tmp_path / "lockgate.toml").write_text((tmp_path / "lockgate.toml").read_text().replace('"ledger"', '"2"'))
    assert refusals(lockgate("check", "--format", "json").stdout) == [(name, message, None)]
    assert refusals(lockgate("verify", "--format", "json").stdout) == [(name, message, "confirmed")]


def test_a_chain_applied_wholly_as_the_deployer_never_fails(lockgate: Run, tmp_path: Path) -> None:
    """Why the obvious harness is not enough: the role owns what it created a moment ago (design.md, section 8, no.
    8)."""
    pending = {f"{129 + n}_x.up.sql": sql for n, (sql, _, _) in enumerate(VARIANTS.values())}
    project(tmp_path, pending, baseline=False)
    for command in ("check", "verify"):
        done = lockgate(command, "--role", "paliad_app", "--format", "json")
        assert refusals(done.stdout) == [], command


def test_what_the_deployer_may_in_production_it_may_here(lockgate: Run, files: Path, tmp_path: Path) -> None:
    """Grants on schemas, tables, columns, views, sequences and functions, memberships, default privileges, settings:
    none more, none less."""
    sql = """CREATE TABLE own_one (id int);
INSERT INTO paliad.own_one VALUES (1);
SELECT id, name FROM rules;
SELECT secret FROM paliad.rules;
UPDATE paliad.rules SET name = 'x' WHERE id = 1;
DELETE FROM paliad.rules;
SELECT nextval('paliad.numbers');
SELECT paliad.answer();
SELECT * FROM paliad.names;
GRANT SELECT ON paliad.names TO somebody;
SELECT * FROM paliad.choices;
CREATE SCHEMA another;
DROP TABLE paliad.choices;
"""
    with_baseline(tmp_path, files, {"129_rights.up.sql": sql})
    done = lockgate("verify", "--format", "json", "--transaction", "statement", "--audit")
    report = json.loads(done.stdout)
    refused = {f["statement"]: (f["message"], f["evidence"]["verdict"]) for f in report["findings"] if f["sqlstate"]}
    assert {number: message for number, (message, _) in refused.items()} == {
        4: "permission denied for table rules",
        6: "permission denied for table rules",
        7: "permission denied for sequence numbers",
        8: "permission denied for function answer",
        12: "permission denied for database this one",
        13: "must be owner of table choices",
    }
    assert {verdict for _, verdict in refused.values()} == {"confirmed"}
    assert not [f for f in report["findings"] if f["name"] == "unforeseen-failure"]


def test_diff_tells_what_was_made_by_hand_and_what_is_lacking(lockgate: Run, dsn: str, tmp_path: Path) -> None:
    sql, _, _ = VARIANTS["a table made by hand, behind IF NOT EXISTS"]
    project(tmp_path, {"129_choices.up.sql": sql}, baseline=False)
    done = lockgate("snapshot", "--dsn-env", "PRODUCTION", "--diff", PRODUCTION=dsn)
    assert done.returncode == 1, done.stderr
    assert [line for line in done.stdout.splitlines() if not line.startswith("     ")] == [
        "production has, and no applied migration made:",
        "  table paliad.choices, owned by somebody (pending: migrations/129_choices.up.sql:1 means to make it)",
        "an applied migration made, and production lacks:",
        "  table paliad.lost, owned by paliad_owner (last touched by 002, migrations/002_more.up.sql:3)",
        "  column paliad.rules.gone (last touched by 001, migrations/001_base.up.sql:2)",
        "not as the applied migrations made it:",
        "  function paliad.answer(): privileges of PUBLIC are none, the migrations make them EXECUTE (last touched by 002, migrations/002_more.up.sql:4)",
        "  view paliad.names: privileges of team are SELECT*, the migrations make them none (last touched by 002, migrations/002_more.up.sql:1)",
    ]
    assert "      to undo it in production, with the rows that it holds: DROP TABLE paliad.choices;" in done.stdout
    assert "grants to paliad_app are not compared: [roles] handover_sql does not say" in done.stderr
    assert not (tmp_path / "lockgate").exists()


def test_diff_of_what_agrees(lockgate: Run, dsn: str, tmp_path: Path) -> None:
    by_hand = "CREATE TABLE paliad.choices (id int PRIMARY KEY);\nALTER TABLE paliad.rules DROP COLUMN gone;\nDROP TABLE paliad.lost;\n"
    project(tmp_path, {}, baseline=False)
    more = tmp_path / "migrations/002_more.up.sql"
    more.write_text(more.read_text() + by_hand)
    done = lockgate("snapshot", "--dsn-env", "PRODUCTION", "--diff", PRODUCTION=dsn)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("     ")]
    place = "last touched by 002, migrations/002_more.up.sql"
    assert [line.partition(":")[0] for line in lines] == [
        "not as the applied migrations made it",
        "  function paliad.answer()",
        "  table paliad.choices",
        "  view paliad.names",
    ]
    assert lines[2] == f"  table paliad.choices: owner is somebody, the migrations make it paliad_owner ({place}:5)"


def test_what_the_scratch_server_cannot_make_is_in_doubt(lockgate: Run, dsn: str, tmp_path: Path) -> None:
    """A type that only production has: the table that needs it cannot be told from one that was made by hand."""
    project(tmp_path, {}, baseline=False)
    (tmp_path / "migrations/001_base.up.sql").write_text(
        "CREATE SCHEMA paliad;\nCREATE TABLE paliad.rules (id int PRIMARY KEY, name text, secret text);\n"
        "CREATE TABLE paliad.choices (id of_production PRIMARY KEY);\n"
    )
    done = lockgate("snapshot", "--dsn-env", "PRODUCTION", "--diff", PRODUCTION=dsn)
    certain, _, doubtful = done.stdout.partition("perhaps different, which cannot be told here:\n")
    assert "paliad.choices" not in certain and doubtful.splitlines() == [
        "  table paliad.choices, owned by somebody",
        '      statement 3 of 001_base was not applied on the scratch server as in production: type "of_production" does not exist',
    ], done.stdout + done.stderr
    report = json.loads(
        lockgate("snapshot", "--dsn-env", "PRODUCTION", "--diff", "--format", "json", PRODUCTION=dsn).stdout
    )
    assert report["summary"]["doubtful"] == 1 and report["summary"]["by-hand"] == 0


LEDGERS = {
    "golang-migrate": (
        "000001_a.up.sql",
        "CREATE TABLE elsewhere.schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)",
        "(1, false)",
    ),
    "goose": (
        "1_a.sql",
        "CREATE TABLE elsewhere.goose_db_version (id int, version_id bigint, is_applied boolean, tstamp timestamp)",
        "(1, 1, true, now())",
    ),
}


@pytest.mark.parametrize("layout", LEDGERS)
def test_the_ledger_that_the_runner_is_known_to_keep(lockgate: Run, dsn: str, tmp_path: Path, layout: str) -> None:
    """Without [ledger] table; wherever the table is, and said where it is not."""
    name, table, row = LEDGERS[layout]
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / name).write_text(
        f"{'-- +goose Up' if layout == 'goose' else ''}\nCREATE TABLE t (id int);\n"
    )
    first = lockgate("snapshot", "--dsn-env", "PRODUCTION", PRODUCTION=dsn)
    assert (
        first.returncode == 0
        and f"no ledger read: there is no table {table.split()[2].partition('.')[2]}" in first.stderr
    ), first.stderr
    assert not (tmp_path / "lockgate/ledger.json").exists()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA elsewhere; {table}; INSERT INTO {table.split()[2]} VALUES {row}".encode())
        try:
            assert lockgate("snapshot", "--dsn-env", "PRODUCTION", PRODUCTION=dsn).returncode == 0
            difference = lockgate("snapshot", "--dsn-env", "PRODUCTION", "--diff", PRODUCTION=dsn)
        finally:
            connection.execute(b"DROP SCHEMA elsewhere CASCADE")
    assert len(json.loads((tmp_path / "lockgate/ledger.json").read_text())["rows"]) == 1
    assert "no ledger read" not in difference.stderr and "\n  table public.t" in difference.stdout, difference.stdout
    (tmp_path / "lockgate.toml").write_text(
        '[migrations]\nbaseline = "lockgate/baseline.sql"\n[ledger]\nsnapshot = "lockgate/ledger.json"\n'
    )
    checked = json.loads(lockgate("check", "--format", "json").stdout)
    assert (checked["coverage"]["migrations"], checked["findings"]) == (0, [])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--format", "json"), "--format is of --diff"),
        (("--pg-dump", "/nowhere/pg_dump"), "is no pg_dump that runs here"),
        (("--dsn-env", "NOBODY_SET_THIS"), "NOBODY_SET_THIS is not set"),
    ],
)
def test_what_is_missing_is_said(lockgate: Run, dsn: str, tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    project(tmp_path, {}, baseline=False)
    done = lockgate("snapshot", "--dsn-env", "PRODUCTION", *options, PRODUCTION=dsn)
    assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


def test_an_older_pg_dump_is_not_taken(lockgate: Run, dsn: str, tmp_path: Path) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    old.chmod(0o755)
    done = lockgate("snapshot", "--dsn-env", "PRODUCTION", "--pg-dump", str(old), PRODUCTION=dsn)
    assert (
        done.returncode == 3 and f"9 at {old} is older" in done.stderr and "install postgresql-client-" in done.stderr
    )


def test_a_database_that_does_not_answer(lockgate: Run, tmp_path: Path) -> None:
    done = lockgate("snapshot", "--dsn-env", "PRODUCTION", PRODUCTION=f"host={tmp_path} password=hidden-word dbname=x")
    assert done.returncode == 3 and "cannot be read" in done.stderr and "hidden-word" not in done.stderr


def test_a_baseline_whose_ledger_is_forgotten(lockgate: Run, files: Path, tmp_path: Path) -> None:
    with_baseline(tmp_path, files, {})
    config = tmp_path / "lockgate.toml"
    config.write_text(
        config.read_text().replace('snapshot = "lockgate/ledger.json"', "").replace('handover = "ledger"', "")
    )
    done = lockgate("check")
    assert done.returncode == 2 and '[ledger] snapshot = "lockgate/ledger.json"' in done.stderr


def test_a_password_of_a_user_mapping_stays_in_production(dsn: str) -> None:
    from lockgate.oracle.read import pg_dump

    mapping = "CREATE USER MAPPING FOR paliad_app SERVER away OPTIONS (\"user\" 'u', password 'deep-secret')"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE FOREIGN DATA WRAPPER away; CREATE SERVER away FOREIGN DATA WRAPPER away")
        connection.execute(mapping)
        try:
            text = pg_dump.dump(dsn, pg_dump.choose(connection.info.server_version // 10000))
        finally:
            connection.execute("DROP FOREIGN DATA WRAPPER away CASCADE")
    assert "CREATE USER MAPPING FOR paliad_app" in text and "password '****'" in text and "deep-secret" not in text


def test_beside_a_baseline_nothing_else_was_there(lockgate: Run, tmp_path: Path) -> None:
    """A baseline is production whole: what is missing in it is missing, however many migrations miss it."""
    pending = {f"{number:03}_late.up.sql": f"ALTER TABLE nowhere{number} ADD COLUMN a int;\n" for number in (3, 4, 5)}
    project(tmp_path, pending, baseline=True)
    (tmp_path / "lockgate").mkdir()
    (tmp_path / "lockgate/baseline.sql").write_text("CREATE SCHEMA paliad;\n")
    (tmp_path / "lockgate/ledger.json").write_text('[{"version": 1, "name": "base"}, {"version": 2, "name": "more"}]')
    done = lockgate("check")
    assert done.returncode == 1 and done.stdout.count("[T204]") == 3, done.stdout + done.stderr
