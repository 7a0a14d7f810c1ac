"""Layouts: found by themselves, in their runner's order, with its pieces and transactions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.sources import Folder, Transaction, detect, load
from tests.conftest import Run
from tests.slots_kit import put

T = "CREATE TABLE t (id int);\n"
GOOSE = "-- +goose Up\nCREATE TABLE a (id int);\n-- +goose Down\nDROP TABLE a;\n"
JOURNAL = json.dumps(
    {
        "entries": [
            {"idx": 0, "when": 1700000000000, "tag": "0000_first"},
            {"idx": 1, "when": 1700000000001, "tag": "0001_second"},
        ]
    }
)

A, B = "20240101000000", "20240102000000"
WHO = "2024-01-01T00:00:00Z A <a@b> # x\n"
PLAN = f"%project=p\n\nusers {WHO}@v1 {WHO}views [users] {WHO}"
CHANGELOG = f"--liquibase formatted sql\n--changeset ann:1\n{T}--rollback DROP TABLE t;\n--changeset bob:2 runInTransaction:false\n{T}"
UP = "-- Up Migration\n" + T

FOLDERS = {
    "golang-migrate": (
        {"2_b.up.sql": T, "10_c.up.sql": T, "1_a.up.sql": T, "1_a.down.sql": "DROP TABLE t;"},
        ["1", "2", "10"],
    ),
    "goose": ({"00002_b.sql": GOOSE, "00001_a.sql": GOOSE}, ["00001", "00002"]),
    "sql-migrate": ({"10_b.sql": "-- +migrate Up\n" + T, "9_a.sql": "-- +migrate Up\n" + T}, ["9", "10"]),
    "dbmate": (
        {"20240102000000_b.sql": "-- migrate:up\n" + T, "20240101000000_a.sql": "-- migrate:up\n" + T},
        ["20240101000000", "20240102000000"],
    ),
    "flyway": ({"V1_10__c.sql": T, "V1_9__b.sql": T, "R__view.sql": T, "V1__a.sql": T}, ["1", "1.9", "1.10", ""]),
    "diesel": (
        {
            "2024-01-02-000000_b/up.sql": T,
            "00000000000000_diesel_initial_setup/up.sql": T,
            "2024-01-02-000000_b/down.sql": T,
        },
        ["00000000000000", "20240102000000"],
    ),
    "prisma": ({f"{B}_b/migration.sql": T, f"{A}_a/migration.sql": T, "migration_lock.toml": "x"}, [A, B]),
    "drizzle": ({"0001_second.sql": T, "0000_first.sql": T, "meta/_journal.json": JOURNAL}, ["0000", "0001"]),
    "atlas": (
        {"20240101000000_a.sql": T, "20240102000000.sql": T, "atlas.sum": "h1:x\n"},
        ["20240101000000", "20240102000000"],
    ),
    "node-pg-migrate": ({"1700000000000_a.sql": UP, "1700000000001_b.sql": UP}, ["1700000000000", "1700000000001"]),
    "plain": ({"002_b.sql": T, "001_a.sql": T, "010_c.sql": T}, ["001", "002", "010"]),
    "sqitch": (
        {"sqitch.plan": PLAN, "deploy/users.sql": T, "deploy/views.sql": T, "revert/users.sql": "DROP TABLE t;"},
        ["users", "views"],
    ),
    "liquibase": ({"changelog.sql": CHANGELOG}, ["1", "2"]),
}


def loaded(tmp_path: Path, files: dict[str, str], layout: str = "auto", **options: object) -> Folder:
    put(tmp_path / "m", files)
    return load([tmp_path / "m"], layout, cwd=tmp_path, **options)  # type: ignore[arg-type]


def sent(folder: Folder, number: int = 0) -> list[str]:
    script = folder.migrations[number].up
    return [script.source.text[p.start : p.end].strip() for p in script.pieces]


@pytest.mark.parametrize("layout", FOLDERS)
def test_found_by_itself_and_in_order(tmp_path: Path, layout: str) -> None:
    files, slots = FOLDERS[layout]
    folder = loaded(tmp_path, files)
    assert folder.layout == layout and layout in folder.explain[0]
    assert [m.slot for m in folder.migrations] == slots
    assert detect(tmp_path / "m").layout == layout
    assert all(m.up.source.path.startswith("m/") for m in folder.migrations)


def test_layouts_that_need_their_surroundings(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "a/Cargo.toml": 'sqlx = "0.8"',
            "a/migrations/20240101_x.sql": T,
            "b/Cargo.toml": "refinery = 1",
            "b/migrations/V1__x.sql": T,
        },
    )
    put(
        tmp_path,
        {"c/supabase/migrations/20240101000000_x.sql": T, "d/Cargo.toml": "sqlx", "d/migrations/1_x.up.sql": T},
    )
    layouts = [
        detect(tmp_path / f).layout for f in ("a/migrations", "b/migrations", "c/supabase/migrations", "d/migrations")
    ]
    assert layouts == ["sqlx", "refinery", "supabase", "sqlx"]


def test_what_is_for_another_database_or_for_tests_is_not_the_one(tmp_path: Path) -> None:
    others = {
        f"{path}/1_a.up.sql": T
        for path in (
            "db/sqlite",
            "packages/clickhouse/migrations",
            "src/mysql-store/migrations",
            "load_test/migrations",
        )
    }
    put(tmp_path, others | {"db/postgres/1_a.up.sql": T})
    assert load([tmp_path], cwd=tmp_path).roots == ("db/postgres",)
    put(tmp_path / "alone", {"clickhouse/1_a.up.sql": T})
    assert load([tmp_path / "alone"], cwd=tmp_path).roots == ("alone/clickhouse",)
    put(tmp_path / "many", {f"s{number}/1_a.up.sql": T for number in range(20)})
    with pytest.raises(UsageError, match=r"s0, .*many/s1, .*s15 and 12 more"):
        load([tmp_path / "many"], cwd=tmp_path)


def test_one_folder_below_is_found_and_several_are_an_error(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "internal/db/migrations/1_a.up.sql": T,
            "node_modules/x/1_b.up.sql": T,
            "internal/db/migrations/testdata/2_x.up.sql": T,
        },
    )
    assert [m.up.source.path for m in load([tmp_path], cwd=tmp_path).migrations] == [
        "internal/db/migrations/1_a.up.sql"
    ]
    put(tmp_path, {"other/migrations/1_a.up.sql": T})
    with pytest.raises(UsageError, match=r"internal/db/migrations, .*other/migrations"):
        load([tmp_path], cwd=tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"V1__a.sql": T, "V2__b.sql": T, "3_c.up.sql": T}, "several layouts are mixed: 2 flyway's .*1 pairs"),
        ({"1_a.sql": GOOSE, "2_b.sql": "-- migrate:up\n" + T}, "several layouts are mixed"),
        ({"schema.sql": T, "seed.sql": T}, "no layout has such names: schema.sql, seed.sql"),
        ({"readme.md": "x"}, "no .sql file at all"),
    ],
)
def test_mixed_and_unknown_names_list_what_was_found(tmp_path: Path, files: dict[str, str], words: str) -> None:
    with pytest.raises((UsageError, CannotCheck), match=words):
        loaded(tmp_path, files)


def test_missing_path_and_layout_are_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        load([tmp_path / "nowhere"], cwd=tmp_path)
    with pytest.raises(UsageError, match="no such layout: goos"):
        load([tmp_path], "goos", cwd=tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"SELECT 1;\nSELECT '\xe4';\n", r"m/1_a.up.sql:2: not UTF-8 at byte 18 \(0xe4\)"),
        ("SELECT 1;".encode("utf-16"), "UTF-16"),
        (b"SELECT 1;\n\0", r"m/1_a.up.sql:2: a NUL byte at byte 10"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/1_a.up.sql").write_bytes(data)
    with pytest.raises(CannotCheck, match=words):
        load([tmp_path / "m"], cwd=tmp_path)


def test_a_file_that_is_a_broken_link(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/1_a.up.sql").symlink_to(tmp_path / "gone")
    with pytest.raises(CannotCheck, match=r"m/1_a.up.sql: cannot be read: No such file"):
        load([tmp_path / "m"], cwd=tmp_path)


def test_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    folder = loaded(tmp_path, {"1_a.up.sql": "\ufeffSELECT 1;\r\nSELECT 2;\r\n"})
    assert folder.migrations[0].up.source.text.startswith("\ufeff") and folder.migrations[0].up.pieces[0].start == 1
    put(tmp_path / "g", {"1_a.sql": "\ufeff-- +goose Up\r\nSELECT 1;\r\nSELECT 2;\r\n-- +goose Down\r\nSELECT 3;\r\n"})
    folder = load([tmp_path / "g"], cwd=tmp_path)
    assert sent(folder) == ["SELECT 1;", "SELECT 2;"]


def test_goose_cuts_as_goose_does(tmp_path: Path) -> None:
    text = (
        "-- +goose Up\nCREATE TABLE a (id int,\n  b text); -- the end\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int AS $$\nBEGIN\n"
        "  RETURN 1;\nEND $$ LANGUAGE plpgsql;\n-- +goose StatementEnd\n\n-- +goose Down\nDROP FUNCTION f;\n"
    )
    folder = loaded(tmp_path, {"1_a.sql": text})
    assert [s.partition("\n")[0] for s in sent(folder)] == [
        "CREATE TABLE a (id int,",
        "CREATE FUNCTION f() RETURNS int AS $$",
    ]
    assert folder.migrations[0].up.transaction is Transaction.FILE and folder.migrations[0].down is not None


@pytest.mark.parametrize(
    ("layout", "files", "transaction"),
    [
        ("goose", {"1_a.sql": "-- +goose NO TRANSACTION\n" + GOOSE}, Transaction.STATEMENT),
        ("sql-migrate", {"1_a.sql": "-- +migrate Up notransaction\n" + T}, Transaction.STATEMENT),
        ("dbmate", {"1_a.sql": "-- migrate:up transaction:false\n" + T}, Transaction.IMPLICIT),
        ("dbmate", {"1_a.sql": "-- migrate:up\n" + T}, Transaction.FILE),
        ("flyway", {"V1__a.sql": "CREATE INDEX CONCURRENTLY i ON t (id);"}, Transaction.STATEMENT),
        ("flyway", {"V1__a.sql": T, "V1__a.sql.conf": "executeInTransaction=false"}, Transaction.STATEMENT),
        ("flyway", {"V1__a.sql": T}, Transaction.FILE),
        ("sqlx", {"1_a.sql": "-- no-transaction\n" + T}, Transaction.IMPLICIT),
        ("sqlx", {"1_a.sql": T}, Transaction.FILE),
        ("sqlx", {"1_a.sql": "--no-transaction\n" + T}, Transaction.FILE),
        ("diesel", {"1_a/up.sql": T, "1_a/metadata.toml": "# run_in_transaction = true\n"}, Transaction.IMPLICIT),
        ("diesel", {"1_a/up.sql": T, "1_a/metadata.toml": "run_in_transaction = true\n"}, Transaction.FILE),
        ("diesel", {"1_a/up.sql": T, "1_a/metadata.toml": "run_in_transaction ="}, Transaction.FILE),
        ("atlas", {"1_a.sql": "-- atlas:txmode none\n" + T}, Transaction.FILE),
        ("atlas", {"1_a.sql": T + "-- atlas:txmode none\n\n"}, Transaction.FILE),
        ("dbmate", {"1_a.sql": "  -- migrate:up transaction:false\n-- migrate:up\n" + T}, Transaction.FILE),
        ("refinery", {"V1__a.sql": T}, Transaction.FILE),
        ("node-pg-migrate", {"1_a.sql": UP}, Transaction.FILE),
        ("diesel", {"1_a/up.sql": T, "1_a/metadata.toml": "run_in_transaction = false"}, Transaction.IMPLICIT),
        ("diesel", {"1_a/up.sql": T}, Transaction.FILE),
        ("atlas", {"1_a.sql": "-- atlas:txmode none\n\n" + T}, Transaction.STATEMENT),
        (
            "liquibase",
            {"c.sql": "--liquibase formatted sql\n--changeset a:1 runInTransaction:false\n" + T},
            Transaction.STATEMENT,
        ),
        ("golang-migrate", {"1_a.up.sql": T}, Transaction.IMPLICIT),
        ("golang-migrate", {"1_a.up.sql": "-- morph:nontransactional\n" + T}, Transaction.STATEMENT),
        ("prisma", {"1_a/migration.sql": T}, Transaction.IMPLICIT),
        ("supabase", {"1_a.sql": T}, Transaction.IMPLICIT),
        ("drizzle", {"0000_a.sql": T}, Transaction.FILE),
    ],
)
def test_every_runners_transaction(
    tmp_path: Path, layout: str, files: dict[str, str], transaction: Transaction
) -> None:
    folder = loaded(tmp_path, files, layout)
    assert folder.migrations[0].up.transaction is transaction
    assert (
        load([tmp_path / "m"], layout, transaction="statement", cwd=tmp_path).migrations[0].up.transaction
        is Transaction.STATEMENT
    )


def test_a_number_that_no_runner_takes_for_one(tmp_path: Path) -> None:
    """``3nf_`` begins with a digit and has no number; ``04drop`` has."""
    folder = loaded(tmp_path, {"3nf_views.sql": T, "04drop.sql": T, "shut_down.sql": T, "20240101-x.sql": T})
    assert [(m.slot, m.name) for m in folder.migrations] == [
        ("04", "drop"),
        ("20240101", "x"),
        ("", "3nf_views"),
        ("", "shut_down"),
    ]


def test_pairs_whose_last_word_is_the_direction(tmp_path: Path) -> None:
    files = {
        "1-a-up.sql": T,
        "1-a-down.sql": "DROP TABLE t;",
        "2.0-release.sql": T,
        "2.0-revoke.sql": "DROP",
        "3-b.sql": T,
        "3-b_rollback.sql": "B",
    }
    folder = loaded(tmp_path, files | {"4-set-up.sql": T})
    downs = [(m.slot, m.name, m.down.source.text if m.down else None) for m in folder.migrations]
    assert downs == [("1", "a", "DROP TABLE t;"), ("2.0", "", "DROP"), ("3", "b", "B"), ("4", "set-up", None)]


@pytest.mark.parametrize(
    ("layout", "files", "code"),
    [
        ("goose", {"1_a.sql": GOOSE, "2_b.go": "package m", "2_b_test.go": "", "helpers.go": ""}, "2"),
        ("golang-migrate", {"1_a.up.sql": T, "2_b.up.fizz": "x", "2_b.down.fizz": "x"}, "2"),
        ("refinery", {"V1__a.sql": T, "V2__b.rs": "fn"}, "2"),
        ("flyway", {"V1__a.sql": T, "V2__b.kt": "class"}, "2"),
        ("node-pg-migrate", {"1_a.sql": UP, "2_b.ts": "export", "types.d.ts": ""}, "2"),
    ],
)
def test_migrations_in_another_language_take_their_slot(
    tmp_path: Path, layout: str, files: dict[str, str], code: str
) -> None:
    folder = loaded(tmp_path, files, layout)
    assert [m.slot for m in folder.migrations] == ["1", code]
    assert "is no SQL" in folder.migrations[1].opaque and not folder.migrations[0].opaque


def test_what_is_not_known_is_not_judged(lockgate: Run, tmp_path: Path) -> None:
    """A migration in Go may have made the table that the next one changes."""
    put(
        tmp_path / "m",
        {
            "1_a.sql": GOOSE,
            "2_b.go": "package m",
            "3_c.sql": "-- +goose Up\nALTER TABLE made_in_go ADD COLUMN x int;\n-- +goose Down\n",
        },
    )
    done = lockgate("check", "m", "--format", "json")
    report = json.loads(done.stdout)
    assert [f["name"] for f in report["findings"] if f["sqlstate"]] == []
    assert "m/2_b.go is no SQL: what it does is not known" in [u["reason"] for u in report["coverage"]["unmodelled"]]


def test_what_is_not_known_is_not_proven(lockgate: Run, tmp_path: Path) -> None:
    """The server has no table that Go would have made: its refusal proves nothing of production."""
    put(
        tmp_path / "m",
        {
            "1_a.sql": GOOSE,
            "2_b.go": "package m",
            "3_c.sql": "-- +goose Up\nALTER TABLE made_in_go ADD COLUMN x int;\n-- +goose Down\n",
        },
    )
    done = lockgate("verify", "m", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["findings"] == []


def test_a_baseline_stands_for_what_is_below(tmp_path: Path) -> None:
    folder = loaded(
        tmp_path, {"V1__a.sql": T, "V2__b.sql": T, "B1__old.sql": T, "B2__all.sql": T, "V3__c.sql": T, "R__v.sql": T}
    )
    assert [m.id for m in folder.migrations] == ["B2__all", "V3__c", "R__v"] and len(folder.files) == 6
    put(tmp_path / "a", {"1_a.sql": T, "2_b.sql": "-- atlas:checkpoint\n\n" + T, "3_c.sql": T, "atlas.sum": "h1:x\n"})
    assert [m.id for m in load([tmp_path / "a"], cwd=tmp_path).migrations] == ["2_b", "3_c"]


def test_repeatable_ones_run_in_the_order_of_their_descriptions(tmp_path: Path) -> None:
    folder = loaded(tmp_path, {"V1__a.SQL": T, "b/R__v2.sql": T, "R__v10.sql": T})
    assert [m.id for m in folder.migrations] == ["V1__a", "R__v10", "b/R__v2"]


def test_flyway_locations_are_not_thrown_together(tmp_path: Path) -> None:
    one = {"db/sql/V1__a.sql": T, "db/other/V1__b.sql": T}
    with pytest.raises(UsageError, match="several histories of migrations: m/db/other, m/db/sql"):
        loaded(tmp_path, one)
    put(tmp_path / "f", {"v1/V1__a.sql": T, "v2/V2__b.sql": T})
    assert [m.slot for m in load([tmp_path / "f"], cwd=tmp_path).migrations] == ["1", "2"]


def test_what_stops_a_runner(tmp_path: Path) -> None:
    folder = loaded(tmp_path, {f"{A}_a/migration.sql": T, f"{B}_b/readme.md": "x", f"{B}_c/migration.sql": T})
    assert [(s.path, s.stops) for s in folder.skipped] == [(f"m/{B}_b", True)]
    put(tmp_path / "d", {"0000_first.sql": T, "meta/_journal.json": JOURNAL})
    (lost,) = load([tmp_path / "d"], cwd=tmp_path).skipped
    assert lost.path == "d/meta/_journal.json" and "0001_second.sql does not exist" in lost.why and lost.stops


def test_supabase_is_known_by_its_place(tmp_path: Path) -> None:
    """A comment such as ``-- Up Migration`` makes no node-pg-migrate; names that supabase passes over make no
    supabase."""
    put(tmp_path / "supabase/migrations", {f"{A}_a.sql": "-- Up migration\n" + T, f"{B}_b.sql": T})
    assert detect(tmp_path / "supabase/migrations").layout == "supabase"
    put(tmp_path / "x/supabase/migrations", {f"{A}-a.sql": T, f"{B}-b.sql": T})
    assert detect(tmp_path / "x/supabase/migrations").layout == "plain"
    put(
        tmp_path / "n",
        {"package.json": '{"dependencies": {"node-pg-migrate": "9"}}', "migrations/1700000000000_a.sql": T},
    )
    assert detect(tmp_path / "n/migrations").layout == "node-pg-migrate"


def test_drizzle_names_may_have_no_number(tmp_path: Path) -> None:
    journal = json.dumps({"entries": [{"idx": 0, "when": 1, "tag": "funny_name"}]})
    folder = loaded(tmp_path, {"funny_name.sql": T, "seed.sql": T, "meta/_journal.json": journal})
    assert [(m.id, m.slot) for m in folder.migrations] == [("funny_name", "")] and [
        s.alike for s in folder.skipped
    ] == [False]


def test_sqitch_looks_where_its_settings_say(tmp_path: Path) -> None:
    put(
        tmp_path / "p",
        {"sqitch.conf": "[core]\n\ttop_dir = ./sql\n", "sqitch.plan": "%project=old\n", "sql/sqitch.plan": PLAN},
    )
    put(tmp_path / "p/sql", {"deploy/users.sql": T, "deploy/views.sql": T})
    assert [m.id for m in load([tmp_path / "p"], cwd=tmp_path).migrations] == ["users", "views"]
    put(
        tmp_path / "q",
        {
            "sqitch.conf": "[core]\n\tdeploy_dir = up\n",
            "sqitch.plan": PLAN,
            "up/users.sql": T,
            "up/views.sql": T,
            "revert/users.sql": T,
        },
    )
    assert [m.down is not None for m in load([tmp_path / "q"], cwd=tmp_path).migrations] == [True, False]


def test_dbmate_runs_every_pair_of_blocks(tmp_path: Path) -> None:
    text = "-- migrate:up\nA;\n-- migrate:down\nB;\n-- migrate:up\nC;\n-- migrate:down\nD;\n"
    folder = loaded(tmp_path, {"1_a.sql": text})
    down = folder.migrations[0].down
    assert sent(folder) == ["A;", "C;"] and down is not None
    assert [down.source.text[p.start : p.end].strip() for p in down.pieces] == ["D;", "B;"]


def test_node_pg_migrate_without_a_mark_for_up_runs_the_whole_file(tmp_path: Path) -> None:
    folder = loaded(tmp_path, {"1_a.sql": T + "-- Down Migration\nDROP TABLE t;"}, "node-pg-migrate")
    assert sent(folder)[0].endswith("DROP TABLE t;") and folder.migrations[0].down is not None


def test_drizzle_goes_by_its_journal(tmp_path: Path) -> None:
    folder = loaded(
        tmp_path,
        {
            "0000_first.sql": "SELECT 1;--> statement-breakpoint\nSELECT 2;",
            "0001_second.sql": T,
            "0002_lost.sql": T,
            "meta/_journal.json": JOURNAL,
        },
    )
    assert sent(folder) == ["SELECT 1;", "SELECT 2;"]
    assert [(s.path, s.alike) for s in folder.skipped] == [("m/0002_lost.sql", True)]
    put(tmp_path / "m", {"meta/_journal.json": '{"entries": [<<<<<<< HEAD'})
    with pytest.raises(CannotCheck, match=r"m/meta/_journal.json:1:14: not JSON"):
        load([tmp_path / "m"], cwd=tmp_path)


def test_psql_meta_commands_and_copy_data_are_not_sql(tmp_path: Path) -> None:
    text = "\\set x 1\nSELECT 'a\n\\b';\nCOPY t FROM stdin;\n1\tit's\n\\.\n\\connect other\nSELECT $q$\n\\no$q$;\n"
    folder = loaded(tmp_path, {"1_a.sql": text})
    assert sent(folder) == ["SELECT 'a\n\\b';\nCOPY t FROM stdin;", "SELECT $q$\n\\no$q$;"]
    assert "\\set x 1" in folder.skipped[0].why


def test_sqitch_reworked_changes(tmp_path: Path) -> None:
    files = dict(FOLDERS["sqitch"][0])
    files["sqitch.plan"] += (
        "@v2 2024-01-01T00:00:00Z A <a@b> # x\nusers [users@v2] 2024-01-02T00:00:00Z A <a@b> # again\n"
    )
    files["deploy/users@v1.sql"] = "SELECT 1;"
    folder = loaded(tmp_path, files)
    assert [m.id for m in folder.migrations] == ["users@v2", "views", "users"]
    (tmp_path / "m/deploy/views.sql").unlink()
    with pytest.raises(CannotCheck, match=r"views is planned, and m/deploy/views.sql does not exist"):
        load([tmp_path / "m"], cwd=tmp_path)


def test_liquibase_rollbacks_keep_their_places(tmp_path: Path) -> None:
    folder = loaded(tmp_path, FOLDERS["liquibase"][0])
    down = folder.migrations[0].down
    assert down is not None
    text = down.source.text[down.pieces[0].start : down.pieces[0].end]
    assert text.strip() == "DROP TABLE t;" and down.source.position(down.source.text.index("DROP")).line == 4


def test_liquibase_attributes(tmp_path: Path) -> None:
    text = (
        '--liquibase formatted sql\n--changeset "Ann B":"id one" endDelimiter:\\n/\\s*\\n\nA;\nB\n/\nC\n/\n'
        "--changeset bob:2 dbms:mysql\nX;\n--changeset bob:3 dbms:h2,postgresql\nY;\n--changeset bob:4 dbms:!postgresql\nX;\n"
        "--changeset bob:5 ignore:true\nX;\n--changeset bob:6 dbms:!h2 runInTransaction:false\nZ;\n"
    )
    folder = loaded(tmp_path, {"changelog.sql": text})
    assert [m.name for m in folder.migrations] == ["Ann B:id one", "bob:3", "bob:6"]
    assert sent(folder) == ["A;\nB", "C"] and folder.migrations[2].up.transaction is Transaction.STATEMENT
    assert [s.why.partition(":")[2].strip() for s in folder.skipped] == [
        "2: it is for another database: mysql",
        "4: it is for another database: !postgresql",
        "5: it is marked to be ignored",
    ]


@pytest.mark.parametrize(("layout", "mark"), [("goose", "goose"), ("sql-migrate", "migrate")])
def test_a_statement_without_its_end_stops_the_runner(tmp_path: Path, layout: str, mark: str) -> None:
    good = f"-- +{mark} Up\n{T}-- the end\n-- +{mark} StatementBegin\nSELECT 1\n-- +{mark} StatementEnd\n-- +{mark} Down\nDROP TABLE t; -- so\n\n"
    folder = loaded(tmp_path, {"1_a.sql": good, "2_b.sql": f"-- +{mark} Up\n{T}SELECT 1\n-- +{mark} Down\n"}, layout)
    (found,) = folder.skipped
    assert (
        found.stops
        and found.path == "m/2_b.sql"
        and found.why.startswith("the statement in line 3 does not end with a semicolon")
    )


def test_checksums_are_of_the_file_as_it_is(tmp_path: Path) -> None:
    """flyway takes its checksum before it fills in placeholders."""
    put(tmp_path / "v", {"V1__a.sql": "CREATE SCHEMA ${s};"})
    folder = load([tmp_path / "v"], cwd=tmp_path, placeholders={"s": "app"})
    assert folder.files[0].source.text == "CREATE SCHEMA ${s};" and sent(folder) == ["CREATE SCHEMA app;"]


def test_other_databases_are_left_out(tmp_path: Path) -> None:
    folder = loaded(
        tmp_path,
        {"1_a.postgres.up.sql": T, "1_a.mysql.up.sql": T, "2_b.up.sql": T, "3_c.up.sql": T, "3_c.postgres.up.sql": T},
    )
    assert [m.up.source.path for m in folder.migrations] == [
        "m/1_a.postgres.up.sql",
        "m/2_b.up.sql",
        "m/3_c.postgres.up.sql",
    ]


def test_files_folders_and_placeholders(tmp_path: Path) -> None:
    put(tmp_path, {"a/1_x.sql": T, "b/2_y.sql": T, "a/3_z.sql": T, "v/V1__a.sql": "CREATE SCHEMA ${s};", "one.sql": T})
    assert [m.id for m in load([tmp_path / "a", tmp_path / "b"], cwd=tmp_path).migrations] == ["1_x", "2_y", "3_z"]
    assert [m.id for m in load([tmp_path / "a/3_z.sql", tmp_path / "a/1_x.sql"], cwd=tmp_path).migrations] == [
        "1_x",
        "3_z",
    ]
    assert [m.id for m in load([tmp_path / "one.sql"], cwd=tmp_path).migrations] == ["one"]
    assert sent(load([tmp_path / "v"], cwd=tmp_path, placeholders={"s": "app"})) == ["CREATE SCHEMA app;"]


def test_downs_are_paired_by_name_then_by_number(tmp_path: Path) -> None:
    folder = loaded(
        tmp_path,
        {
            "1_a.up.sql": T,
            "1_b.up.sql": T,
            "1_b.down.sql": "B",
            "2_c.up.sql": T,
            "2_d.down.sql": "D",
            "3_e.down.sql": "E",
        },
    )
    assert [(m.id, m.down.source.text if m.down else None) for m in folder.migrations] == [
        ("1_a", None),
        ("1_b", "B"),
        ("2_c", "D"),
    ]
    assert len(folder.files) == 6


PRINTED = """BEGIN;

CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);

-- Running upgrade  -> aaa111

CREATE TABLE a (id int);
INSERT INTO alembic_version (version_num) VALUES ('aaa111');

-- Running upgrade aaa111 -> bbb222

COMMIT;
CREATE INDEX CONCURRENTLY i ON a (id);
BEGIN;
UPDATE alembic_version SET version_num='bbb222';

COMMIT;

"""


def test_what_a_command_prints(tmp_path: Path) -> None:
    (tmp_path / "printed.txt").write_text(PRINTED)
    folder = load([], cwd=tmp_path, command="cat printed.txt")
    assert [m.slot for m in folder.migrations] == ["aaa111", "bbb222"]
    assert sent(folder)[0].startswith("CREATE TABLE alembic_version"), (
        "alembic makes its ledger before the first revision"
    )
    assert sent(folder, 1)[0].startswith("COMMIT;\nCREATE INDEX") and sent(folder, 1)[0].endswith("='bbb222';")
    with pytest.raises(CannotCheck, match="exit 1"):
        load([], cwd=tmp_path, command="cat nowhere.txt")
    with pytest.raises(CannotCheck, match="no-such-program"):
        load([], cwd=tmp_path, command="no-such-program x")
    with pytest.raises(UsageError, match="no command is configured"):
        load([], "command", cwd=tmp_path)


def test_a_template_stands_on_names_that_are_made_up(tmp_path: Path) -> None:
    auth = {
        "1_a.up.sql": "CREATE TABLE {{ index .Options \"Namespace\" }}.users (id int, note text DEFAULT '{{ no }}');",
        "2_b.up.sql": "{{/* what this is for */}}ALTER TABLE {{.Namespace}}.users ADD COLUMN name text;",
        "3_c.up.sql": "INSERT INTO mails VALUES ('Hello {{name}}, ${x}', E'it\\'s {{if .x}}', $$Dear {{range .y}}$$);",
        "4_d.up.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT id FROM {{.Namespace}}.users $$;",
    }
    folder = loaded(tmp_path / "go", auth)
    assert sent(folder) == ["CREATE TABLE namespace.users (id int, note text DEFAULT 'no');"]
    assert sent(folder, 1) == ["ALTER TABLE namespace.users ADD COLUMN name text;"]
    assert sent(folder, 2)[0] == auth["3_c.up.sql"] and "namespace.users" in sent(folder, 3)[0]
    assert [m.up.made_up for m in folder.migrations] == [("namespace", "no"), ("namespace",), (), ("namespace",)]
    psql = loaded(
        tmp_path / "psql",
        {
            "1.sql": "CREATE TABLE :MY_SCHEMA.t (a int[] DEFAULT ARRAY[]:::MY_SCHEMA.k[], b text DEFAULT :'X1');SELECT a[1:n], b::text;"
        },
    )
    assert sent(psql) == [
        "CREATE TABLE my_schema.t (a int[] DEFAULT ARRAY[]::my_schema.k[], b text DEFAULT 'x1');SELECT a[1:n], b::text;"
    ]


def test_a_template_with_conditions_is_not_known(tmp_path: Path) -> None:
    folder = loaded(
        tmp_path, {"1_a.up.sql": T, "2_b.up.sql": "CREATE INDEX {{ if .Online }}CONCURRENTLY{{ end }} ON t (id);"}
    )
    assert [bool(m.opaque) for m in folder.migrations] == [False, True] and "template" in folder.migrations[1].opaque


def test_a_body_that_was_torn_long_ago_was_not_torn(tmp_path: Path) -> None:
    """Somebody else reads sql-migrate's marks: its own runner would never have got past such a file."""
    body = (
        "-- +migrate Up\nCREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN\nRETURN 1;\nEND $$;\nSELECT 1;\n"
    )
    after = {f"{number}_x.sql": f"-- +migrate Up\n{T};\nSELECT 2;\n" for number in range(2, 6)}
    assert len(sent(loaded(tmp_path / "old", {"1_f.sql": body} | after))) == 1
    assert len(sent(loaded(tmp_path / "old", {"1_f.sql": body} | after), 2)) == 2
    assert len(sent(loaded(tmp_path / "new", after | {"6_f.sql": body}), 4)) == 3


