"""Rules of the user's own, as a user writes, runs, suppresses and tests them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from lsprotocol import types as lsp

from lockgate.editor.desk import Desk
from lockgate.editor.diagnostics import Shown, diagnostics
from lockgate.rules import plugins
from lockgate.rules.registry import entries
from tests.conftest import ROOT, Run
from tests.test_use_editor import Editor, session

SCHEMA = json.loads((ROOT / "src/lockgate/schema/report-1.json").read_text())
CONFIG = '[migrations]\npaths = ["m"]\n[rules]\nplugins = ["lint/rules"]\n'
DOCUMENT = """+++
code = "{code}"
severity = "error"
family = "own"
{more}
+++

# A table with a bad name

## What it catches
Bad names.

## Why it hurts
They do.

## What to do
Another one.

## When to ignore it
Never.

## Examples

```sql
CREATE TABLE bad (a int); -- finding: "bad"
CREATE TABLE good (a int); -- ok
```
"""
MODULE = """
from collections.abc import Iterator

from lockgate.rules.model import Remark, Scene, at_step, on_scene


@on_scene(
    "made",
)
def check(scene: Scene) -> Iterator[Remark]:
    for step, table in scene.made():
        if table.name == "bad":
            yield at_step(step, f"table {table.name} is bad", object=scene.after.qualified(table))
"""


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def plugin(name: str = "bad-name", code: str = "U001", module: str = MODULE, more: str = "") -> dict[str, str]:
    stem = name.replace("-", "_")
    return {f"lint/rules/{name}.md": DOCUMENT.format(code=code, more=more), f"lint/rules/{stem}.py": module}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    put(tmp_path, {"lockgate.toml": CONFIG, "m/0001_a.up.sql": "CREATE TABLE bad (a int);\n"} | plugin())
    return tmp_path


def said(done_stdout: str) -> list[tuple[str, str, int]]:
    report = json.loads(done_stdout)
    jsonschema.validate(report, SCHEMA)
    return [(f["rule"], f["name"], f["location"]["start"]["line"]) for f in report["findings"]]


@pytest.mark.parametrize("command", ["check", "verify"])
def test_a_plugin_speaks_as_our_own_do(tree: Path, lockgate: Run, command: str) -> None:
    done = lockgate(command, "--format", "json")
    assert (done.returncode, said(done.stdout)) == (1, [("U001", "bad-name", 1)]), done.stderr
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["url"] == "" and finding["object"] == "public.bad" and finding["slot"] == "0001"
    if command == "verify":
        assert finding["evidence"]["verdict"] == "unproven"


@pytest.mark.parametrize("output", ["terminal", "sarif", "gitlab", "junit", "annotations"])
def test_every_report_tells_it(tree: Path, lockgate: Run, output: str) -> None:
    done = lockgate("check", "--format", output)
    assert done.returncode == 1 and "table bad is bad" in done.stdout and not done.stderr


def test_it_is_listed_and_explained(tree: Path, lockgate: Run) -> None:
    rows = {r["name"]: r for r in json.loads(lockgate("rules", "--format", "json").stdout)["rules"]}
    assert rows["bad-name"]["code"] == "U001" and rows["bad-name"]["plugin"] == "lint/rules/bad-name.md"
    assert len(rows) == len(entries()) + 1
    assert "U001  bad-name" in lockgate("rules").stdout
    for word in ("U001", "bad-name", "u001"):
        assert "A table with a bad name" in lockgate("explain", word).stdout
    done = lockgate("explain", "bad-nam")
    assert done.returncode == 2 and "did you mean bad-name" in done.stderr


@pytest.mark.parametrize(
    ("rules", "code", "count"),
    [
        ("", 1, 1),
        ('ignore = ["U001"]', 0, 0),
        ('ignore = ["own"]', 0, 0),
        ('select = ["S", "U0"]', 1, 1),
        ('select = ["S"]', 0, 0),
        ('severity = { bad-name = "info" }', 0, 1),
    ],
)
def test_it_is_selected(tree: Path, lockgate: Run, rules: str, code: int, count: int) -> None:
    (tree / "lockgate.toml").write_text(CONFIG + rules + "\n")
    done = lockgate("check", "--format", "json")
    assert (done.returncode, len(said(done.stdout))) == (code, count), done.stderr


def test_off_by_default_it_speaks_where_it_is_selected(tree: Path, lockgate: Run) -> None:
    put(tree, plugin(more="default = false"))
    assert lockgate("check").returncode == 0
    (tree / "lockgate.toml").write_text(CONFIG + 'select = ["bad-name"]\n')
    assert lockgate("check").returncode == 1, "what the cache holds of the run before does not count"


def test_it_is_suppressed(tree: Path, lockgate: Run) -> None:
    sql = tree / "m/0001_a.up.sql"
    sql.write_text("CREATE TABLE bad (a int); -- lockgate: ignore bad-name: it is history\n")
    done = lockgate("check", "--format", "json")
    assert done.returncode == 0 and json.loads(done.stdout)["summary"]["suppressed"] == 1


def test_what_it_says_changes_with_its_module(tree: Path, lockgate: Run) -> None:
    assert lockgate("check").returncode == 1
    put(tree, plugin(module=MODULE.replace('"bad"', '"worse"')))
    assert lockgate("check").returncode == 0
    assert not list(tree.rglob("__pycache__")), "nothing is written into the tree"


DEPLOY = """
from lockgate.rules.model import at_step, on_scene


