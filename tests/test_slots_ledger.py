"""Ledgers: what each runner keeps, and what it says about a tree. Rows are as the runners write them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from lockgate.base.config import Config, LedgerSettings
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.text import Source
from lockgate.slots import applied_ids, read_ledger
from lockgate.slots.atlas import sums
from lockgate.slots.checksums import agrees, flyway_crc32
from lockgate.slots.kinds import DBMATE, KINDS
from lockgate.slots.read import read_dsn, read_snapshot
from lockgate.sources import load
from lockgate.sources.naming import BY_NAME
from tests.conftest import ROOT
from tests.slots_kit import names, put, said

T = "CREATE TABLE t (id int);\n"
Rows = list[dict[str, Any]]


def sha(text: str, name: str = "sha256") -> str:
    return hashlib.new(name, text.encode()).hexdigest()


def flyway(
    rank: int, version: str | None, name: str, checksum: int | None = None, success: bool = True, kind: str = "SQL"
) -> dict[str, Any]:
    return {
        "installed_rank": rank,
        "version": version,
        "description": name,
        "type": kind,
        "script": f"V{version}__{name}.sql",
        "checksum": checksum,
        "installed_by": "app",
        "installed_on": "2026-01-01",
        "execution_time": 1,
        "success": success,
    }


def prisma(name: str, **rest: object) -> dict[str, Any]:
    return {
        "id": "8a6e",
        "checksum": sha(T),
        "finished_at": "2026-01-01",
        "migration_name": name,
        "logs": None,
        "rolled_back_at": None,
        "started_at": "2026-01-01",
        "applied_steps_count": 1,
        **rest,
    }


def sqlx(version: int, name: str, checksum: str, success: bool = True) -> dict[str, Any]:
    return {
        "version": version,
        "description": name,
        "installed_on": "2026-01-01",
        "success": success,
        "checksum": checksum,
        "execution_time": 5,
    }


def liquibase(author: str, ident: str, file: str) -> dict[str, Any]:
    return {
        "id": ident,
        "author": author,
        "filename": file,
        "dateexecuted": "2026-01-01",
        "orderexecuted": 1,
        "exectype": "EXECUTED",
        "md5sum": "9:x",
    }


def drizzle(name: str) -> dict[str, Any]:
    return {"id": 1, "hash": sha(T), "created_at": 1, "name": name, "applied_at": "2026-01-01"}


def atlas(version: str, name: str, kind: int = 2) -> dict[str, Any]:
    return {"version": version, "description": name, "type": kind, "applied": 1, "total": 1, "error": "", "hash": ""}


# layout, files, rows, what the rules say beyond nothing
JOURNAL = json.dumps({"entries": [{"idx": i, "when": 1700000000000 + i, "tag": f"000{i}_x{i}"} for i in range(3)]})
DRIZZLE = {f"000{i}_x{i}.sql": f"SELECT {i};" for i in range(3)} | {"meta/_journal.json": JOURNAL}
LATE, ODD = "slot-below-highest-applied", "slot-applied-out-of-order"
NUMBERED = {"1_a.sql": T, "2_b.sql": T, "3_c.sql": T}
WHO = "2024-01-01T00:00:00Z A <a@b> # x\n"
SQITCH = {
    "sqitch.plan": f"%project=p\n\nusers {WHO}views {WHO}@v1 {WHO}views [views@v1] {WHO}",
    "deploy/users.sql": T,
    "deploy/views@v1.sql": T,
    "deploy/views.sql": "SELECT 2;",
}
# a change that was reworked has a row for each time, under one name; what orders them is the time
SQITCH_ROWS = [
    {"change_id": i, "script_hash": sha(text, "sha1"), "change": name, "project": "p", "committed_at": at}
    for i, name, text, at in (("c", "views", "SELECT 2;", "3"), ("a", "users", T, "1"), ("b", "views", T, "2"))
]
LIQUIBASE = {
    "a.sql": f"--liquibase formatted sql\n--changeset ann:1\n{T}",
    "b.sql": f"--liquibase formatted sql\n--changeset ann:1\n{T}--changeset bob:2\n{T}",
}
A, B = "20240101000000_a", "20240102000000_b"
FOLDERS = {f"{name}/{file}": T for name in (A, B) for file in ("migration.sql", "snapshot.json")}
CASES: dict[str, tuple[str, dict[str, str], Rows, list[str]]] = {
    "golang-migrate clean": ("auto", {"1_a.up.sql": T, "2_b.up.sql": T}, [{"version": 1, "dirty": False}], []),
    "golang-migrate dirty": (
        "auto",
        {"1_a.up.sql": T, "2_b.up.sql": T},
        [{"version": 2, "dirty": True}],
        ["ledger-dirty"],
    ),
    "golang-migrate gone": ("auto", {"1_a.up.sql": T}, [{"version": 2, "dirty": False}], ["ledger-slot-missing"]),
    "goose": (
        "goose",
        dict.fromkeys(NUMBERED, "-- +goose Up\n" + T),
        [
            {"id": i, "version_id": v, "is_applied": v != 2 or i == 3}
            for i, v in ((1, 0), (2, 1), (3, 2), (4, 2), (5, 3))
        ],
        [LATE],
    ),
    "dbmate": (
        "dbmate",
        dict.fromkeys(NUMBERED, "-- migrate:up\n" + T + "-- migrate:down\n"),
        [{"version": "1"}, {"version": "3"}],
        [ODD],
    ),
    "flyway": (
        "auto",
        {"V1__a.sql": T, "V1.1__b.sql": T, "V2__c_d.sql": T, "R__v.sql": T},
        [flyway(1, "1", "a", flyway_crc32(T)), flyway(2, "2", "c d", flyway_crc32(T)), flyway(3, None, "v", 5)],
        [LATE],
    ),
    "flyway changed": ("auto", {"V1__a.sql": T}, [flyway(1, "1", "a", 17)], ["ledger-checksum-mismatch"]),
    "flyway failed": ("auto", {"V1__a.sql": T}, [flyway(1, "1", "a", None, success=False)], ["ledger-dirty"]),
    "flyway baseline": (
        "auto",
        {"V1__a.sql": T, "V2__b.sql": T, "V3__d.sql": T},
        [flyway(1, "2", "<< Flyway Baseline >>", kind="BASELINE"), flyway(2, "3", "d")],
        [],
    ),
    "sqlx": (
        "sqlx",
        NUMBERED,
        [sqlx(1, "a", sha(T, "sha384")), sqlx(3, "c", "00" * 48)],
        ["ledger-checksum-mismatch", ODD],
    ),
    "diesel": (
        "auto",
        {"2024-01-01-000000_a/up.sql": T, "2024-01-02-000000_b/up.sql": T},
        [{"version": "20240102000000", "run_on": "2026-01-01"}],
        [ODD],
    ),
    "prisma": (
        "auto",
        {"20240101000000_a/migration.sql": T, "20240102000000_b/migration.sql": T},
        [prisma("20240101000000_a"), prisma("20240102000000_b", finished_at=None)],
        ["ledger-dirty"],
    ),
    "prisma rolled back": (
        "auto",
        {"20240101000000_a/migration.sql": T},
        [prisma("20240101000000_a", rolled_back_at="x")],
        [],
    ),
    "prisma changed": (
        "auto",
        {"20240101000000_a/migration.sql": "SELECT 1;"},
        [prisma("20240101000000_a")],
        ["ledger-checksum-mismatch"],
    ),
    "drizzle": (
        "auto",
        DRIZZLE,
        [{"id": i, "hash": sha(f"SELECT {i};"), "created_at": 1700000000000 + i} for i in (0, 2)],
        [LATE],
    ),
    "supabase": (
        "supabase",
        {"20240101000000_a.sql": T, "20240102000000_b.sql": T},
        [{"version": "20240102000000", "statements": [], "name": "b"}],
        [LATE],
    ),
    "atlas": (
        "atlas",
        NUMBERED,
        [
            {"version": str(i), "description": n, "applied": 1, "total": 1, "error": "", "hash": h}
            for (i, n), h in zip(((1, "a"), (2, "b"), (3, "c")), sums(NUMBERED).values(), strict=True)
        ],
        [],
    ),
    "node-pg-migrate": (
        "node-pg-migrate",
        {f"170000000000{i}_x{i}.sql": "-- Up Migration\n" + T for i in range(3)},
        [{"id": 1, "name": "1700000000000_x0", "run_on": "x"}, {"id": 2, "name": "1700000000002_x2", "run_on": "x"}],
        [LATE],
    ),
    "sql-migrate": (
        "sql-migrate",
        dict.fromkeys(NUMBERED, "-- +migrate Up\n" + T),
        [{"id": "1_a.sql", "applied_at": "x"}, {"id": "9_gone.sql", "applied_at": "x"}],
        ["ledger-slot-missing"],
    ),
    "refinery": (
        "refinery",
        {"V1__a.sql": T, "V2__b.sql": T},
        [{"version": 2, "name": "b", "applied_on": "x", "checksum": "123"}],
        [LATE],
    ),
    "sqitch": ("auto", SQITCH, [*SQITCH_ROWS], []),
    "sqitch late": (
        "auto",
        SQITCH | {"sqitch.plan": SQITCH["sqitch.plan"].replace("users", f"late {WHO}users", 1), "deploy/late.sql": T},
        [*SQITCH_ROWS],
        [LATE],
    ),
    "liquibase": (
        "auto",
        LIQUIBASE,
        [liquibase("ann", "1", "db/a.sql"), liquibase("ann", "1", "db/b.sql"), liquibase("bob", "2", "db/b.sql")],
        [],
    ),
    "liquibase late": (
        "auto",
        LIQUIBASE,
        [liquibase("ann", "1", "classpath:db/a.sql"), liquibase("bob", "2", "classpath:db/b.sql")],
        [ODD],
    ),
    "liquibase gone": (
        "auto",
        LIQUIBASE,
        [
            liquibase("ann", "1", "a.sql"),
            liquibase("ann", "1", "b.sql"),
            liquibase("bob", "2", "b.sql"),
            liquibase("bob", "2", "gone.sql"),
        ],
        ["ledger-slot-missing"],
    ),
    "drizzle by names": ("auto", FOLDERS, [drizzle(A), drizzle(B)], []),
    "drizzle by names, late": ("auto", FOLDERS, [drizzle(B)], [ODD]),
    "drizzle by names, changed": (
        "auto",
        FOLDERS,
        [drizzle(A) | {"hash": sha("x")}, drizzle(B)],
        ["ledger-checksum-mismatch"],
    ),
    "flyway undone and repaired": (
        "auto",
        {"V1__a.sql": T, "V2__c.sql": T},
        [
            flyway(1, "1", "a"),
            flyway(2, "2", "c"),
            flyway(3, "2", "c", kind="UNDO_SQL"),
            flyway(4, "3", "b"),
            flyway(5, "3", "b", kind="DELETE"),
        ],
        [],
    ),
    "flyway with a baseline file": (
        "auto",
        {"V1__a.sql": T, "V2__b.sql": T, "B2__all.sql": T, "V3__c.sql": T},
        [flyway(1, "1", "a"), flyway(2, "2", "b"), flyway(3, "3", "c")],
        [],
    ),
    "flyway new from a baseline file": (
        "auto",
        {"V1__a.sql": T, "V2__b.sql": T, "B2__all.sql": T, "V3__c.sql": T},
        [flyway(1, "2", "all", kind="SQL_BASELINE"), flyway(2, "3", "c")],
        [],
    ),
    "atlas baseline": (
        "atlas",
        NUMBERED,
        [atlas("2", "b", kind=1), atlas(".atlas_cloud_identifier", "x"), atlas("3", "c")],
        [],
    ),
    "atlas half done": ("atlas", {"1_a.sql": T}, [atlas("1", "a") | {"total": 2, "error": "boom"}], ["ledger-dirty"]),
    "of one's own, by file": (
        "plain",
        NUMBERED,
        [{"id": i, "filename": f"db/{n}", "executed_at": "x"} for i, n in enumerate(NUMBERED)],
        [],
    ),
    "of one's own, by file alone": (
        "plain",
        NUMBERED,
        [{"filename": "1_a.sql"}, {"filename": "2_other.sql"}, {"filename": "3_c.sql"}],
        ["ledger-name-mismatch"],
    ),
    "of one's own": (
        "plain",
        NUMBERED,
        [
            {"version": 1, "name": "a", "applied_at": "x", "checksum": sha(T)},
            {"version": 2, "name": "other", "applied_at": "x", "checksum": sha("x")},
            {"version": 3, "name": "c", "applied_at": "x", "checksum": sha("x")},
        ],
        ["ledger-checksum-mismatch", "ledger-name-mismatch"],
    ),
}


def test_names_that_are_one_where_unicode_forms_are_not_told_apart(tmp_path: Path) -> None:
    put(tmp_path / "m", {"1_caf\u00e9.up.sql": T, "1_cafe\u0301.up.sql": T})
    (found,) = [f for f in said(tmp_path) if f.name == "case-collision"]
    assert "macOS, which does not tell Unicode forms apart" in found.message


def test_the_document_names_every_layout_and_ledger() -> None:
    text = (ROOT / "docs/slots.md").read_text()
    assert all(f"| {name} |" in text for name in BY_NAME)
    assert all(f"`{kind.table}`" in text for kind in (*KINDS, DBMATE))


@pytest.mark.parametrize("case", CASES)
def test_every_runners_ledger(tmp_path: Path, case: str) -> None:
    layout, files, rows, wanted = CASES[case]
    put(tmp_path / "m", files)
    assert names(said(tmp_path, ledger=rows, layout=layout)) == wanted


@pytest.mark.parametrize("case", [c for c in CASES if "custom" not in c and "own" not in c])
def test_every_ledger_is_recognised(tmp_path: Path, case: str) -> None:
    rows = CASES[case][2]
    (tmp_path / "l.json").write_text(json.dumps({"table": "x", "rows": rows}))
    assert case.startswith(read_snapshot(tmp_path / "l.json", tmp_path).kind.runner or "?")


def test_alembic_and_django(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "a.sql": "-- Running upgrade  -> aaa\nSELECT 1;\n-- Running upgrade aaa -> bbb\nSELECT 2;\n-- Running upgrade bbb -> ccc\nSELECT 3;\n"
        },
    )
    put(
        tmp_path,
        {
            "l.json": '[{"version_num": "bbb"}]',
            "d.json": '[{"id": 1, "app": "shop", "name": "0001_initial", "applied": "x"}]',
        },
    )
    put(tmp_path, {"d.sql": "-- migration: shop.0001_initial\nSELECT 1;\n-- migration: shop.0002_more\nSELECT 2;\n"})
    alembic = load([], cwd=tmp_path, command="cat a.sql")
    assert applied_ids(alembic, read_snapshot(tmp_path / "l.json", tmp_path)) == {"aaa", "bbb"}
    django = load([], cwd=tmp_path, command="cat d.sql")
    assert [m.slot for m in django.migrations] == ["shop.0001", "shop.0002"]
    assert applied_ids(django, read_snapshot(tmp_path / "d.json", tmp_path)) == {"shop.0001_initial"}


def test_a_slot_that_the_base_brings_is_not_missing(tmp_path: Path) -> None:
    from tests.slots_kit import Repo

    repo = Repo(tmp_path)
    repo.commit("1_a.up.sql")
    repo.git("branch", "mine")
    repo.commit("2_b.up.sql")
    repo.git("checkout", "-q", "mine")
    rows = [{"version": 1, "name": "a"}, {"version": 2, "name": "b"}, {"version": 3, "name": "c"}]
    (found,) = repo.said(ledger=rows)
    assert found.name == "ledger-slot-missing" and found.slot == "3"


def test_rows_are_marked_where_they_stand(tmp_path: Path) -> None:
    put(tmp_path / "m", {"1_a.up.sql": T})
    text = (
        '{"table": "x", "note": ["1"], "rows": [\n  {"version": 1, "name": "a"},\n  {"version": 7, "name": "gone"}\n]}'
    )
    (tmp_path / "l.json").write_text(text)
    config = Config(root=tmp_path, ledger=LedgerSettings(snapshot="l.json"))
    ledger = read_ledger(config, tmp_path)
    assert ledger is not None
    row = ledger.rows[1]
    assert text[row.span.start : row.span.end] == '{"version": 7, "name": "gone"}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{]", r"l.json:1:3: not JSON"),
        ('{"x": 1}', "expected a list of rows"),
        ('[{"when": 1}]', r"row 1 has no column for the version \(it has when\)"),
        ("[" * 100_000, "l.json"),
    ],
)
def test_a_ledger_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "l.json").write_text(text)
    with pytest.raises(CannotCheck, match=words):
        read_snapshot(tmp_path / "l.json", tmp_path)
    with pytest.raises(UsageError, match="no such ledger snapshot"):
        read_snapshot(tmp_path / "none.json", tmp_path)


def test_the_address_of_a_database_is_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEDGER", f"postgresql://app:hunter2@/x?host={tmp_path}&connect_timeout=2")
    with pytest.raises(CannotCheck) as caught:
        read_dsn("LEDGER", "public.t")
    assert "hunter2" not in str(caught.value) and caught.value.__cause__ is None
    monkeypatch.delenv("LEDGER")
    with pytest.raises(UsageError, match="LEDGER, which is not set"):
        read_dsn("LEDGER", "public.t")
    monkeypatch.setenv("LEDGER", "x")
    with pytest.raises(UsageError, match="must name a table"):
        read_dsn("LEDGER", "t; DROP TABLE t")


def test_checksums_do_not_mind_line_ends() -> None:
    source = Source("x", "A\r\nB\r\n")
    assert agrees(sha("A\nB\n"), "sha256", source) and agrees(sha("A\r\nB\r\n"), "sha256", source)
    assert agrees(sha("A\nC\n"), "sha256", source) is False
    assert agrees("zz", "sha256", source) is None and agrees("\\x" + sha("A\r\nB\r\n", "sha384"), "", source)
    assert flyway_crc32("\ufeffA\r\nB") == flyway_crc32("A\nB\n")


def test_dbmate_refuses_a_file_without_a_down_block(tmp_path: Path) -> None:
    put(tmp_path / "m", {"1_a.sql": "-- migrate:up\n" + T, "2_b.sql": "-- migrate:up\n" + T})
    found = said(tmp_path)
    assert names(found) == ["missing-down"] * 2 and "dbmate refuses to run" in found[0].message


def test_drizzle_passes_over_what_its_journal_dates_too_early(tmp_path: Path) -> None:
    """Seen with drizzle-orm itself: the entry stands in the journal, the file is there, and nothing runs."""
    entries = [(1700000000000, "0000_a"), (1700000000500, "0001_c"), (1700000000200, "0002_late")]
    journal = json.dumps({"entries": [{"idx": i, "when": when, "tag": tag} for i, (when, tag) in enumerate(entries)]})
    put(tmp_path / "m", {f"{tag}.sql": f"SELECT '{tag}';" for _, tag in entries} | {"meta/_journal.json": journal})
    rows = [
        {"id": i, "hash": sha(f"SELECT '{tag}';"), "created_at": str(when)} for i, (when, tag) in enumerate(entries[:2])
    ]
    (found,) = said(tmp_path, ledger=rows)
    assert found.name == LATE and "0002" in found.slot and "in silence" in found.message
