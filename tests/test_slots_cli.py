"""lockgate slots, reserve, renumber, pending and new, as a user runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.slots_kit import Repo, put

T = "CREATE TABLE t (id int);\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path)
    repo.commit("0001_a.up.sql", "0001_a.down.sql", "0002_b.up.sql", "0002_b.down.sql")
    repo.branch("feature", "0003_theirs.up.sql", "0003_theirs.down.sql")
    (tmp_path / "lockgate.toml").write_text('[git]\nbase = "main"\n[ledger]\nsnapshot = "ledger.json"\n')
    (tmp_path / "ledger.json").write_text('[{"version": 1, "name": "a"}]')
    return repo


def test_the_table(lockgate: Run, repo: Repo) -> None:
    done = lockgate("slots")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.match(r"0001 +a +yes +yes +yes$", lines[1]) and re.match(r"0003 +theirs +feature$", lines[3])
    assert lines[-1] == "3 slots (golang-migrate), 0 errors, 0 others; next free: 0004"
    said = lockgate("slots", "m", "--explain").stdout
    assert "golang-migrate: 4 pairs" in said and "git: base main, 1 branches" in said and "ledger: ledger.json, 1 rows" in said


def test_the_table_as_json_and_the_exit_code(lockgate: Run, repo: Repo) -> None:
    put(repo.path / "m", {"02_twice.up.sql": T, "02_twice.down.sql": T})
    done = lockgate("slots", "--format", "json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["version"] == 1 and report["layout"] == "golang-migrate" and report["next"] == "0004"
    slots = {s["slot"]: s for s in report["slots"]}
    assert slots["0003"]["branches"] == ["feature"] and slots["0003"]["tree"] == []
    assert slots["0002"]["tree"] == ["m/0002_b.up.sql", "m/02_twice.up.sql"] and slots["0001"]["ledger"]["name"] == "a"
    (twice,) = [f for f in report["findings"] if f["name"] == "duplicate-slot"]
    assert (twice["rule"], twice["location"]["path"], twice["slot"]) == ("S101", "m/02_twice.up.sql", "02")


def test_new_takes_a_slot_that_is_free_everywhere(lockgate: Run, repo: Repo) -> None:
    assert lockgate("new", "Add users").stdout.split() == ["m/0004_Add_users.up.sql", "m/0004_Add_users.down.sql"]
    (repo.path / "ledger.json").write_text('[{"version": 1, "name": "a"}, {"version": 9, "name": "gone"}]')
    assert lockgate("new", "more").stdout.split()[0] == "m/0010_more.up.sql"
    assert lockgate("new", "!!").returncode == 2


def test_a_reservation_is_seen_by_the_others(lockgate: Run, repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "ada")
    done = lockgate("slots", "reserve", "big plan")
    assert "slot 0004 is reserved for big_plan" in done.stdout
    repo.git("add", "lockgate/reserved")
    repo.git("commit", "-q", "-m", "reserve")
    repo.git("checkout", "-q", "main")
    assert lockgate("new", "mine").stdout.split()[0] == "m/0005_mine.up.sql"
    assert lockgate("slots", "reserve", "x", "--slot", "4").returncode == 2
    repo.git("checkout", "-q", "ada")
    assert lockgate("new", "big plan").stdout.split()[0] == "m/0004_big_plan.up.sql", "whoever reserved it gets it"


def test_two_branches_that_reserve_merge_without_conflict(lockgate: Run, repo: Repo) -> None:
    for branch in ("one", "two"):
        repo.git("checkout", "-q", "-b", branch, "main")
        assert lockgate("slots", "reserve", branch).returncode == 0
        repo.git("add", "lockgate/reserved")
        repo.git("commit", "-q", "-m", branch)
    assert {p.name for p in (repo.path / "lockgate/reserved").iterdir()} == {"0005-two.json"}
    repo.git("merge", "-q", "--no-edit", "one")


def test_renumber_moves_a_pair_and_never_what_is_applied(lockgate: Run, repo: Repo) -> None:
    assert lockgate("slots", "renumber", "2").stdout.splitlines() == ["0002_b.down.sql -> 0004_b.down.sql", "0002_b.up.sql -> 0004_b.up.sql"]
    refused = lockgate("slots", "renumber", "0001")
    assert refused.returncode == 2 and "0001_a is applied" in refused.stderr
    put(repo.path / "m", {"0004_c.up.sql": T})
    assert "claimed by 0004_b and by 0004_c" in lockgate("slots", "renumber", "4").stderr
    assert lockgate("slots", "renumber", "0004_c", "--to", "0009").stdout == "0004_c.up.sql -> 0009_c.up.sql\n"
    assert lockgate("slots", "renumber", "0009", "--to", "0004").returncode == 2
    assert lockgate("slots", "renumber", "77").returncode == 2


def test_pending(lockgate: Run, repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "mine")
    repo.commit("0005_mine.up.sql")
    repo.git("checkout", "-q", "main")
    repo.commit("0004_on_main.up.sql")
    repo.git("checkout", "-q", "mine")
    done = lockgate("slots", "pending", "--format", "json")
    rows = json.loads(done.stdout)["pending"]
    assert [(r["slot"], r["note"]) for r in rows] == [("0002", ""), ("0004", "from main, with the merge"), ("0005", "")]
    assert "3 migrations are pending" in lockgate("slots", "pending").stdout
    (repo.path / "lockgate.toml").write_text("")
    assert lockgate("slots", "pending").returncode == 2


GOOSE, DBMATE = "-- +goose Up\n", "-- migrate:up\n"


@pytest.mark.parametrize(
    ("layout", "files", "wanted"),
    [
        ("goose", {"00007_a.sql": GOOSE}, r"m/00008_x\.sql"),
        ("dbmate", {"20240101000000_a.sql": DBMATE}, r"m/20\d{12}_x\.sql"),
        ("flyway", {"V3__a.sql": T}, r"m/V4__x\.sql"),
        ("flyway", {"V1_3__a.sql": T, "V1_10__b.sql": T}, r"m/V1\.11__x\.sql"),
        ("diesel", {"2024-01-01-000000_a/up.sql": T}, r"m/20\d\d-\d\d-\d\d-\d{6}_x/up\.sql m/20\d\d-\d\d-\d\d-\d{6}_x/down\.sql"),
        ("prisma", {"20240101000000_a/migration.sql": T}, r"m/20\d{12}_x/migration\.sql"),
        ("node-pg-migrate", {"1700000000000_a.sql": "-- Up Migration\n"}, r"m/1[789]\d{11}_x\.sql"),
        ("plain", {"007-a.sql": T}, r"m/008-x\.sql"),
        ("plain", {"99991231235959_a.sql": T}, r"m/99991231235960_x\.sql|m/100000000000000_x\.sql"),
    ],
)
def test_new_in_every_layouts_form(lockgate: Run, tmp_path: Path, layout: str, files: dict[str, str], wanted: str) -> None:
    put(tmp_path / "m", files)
    done = lockgate("new", "x", "--layout", layout, "m")
    assert re.fullmatch(wanted, " ".join(done.stdout.split())), done.stdout + done.stderr
    assert lockgate("slots", "m", "--layout", layout).returncode == 0


def test_new_for_the_first_migration_and_for_other_tools(lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    assert lockgate("new", "x", "m", "--layout", "golang-migrate").stdout.split() == ["m/0001_x.up.sql", "m/0001_x.down.sql"]
    put(tmp_path / "d", {"0000_a.sql": T, "meta/_journal.json": '{"entries": [{"tag": "0000_a", "when": 1}]}'})
    done = lockgate("new", "x", "d")
    assert done.returncode == 2 and "drizzle-kit generate --custom" in done.stderr


@pytest.mark.parametrize(("text", "code"), [("[", 3), ('{"a": 1}', 3), ('[{"version": 1}]', 0)])
def test_a_broken_ledger_stops_the_check(lockgate: Run, repo: Repo, text: str, code: int) -> None:
    (repo.path / "ledger.json").write_text(text)
    done = lockgate("slots")
    assert done.returncode == code and "Traceback" not in done.stderr
    assert code == 0 or "ledger.json" in done.stderr
