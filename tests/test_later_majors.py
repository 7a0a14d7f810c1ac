"""What is told where nobody says which PostgreSQL it is, and remedies that are told once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run

TABLES = "CREATE TABLE kinds (id int PRIMARY KEY);\nCREATE TABLE t (a int);\n"
ROWS = "INSERT INTO t VALUES (1);\n"
SQL = "CREATE FUNCTION known(i int) RETURNS boolean IMMUTABLE {}LANGUAGE sql AS $$ SELECT EXISTS (SELECT 1 FROM kinds WHERE id = i) $$;\n"
PLPGSQL = "CREATE FUNCTION known(i int) RETURNS boolean IMMUTABLE {}LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT 1 FROM kinds WHERE id = i); END $$;\n"


def found(lockgate: Run, folder: Path, *more: str, **files: str) -> list[dict[str, Any]]:
    (folder / "migrations").mkdir(exist_ok=True)
    for name, text in files.items():
        path = folder / ("lockgate.toml" if name == "toml" else f"migrations/{name[1:]}.sql")
        path.write_text(text)
    done = lockgate("check", *more, "--format", "json")
    return [f for f in json.loads(done.stdout)["findings"] if f["rule"][0] in "TO"]


@pytest.mark.parametrize(
    ("body", "statement", "told"),
    [
        (SQL, "CREATE INDEX i ON t (known(a));", True),
        (PLPGSQL, "CREATE UNIQUE INDEX i ON t (a) WHERE known(a);", True),
        (SQL, "CREATE MATERIALIZED VIEW v AS SELECT known(a) FROM t;", True),
        (SQL, "CREATE VIEW v AS SELECT known(a) FROM t;", False),
        (SQL, "CREATE INDEX i ON t (abs(a));", False),
        (SQL, "CREATE MATERIALIZED VIEW v AS SELECT known(a) FROM t WITH NO DATA;", False),
    ],
)
def test_maintenance_with_a_safe_path(lockgate: Run, tmp_path: Path, body: str, statement: str, told: bool) -> None:
    """A warning without a SQLSTATE; nothing where the function names its path, an older major is configured, or no
    maintenance runs it."""
    files = {"_1": TABLES + ROWS, "_2": body.format("") + statement + "\n"}
    lines = [(f["severity"], f["sqlstate"], f["location"]["start"]["line"]) for f in found(lockgate, tmp_path, **files)]
    assert lines == ([("warning", None, 2)] if told else [])
    assert not found(lockgate, tmp_path, toml="[database]\nversion = 16\n")
    (tmp_path / "lockgate.toml").unlink()
    assert not found(lockgate, tmp_path, _2=body.format("SET search_path FROM CURRENT ") + statement + "\n")


def test_one_grant_is_told_once(lockgate: Run, tmp_path: Path) -> None:
    """Later CREATEs that lack the same grant are related places; where the first is suppressed, the next one speaks."""
    toml = (
        '[database]\nversion = 15\n[roles]\nowner = "postgres"\ndeployer = "app"\nhandover = "0000"\n'
        'handover_sql = "handover.sql"\n'
    )
    (tmp_path / "handover.sql").write_text("GRANT USAGE ON SCHEMA public TO app;\n")
    made = "CREATE TABLE {} (id int);\n"
    files = {"_0001_a": made.format("a"), "_0002_b": made.format("b") + "ALTER TABLE a ADD c int;\n"}
    (one,) = found(lockgate, tmp_path, toml=toml, **files)
    assert (one["sqlstate"], one["location"]["path"]) == ("42501", "migrations/0001_a.sql")
    assert [r["location"]["path"] for r in one["related"]] == ["migrations/0002_b.sql"]
    silenced = "-- lockgate: ignore O302: by hand\n" + made.format("a")
    (two,) = found(lockgate, tmp_path, _0001_a=silenced)
    assert (two["location"]["path"], two["related"]) == ("migrations/0002_b.sql", [])