VERSIONS = {
    "boundary": (
        {"0/01_a.up.sql": T, "0/01_a.down.sql": T, "1/01_b.up.sql": T, "10/02_d.up.sql": T, "2/01_c.up.sql": T},
        ["0/01_a", "1/01_b", "2/01_c", "10/02_d"],
    ),
    "yuniql": (
        {"v0.00/1-x.sql": T, "v0.10/b.sql": T, "v0.9/a.sql": T, "_init/i.sql": T, "_post/p.sql": T, "_erase/e.sql": T},
        ["_init/i", "v0.00/1-x", "v0.9/a", "v0.10/b", "_post/p"],
    ),
    "temporal": (
        {
            "v1.0/schema.sql": T,
            "v1.1/b.sql": T,
            "v1.1/a.sql": T,
            "v1.1/not_listed.sql": T,
            "v1.1/manifest.json": '{"CurrVersion": "1.1", "SchemaUpdateCqlFiles": ["b.sql", "a.sql"]}',
        },
        ["v1.0/schema", "v1.1/b", "v1.1/a"],
    ),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_numbered_folders_are_one_history(tmp_path: Path, name: str) -> None:
    files, ids = VERSIONS[name]
    folder = loaded(tmp_path, files)
    assert folder.layout == "versions" and [m.id for m in folder.migrations] == ids
    assert [m.id for m in folder.migrations if m.down is not None] == (["0/01_a"] if name == "boundary" else [])


def test_numbered_folders_from_the_root(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, {"db/0/01_a.up.sql": T, "db/1/01_b.up.sql": "ALTER TABLE t DROP COLUMN zz;\n"})
    done = lockgate("check", "--format", "json")
    assert done.returncode == 1
    assert [f["location"]["path"] for f in json.loads(done.stdout)["findings"]] == ["db/1/01_b.up.sql"]
    assert lockgate("slots").returncode == 0


def test_sqlx_in_a_workspace(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n',
            "crates/app/Cargo.toml": '[dependencies]\nsqlx = "0.8"\n',
            "migrations/1_a.sql": T,
        },
    )
    assert detect(tmp_path / "migrations").layout == "sqlx"
