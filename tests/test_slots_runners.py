"""What each runner does at a ledger that does not fit the tree, as the runners themselves were seen to do it: an error
where it refuses, less where it goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.slots_kit import put, said

T = "CREATE TABLE t (id int);\n"
Rows = list[dict[str, Any]]


def sha(text: str, name: str = "sha256") -> str:
    return hashlib.new(name, text.encode()).hexdigest()


def sqlx(version: int, name: str, text: str = T) -> dict[str, Any]:
    rest = {"installed_on": "2026-01-01", "success": True, "execution_time": 5}
    return {"version": version, "description": name, "checksum": sha(text, "sha384"), **rest}


def prisma(name: str, text: str = T) -> dict[str, Any]:
    rest = {"id": "8a6e", "finished_at": "2026-01-01", "logs": None, "rolled_back_at": None, "applied_steps_count": 1}
    return {"migration_name": name, "checksum": sha(text), **rest}


def pgmigrate(*names: str) -> Rows:
    return [{"id": i, "name": name, "run_on": "2026-01-01"} for i, name in enumerate(names)]


def gorp(*names: str) -> Rows:
    return [{"id": name, "applied_at": "2026-01-01"} for name in names]


def supabase(version: str, name: str, *statements: str) -> dict[str, Any]:
    return {"version": version, "name": name, "statements": list(statements)}


def flyway(rank: int, version: str) -> dict[str, Any]:
    rest = {"type": "SQL", "script": "x", "checksum": None, "installed_on": "2026-01-01", "success": True}
    return {"installed_rank": rank, "version": version, "description": "a", **rest}


def changeset(ident: str, sql: str, more: str = "") -> str:
    return f"--liquibase formatted sql\n--changeset me:{ident}{more}\n{sql}\n--rollback drop table t1;\n"


def liquibase(ident: str, file: str, md5: str) -> dict[str, Any]:
    rest = {"dateexecuted": "2026-01-01", "orderexecuted": 1, "exectype": "EXECUTED", "md5sum": md5}
    return {"id": ident, "author": "me", "filename": file, **rest}


ONE = "9:d2e6c788a7ad4f8dfa0dd3c162241364"  # liquibase 4.28.0 of `create table t1(id int);`
UP = "-- +migrate Up\n" + T
A, B = "20240101000000_a", "20240102000000_b"
SLOT, SUM, NAME = "ledger-slot-missing", "ledger-checksum-mismatch", "ledger-name-mismatch"
# layout, files, rows, what is said: (rule, severity, words)
CASES: dict[str, tuple[str, dict[str, str], Rows, list[tuple[str, str, str]]]] = {
    "sqlx, deleted": (
        "sqlx",
        {"1_a.sql": T},
        [sqlx(1, "a"), sqlx(2, "b")],
        [(SLOT, "error", "sqlx will refuse to run")],
    ),
    "sqlx, line ends": (
        "sqlx",
        {"1_a.sql": T.replace("\n", "\r\n")},
        [sqlx(1, "a")],
        [(SUM, "error", "its line ends were changed")],
    ),
    "sqlx, applied with these line ends": (
        "sqlx",
        {"1_a.sql": T.replace("\n", "\r\n")},
        [sqlx(1, "a", T.replace("\n", "\r\n"))],
        [],
    ),
    "sqlx, edited": ("sqlx", {"1_a.sql": T}, [sqlx(1, "a", "x")], [(SUM, "error", "sqlx will refuse to run")]),
    "sqlx, only renamed": ("sqlx", {"1_b.sql": T}, [sqlx(1, "a")], [(NAME, "info", "goes on")]),
    "sqlx, another one": ("sqlx", {"1_b.sql": T}, [sqlx(1, "a", "x")], [(NAME, "error", "will not run")]),
    "prisma, edited": (
        "auto",
        {f"{A}/migration.sql": T},
        [prisma(A, "x")],
        [(SUM, "warning", "does not look, and goes on")],
    ),
    "prisma, line ends": ("auto", {f"{A}/migration.sql": T.replace("\n", "\r\n")}, [prisma(A)], []),
    "prisma, renamed": (
        "auto",
        {f"{B}/migration.sql": T},
        [prisma(A)],
        [(SLOT, "error", f"m/{B}/migration.sql holds its text under another name, and prisma runs that again")],
    ),
    "prisma, deleted": (
        "auto",
        {f"{B}/migration.sql": "SELECT 1"},
        [prisma(A), prisma(B, "SELECT 1")],
        [(SLOT, "warning", "prisma goes on without it")],
    ),
    "sql-migrate, deleted": (
        "sql-migrate",
        {"1_a.sql": UP, "3_c.sql": UP},
        gorp("1_a.sql", "2_b.sql", "3_c.sql"),
        [(SLOT, "error", "sql-migrate will refuse to run"), ("slot-gap", "info", "")],
    ),
    "node-pg-migrate, deleted before another": (
        "node-pg-migrate",
        {"1_a.sql": T, "3_c.sql": T},
        pgmigrate("1_a", "2_b", "3_c"),
        [(SLOT, "error", "it checks the order"), ("slot-gap", "info", "")],
    ),
    "node-pg-migrate, the last one deleted": (
        "node-pg-migrate",
        {"1_a.sql": T},
        pgmigrate("1_a", "2_b"),
        [(SLOT, "warning", "goes on without it")],
    ),
    "golang-migrate, the head deleted": (
        "auto",
        {"1_a.up.sql": T},
        [{"version": 2, "dirty": False}],
        [(SLOT, "error", "golang-migrate will refuse to run")],
    ),
    "dbmate, deleted": (
        "dbmate",
        {"1_a.sql": "-- migrate:up\n" + T + "-- migrate:down\n"},
        [{"version": "1"}, {"version": "2"}],
        [(SLOT, "warning", "dbmate goes on without it")],
    ),
    "flyway, a future one": (
        "auto",
        {"V1__a.sql": T},
        [flyway(1, "1"), flyway(2, "2")],
        [(SLOT, "warning", "flyway ignores what lies above its highest file")],
    ),
    "flyway, one in between": (
        "auto",
        {"V1__a.sql": T, "V3__a.sql": T},
        [flyway(1, "1"), flyway(2, "2"), flyway(3, "3")],
        [(SLOT, "error", "flyway will refuse to run"), ("slot-gap", "info", "")],
    ),
    "supabase, as applied": (
        "supabase",
        {"1_a.sql": "-- the table\n" + T + "\nSELECT 1;\n"},
        [supabase("1", "a", "-- the table\nCREATE TABLE t (id int)", "SELECT 1")],
        [],
    ),
    "supabase, edited": (
        "supabase",
        {"1_a.sql": T},
        [supabase("1", "a", "CREATE TABLE t (id bigint)")],
        [(SUM, "warning", "supabase db push does not look, and goes on")],
    ),
    "supabase, only renamed": (
        "supabase",
        {"1_b.sql": T},
        [supabase("1", "a", "CREATE TABLE t (id int)")],
        [(NAME, "info", "supabase goes by the version, and goes on")],
    ),
    "supabase, deleted": (
        "supabase",
        {"1_a.sql": T},
        [supabase("1", "a", T), supabase("2", "b", T)],
        [(SLOT, "error", "supabase will refuse to run")],
    ),
    "liquibase, as applied": (
        "liquibase",
        {"1.sql": changeset("1", "create  table t1(\n\tid int);", " splitStatements:true")},
        [liquibase("1", "m/1.sql", ONE)],
        [],
    ),
    "liquibase, edited": (
        "liquibase",
        {"1.sql": changeset("1", "create table t1(id bigint);")},
        [liquibase("1", "m/1.sql", ONE)],
        [(SUM, "error", "Validation Failed")],
    ),
    "liquibase, edited and run on change": (
        "liquibase",
        {"1.sql": changeset("1", "create table t1(id bigint);", " runOnChange:true")},
        [liquibase("1", "m/1.sql", ONE)],
        [],
    ),
    "liquibase, edited and said to be valid": (
        "liquibase",
        {"1.sql": changeset("1", f"--validCheckSum: {ONE}\ncreate table t1(id bigint);")},
        [liquibase("1", "m/1.sql", ONE)],
        [],
    ),
    "liquibase, an older sum": (
        "liquibase",
        {"1.sql": changeset("1", "create table t1(id bigint);")},
        [liquibase("1", "m/1.sql", "8:d2e6c788a7ad4f8dfa0dd3c162241364")],
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_runner_does(tmp_path: Path, case: str) -> None:
    layout, files, rows, wanted = CASES[case]
    put(tmp_path / "m", files)
    found = sorted(said(tmp_path, ledger=rows, layout=layout), key=lambda f: f.name)
    assert [(f.name, f.severity.value) for f in found] == [(name, severity) for name, severity, _ in wanted]
    assert all(words in f.message for f, (_, _, words) in zip(found, wanted, strict=True)), [f.message for f in found]


def test_liquibase_takes_an_id_once_in_a_file(tmp_path: Path) -> None:
    twice = changeset("1", "create table t1(id int);") + "--changeset me:1\nselect 1;\n"
    put(tmp_path / "m", {"1.sql": twice, "2.sql": changeset("1", "select 2;")})
    (found,) = said(tmp_path, layout="liquibase")
    assert found.name == "duplicate-slot" and found.severity.value == "error"
    assert found.at is not None and found.at.start.line == 5


WHO = "2024-01-01T00:00:00Z A <a@b> # x\n"


@pytest.mark.parametrize(
    ("plan", "wanted"),
    [
        (f"a {WHO}b {WHO}b {WHO}", ["duplicate-slot: b is declared twice: sqitch refuses to run"]),
        (f"a {WHO}@v1 {WHO}b [a@v1] {WHO}a [a@v1] {WHO}", []),  # reworked
        (f"a {WHO}@v1 {WHO}b {WHO}@v1 {WHO}", ["duplicate-slot: @v1 is declared twice"]),
        (f"a [b] {WHO}b {WHO}", ["skipped-by-runner: a requires b, which comes later"]),
        (f"a [other:b !b] {WHO}b [gone] {WHO}", ["skipped-by-runner: b requires gone, which is not in the plan"]),
    ],
)
def test_a_plan_that_sqitch_refuses(tmp_path: Path, plan: str, wanted: list[str]) -> None:
    scripts = {f"deploy/{name}.sql": T for name in ("a", "a@v1", "b")}
    put(tmp_path / "m", {"sqitch.plan": f"%project=x\n{plan}"} | scripts)
    found = said(tmp_path)
    told = [f"{f.name}: {f.message}" for f in found if f.severity.value == "error"]
    assert len(told) == len(wanted) and all(t.startswith(w) for t, w in zip(told, wanted, strict=True)), told


def test_what_stops_the_runner_is_an_error(tmp_path: Path) -> None:
    journal = json.dumps({"entries": [{"idx": i, "when": i, "tag": tag} for i, tag in enumerate(("0000_a", "0001_b"))]})
    put(tmp_path / "m", {"0000_a.sql": T, "meta/_journal.json": journal})
    (found,) = said(tmp_path)
    assert (found.name, found.severity.value) == ("skipped-by-runner", "error")
