"""The public face: a stranger's script, types included, and the four readers of one history."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import lockgate
from lockgate import api
from lockgate.editor.desk import Desk
from lockgate.editor.diagnostics import Shown, diagnostics

SCRIPT = """
from __future__ import annotations

import sys
from pathlib import Path

from lockgate.api import Finding, LockgateError, Report, Request, Severity, check, configuration


def shown(finding: Finding) -> str:
    place = finding.at.start
    return f"{finding.at.source.path}:{place.line}:{place.column} {finding.rule} {finding.sqlstate} {finding.message}"


def main(folder: Path) -> int:
    config = configuration(cwd=folder)
    try:
        report: Report = check(Request(paths=(folder,), cwd=folder, fail_on=Severity.WARNING), config)
    except LockgateError as error:
        print(error.message, error.remedy, file=sys.stderr)
        return error.exit_code
    for finding in report.findings:
        print(shown(finding))
    print(report.coverage.statements, report.server.major)
    return report.exit_code


sys.exit(main(Path(sys.argv[1])))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "stranger.py"
    path.write_text(SCRIPT)
    return path


def run(script: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)


def test_a_strangers_script(script: Path, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_a.up.sql").write_text("CREATE TABLE t (id int);\nALTER TABLE t DROP COLUMN gone;\n")
    done = run(script, folder)
    assert done.returncode == 1 and done.stderr == ""
    first, last = done.stdout.splitlines()
    assert first == '0001_a.up.sql:2:27 T203 42703 column "gone" of relation "t" does not exist'
    assert last == "2 16"
    (folder / "0001_a.up.sql").write_text("CREATE TABLE t (id int);\n")
    assert run(script, folder).returncode == 0
    done = run(script, tmp_path / "nowhere")
    assert done.returncode == 2 and "nowhere" in done.stderr and "Traceback" not in done.stderr


def test_a_strangers_script_is_typed(script: Path) -> None:
    """The package says that it is typed, and every name that the script uses has a type that mypy takes strictly."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", script.parent / "cache", script],
        capture_output=True,
        text=True,
        cwd=script.parent,
    )
    assert done.returncode == 0, done.stdout
    wrong = script.with_name("wrong.py")
    wrong.write_text(SCRIPT.replace("finding.at.start", "finding.at.begin"))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", script.parent / "cache", wrong],
        capture_output=True,
        text=True,
        cwd=script.parent,
    )
    assert done.returncode == 1 and '"Label" has no attribute "begin"' in done.stdout


def test_the_face_is_whole_and_light() -> None:
    assert all(getattr(api, name).__doc__ for name in api.__all__ if name != "Progress")
    assert lockgate.check is api.check and lockgate.Report is api.Report
    with pytest.raises(AttributeError):
        lockgate.nothing  # noqa: B018
    code = "import sys, lockgate; print([m for m in sys.modules if m.startswith('lockgate.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_configuration_is_looked_at_as_the_command_line_does(tmp_path: Path) -> None:
    (tmp_path / "lockgate.toml").write_text('[rules]\nignore = ["unknown-colum"]\n')
    with pytest.raises(api.UsageError, match='did you mean "unknown-column"'):
        api.configuration(cwd=tmp_path)
    with pytest.raises(api.UsageError, match="unknown-colum"):
        api.check(api.Request(cwd=tmp_path))


def test_our_own_commands_use_nothing_else() -> None:
    """check, verify, deploy and the editor reach the joiner through the public face alone."""
    home = Path(lockgate.__file__).parent
    files = [*home.glob("editor/*.py"), *home.glob("report/*.py"), *home.glob("deploy/*.py")]
    files += [home / "cli" / f"{name}.py" for name in ("check", "verify", "deploy", "options")]
    used = {
        (path.name, word)
        for path in files
        for word in ("run.examine", "run.verify", "run.audit", "run.evidence")
        if f"lockgate.{word}" in path.read_text()
    }
    assert used == set()


MIDDLE = {
    "0001_orders.up.sql": "create table app.orders (id int primary key);\nalter table people add column born date;\n",
    "0002_more.up.sql": "alter table app.orders add column paid date;\nalter table invoices add column paid date;\n",
    "0003_wrong.up.sql": "alter table app.orders add column paid date;\n",
}


def test_four_readers_of_a_history_that_begins_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """check, verify, timeline and the editor suppose the same before the first migration."""
    from click.testing import CliRunner

    from lockgate.cli.group import cli

    folder = tmp_path / "migrations"
    folder.mkdir()
    for name, text in MIDDLE.items():
        (folder / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    request = api.Request(cwd=tmp_path)
    refused = [("0003_wrong", "42701")]
    for report in (api.check(request), api.verify(request)):
        errors = [f for f in report.findings if f.severity is api.Severity.ERROR]
        assert [(Path(f.at.source.path).name.partition(".")[0], f.sqlstate) for f in errors] == refused
    for name, text in MIDDLE.items():
        told = [s.finding for s in found_at(folder / name, text, tmp_path)]
        assert [f.sqlstate for f in told if f.sqlstate] == (["42701"] if name.startswith("0003") else [])
    timeline = CliRunner().invoke(cli, ["timeline", "--catalog"], standalone_mode=False)
    catalog = json.loads(timeline.stdout)["catalog"]
    assert [t["name"] for t in catalog["tables"] if t["schema"] == "app"] == ["orders"]
    assert [c["name"] for c in catalog["columns"] if c["table"] == "orders"] == ["id", "paid"]
    at = CliRunner().invoke(cli, ["timeline", "--catalog", "--at", "0001"], standalone_mode=False)
    assert [c["name"] for c in json.loads(at.stdout)["catalog"]["columns"] if c["table"] == "orders"] == ["id"]
    steps = CliRunner().invoke(cli, ["timeline", "--format", "json"], standalone_mode=False)
    assert "paid" in steps.stdout and "app.orders" in steps.stdout


def found_at(path: Path, text: str, root: Path) -> list[Shown]:
    """What the editor shows at a file that was just opened."""
    asked = Desk().asked(path, text, root)
    assert asked is not None
    return diagnostics(asked, root)
