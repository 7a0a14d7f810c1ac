"""A repository with several histories: each is judged for itself, and all outputs keep them apart."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from lockgate.base.config import load as load_config
from lockgate.base.errors import UsageError
from tests.conftest import Run
from tests.slots_kit import put

T = "CREATE TABLE t (a int);\n"
GOOSE = "-- +goose Up\n{}\n-- +goose Down\nDROP TABLE IF EXISTS t;\n"
# both make public.t: as one history the second would fail
TWO = {
    "svc/a/migrations/1_a.up.sql": T,
    "svc/a/migrations/1_a.down.sql": "DROP TABLE t;\n",
    "svc/b/sql/migrations/001_a.sql": GOOSE.format(T),
    "svc/b/sql/migrations/002_b.sql": GOOSE.format("ALTER TABLE t DROP COLUMN zz;"),
    "testdata/migrations/1_a.up.sql": "DROP TABLE nothing;\n",
    "scripts/1_fill.sql": "INSERT INTO nowhere VALUES (1);\n",
}


def found(run: Run, *words: str) -> dict[str, Any]:
    done = run(*words, "--format", "json")
    document = json.loads(done.stdout)
    assert isinstance(document, dict) and done.returncode == 1, done.stderr
    return document


@pytest.mark.parametrize("command", [("check",), ("check", "."), ("verify",)])
def test_each_is_judged_for_itself(lockgate: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    put(tmp_path, TWO)
    report = found(lockgate, *command)
    errors = [(f["rule"], f["location"]["path"]) for f in report["findings"] if f["severity"] == "error"]
    assert errors == [("T203", "svc/b/sql/migrations/002_b.sql")]
    assert report["coverage"]["migrations"] == 3
    each = [(h["name"], h["layout"], h["exit_code"], h["coverage"]["migrations"]) for h in report["histories"]]
    assert each == [("svc/a/migrations", "golang-migrate", 0, 1), ("svc/b/sql/migrations", "goose", 1, 2)]
    passed = report["passed_over"]
    assert isinstance(passed, list) and [p.partition(":")[0] for p in passed] == ["scripts", "testdata/migrations"]


def test_every_output_tells_them_apart(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, TWO)
    told = lockgate("check")
    assert told.returncode == 1
    first, second = told.stdout.split("=== svc/b/sql/migrations (goose)")
    assert "=== svc/a/migrations (golang-migrate)" in first and "T203" not in first and "T203" in second
    assert second.rstrip().endswith("2 histories, not in order: svc/b/sql/migrations")
    suite = ET.fromstring(lockgate("check", "--format", "junit").stdout)
    assert {c.get("classname") for c in suite} == {"lockgate.svc/a/migrations", "lockgate.svc/b/sql/migrations"}
    (run,) = json.loads(lockgate("check", "--format", "sarif").stdout)["runs"]
    assert [h["name"] for h in run["properties"]["histories"]] == ["svc/a/migrations", "svc/b/sql/migrations"]


def test_what_cannot_be_read_stops_only_its_own_history(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, TWO | {"c/migrations/V1__a.sql": T, "c/migrations/2_b.up.sql": T, "c/migrations/V2__a.sql": T})
    told = lockgate("check", "--format", "json")
    assert told.returncode == 2
    report = json.loads(told.stdout)
    assert [(h["name"], h["exit_code"]) for h in report["histories"]] == [
        ("c/migrations", 2),
        ("svc/a/migrations", 0),
        ("svc/b/sql/migrations", 1),
    ]
    assert "several layouts are mixed" in report["histories"][0]["error"]["message"]
    suite = ET.fromstring(lockgate("check", "--format", "junit").stdout)
    assert suite.get("errors") == "1" and [c.get("name") for c in suite if c.find("error") is not None] == [
        "c/migrations"
    ]
    for form in ("terminal", "annotations", "concise", "sarif"):
        assert "several layouts are mixed" in lockgate("check", "--format", form).stdout


def test_one_is_named_where_one_is_wanted(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, TWO)
    asked = lockgate("slots")
    assert asked.returncode == 2 and "svc/a/migrations, svc/b/sql/migrations" in asked.stderr
    assert "--history NAME" in asked.stderr
    told = lockgate("slots", "--history", "b/sql/migrations")
    assert told.returncode == 0 and "2 slots (goose)" in told.stdout
    assert "svc/a/migrations/1_a.up.sql" in lockgate("timeline", "--history", "svc/a/migrations").stdout
    wrong = lockgate("timeline", "--history", "x")
    assert wrong.returncode == 2 and "no history has that name" in wrong.stderr
    assert lockgate("check", "--history", "svc/a/migrations").returncode == 0


def test_sql_beside_code(lockgate: Run, tmp_path: Path) -> None:
    revision = 'from alembic import op\nrevision = "a1"\ndown_revision = None\ndef upgrade():\n    op.execute("{}")\n'
    put(
        tmp_path,
        {
            "alembic.ini": "[alembic]\nscript_location = py\n",
            "py/versions/a1_x.py": revision.format("CREATE TABLE t (a int); ALTER TABLE t DROP COLUMN q"),
            "go/migrations/1_a.up.sql": T,
        },
    )
    report = found(lockgate, "check")
    assert [(h["layout"], h["exit_code"]) for h in report["histories"]] == [("golang-migrate", 0), ("alembic", 1)]


@pytest.mark.parametrize("command", ["check", "verify"])
def test_one_that_stands_on_another(lockgate: Run, tmp_path: Path, command: str) -> None:
    """Two runners over one database: what the other one makes may be there; what was dropped here is still certain."""
    put(
        tmp_path,
        {
            "a/migrations/V1__a.sql": "CREATE SCHEMA s; CREATE TABLE s.users (id int); CREATE TABLE t (a int);\n",
            "b/migrations/V1__a.sql": "CREATE TABLE mine (u int); ALTER TABLE s.users ADD x int;\n",
            "b/migrations/V2__a.sql": "CREATE TABLE t2 (a int); DROP TABLE t2; ALTER TABLE mine DROP COLUMN zz;\n",
            "b/migrations/V3__a.sql": "ALTER TABLE t2 ADD b int;\n",
        },
    )
    report = found(lockgate, command)
    errors = [(f["rule"], f["location"]["path"]) for f in report["findings"] if f["severity"] == "error"]
    assert errors == [("T203", "b/migrations/V2__a.sql"), ("T202", "b/migrations/V3__a.sql")]


CONFIGURED = """
[[migrations]]
name = "shop"
paths = ["svc/a/migrations"]
[migrations.database]
version = 15

