"""lockgate slots, reserve, renumber, pending and new, as a user runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lockgate.cli.options import LAYOUTS
from lockgate.slots.atlas import renew
from lockgate.slots.checksums import flyway_crc32
from lockgate.sources.naming import BY_NAME
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
    assert (
        "golang-migrate: 4 pairs" in said
        and "git: base main, 1 branches" in said
        and "ledger: ledger.json, 1 rows" in said
    )


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
    assert lockgate("slots", "renumber", "2").stdout.splitlines() == [
        "m/0002_b.down.sql -> m/0004_b.down.sql",
        "m/0002_b.up.sql -> m/0004_b.up.sql",
    ]
    refused = lockgate("slots", "renumber", "0001")
    assert refused.returncode == 2 and "0001_a is applied" in refused.stderr
    put(repo.path / "m", {"0004_c.up.sql": T})
    assert "claimed by 0004_b and by 0004_c" in lockgate("slots", "renumber", "4").stderr
    assert lockgate("slots", "renumber", "0004_c", "--to", "0009").stdout == "m/0004_c.up.sql -> m/0009_c.up.sql\n"
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


def pending_of(
    lockgate: Run, root: Path, files: dict[str, str], rows: list[dict[str, object]]
) -> list[tuple[str, str]]:
    put(root / "m", files)
    put(root, {"lockgate.toml": '[ledger]\nsnapshot = "l.json"\n', "l.json": json.dumps(rows)})
    done = lockgate("slots", "pending", "m", "--format", "json", cwd=root)
    assert done.returncode == 0, done.stderr
    return [(r["name"], r["note"]) for r in json.loads(done.stdout)["pending"]]


def test_pending_tells_what_each_runner_does(lockgate: Run, tmp_path: Path) -> None:
    row = {
        "installed_rank": 1,
        "version": "2",
        "description": "b",
        "type": "SQL",
        "script": "V2__b.sql",
        "checksum": None,
        "success": True,
    }
    views = [
        row | {"installed_rank": n, "version": None, "description": d, "checksum": c}
        for n, d, c in ((2, "same", flyway_crc32(T)), (3, "old view", 1))
    ]
    files = {
        "V1__a.sql": T,
        "V2__b.sql": T,
        "V3__c.sql": T,
        "R__old_view.sql": T,
        "R__same.sql": T,
        "R__new.sql": T,
        "B3__all.sql": T,
    }
    late = "flyway will refuse to run, unless outOfOrder is set"
    wanted = [("a", late), ("c", ""), ("new", ""), ("old_view", "it was changed, and runs again")]
    assert pending_of(lockgate, tmp_path / "f", files, [row, *views]) == wanted
    assert [name for name, _ in pending_of(lockgate, tmp_path / "f", files, [])] == [
        "all",
        "new",
        "old_view",
        "same",
    ], "a new database"
    rows: list[dict[str, object]] = [{"version": 2, "name": "other"}]
    numbered = {"1_a.sql": T, "2_b.sql": T, "3_c.sql": T}
    assert [note.partition(":")[0] for _, note in pending_of(lockgate, tmp_path / "p", numbered, rows)] == [
        "whether the runner ever applies it is not known",
        "its slot is applied under another name",
        "",
    ]


GOOSE, DBMATE = "-- +goose Up\n", "-- migrate:up\n"


@pytest.mark.parametrize(
    ("layout", "files", "wanted"),
    [
        ("goose", {"00007_a.sql": GOOSE}, r"m/00008_x\.sql"),
        ("dbmate", {"20240101000000_a.sql": DBMATE}, r"m/20\d{12}_x\.sql"),
        ("flyway", {"V3__a.sql": T}, r"m/V4__x\.sql"),
        ("flyway", {"V1_3__a.sql": T, "V1_10__b.sql": T}, r"m/V1\.11__x\.sql"),
        (
            "diesel",
            {"2024-01-01-000000_a/up.sql": T},
            r"m/20\d\d-\d\d-\d\d-\d{6}_x/up\.sql m/20\d\d-\d\d-\d\d-\d{6}_x/down\.sql",
        ),
        ("prisma", {"20240101000000_a/migration.sql": T}, r"m/20\d{12}_x/migration\.sql"),
        ("node-pg-migrate", {"1700000000000_a.sql": "-- Up Migration\n"}, r"m/1[789]\d{11}_x\.sql"),
        ("plain", {"007-a.sql": T}, r"m/008-x\.sql"),
        ("plain", {"99991231235959_a.sql": T}, r"m/99991231235960_x\.sql|m/100000000000000_x\.sql"),
    ],
)
def test_new_in_every_layouts_form(
    lockgate: Run, tmp_path: Path, layout: str, files: dict[str, str], wanted: str
) -> None:
    put(tmp_path / "m", files)
    done = lockgate("new", "x", "--layout", layout, "m")
    assert re.fullmatch(wanted, " ".join(done.stdout.split())), done.stdout + done.stderr
    assert lockgate("slots", "m", "--layout", layout).returncode == 0


def test_new_for_the_first_migration_and_for_other_tools(lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    assert lockgate("new", "x", "m", "--layout", "golang-migrate").stdout.split() == [
        "m/0001_x.up.sql",
        "m/0001_x.down.sql",
    ]
    put(tmp_path / "d", {"0000_a.sql": T, "meta/_journal.json": '{"entries": [{"tag": "0000_a", "when": 1}]}'})
    done = lockgate("new", "x", "d")
    assert done.returncode == 2 and "drizzle-kit generate --custom" in done.stderr


@pytest.mark.parametrize(("text", "code"), [("[", 3), ('{"a": 1}', 3), ('[{"version": 1}]', 0)])
def test_a_broken_ledger_stops_the_check(lockgate: Run, repo: Repo, text: str, code: int) -> None:
    (repo.path / "ledger.json").write_text(text)
    done = lockgate("slots")
    assert done.returncode == code and "Traceback" not in done.stderr
    assert code == 0 or "ledger.json" in done.stderr


def test_renumber_is_a_git_mv(lockgate: Run, repo: Repo) -> None:
    put(repo.path / "m", {"0004_new.up.sql": T})
    assert lockgate("slots", "renumber", "2", "--to", "7", "m").returncode == 0
    assert repo.git("status", "--short", "m").splitlines() == [
        "R  m/0002_b.down.sql -> m/0007_b.down.sql",
        "R  m/0002_b.up.sql -> m/0007_b.up.sql",
        "?? m/0004_new.up.sql",
    ]
    assert lockgate("slots", "renumber", "0004_new").stdout == "m/0004_new.up.sql -> m/0008_new.up.sql\n", (
        "not in git yet"
    )
    (repo.path / "lockgate.toml").write_text('[git]\nbase = "main"\n')
    done = lockgate("slots", "renumber", "0001")
    assert done.returncode == 0 and "it is on main already" in done.stderr


def test_renumber_takes_along_what_lies_beside(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path / "v", {"V1__a.sql": T, "V1__a.sql.conf": "executeInTransaction=false", "V2__b.sql": T})
    assert lockgate("slots", "renumber", "1", "v").stdout.splitlines() == [
        "v/V1__a.sql -> v/V3__a.sql",
        "v/V1__a.sql.conf -> v/V3__a.sql.conf",
    ]
    put(
        tmp_path / "d",
        {"2024-01-01-000000_a/up.sql": T, "2024-01-01-000000_a/down.sql": T, "2024-01-01-000000_a/metadata.toml": ""},
    )
    (done,) = lockgate("slots", "renumber", "20240101000000", "d", "--to", "20250101000000").stdout.splitlines()
    assert (
        done == "d/2024-01-01-000000_a -> d/2025-01-01-000000_a"
        and (tmp_path / "d/2025-01-01-000000_a/metadata.toml").exists()
    )
    put(tmp_path / "g", {"1_a.sql": "-- +goose Up\n", "2_b.go": "package m"})
    assert lockgate("slots", "renumber", "2", "g").stdout == "g/2_b.go -> g/3_b.go\n"


def test_a_move_never_writes_over_a_file(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path / "m", {"7_a.up.sql": "1", "007_a.up.sql": "2", "8_b.up.sql": "3"})
    done = lockgate("slots", "renumber", "7", "m")
    assert done.returncode == 2 and "slot 7 is claimed by" in done.stderr
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["007_a.up.sql", "7_a.up.sql", "8_b.up.sql"]
    put(tmp_path / "n", {"1_init.up.sql": T, "2_init.up.sql": T})
    assert "init is the name of 1_init and of 2_init" in lockgate("slots", "renumber", "init", "n").stderr


def test_a_ledger_without_names_cannot_say_which_of_two_is_applied(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path / "m", dict.fromkeys(("1_a.sql", "1_b.sql"), "-- migrate:up\n-- migrate:down\n"))
    put(tmp_path, {"lockgate.toml": '[ledger]\nsnapshot = "l.json"\n', "l.json": '[{"version": "1"}]'})
    done = lockgate("slots", "renumber", "1_b", "m")
    assert done.returncode == 2 and "1_b or 1_a is applied" in done.stderr
    assert "one of them is applied: dbmate will never run the other" in lockgate("slots", "m").stdout


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"0000_a.sql": T, "meta/_journal.json": '{"entries": [{"tag": "0000_a", "when": 1}]}'}, "drizzle-kit drop"),
        ({"c.sql": "--liquibase formatted sql\n--changeset a:1\n" + T}, "move the changeset"),
        ({"sqitch.plan": "%project=p\n\na 2024-01-01T00:00:00Z A <a@b>\n", "deploy/a.sql": T}, "move its line"),
    ],
)
def test_renumber_says_where_else_the_order_is_kept(
    lockgate: Run, tmp_path: Path, files: dict[str, str], words: str
) -> None:
    put(tmp_path / "m", files)
    done = lockgate("slots", "renumber", "a" if "c.sql" not in files else "a:1", "m")
    assert done.returncode == 2 and words in done.stderr


def test_atlas_sum_is_kept(lockgate: Run, tmp_path: Path) -> None:
    """The sum of one file, as atlas itself writes it, is in rules/stale-sum-file.md's words: SHA-256 of name and
    text."""
    put(tmp_path / "m", {"20240101000000_a.sql": T, "20240102000000_b.sql": T, "atlas.sum": ""})
    assert "stale-sum-file" in lockgate("slots", "m", "--format", "json").stdout
    done = lockgate("new", "c", "m")
    assert "was wrong before" in done.stderr and (tmp_path / "m/atlas.sum").read_text() == ""
    renew(tmp_path / "m", tmp_path, True)
    assert lockgate("slots", "m").returncode == 0
    for words in (("new", "d", "m"), ("slots", "renumber", "20240102000000", "m")):
        done = lockgate(*words)
        assert done.returncode == 0 and "m/atlas.sum is written anew" in done.stderr
        assert lockgate("slots", "m").returncode == 0


def test_new_follows_the_newest_file(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path / "s", {"20240101000000-a.sql": "-- +migrate Up\n"})
    assert re.fullmatch(r"s/20\d{12}-x\.sql\n", lockgate("new", "x", "s").stdout)
    put(tmp_path / "f", {"v1/V1__a.sql": T, "v2/V2__b.sql": T})
    assert lockgate("new", "x", "f").stdout == "f/v2/V3__x.sql\n"
    (tmp_path / "n").mkdir()
    assert re.fullmatch(r"n/1[789]\d{11}_x\.sql\n", lockgate("new", "x", "n", "--layout", "node-pg-migrate").stdout)
    (tmp_path / "b").mkdir()
    done = lockgate("new", "x", "b", "--layout", "dbmate", "--no-down")
    assert "-- migrate:down" in (tmp_path / done.stdout.strip()).read_text(), "dbmate refuses a file without"


def test_manners(lockgate: Run, repo: Repo) -> None:
    done = lockgate("slots", "renumbr", "3")
    assert done.returncode == 2 and "did you mean: lockgate slots renumber" in done.stderr
    shown = lockgate("slots", "--help").stdout
    assert "--explain" in shown and "renumber" in shown and "[PATHS]... | COMMAND" in shown
    assert "\x1b" not in lockgate("slots").stdout, "plain where it is piped"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("lockgate slo", "plain,slots"),
        ("lockgate slots re", "plain,reserve"),
        ("lockgate slots --exp", "plain,--explain"),
        ("lockgate slots renumber --t", "plain,--to"),
        ("lockgate new x --layout fly", "plain,flyway"),
    ],
)
def test_shell_completion(lockgate: Run, words: str, wanted: str) -> None:
    done = lockgate(_LOCKGATE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1))
    assert wanted in done.stdout.splitlines()


def test_every_layout_can_be_named() -> None:
    assert set(LAYOUTS) == {"auto", *BY_NAME}


def test_pending_tells_what_is_in_the_way(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, {"m/1_a.up.sql": "SELECT 1;\n", "lockgate.toml": '[ledger]\nsnapshot = "ledger.json"\n'})
    (tmp_path / "ledger.json").write_text('[{"version": 2, "dirty": true}]')
    said = lockgate("slots", "pending", "m").stdout
    assert "0 migrations are pending" in said and "error[S105]" in said and "error[S103]" in said
    stops = json.loads(lockgate("slots", "pending", "m", "--format", "json").stdout)["stops"]
    assert any("golang-migrate will refuse to run" in words for words in stops)


def test_golang_migrate_runs_nothing_while_dirty(lockgate: Run, tmp_path: Path) -> None:
    files = {f"m/{n}_a.up.sql": "SELECT 1;\n" for n in (128, 129, 130)}
    put(tmp_path, {**files, "lockgate.toml": '[ledger]\nsnapshot = "ledger.json"\n'})
    for dirty, count in ((True, "0 migrations are"), (False, "1 migration is")):
        (tmp_path / "ledger.json").write_text(json.dumps([{"version": 129, "dirty": dirty}]))
        said = lockgate("slots", "pending", "m").stdout
        assert f"{count} pending" in said and ("error[S105]" in said) is dirty