@on_scene()
def check(scene):
    pending = sorted(scene.release.pending) if scene.release else None
    applied = sorted(scene.production.applied) if scene.production else None
    yield at_step(scene.steps[0], f"{scene.migration.slot}: {pending} {applied}")
"""


def test_a_scene_knows_of_the_deploy(tree: Path, lockgate: Run) -> None:
    def messages() -> list[str]:
        report = json.loads(lockgate("check", "--format", "json").stdout)
        return [f["message"] for f in report["findings"] if f["rule"] == "U001"]

    put(tree, plugin(module=DEPLOY) | {"m/0002_b.up.sql": "SELECT 1;\n"})
    assert messages() == ["0001: None None", "0002: None None"]
    ledger = CONFIG + '[ledger]\nsnapshot = "ledger.json"\n'
    put(tree, {"lockgate.toml": ledger, "ledger.json": '[{"version": 1}]'})
    assert messages() == ["0001: ['0002_b'] ['0001_a']", "0002: ['0002_b'] ['0001_a']"]
    put(tree, {"ledger.json": "[]"})
    assert messages() == ["0001: ['0001_a', '0002_b'] []", "0002: ['0001_a', '0002_b'] []"]


def test_the_editor_knows_it(tree: Path) -> None:
    text = "CREATE TABLE good (a int);\nCREATE TABLE bad (a int);\n"
    (shown,) = found_at(tree / "m/0001_a.up.sql", text, tree)
    assert (shown.diagnostic.code, shown.diagnostic.range.start.line) == ("U001", 1)
    assert "A table with a bad name" in shown.rule.rule().text
    put(tree, plugin(module=MODULE.replace('"bad"', '"good"')))
    (shown,) = found_at(tree / "m/0001_a.up.sql", text, tree)
    assert shown.diagnostic.range.start.line == 0, "an editor runs for days: a changed rule is loaded anew"


def test_the_editor_shows_its_document(tree: Path) -> None:
    async def talk(editor: Editor) -> None:
        uri = editor.open("m/0001_a.up.sql")
        assert [code for code, _, _ in await editor.told()] == ["U001"]
        at = lsp.HoverParams(lsp.TextDocumentIdentifier(uri), lsp.Position(0, 14))
        hover = await editor.text_document_hover_async(at)
        assert hover is not None and "A table with a bad name" in str(hover.contents)

    session(tree, talk)


# --- what is wrong with a plug-in -------------------------------------------------------------------------------------

RAISES = MODULE.replace("    for step", "    1 / 0\n    for step")
BROKEN = {
    "the module raises": (plugin(module="x = 1\n1 / 0\n"), 2, "lint/rules/bad_name.py:2: ZeroDivisionError"),
    "the module does not parse": (plugin(module="x = 1\ndef\n"), 2, "lint/rules/bad_name.py:2: SyntaxError"),
    "it imports what is not there": (plugin(module="import nowhere_at_all"), 2, "lint/rules/bad_name.py:1: ModuleNotF"),
    "it ends the program": (plugin(module="import sys\nsys.exit(0)"), 2, "lint/rules/bad_name.py:2: SystemExit"),
    "no function is a rule": (plugin(module="x = 1\n"), 2, "lint/rules/bad_name.py: no function of it is a rule"),
    "a decorator is misspelt": (plugin(module=MODULE.replace("on_scene", "on_scen")), 2, "bad_name.py:4: ImportError"),
    "the function raises": (plugin(module=RAISES), 3, "lint/rules/bad_name.py:11: rule bad-name raised ZeroDivision"),
    "it gives no remark": (
        plugin(module=MODULE.partition("    for")[0] + "    return [1]\n"),
        3,
        "rule bad-name raised TypeError",
    ),
    "it gives something else": (
        plugin(module=MODULE.replace("yield at_step", "yield str")),
        3,
        "rule bad-name raised TypeError",
    ),
    "a code of ours": (plugin(code="T201"), 2, "codes with T are Lockgate's own"),
    "a letter of ours": (plugin(code="L999"), 2, "codes with L are Lockgate's own"),
    "a name of ours": (plugin(name="duplicate-slot"), 2, "there is another rule duplicate-slot"),
    "two of one code": (plugin() | plugin(name="other-name"), 2, "code U001 is bad-name's"),
    "an unknown key": (plugin(more='proof = "x"'), 2, 'lint/rules/bad-name.md:5: unknown key: "proof"'),
    "no module": ({"lint/rules/bad-name.md": DOCUMENT}, 2, "a document without its module"),
    "no document": ({"lint/rules/bad_name.py": MODULE}, 2, "a rule without its document"),
    "no rules": ({"lint/rules/README.md": "# Ours\n"}, 2, "holds no rules"),
    "no folder": ({}, 2, "which is no folder"),
    "an effect that nothing declares": (
        plugin(module=MODULE.replace('on_scene(\n    "made",\n)', "on_effect").replace("on_scene", "on_effect")),
        2,
        "@on_effect needs locks or work",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_named(tmp_path: Path, lockgate: Run, case: str) -> None:
    files, code, words = BROKEN[case]
    put(tmp_path, {"lockgate.toml": CONFIG, "m/0001_a.up.sql": "CREATE TABLE bad (a int);\n"} | files)
    done = lockgate("check", "--format", "json")
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr and "internal error" not in done.stderr


def test_what_it_prints_is_not_the_report(tree: Path, lockgate: Run) -> None:
    put(tree, plugin(module='print("loaded")\n' + MODULE.replace("    for step", '    print("asked")\n    for step')))
    done = lockgate("check", "--format", "json")
    assert len(said(done.stdout)) == 1 and "loaded" in done.stderr and "asked" in done.stderr


def test_helpers_stand_beside_rules(tree: Path, lockgate: Run) -> None:
    helper = "from ._helpers import BAD\n" + MODULE.replace('"bad"', "BAD")
    put(tree, plugin(module=helper) | {"lint/rules/_helpers.py": 'BAD = "bad"\n'})
    assert lockgate("check").returncode == 1
    put(tree, {"lint/rules/_helpers.py": 'BAD = "worse"\n'})
    assert lockgate("check").returncode == 0


# --- new and test -----------------------------------------------------------------------------------------------------


def test_a_new_rule_runs(tmp_path: Path, lockgate: Run) -> None:
    put(tmp_path, {"lockgate.toml": CONFIG.partition("[rules]")[0], "m/0001_a.up.sql": "CREATE TABLE t (a int);\n"})
    done = lockgate("rules", "new", "table-without-key")
    assert done.returncode == 0 and 'plugins = ["./lint/rules"]' in done.stdout, done.stderr
    (tmp_path / "lockgate.toml").write_text(CONFIG)
    tested = lockgate("rules", "test", "table-without-key")
    assert (tested.returncode, tested.stdout) == (0, "U001 table-without-key: 1 examples, ok\n"), tested.stderr
    assert "U001" in lockgate("check", "--fail-on", "warning").stdout
    (tmp_path / "lockgate.toml").write_text(CONFIG.replace("lint/rules", "elsewhere"))
    assert lockgate("rules", "new", "at-first").stdout.startswith(f"wrote {tmp_path}/elsewhere/at-first.md\n")
    (tmp_path / "lockgate.toml").write_text(CONFIG)
    again = lockgate("rules", "new", "table-without-key")
    assert again.returncode == 2 and "there is a rule table-without-key already" in again.stderr
    assert lockgate("rules", "new", "another").returncode == 0
    assert 'code = "U002"' in (tmp_path / "lint/rules/another.md").read_text()
    assert lockgate("rules", "test").stdout.count(": 1 examples, ok") == 2
    assert lockgate("rules", "new", "Bad Name").returncode == 2


def test_a_wrong_example_fails(tree: Path, lockgate: Run) -> None:
    document = tree / "lint/rules/bad-name.md"
    document.write_text(document.read_text().replace("good (a int); -- ok", "good (a integr); -- ok"))
    done = lockgate("rules", "test", "U001")
    assert done.returncode == 1 and "on the server" in done.stdout and "42704" in done.stdout, done.stderr
    document.write_text(document.read_text().replace("CREATE TABLE bad", "CREATE TABLE fine"))
    done = lockgate("rules", "test", "--no-server")
    assert done.returncode == 1 and "a finding is marked, and nothing is said" in done.stdout


def test_one_of_ours_is_tested_the_same_way(tmp_path: Path, lockgate: Run) -> None:
    done = lockgate("rules", "test", "T205", "--no-server")
    assert done.returncode == 0 and "already-exists" in done.stdout
    assert lockgate("rules", "test").returncode == 2
    assert "did you mean" in lockgate("rules", "test", "already-exist").stderr


# --- installed packages -----------------------------------------------------------------------------------------------


def test_an_installed_package_brings_rules(tmp_path: Path, lockgate: Run) -> None:
    site = tmp_path / "site"
    points = "[console_scripts]\nx = y:z\n\n[lockgate.rules]\nacme = acme.lint\n"
    put(site, {"acme/__init__.py": "raise SystemExit('not to be run')\n", "acme-1.dist-info/entry_points.txt": points})
    put(site, {f"acme/lint/{Path(name).name}": text for name, text in plugin().items()})
    tree = tmp_path / "tree"
    put(tree, {"m/0001_a.up.sql": "CREATE TABLE bad (a int);\n"})
    done = lockgate("check", "m", "--format", "json", cwd=tree, PYTHONPATH=str(site))
    assert (done.returncode, said(done.stdout)) == (1, [("U001", "bad-name", 1)]), done.stderr
    put(site, {"acme-1.dist-info/entry_points.txt": "[lockgate.rules]\nacme = nowhere.lint\n"})
    done = lockgate("check", "m", cwd=tree, PYTHONPATH=str(site))
    assert done.returncode == 2 and "entry point acme = nowhere.lint: no such package" in done.stderr


def test_what_the_tree_claims_to_have_installed_is_not_believed(tmp_path: Path, lockgate: Run) -> None:
    put(tmp_path, {"x.dist-info/entry_points.txt": "[lockgate.rules]\nx = lint\n", "m/0001_a.up.sql": "SELECT 1;\n"})
    put(tmp_path, {"lint/__init__.py": ""} | {f"lint/{Path(n).name}": t for n, t in plugin().items()})
    assert lockgate("check", "m", "--format", "json").returncode == 0


def test_letters_of_ours_are_kept() -> None:
    assert {entry.front.code[0] for entry in entries()} <= set(plugins.OURS)


def found_at(path: Path, text: str, root: Path) -> list[Shown]:
    """What the editor shows at a file that was just opened."""
    asked = Desk().asked(path, text, root)
    assert asked is not None
    return diagnostics(asked, root)
