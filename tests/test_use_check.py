"""``lockgate check`` and ``verify`` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lockgate import __version__
from tests.conftest import ROOT, Run

SCHEMA = json.loads((ROOT / "src/lockgate/schema/report-1.json").read_text())
OUTAGES, CLEAN = ROOT / "examples/three-outages", ROOT / "examples/clean"


def report_of(text: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(text)
    jsonschema.validate(report, SCHEMA)
    return report


def test_the_three_outages_are_foreseen(lockgate: Run) -> None:
    done = lockgate("check", "--format", "json", cwd=OUTAGES)
    assert done.returncode == 1, done.stderr
    report = report_of(done.stdout)
    said = [(f["name"], f["slot"], f["sqlstate"]) for f in report["findings"]]
    assert ("duplicate-slot", "123", None) in said
    assert ("ledger-name-mismatch", "123", None) in said
    assert said.count(("dropped-column-reference", "125", "42703")) == 3
    assert said.count(("ownership-required", "129", "42501")) == 3
    assert report["coverage"]["tainted"] == 0


def test_the_server_confirms_the_three_outages(lockgate: Run) -> None:
    done = lockgate("verify", "--format", "json", cwd=OUTAGES)
    assert done.returncode == 1, done.stderr
    report = report_of(done.stdout)
    predicted = [f for f in report["findings"] if f["sqlstate"]]
    assert len(predicted) == 6
    assert {f["evidence"]["verdict"] for f in predicted} == {"confirmed"}
    assert not [f for f in report["findings"] if f["name"] == "unforeseen-failure"]


@pytest.mark.parametrize("command", ["check", "verify"])
def test_the_clean_example_is_green(lockgate: Run, command: str) -> None:
    done = lockgate(command, "--format", "json", cwd=CLEAN)
    report = report_of(done.stdout)
    assert report["findings"] == [] and done.returncode == 0


def test_a_finding_marks_the_token_and_the_drop(lockgate: Run) -> None:
    report = report_of(lockgate("check", "--format", "json", cwd=OUTAGES).stdout)
    view = next(f for f in report["findings"] if f["object"] == "paliad.rules.is_mandatory")
    text = (OUTAGES / view["location"]["path"]).read_text()
    assert text[view["location"]["start"]["offset"] : view["location"]["end"]["offset"]] in (
        "is_mandatory",
        "r.is_mandatory",
        "r",
    )
    assert view["related"][0]["location"]["path"] == "migrations/091_priority.up.sql"


def test_version_and_help_import_nothing_heavy(lockgate: Run) -> None:
    import subprocess
    import sys

    code = (
        "import sys\nfrom lockgate.cli.group import cli\n"
        "try: cli.main(['--help'], standalone_mode=True)\nexcept SystemExit: pass\n"
        "print([m for m in ('pglast', 'psycopg', 'rich', 'httpx', 'sqlglot') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert __version__ in lockgate("--version").stdout


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text)
    return folder


def test_a_syntax_error_does_not_hide_the_rest(lockgate: Run, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "m",
        **{"0001_a": "CREATE TABLE t (a int);\nCREAT TABLE u ();\nSELECT b FROM t;", "0002_b": "SELECT c FROM t;"},
    )
    report = report_of(lockgate("check", str(folder), "--format", "json").stdout)
    assert [(f["name"], f["location"]["start"]["line"]) for f in report["findings"]] == [
        ("syntax-error", 2),
        ("unknown-column", 3),
        ("unknown-column", 1),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["check", "nowhere"], 2, "nowhere"),
        (["check", "empty"], 3, "no .sql file"),
        (["check", "latin"], 3, "latin/0001_a.sql:2: not UTF-8"),
        (["check", "good", "--config", "bad.toml"], 2, "bad.toml:2: unknown key in [roles]"),
        (["check", "good", "--config", "ledger.toml"], 3, "ledger.json:1"),
        (["chekc"], 2, "did you mean check"),
        (["check", "good", "--format", "xml"], 2, "xml"),
    ],
)
def test_bad_input_is_told_clearly(lockgate: Run, tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    write(tmp_path / "good", **{"0001_a": "SELECT 1;"})
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin").mkdir()
    (tmp_path / "latin/0001_a.sql").write_bytes(b"SELECT 1;\n-- \xe9\n")
    (tmp_path / "bad.toml").write_text('[roles]\nownr = "a"\n')
    (tmp_path / "ledger.toml").write_text('[ledger]\nsnapshot = "ledger.json"\n')
    (tmp_path / "ledger.json").write_text("{not json")
    done = lockgate(*arguments)
    assert done.returncode == code
    assert words in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_stdin_takes_the_place_of_a_file(lockgate: Run, tmp_path: Path) -> None:
    write(tmp_path / "m", **{"0001_a": "CREATE TABLE t (a int);", "0002_b": "SELECT a FROM t;"})
    done = lockgate("check", "m", "--format", "json", "--stdin-filename", "m/0002_b.sql", stdin="SELECT b FROM t;")
    assert [f["object"] for f in report_of(done.stdout)["findings"]] == ["public.t.b"]


def test_a_suppression_needs_the_right_rule(lockgate: Run, tmp_path: Path) -> None:
    write(
        tmp_path / "m",
        **{
            "0001_a": "CREATE TABLE t (a int);\n-- lockgate: ignore unknown-column: made by hand\nSELECT b FROM t;\nSELECT c FROM t; -- lockgate: ignore T204: no\n",
        },
    )
    report = report_of(lockgate("check", "m", "--format", "json").stdout)
    assert [f["object"] for f in report["findings"] if f["sqlstate"]] == ["public.t.c"]
    assert report["summary"]["suppressed"] == 1


def test_a_suppression_that_does_nothing_is_told(lockgate: Run, tmp_path: Path) -> None:
    write(
        tmp_path / "m",
        **{
            "0001_a": "CREATE TABLE t (a int);\nSELECT b FROM t; -- lockgate: ignore unknown-colunm: by hand\nSELECT c FROM t; -- lockgate: ignore T203\n"
            "SELECT a FROM t; -- lockgate: ignore T203: long gone\n-- lockgate: ignore\nSELECT a FROM t;\n",
        },
    )

    def told(command: str) -> list[tuple[int, str]]:
        findings = report_of(lockgate(command, "m", "--format", "json").stdout)["findings"]
        return [(f["location"]["start"]["line"], f["message"]) for f in findings if f["name"] == "faulty-suppression"]

    always = [
        (2, "there is no rule unknown-colunm"),
        (3, "this suppression gives no reason"),
        (5, "this suppression names no rule, and silences nothing"),
    ]
    assert told("check") == always, "what only a server can say may be silenced too: check does not know"
    assert told("verify") == sorted([*always, (4, "nothing is silenced here: T203 has nothing to say")])


@pytest.mark.parametrize("form", ["sarif", "gitlab", "junit", "annotations", "terminal"])
def test_every_format_names_the_place(lockgate: Run, form: str) -> None:
    done = lockgate("check", "--format", form, cwd=OUTAGES)
    assert done.returncode == 1
    assert "125_cross_cutting_filter.up.sql" in done.stdout
    assert "\x1b" not in done.stdout, "no colors into a pipe"


def test_without_a_version_what_the_newest_takes_is_no_error(lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "app/migrations").mkdir(parents=True)
    renamed = "ALTER TABLE t RENAME CONSTRAINT t_a_not_null TO a_there;\n"  # a constraint with a name from 18 on
    (tmp_path / "app/migrations/1_t.up.sql").write_text(f"CREATE TABLE t (a int NOT NULL);\n{renamed}")
    done = lockgate("check")
    assert done.returncode == 0 and "info[T207]" in done.stdout and "set [database] version" in done.stdout
    assert "1 migrations in app/migrations, " in done.stdout
    (tmp_path / "lockgate.toml").write_text("[database]\nversion = 16\n")
    assert lockgate("check").returncode == 1
    (tmp_path / "lockgate.toml").write_text("[database]\nversion = 18\n")
    assert lockgate("check").returncode == 0
    (tmp_path / "lockgate.toml").unlink()
    (tmp_path / "app/migrations/2_u.up.sql").write_text("ALTER TABLE u ADD COLUMN b int;\n")
    assert lockgate("check").returncode == 1


def test_single_files_are_looked_at_in_their_history(lockgate: Run) -> None:
    late, early = "migrations/129_project_event_choices.up.sql", "migrations/091_priority.up.sql"
    for command in ("check", "verify"):
        report = report_of(lockgate(command, "--format", "json", late, early, cwd=OUTAGES).stdout)
        refused = {(f["location"]["path"], f["sqlstate"]) for f in report["findings"] if f["sqlstate"]}
        assert refused == {(late, "42501")}
        assert report["coverage"]["migrations"] == 9
    assert lockgate("check", early, cwd=OUTAGES).returncode == 0


def test_single_files_that_stand_in_no_history_are_one(lockgate: Run, tmp_path: Path) -> None:
    (tmp_path / "make.sql").write_text("CREATE TABLE t (id int);\n")
    (tmp_path / "use.sql").write_text("ALTER TABLE t ADD COLUMN id int;\n")
    assert "42701" in lockgate("check", "make.sql", "use.sql").stdout
    assert "42P01" in lockgate("check", "use.sql").stdout
