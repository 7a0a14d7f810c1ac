"""A little of the long siege (``python -m tests.siege``), and what it and strangers' attacks have found."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockgate.base.git import GitFailed, output
from lockgate.cli.publish import command as publish
from lockgate.oracle.apply.plan import ApplyReport
from lockgate.oracle.server import template
from tests.live_kit import TWO, run
from tests.live_kit import migration as made
from tests.siege import fuzz

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(2))
def test_mutated_sql_is_answered(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKGATE_CACHE", "off")
    count, wrong = fuzz.run(90, seed, 60)
    assert count == 60 and not wrong, "\n\n".join(wrong)


def test_the_fuzzer_would_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that one of its texts meets is reported with the text."""

    def broken(text: str) -> None:
        raise RecursionError("found")

    monkeypatch.setattr(fuzz, "split", broken)
    count, wrong = fuzz.run(60, 0, 3)
    assert count == len(wrong) == 3 and wrong[0].startswith("RecursionError: found\n")
    assert list(zip(range(5), fuzz.texts(7), strict=False)) == list(zip(range(5), fuzz.texts(7), strict=False))


def test_kills_leave_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.siege", "--kills", "8", "--seed", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "8 kills, 0 faults" in done.stdout, done.stdout + done.stderr


def test_templates_of_installations_that_are_gone_are_evicted(tmp_path: Path) -> None:
    now = time.time()
    for number in range(12):
        pack = tmp_path / f"cluster-17.{number}-0.pack"
        pack.touch()
        os.utime(pack, (now - number, now - number))
    for name, age in (
        ("cluster-16.1-0.pack", 40 * 86_400),
        ("cluster-x.tmp", 700),
        ("cluster-y.tmp", 5),
        ("other", 1e8),
    ):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - age, now - age))
    template._evict(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([*(f"cluster-17.{number}-0.pack" for number in range(8)), "cluster-y.tmp", "other"])


SLEEPS = """CREATE FUNCTION sleeps() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_sleep(1000); RETURN 1; EXCEPTION WHEN OTHERS OR query_canceled THEN PERFORM pg_sleep(1000); RETURN 1; END';
CREATE FUNCTION asks() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT 1 WHERE sleeps() = 1); END';"""


def test_a_body_whose_planning_never_ends_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lockgate.oracle.bodies.body._SECONDS", 1)
    broken = "CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT gone FROM nowhere); END';"
    report: ApplyReport = run(made("1_a", SLEEPS), made("2_b", broken), bodies=True)
    assert [seen.routine for seen in report.bodies] == ["public.fails()"]
    assert any("bodies of routines were not looked at" in note for note in report.notes)


def test_bodies_have_a_budget_together() -> None:
    """Migrations can make any number of them."""
    many = (
        "DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE FUNCTION f%s() RETURNS int LANGUAGE plpgsql AS %L', i,"
    )
    many += " 'BEGIN RETURN (SELECT gone FROM nowhere); END'); END LOOP; END $$;"
    report = run(made("1_a", many), bodies=True, statement_timeout=0.2)
    assert len(report.bodies) < 300 and any("not looked at" in note for note in report.notes)
    assert "not looked at" not in "".join(run(made("1_a", "SELECT 1;"), bodies=True).notes)


def test_what_a_prepared_transaction_holds_is_named() -> None:
    from lockgate.base.errors import CannotCheck

    table = "CREATE TABLE t (id int DEFAULT 1);"
    held = "BEGIN; LOCK TABLE t; PREPARE TRANSACTION 'x';"
    with pytest.raises(CannotCheck, match="hold a lock") as refused:
        run(
            made("1_a", table),
            made("2_b", held),
            made("3_c", "CREATE TABLE u ();"),
            roles=TWO,
            audit=True,
            definitions=True,
        )
    assert "ROLLBACK PREPARED" in refused.value.remedy


def test_what_looks_like_a_repository_of_its_own_in_the_tree_configures_nothing(tmp_path: Path) -> None:
    """A tree can hold a bare repository's files, and git would read their configuration: core.fsmonitor is a program."""
    trap = tmp_path / "migrations"
    subprocess.run(["git", "init", "-q", "--bare", str(trap)], check=True)
    marker = tmp_path / "marker"
    with (trap / "config").open("a") as file:
        file.write(f'[core]\n\tbare = false\n\tworktree = ..\n\tfsmonitor = "touch {marker}; false"\n')
    with pytest.raises(GitFailed, match="bare repository"):
        output(trap, "status", "--porcelain")
    plain = tmp_path / "plain"
    subprocess.run(["git", "init", "-q", str(plain)], check=True)
    subprocess.run(["git", "config", "core.fsmonitor", f"touch {marker}; false"], cwd=plain, check=True)
    output(plain, "status", "--porcelain")
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["device", "fifo", "large"])
def test_reports_and_events_are_read_within_bounds(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from lockgate.base.errors import CannotCheck
    from lockgate.deploy import attestation, gitea

    place = tmp_path / "report.json"
    if kind == "device":
        place.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        with place.open("wb") as file:
            file.truncate(1 << 31)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(place))
    assert gitea.pull_request_head(os.environ) == ""
    with pytest.raises(CannotCheck):
        attestation.read(place)
    with pytest.raises(CannotCheck):
        attestation.digest([place], tmp_path)
    done = CliRunner().invoke(publish, ["check", str(place)])
    assert isinstance(done.exception, CannotCheck), done
