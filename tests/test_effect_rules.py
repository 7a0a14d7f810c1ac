"""Rules on effects as a user runs them: selected, carried into the report, and proven by locks and work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lockgate.base.effects import Age, Effect, Lock, Work
from lockgate.base.text import Source
from lockgate.rules import registry
from lockgate.rules.model import Scene
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.replay import Plan, Replay
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


def tree(root: Path, rules: str) -> None:
    (root / "lockgate.toml").write_text(f'[migrations]\npaths = ["m"]\n[rules]\n{rules}\n')
    (root / "m").mkdir()
    for name, sql in FILES.items():
        (root / f"m/{name}.up.sql").write_text(sql + "\n")


def findings(text: str) -> list[dict[str, Any]]:
    report = json.loads(text)
    jsonschema.validate(report, SCHEMA)
    found: list[dict[str, Any]] = report["findings"]
    return found


def test_they_are_off_until_they_are_selected(tmp_path: Path, lockgate: Run) -> None:
    tree(tmp_path, "")
    assert findings(lockgate("check", "--format", "json").stdout) == []
    (tmp_path / "lockgate.toml").write_text('[migrations]\npaths = ["m"]\n[rules]\nselect = ["L10", "T"]\n')
    found = findings(lockgate("check", "--format", "json").stdout)
    assert [(f["rule"], f["slot"]) for f in found] == [
        ("L101", "0002"),
        ("L102", "0003"),
        ("L103", "0004"),
        ("L104", "0005"),
    ], "what the cache holds of the run before does not count"


def test_a_finding_carries_its_effect_and_the_server_confirms_it(tmp_path: Path, lockgate: Run) -> None:
    tree(tmp_path, 'select = ["locks"]')
    done = lockgate("verify", "--format", "json")
    found = {f["rule"]: f for f in findings(done.stdout)}
    assert {rule: f["evidence"]["verdict"] for rule, f in found.items()} == dict.fromkeys(
        ("L101", "L102", "L103", "L104"), "confirmed"
    ), done.stderr
    effect = found["L101"]["effect"]
    wanted = {"relation": "public.orders", "kind": "table", "work": "rewrite", "age": "production", "rows": None}
    assert wanted.items() <= effect.items() and effect["lock"] == effect["held"] == "AccessExclusiveLock"
    assert 'rewriting table "orders"' in found["L101"]["evidence"]["message"]
    assert (found["L104"]["effect"]["lock"], found["L104"]["effect"]["held"]) == (
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
    found = [f for f in registry.of_scene(scene(effect)) if f.rule[0] == "L"]
    assert [f.rule for f in found] == rules
    assert all(f.effect == effect and f.object == "public.t" for f in found)
