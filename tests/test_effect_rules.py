"""Rules on effects as a user runs them: selected, carried into the report, and proven by locks and work."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lockgate.base.effects import Age, Effect, Lock, Work
from lockgate.base.text import Source, Span
from lockgate.oracle.apply.plan import ApplyReport, Observation, ServerInfo
from lockgate.rules import registry
from lockgate.rules.model import Scene
from lockgate.run.effects import Acted, beside
from lockgate.run.evidence import EffectDiffers
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step
from tests.conftest import ROOT, Run

SCHEMA = json.loads((ROOT / "src/lockgate/schema/report-1.json").read_text())
FILES = {
    "0001_orders": "CREATE TABLE orders (id int PRIMARY KEY, total int, note text);",
    "0002_wide": "ALTER TABLE orders ALTER id TYPE bigint;",
    "0003_scan": "ALTER TABLE orders ADD CHECK (total > 0);",
    "0004_index": "CREATE INDEX ON orders (total);",
    "0005_both": "ALTER TABLE orders ADD CONSTRAINT n CHECK (note <> '') NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT n;",
    "0006_fine": "ALTER TABLE orders ADD made timestamptz DEFAULT now();",
}


def tree_of(root: Path, rules: str) -> None:
    (root / "lockgate.toml").write_text(f'[migrations]\npaths = ["m"]\n[rules]\n{rules}\n')


def tree(root: Path, rules: str) -> None:
    tree_of(root, rules)
    (root / "m").mkdir()
    for name, sql in FILES.items():
        (root / f"m/{name}.up.sql").write_text(sql + "\n")


def findings(text: str) -> list[dict[str, Any]]:
    report = json.loads(text)
    jsonschema.validate(report, SCHEMA)
    found: list[dict[str, Any]] = report["findings"]
    return found


def test_they_speak_unless_others_are_selected(tmp_path: Path, lockgate: Run) -> None:
    tree(tmp_path, "")
    found = findings(lockgate("check", "--format", "json").stdout)
    assert {f["rule"] for f in found} >= {"L101", "L102", "L103", "L105"}
    assert {f["severity"] for f in found} <= {"warning", "info"}
    tree_of(tmp_path, 'ignore = ["L", "X", "C"]')
    assert findings(lockgate("check", "--format", "json").stdout) == []
    (tmp_path / "lockgate.toml").write_text('[migrations]\npaths = ["m"]\n[rules]\nselect = ["L10", "T"]\n')
    found = findings(lockgate("check", "--format", "json").stdout)
    assert [(f["rule"], f["slot"]) for f in found] == [
        ("L101", "0002"),
        ("L102", "0003"),
        ("L103", "0004"),
        ("L105", "0005"),
    ], "what the cache holds of the run before does not count"


def test_a_finding_carries_its_effect_and_the_server_confirms_it(tmp_path: Path, lockgate: Run) -> None:
    tree(tmp_path, 'select = ["L1"]')
    done = lockgate("verify", "--format", "json")
    found = {f["rule"]: f for f in findings(done.stdout)}
    assert {rule: f["evidence"]["verdict"] for rule, f in found.items()} == dict.fromkeys(
        ("L101", "L102", "L103", "L105"), "confirmed"
    ), done.stderr
    effect = found["L101"]["effect"]
    wanted = {"relation": "public.orders", "kind": "table", "work": "rewrite", "age": "production", "rows": None}
    assert wanted.items() <= effect.items() and effect["lock"] == effect["held"] == "AccessExclusiveLock"
    assert 'rewriting table "orders"' in found["L101"]["evidence"]["message"]
    assert (found["L105"]["effect"]["lock"], found["L105"]["effect"]["held"]) == (
        "ShareUpdateExclusiveLock",
        "AccessExclusiveLock",
    )


# --- hand-made effects: what the engine gives a rule ------------------------------------------------------------------


def scene(*effects: Effect) -> Scene:
    """A migration of one statement with these effects."""
    script = Script.whole(Source("1.sql", "SELECT 1;"), Transaction.FILE)
    (step,) = Replay(Plan((Migration("1", "1", "x", script),))).steps()
    assert isinstance(step, Step)
    made = Scene.of([Step(step.migration, step.statement, step.session, step.before, step.after, effects=effects)])
    assert made is not None and made.effects == effects
    return made


AX, SUX = Lock.ACCESS_EXCLUSIVE, Lock.SHARE_UPDATE_EXCLUSIVE


@pytest.mark.parametrize(
    ("effect", "rules"),
    [
        (Effect(1, "public.t", AX, AX, Work.REWRITE), ["L101"]),
        (Effect(1, "public.t", AX, AX, Work.REWRITE, age=Age.TRANSACTION), []),
        (Effect(1, "public.t", AX, AX, Work.REWRITE, age=Age.RELEASE), []),
        (Effect(1, "public.t_pkey", AX, AX, Work.REWRITE, kind="index"), []),
        (Effect(1, "public.t", AX, AX, Work.NONE), []),
        (Effect(1, "public.t", SUX, SUX, Work.SCAN), []),
        (Effect(1, "public.t", SUX, AX, Work.SCAN), ["L104"]),
        (Effect(1, "public.t", Lock.SHARE, Lock.SHARE, Work.BUILD), ["L103"]),
        (Effect(1, "public.t", Lock.SHARE_ROW_EXCLUSIVE, Lock.SHARE_ROW_EXCLUSIVE, Work.SCAN), ["L102"]),
        (Effect(1, "public.t", None, Lock.EXCLUSIVE, Work.SCAN), ["L104"]),
        (Effect(1, "public.t", Lock.ROW_EXCLUSIVE, Lock.ROW_EXCLUSIVE, Work.SCAN), []),
    ],
)
def test_a_rule_hears_of_what_its_document_declares(effect: Effect, rules: list[str]) -> None:
    found = [f for f in registry.of_scene(scene(effect)) if f.rule.startswith("L1")]
    assert [f.rule for f in found] == rules
    assert all(f.effect == effect and f.object == "public.t" for f in found)


# --- verify: the server's effects in place of the simulated ones ------------------------------------------------------


def steps_of(text: str) -> dict[tuple[str, int], dict[str, Any]]:
    report = json.loads(text)
    jsonschema.validate(report, SCHEMA)
    return {(s["slot"], s["statement"]): s for s in report["steps"]}


def test_verify_tells_what_each_statement_did(tmp_path: Path, lockgate: Run) -> None:
    tree(tmp_path, 'select = ["T"]')
    (tmp_path / "m/0007_rename.up.sql").write_text(
        "ALTER TABLE orders ADD sent date;\nALTER TABLE orders RENAME TO purchases;\nVACUUM purchases;\n"
        "CREATE TABLE fresh (id int);\nCREATE INDEX ON fresh (id);\nCREATE INDEX ON purchases (sent);\n"
    )
    done = lockgate("verify", "--transaction", "statement", "--no-downs", "--format", "json")
    steps = steps_of(done.stdout)
    assert [f["rule"] for f in json.loads(done.stdout)["findings"]] == [], "nothing differs from what is simulated"
    wide = steps["0002", 1]
    assert wide["observed"] and wide["effects"][0]["work"] == "rewrite" and wide["effects"][0]["why"]
    renamed = {e["relation"]: e["held"] for e in steps["0007", 2]["effects"] if e["kind"] == "table"}
    assert renamed == {"public.orders": "AccessExclusiveLock"}, "by the name that the statement says"
    assert not steps["0007", 3]["observed"], "VACUUM shows nothing: it is no statement of a block"
    assert {e["age"] for e in steps["0007", 5]["effects"]} <= {"release"}
    assert {e["age"] for e in steps["0007", 6]["effects"]} == {"production"}


def test_a_lock_that_is_taken_again_is_told_though_the_server_shows_it_once(tmp_path: Path, lockgate: Run) -> None:
    tree(tmp_path, "")
    (tmp_path / "m/0007_twice.up.sql").write_text("ALTER TABLE orders ADD a int;\nALTER TABLE orders ADD b int;\n")
    done = lockgate("verify", "--no-downs", "--format", "json")
    (effect,) = steps_of(done.stdout)["0007", 2]["effects"]
    assert (effect["lock"], effect["held"]) == ("AccessExclusiveLock", "AccessExclusiveLock")


def told_beside(sql: str, *effects: Effect, looked: bool = True) -> list[tuple[Acted, EffectDiffers | None]]:
    """A migration over a table t, of which a server is said to have shown these effects."""
    texts = {"1": "CREATE TABLE t (a int);", "2": sql}
    migrations = tuple(
        Migration(n, n, n, Script.whole(Source(f"{n}.sql", text), Transaction.FILE)) for n, text in texts.items()
    )
    seen = Observation("2", "up", 1, Span(0, len(sql)), "owner", looked=looked, effects=effects)
    report = ApplyReport(ServerInfo("18.1", 18, "--dsn"), (seen,))
    return [pair for pair in beside(Plan(migrations, 18), report) if pair[0].migration.id == "2"]


def observed(lock: Lock | None, work: Work = Work.NONE, relation: str = "public.t") -> Effect:
    return Effect(16384, relation, lock, lock, work)


def test_what_the_server_does_otherwise_is_told() -> None:
    sql = "ALTER TABLE t ALTER a TYPE bigint"
    ((act, differs),) = told_beside(sql, observed(Lock.ACCESS_EXCLUSIVE, Work.REWRITE))
    assert act.observed and differs is None
    ((act, differs),) = told_beside(sql, observed(Lock.ACCESS_EXCLUSIVE))
    assert act.effects[0].work is Work.NONE and differs is not None and "rewrite simulated" in differs.words
    ((act, differs),) = told_beside(
        sql, observed(Lock.ACCESS_EXCLUSIVE, Work.REWRITE), observed(Lock.SHARE, relation="x.y")
    )
    assert differs is not None and differs.object == "x.y"
    ((act, differs),) = told_beside(sql, looked=False)
    assert differs is None and not act.observed and act.effects[0].work is Work.REWRITE
    ((_, differs),) = told_beside("DO $$ BEGIN EXECUTE current_setting('x.y'); END $$", observed(Lock.ACCESS_EXCLUSIVE))
    assert differs is None, "the simulator was not certain"
    ((_, differs),) = told_beside("DELETE FROM t", observed(Lock.ROW_EXCLUSIVE))
    assert differs is None, "how rows are found is the planner's choice"


# --- which hazards are told -------------------------------------------------------------------------------------------

EXTENDED = '[migrations]\npaths = ["m"]\n[rules]\nextend-select = ["L", "X"]\nignore = ["C"]\n'


def codes(text: str) -> list[tuple[str, str]]:
    return [(f["rule"], f["slot"]) for f in findings(text) if f["rule"][0] in "LX"]


def test_extend_select_adds_to_the_rules_that_speak_by_default(tmp_path: Path, lockgate: Run) -> None:
    tree(tmp_path, 'extend-select = ["L201"]\nignore = ["L10", "C"]')
    (tmp_path / "m/0007_wrong.up.sql").write_text("ALTER TABLE orders DROP nobody;\n")
    found = findings(lockgate("check", "--format", "json").stdout)
    assert [(f["rule"], f["slot"]) for f in found] == [
        *(("L201", f"000{n}") for n in range(2, 7)),
        ("T203", "0007"),
    ], "of every migration, since it is named"
    (tmp_path / "lockgate.toml").write_text(EXTENDED.replace('"X"]', '"X9"]'))
    done = lockgate("check")
    assert done.returncode == 2 and '"X9", which is no rule' in done.stderr


def git(root: Path, *arguments: str) -> None:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *name, *arguments], cwd=root, check=True, capture_output=True)


def test_hazards_of_what_the_base_branch_has_are_one_line(tmp_path: Path, lockgate: Run) -> None:
    tree(tmp_path, "")
    (tmp_path / "lockgate.toml").write_text(EXTENDED)
    told = codes(lockgate("check", "--format", "json").stdout)
    assert {"0002", "0003", "0004", "0005"} <= {slot for _, slot in told}, "nobody says what is pending"
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "all")
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    done = lockgate("check")
    assert done.returncode == 0 and f"{len(told)} hazards in migrations that have run; --all tells them" in done.stdout
    assert codes(lockgate("check", "--format", "json", "--all").stdout) == told
    (tmp_path / "m/0007_new.up.sql").write_text("ALTER TABLE orders ADD sent date NOT NULL;\n")
    report = json.loads(lockgate("check", "--format", "json").stdout)
    assert [(f["rule"], f["slot"]) for f in report["findings"]] == [
        ("L102", "0007"),
        ("L201", "0007"),
        ("X101", "0007"),
    ]
    assert report["findings"][2]["rows"] == "any" and report["summary"]["ran"] == len(told)
    assert codes(lockgate("check", "--format", "json", "m/0002_wide.up.sql").stdout), (
        "a file that is asked about is told"
    )


def test_the_sessions_lock_timeout_counts_wherever_it_is_set(tmp_path: Path, lockgate: Run) -> None:
    tree(tmp_path, 'select = ["L201"]')
    for sql, told in (
        ("SET lock_timeout = '2s'", False),
        ("SET lock_timeout = 0", True),
        ("SET lock_timeout TO DEFAULT", True),
        ("ALTER ROLE app SET lock_timeout = '1s'", False),
        ("ALTER DATABASE lockgate SET lock_timeout = 500", False),
        ("SET statement_timeout = '2s'", True),
    ):
        (tmp_path / "m/0000_set.up.sql").write_text(f"{sql};\n")
        done = lockgate("check", "--format", "json", "--role", "app", "--superuser", "--transaction", "statement")
        assert bool(codes(done.stdout)) is told, sql
