"""Transactions that span files: what the next deploy sends in one is replayed, and verified, in one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.sources import load
from lockgate.sources.span import joined
from tests.conftest import Run
from tests.slots_kit import put

TYPE = "CREATE TYPE s AS ENUM ('a');\nCREATE TABLE t (id int, st s);\n"
ADD = "ALTER TYPE s ADD VALUE 'b';\n"
USE = "CREATE INDEX i ON t (id) WHERE st = 'b';\n"


def drizzle(*texts: str) -> dict[str, str]:
    entries = [{"idx": i, "when": 1700000000000 + i, "tag": f"000{i}_x"} for i in range(len(texts))]
    files = {f"d/000{i}_x.sql": text for i, text in enumerate(texts)}
    return files | {"d/meta/_journal.json": json.dumps({"entries": entries})}


def ledger(*whens: int) -> str:
    return json.dumps([{"id": i, "hash": "", "created_at": 1700000000000 + i} for i in whens])


def told(lockgate: Run, command: str = "check", **environment: str) -> list[tuple[str, str, str, str | None]]:
    done = lockgate(command, "--format", "json", **environment)
    found = [f for f in json.loads(done.stdout)["findings"] if f["rule"][0] not in "LXC"]  # hazards are told elsewhere
    return [
        (f["rule"], f["severity"], f["location"]["path"], (f.get("evidence") or {}).get("verdict"))
        for f in found
        if f["severity"] != "info"
    ]


APPLIED = '[ledger]\nsnapshot = "ledger.json"\n'


def test_two_pending_files_are_one_transaction_under_drizzle(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, drizzle(TYPE, ADD, USE) | {"lockgate.toml": APPLIED, "ledger.json": ledger(0)})
    assert told(lockgate) == [("T213", "error", "d/0002_x.sql", None)]
    assert told(lockgate, "verify") == [("T213", "error", "d/0002_x.sql", "confirmed")]
    put(tmp_path, {"ledger.json": ledger(0, 1)})
    assert told(lockgate) == [] == told(lockgate, "verify")


def test_what_is_made_in_the_same_deploy_is_fresh_all_the_same(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, drizzle("SELECT 1;\n", TYPE, ADD, USE) | {"lockgate.toml": APPLIED + "[database]\nversion = 18\n"})
    put(tmp_path, {"ledger.json": ledger(0)})
    assert told(lockgate) == []


def test_nobody_says_what_is_pending(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, drizzle(TYPE, ADD, USE) | {"lockgate.toml": ""})
    assert told(lockgate) == [("T213", "warning", "d/0002_x.sql", None)]
    assert [f[:3] for f in told(lockgate, "verify")] == [("T213", "warning", "d/0002_x.sql")]
    put(tmp_path, drizzle(TYPE, ADD, USE, "SELECT 1;\n", "SELECT 2;\n", "SELECT 3;\n"))
    assert told(lockgate) == []  # those went out long ago


def test_the_configuration_says_so(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, {"m/1_a.up.sql": TYPE, "m/2_b.up.sql": ADD, "m/3_c.up.sql": USE})
    put(tmp_path, {"ledger.json": '[{"version": 1, "dirty": false}]', "lockgate.toml": APPLIED})
    assert told(lockgate) == []
    put(tmp_path, {"lockgate.toml": f'[migrations]\ntransaction = "pending"\n{APPLIED}'})
    assert told(lockgate) == [("T213", "error", "m/3_c.up.sql", None)]


@pytest.mark.parametrize(
    ("layout", "files", "wanted"),
    [
        ("node-pg-migrate", {}, "pending"),
        (
            "node-pg-migrate",
            {"package.json": '{"scripts": {"m": "node-pg-migrate up --no-single-transaction"}}'},
            "file",
        ),
        ("flyway", {}, "file"),
        ("flyway", {"flyway.conf": "flyway.group=true\n"}, "pending"),
        ("goose", {}, "file"),
    ],
)
def test_the_runner_s_own_configuration(tmp_path: Path, layout: str, files: dict[str, str], wanted: str) -> None:
    name = {"flyway": "V1__a.sql"}.get(layout, "1_a.sql")
    put(tmp_path, files | {f"m/{name}": "-- +goose Up\nSELECT 1;\n", ".git/HEAD": ""})
    assert load([tmp_path / "m"], layout, cwd=tmp_path).span == wanted


def test_a_file_without_a_transaction_parts_them(tmp_path: Path) -> None:
    index = "CREATE INDEX CONCURRENTLY i ON t (id);\n"
    put(tmp_path, {f"m/V{n}__x.sql": text for n, text in enumerate(("SELECT 1;", "SELECT 2;", index, "SELECT 3;"), 1)})
    folder = load([tmp_path / "m"], "flyway", transaction="pending", cwd=tmp_path)
    on = [m.up.goes_on for m in joined(folder, frozenset(m.id for m in folder.migrations))]
    assert on == [True, False, False, False]


def test_alembic_prints_one_begin_for_all(tmp_path: Path) -> None:
    script = "BEGIN;\n-- Running upgrade  -> a1\nSELECT 1;\n-- Running upgrade a1 -> b2\nSELECT 2;\nCOMMIT;\n"
    each = "BEGIN;\n-- Running upgrade  -> a1\nSELECT 1;\nCOMMIT;\nBEGIN;\n-- Running upgrade a1 -> b2\nSELECT 2;\nCOMMIT;\n"
    put(tmp_path, {"one.sql": script, "each.sql": each})
    assert load([], command="cat one.sql", cwd=tmp_path).span == "pending"
    assert load([], command="cat each.sql", cwd=tmp_path).span == "file"
