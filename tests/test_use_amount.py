"""How much `check` tells, and of what: one line each, counts, limits, standard input, what is left out, near names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lockgate.api import Request, check
from lockgate.queries import examine
from tests.conftest import Run

LINE = re.compile(r"m/0002_b\.sql:\d+:\d+: error\[T203\] column \"\w\" does not exist \[42703\]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "m"
    home.mkdir()
    (home / "0001_a.sql").write_text("CREATE TABLE a (i int);\n")
    (home / "0002_b.sql").write_text("SELECT b FROM a;\nSELECT c FROM a;\nSELECT d FROM a;\n")
    return tmp_path


def test_one_line_for_each_finding(folder: Path, lockgate: Run) -> None:
    lines = lockgate("check", "m", "--format", "concise", cwd=folder).stdout.splitlines()
    assert [bool(LINE.fullmatch(line)) for line in lines] == [True, True, True, False]
    assert lines[-1] == "3 findings"


def test_quiet_tells_findings_alone(folder: Path, lockgate: Run) -> None:
    assert len(lockgate("check", "m", "--format", "concise", "-q", cwd=folder).stdout.splitlines()) == 3
    told = lockgate("check", "m", "--quiet", cwd=folder).stdout
    assert "statements exact" not in told and told.count("error[T203]") == 3
    (folder / "m/0002_b.sql").write_text("SELECT i FROM a;\n")
    assert lockgate("check", "m", "--quiet", cwd=folder).stdout == ""


def test_verbose_gives_the_remedies(folder: Path, lockgate: Run) -> None:
    assert "lockgate snapshot reads them" in lockgate("check", "m", "-v", cwd=folder).stdout
    assert "lockgate snapshot reads them" not in lockgate("check", "m", cwd=folder).stdout


def test_statistics_and_a_limit(folder: Path, lockgate: Run) -> None:
    done = lockgate("check", "m", "--statistics", "--max-findings", "1", cwd=folder)
    assert done.returncode == 1
    assert done.stdout.count("-->") == 1 and "2 more findings; --max-findings 0 tells all" in done.stdout
    assert "     3  T203  unknown-column (error)" in done.stdout
    assert lockgate("check", "m", "--max-findings", "-1", cwd=folder).returncode == 2
    whole = json.loads(lockgate("check", "m", "--max-findings", "1", "--format", "json", cwd=folder).stdout)
    assert len(whole["findings"]) == 3, "documents are whole"


def test_standard_input_alone(tmp_path: Path, lockgate: Run) -> None:
    done = lockgate(
        "check", "-", "--format", "concise", cwd=tmp_path, stdin="CREATE TABLE a (i int);\nSELECT b FROM a;\n"
    )
    assert done.stdout.startswith("<stdin>:2:8: error[T203]") and done.returncode == 1
    named = lockgate(
        "check", "--stdin-filename", "fix.sql", "--format", "concise", cwd=tmp_path, stdin="SELECT b FROM a;\n"
    )
    assert named.stdout.startswith("fix.sql:1:15: error[T204]"), "a file that is not there yet"
    assert lockgate("check", "-", "m", cwd=tmp_path, stdin="").returncode == 2


@pytest.mark.parametrize("pattern", ["m/0002_b.sql", "*_b.sql", "m/*b*"])
def test_what_is_left_out(folder: Path, lockgate: Run, pattern: str) -> None:
    done = lockgate("check", "m", "--exclude", pattern, cwd=folder)
    assert done.returncode == 0 and "1 migrations, 1 of 1 statements exact" in done.stdout


def test_a_mistyped_path_has_a_near_name(folder: Path, lockgate: Run) -> None:
    (folder / "db/migrations").mkdir(parents=True)
    assert "did you mean db/migrations?" in lockgate("check", "db/migratons", cwd=folder).stderr
    assert "did you mean m/0001_a.sql?" in lockgate("check", "m/0001_aa.sql", cwd=folder).stderr


def test_known_findings_are_counted_and_new_ones_told(folder: Path, lockgate: Run) -> None:
    assert "needs [rules] known" in lockgate("check", "--update-known", cwd=folder).stderr
    (folder / "lockgate.toml").write_text('[migrations]\npaths = ["m"]\n[rules]\nknown = "lockgate/known.json"\n')
    done = lockgate("check", "--update-known", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "lockgate/known.json: 3 findings are known now\n")
    known = json.loads((folder / "lockgate/known.json").read_text())["known"]
    assert {one["path"] for one in known} == {"m/0002_b.sql"} and known[0]["rule"] == "T203"
    quiet = lockgate("check", cwd=folder)
    assert quiet.returncode == 0 and "3 known findings ([rules] known)" in quiet.stdout
    text = (folder / "m/0002_b.sql").read_text()
    (folder / "m/0002_b.sql").write_text("-- moved\n\n" + text + "SELECT e FROM a;\n")
    found = json.loads(lockgate("check", "--format", "json", cwd=folder).stdout)
    assert [f["location"]["start"]["line"] for f in found["findings"]] == [6] and found["summary"]["known"] == 3
    (folder / "lockgate/known.json").write_text("[]")
    broken = lockgate("check", cwd=folder)
    assert broken.returncode == 3 and "lockgate check --update-known" in broken.stderr


def test_a_run_that_stops_at_many_queries_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "m/0002_b.sql").unlink()
    (folder / "app.py").write_text('A = "SELECT i FROM a WHERE i = 1"\nB = "SELECT i FROM a WHERE i = 2"\n')
    (folder / "lockgate.toml").write_text('[migrations]\npaths = ["m"]\n[queries]\npaths = ["app.py"]\n')
    monkeypatch.setenv("LOCKGATE_CACHE", "off")
    for most, said in ((1, ["1 were looked at"]), (3, [])):
        monkeypatch.setattr(examine, "MOST", most)
        found = check(Request(cwd=folder)).unjudged
        assert [one.why for one in found if one.what == "further queries"] == said
