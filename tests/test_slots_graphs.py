"""Alembic's and Django's graphs, read from files that are never run: what the runners refuse, and what they still run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.base.config import Config, Git, LedgerSettings
from lockgate.rules import registry
from lockgate.slots import examine, gather
from lockgate.slots.pending import pending
from lockgate.sources import load
from tests.conftest import Run
from tests.slots_kit import put


def django(*needs: str, replaces: str = "") -> str:
    below = ", ".join(f"('{n.partition('.')[0]}', '{n.partition('.')[2]}')" for n in needs)
    more = f"    replaces = [{replaces}]\n" if replaces else ""
    return (
        "raise SystemExit('never run')\nclass Migration(migrations.Migration):\n"
        f"{more}    dependencies = [{below}]\n    operations = []\n"
    )


def alembic(ident: str, below: str, more: str = "") -> str:
    return f"raise SystemExit('never run')\nrevision: str = {ident!r}\ndown_revision = {below}\n{more}"


def told(root: Path, ledger: list[dict[str, object]] | None = None) -> tuple[list[str], list[str]]:
    """What the rules say as errors, and what is pending."""
    settings = LedgerSettings()
    if ledger is not None:
        (root / "ledger.json").write_text(json.dumps(ledger))
        settings = LedgerSettings(snapshot="ledger.json")
    table = gather(Config(root=root, git=Git(base=""), ledger=settings), load([root], cwd=root), root)
    found = [f for fact in examine(table, root) for f in registry.of_fact(fact)]
    errors = [f"{f.at.source.path}: {f.message}" for f in found if f.severity.value == "error"]
    return errors, [p.claim.id for p in pending(table)] if ledger is not None else []


def rows(*names: str) -> list[dict[str, object]]:
    return [
        {"id": i, "app": n.partition(".")[0], "name": n.partition(".")[2], "applied": "x"} for i, n in enumerate(names)
    ]


def test_django_takes_one_leaf_node_of_an_app(tmp_path: Path) -> None:
    put(tmp_path, {"a/migrations/0001_x.py": django(), "b/migrations/0001_x.py": django("a.0001_x")})
    assert told(tmp_path) == ([], [])
    put(tmp_path, {"a/migrations/0002_l.py": django("a.0001_x"), "a/migrations/0002_r.py": django("a.0001_x")})
    (error,), _ = told(tmp_path)
    assert error.startswith("a/migrations/0002_r.py: a.0002_l and a.0002_r both stand at the top")
    put(tmp_path, {"a/migrations/0003_merge.py": django("a.0002_l", "a.0002_r")})
    assert told(tmp_path) == ([], [])


def test_django_stops_at_a_parent_that_is_not_there(tmp_path: Path) -> None:
    put(tmp_path, {"a/migrations/0002_y.py": django("a.0001_x", "auth.0001_initial")})
    (error,), _ = told(tmp_path)
    assert "a.0002_y stands on a.0001_x, which no file has: django refuses to run" in error


def test_django_s_history_is_consistent_or_it_raises(tmp_path: Path) -> None:
    files = {"0001_x": django(), "0002_y": django("a.0001_x"), "0003_z": django("a.0002_y")}
    put(tmp_path, {f"a/migrations/{name}.py": text for name, text in files.items()})
    assert told(tmp_path, rows("a.0001_x", "auth.0001_initial")) == ([], ["a.0002_y", "a.0003_z"])
    (error,), waiting = told(tmp_path, rows("a.0001_x", "a.0003_z"))
    assert "InconsistentMigrationHistory: a.0003_z is applied before its dependency a.0002_y" in error
    assert waiting == ["a.0002_y"]


def test_a_squash_of_what_is_applied_is_applied(tmp_path: Path) -> None:
    files = {
        "0001_x": django(),
        "0002_y": django("a.0001_x"),
        "0001_squashed": django(replaces="('a', '0001_x'), ('a', '0002_y')"),
        "0003_z": django("a.0001_squashed"),
    }
    put(tmp_path, {f"a/migrations/{name}.py": text for name, text in files.items()})
    assert told(tmp_path, rows("a.0001_x", "a.0002_y")) == ([], ["a.0003_z"])


def test_alembic_runs_what_its_head_does_not_stand_on(tmp_path: Path) -> None:
    graph = {"a1": "None", "b2": "'a1'", "c3": "'b2'", "d3": "'b2'", "m4": "('c3', 'd3')"}
    put(tmp_path, {f"m/versions/{name}_x.py": alembic(name, below) for name, below in graph.items()})
    assert told(tmp_path, [{"version_num": "c3"}]) == ([], ["d3", "m4"])
    (error,), _ = told(tmp_path, [{"version_num": "zz"}])
    assert error.startswith("ledger.json: the ledger holds slot zz, and no file has it: alembic will refuse to run")


@pytest.mark.parametrize(
    ("graph", "wanted"),
    [
        ({"a1": "None", "b2": "'a1'", "c2": "'a1'"}, "b2 and c2 both stand at the top: upgrade head refuses to run"),
        ({"a1": "None", "b2": "'gone'"}, "b2 stands on gone, which no file has: alembic refuses to run"),
        ({"a1": "None", "b2": "('a1',)"}, ""),
        ({"a1": "None", "b2": "worked_out()", "c2": "'a1'"}, ""),
    ],
)
def test_alembic_s_heads(tmp_path: Path, graph: dict[str, str], wanted: str) -> None:
    put(tmp_path, {f"m/versions/{name}_x.py": alembic(name, below) for name, below in graph.items()})
    errors, _ = told(tmp_path)
    assert any(wanted in e for e in errors) if wanted else not errors


def test_a_folder_of_python_is_no_dead_end(lockgate: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a/migrations/0001_x.py": django(), "lockgate.toml": ""})
    done = lockgate("check")
    assert done.returncode == 0 and "1 migrations in a/migrations (1 read from code" in done.stdout
    put(tmp_path, {"lockgate.toml": '[migrations]\ncommand = "false sqlmigrate"\n'})
    assert lockgate("check").returncode == 3  # nothing tells why the command fails
    put(tmp_path, {"a/migrations/0001_y.py": django()})
    assert lockgate("check").returncode == 1
