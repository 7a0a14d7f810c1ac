"""Migrations of Rails, Ecto, EF Core and Laravel: the dump beside them is checked, else it is said what would help."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run

FILES = {
    "Rails": ("db/migrate/20240101000000_create_users.rb", "db/structure.sql", "schema_format = :sql"),
    "Ecto": ("priv/repo/migrations/20240101000000_create_users.exs", "priv/repo/structure.sql", "mix ecto.dump"),
    "EF Core": ("src/Data/Migrations/20240101000000_CreateUsers.cs", "", "dotnet ef migrations script"),
    "Laravel": (
        "database/migrations/2024_01_01_000000_create_users_table.php",
        "database/schema/pgsql-schema.sql",
        "schema:dump",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_nobody_reads_is_named_with_what_helps(tmp_path: Path, lockgate: Run, name: str) -> None:
    migration, dump, remedy = FILES[name]
    (tmp_path / migration).parent.mkdir(parents=True)
    (tmp_path / migration).write_text("not read\n")
    done = lockgate("check", cwd=tmp_path)
    assert done.returncode == 3 and f"1 migration is code of {name}" in done.stderr and remedy in done.stderr
    if dump:
        (tmp_path / dump).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / dump).write_text("CREATE TABLE users (id int);\nCREATE VIEW v AS SELECT nope FROM users;\n")
        found = json.loads(lockgate("check", "--format", "json", cwd=tmp_path).stdout)
        assert [(f["rule"], f["location"]["path"]) for f in found["findings"]] == [("T203", dump)]
        (said,) = [one for one in found["coverage"]["not_judged"] if one["what"] == "single migrations"]
        assert name in said["why"] and dump in said["why"]


def test_a_folder_of_sql_beside_them_is_the_history(tmp_path: Path, lockgate: Run) -> None:
    (tmp_path / "db/migrate").mkdir(parents=True)
    (tmp_path / "db/migrate/20240101000000_x.rb").write_text("not read\n")
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/0001_a.up.sql").write_text("CREATE TABLE a (i int);\n")
    assert "1 migrations in migrations" in lockgate("check", cwd=tmp_path).stdout
