"""[queries] and --release as a user has them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import Run
from tests.test_use_check import SCHEMA

FILES = {
    "lockgate.toml": '[migrations]\npaths = ["db/migrations"]\n[queries]\npaths = ["app", "db/*.sql"]\nexclude = ["app/old/**"]\n[rules]\nignore = ["L", "X", "C2"]\n',
    "db/migrations/0001_a.up.sql": "CREATE TABLE rules (id int PRIMARY KEY, is_mandatory boolean, title text);\nCREATE TABLE drafts (id int);\n",
    "db/queries.sql": "-- name: Rules :many\nSELECT id, title FROM rules WHERE is_mandatory AND id = @id;\n",
    "app/main.go": 'package app\n\nvar q = "SELECT id FROM drafts WHERE id = $1"\nvar r = "SELECT id FROM rules " + where\n',
    "app/main_test.go": 'package app\n\nvar q = "SELECT nope FROM rules"\n',
    "app/migrations/old.py": 'op.execute("UPDATE rules SET gone = 1")\n',
    "app/old/x.py": 'q = "SELECT nope FROM rules"\n',
}
PENDING = "ALTER TABLE rules DROP COLUMN is_mandatory;\nDROP TABLE drafts;\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "v1"],
        ["tag", "v1"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def findings(run: Run, *words: str) -> list[dict[str, Any]]:
    done = run(*words, "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    return list(report["findings"])


def test_a_clean_tree_and_its_coverage(project: Path, lockgate: Run) -> None:
    done = lockgate("check", "--format", "json")
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    assert done.returncode == 0 and report["findings"] == []
    assert report["coverage"]["queries"] == {"found": 3, "resolved": 2, "partial": 1}
    assert "2 of 3 queries of the application" in lockgate("check").stdout
    assert lockgate("check", "--release", "v1").returncode == 0


def test_without_the_section_nothing_is_said(project: Path, lockgate: Run) -> None:
    (project / "lockgate.toml").write_text('[migrations]\npaths = ["db/migrations"]\n')
    assert "queries" not in json.loads(lockgate("check", "--format", "json").stdout)["coverage"]


def test_the_head_and_the_running_release(project: Path, lockgate: Run) -> None:
    (project / "db/migrations/0002_b.up.sql").write_text(PENDING)
    (project / "app/main.go").write_text(FILES["app/main.go"].replace("drafts", "rules"))
    said = {
        (f["name"], f["location"]["path"], f["location"]["start"]["line"])
        for f in findings(lockgate, "check", "--release", "v1")
    }
    assert said == {
        ("query-reads-dropped-column", "db/queries.sql", 2),
        ("running-release-breaks", "db/queries.sql", 2),
        ("running-release-breaks", "app/main.go", 3),
    }
    related = [r for f in findings(lockgate, "check", "--release", "v1") for r in f["related"]]
    assert {r["location"]["path"] for r in related} == {"db/migrations/0002_b.up.sql"}


def test_what_the_release_broke_itself_is_not_pending(project: Path, lockgate: Run) -> None:
    (project / "db/migrations/0002_b.up.sql").write_text(PENDING)
    subprocess.run(["git", "add", "-A"], cwd=project, check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "v2"], cwd=project, check=True
    )
    assert "running-release-breaks" not in {f["name"] for f in findings(lockgate, "check", "--release", "HEAD")}


def test_what_that_release_lacks_too_is_not_broken_by_the_pending(project: Path, lockgate: Run) -> None:
    (project / "app/main.go").write_text(
        'package app\n\nvar q = "SELECT id FROM gone WHERE id = $1"\nvar r = "SELECT x FROM gone " + where\n'
    )
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qam", "v2"], cwd=project, check=True
    )
    (project / "db/migrations/0002_b.up.sql").write_text("CREATE TABLE gone (id int, x int);\nDROP TABLE gone;\n")
    assert not [f for f in findings(lockgate, "check", "--release", "HEAD") if f["name"] == "running-release-breaks"]


def test_the_server_confirms(project: Path, lockgate: Run) -> None:
    (project / "db/migrations/0002_b.up.sql").write_text(PENDING)
    found = findings(lockgate, "verify", "--release", "v1")
    assert {f["name"] for f in found} == {
        "query-reads-dropped-column",
        "query-reads-dropped-relation",
        "running-release-breaks",
    }
    assert {(f["evidence"]["verdict"], f["evidence"]["sqlstate"] == f["sqlstate"]) for f in found} == {
        ("confirmed", True)
    }


def test_the_server_is_asked_for_the_certain_part_of_a_query(project: Path, lockgate: Run) -> None:
    (project / "db/migrations/0002_b.up.sql").write_text("ALTER TABLE rules DROP COLUMN is_mandatory;\n")
    (project / "db/queries.sql").write_text("SELECT id FROM drafts;\n")
    (project / "app/main.go").write_text(
        'package app\n\nvar q = b.Join("LEFT JOIN rules r ON r.id = d.rule AND r.is_mandatory")\n'
    )
    (found,) = findings(lockgate, "verify")
    assert (found["name"], found["location"]["start"]) == (
        "query-reads-dropped-column",
        {"line": 3, "column": 58, "offset": 70},
    )
    assert (
        found["evidence"]["verdict"] == "confirmed" and "the certain part of the query" in found["evidence"]["message"]
    )


def test_the_server_s_word_where_the_simulator_was_in_doubt(project: Path, lockgate: Run) -> None:
    (project / "db/migrations/0002_b.up.sql").write_text(
        "DO $$ BEGIN EXECUTE concat('ALTER TABLE rules DROP COLUMN ', lower('IS_MANDATORY')); END $$;"
    )
    found = findings(lockgate, "verify")
    assert [(f["location"]["path"], f["evidence"]["verdict"]) for f in found if f["rule"].startswith("C")] == [
        ("db/queries.sql", "confirmed")
    ]


def test_suppressions_in_the_language_s_own_comment(project: Path, lockgate: Run) -> None:
    (project / "app/main.go").write_text(
        'package app\n\n// lockgate: ignore query-unknown-column: made by hand\nvar q = `\nSELECT nope\nFROM rules`\nvar r = "SELECT nope FROM rules"\n'
    )
    assert [f["location"]["start"]["line"] for f in findings(lockgate, "check")] == [7]


def test_since_counts_the_migration_too(project: Path, lockgate: Run) -> None:
    (project / "db/migrations/0002_b.up.sql").write_text(PENDING)
    assert len(findings(lockgate, "check", "--since", "v1")) == 2


@pytest.mark.parametrize(
    ("words", "config", "code", "said"),
    [
        (("--release", "nope"), None, 2, "no such commit"),
        ((), '[queries]\npaths = ["nowhere"]\n', 2, "no file"),
        ((), '[queries]\npath = ["app"]\n', 2, 'did you mean "paths"'),
        (("--release", "v1"), "", 2, "[queries] paths"),
    ],
)
def test_errors_say_what_to_do(
    project: Path, lockgate: Run, words: tuple[str, ...], config: str | None, code: int, said: str
) -> None:
    if config is not None:
        (project / "lockgate.toml").write_text('[migrations]\npaths = ["db/migrations"]\n' + config)
    done = lockgate("check", *words)
    assert done.returncode == code and said in done.stderr and "Traceback" not in done.stderr


def test_a_file_that_is_not_utf_8_has_its_queries_too(project: Path, lockgate: Run) -> None:
    (project / "app/latin.py").write_bytes('# \xe9\xe9\nq = "SELECT nope FROM rules"\n'.encode("latin-1"))
    start = findings(lockgate, "check")[0]["location"]["start"]
    assert (start["line"], start["column"]) == (2, 13)


def test_what_is_remembered_is_the_same(project: Path, lockgate: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    (project / "db/migrations/0002_b.up.sql").write_text(PENDING)
    home = str(tmp_path_factory.mktemp("cache"))
    worlds = ({"XDG_CACHE_HOME": home}, {"XDG_CACHE_HOME": home}, {"LOCKGATE_CACHE": "off"})
    first, second, off = (lockgate("check", "--format", "json", **env).stdout for env in worlds)
    assert first == second == off and json.loads(first)["findings"]