[[migrations]]
name = "mail"
paths = ["svc/b/sql/migrations"]
layout = "goose"
[migrations.roles]
owner = "mail_owner"
"""


def test_configured_histories(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, TWO | {"lockgate.toml": CONFIGURED + "[database]\nversion = 17\n"})
    shop, mail = load_config(tmp_path / "lockgate.toml", tmp_path).histories
    assert (shop.migrations.name, shop.database.version, mail.database.version) == ("shop", 15, 17)
    assert (shop.roles.owner, mail.roles.owner) == ("", "mail_owner")
    report = found(lockgate, "check")
    assert [(h["name"], h["exit_code"]) for h in report["histories"]] == [("shop", 0), ("mail", 1)]
    alone = found(lockgate, "check", "svc/b/sql/migrations/002_b.sql")
    assert "histories" not in alone and len(alone["findings"]) == 1
    assert lockgate("check", "svc/a").returncode == 0
    assert "2 slots (goose)" in lockgate("slots", "--history", "mail").stdout
    assert lockgate("check", "--history", "shop").returncode == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CONFIGURED.replace('name = "mail"\n', ""), "each .*migrations.* has a name"),
        (CONFIGURED.replace('"mail"', '"shop"'), "each .*migrations.* has a name"),
        (CONFIGURED + '[ledger]\nsnapshot = "l.json"\n', "ledger does not say whose it is"),
        (CONFIGURED.replace("layout", "layuot"), 'unknown key in .migrations.: "layuot"'),
        ("migrations = [1]\n", "must be a table"),
    ],
)
def test_wrong_histories_are_told(tmp_path: Path, text: str, words: str) -> None:
    put(tmp_path, {"lockgate.toml": text})
    with pytest.raises(UsageError, match=words):
        load_config(tmp_path / "lockgate.toml", tmp_path)


def test_settings_of_one_history_are_not_taken_for_anothers(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, TWO | {"lockgate.toml": '[ledger]\nsnapshot = "l.json"\n', "l.json": "{}"})
    told = lockgate("check")
    assert (
        told.returncode == 2 and "[ledger] does not say whose it is" in told.stderr and "[[migrations]]" in told.stderr
    )
