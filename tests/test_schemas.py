"""The shipped schemas are what the types make, and the documents are what the types say, key by key."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from lockgate.api import Request, check
from lockgate.base.config import load
from lockgate.base.findings import Evidence, Verdict
from lockgate.difference.deviation import Difference
from lockgate.report import render, shapes
from lockgate.report.difference import as_json
from lockgate.report.document import evidence
from tests.conftest import Run

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "src/lockgate/schema"
TOOL = runpy.run_path(str(ROOT / "tools/generate_schemas.py"))
DOCUMENTS: dict[str, type[msgspec.Struct]] = TOOL["DOCUMENTS"]
SCHEMAS = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in DOCUMENTS}
# what version 1 promised when it was first shipped
PROMISED = {
    "": "version tool server coverage findings summary",
    "Tool": "name version",
    "Server": "major",
    "Coverage": "migrations statements exact tainted unmodelled",
    "Summary": "error warning info suppressed",
    "Finding": "rule name severity message help url location slot statement object sqlstate related fix evidence fingerprint",
    "Location": "path start end",
    "Position": "line column offset",
    "Evidence": "verdict role server sqlstate message",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schemas_are_fresh(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == TOOL["text"](name), "run python tools/generate_schemas.py"
    assert {f.stem for f in FOLDER.iterdir()} == {*DOCUMENTS, "config-1"}
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("part", PROMISED)
def test_what_was_promised_is_required(part: str) -> None:
    schema = SCHEMAS["report-1"]
    assert set(PROMISED[part].split()) <= set((schema["$defs"][part] if part else schema)["required"])


@pytest.fixture(scope="module")
def reports() -> list[dict[str, Any]]:
    """A report on every example."""
    found = []
    for folder in sorted(p for p in (ROOT / "examples").iterdir() if p.is_dir()):
        text = render(check(Request(cwd=folder), load(None, folder)), "json", to_terminal=False)
        found.append(json.loads(text))
    return found


def test_reports_are_as_the_types_say(reports: list[dict[str, Any]]) -> None:
    assert any(report["findings"] for report in reports)
    for report in reports:
        jsonschema.validate(report, SCHEMAS["report-1"])
        typed = msgspec.convert(report, shapes.Report)
        assert msgspec.to_builtins(typed) == report, "a key that no type knows"


def test_a_report_that_lacks_a_key_is_none(reports: list[dict[str, Any]]) -> None:
    report = next(r for r in reports if r["findings"])
    for key in PROMISED[""].split():
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({k: v for k, v in report.items() if k != key}, SCHEMAS["report-1"])
    finding = report["findings"][0]
    for key in PROMISED["Finding"].split():
        cut = report | {"findings": [{k: v for k, v in finding.items() if k != key}]}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(cut, SCHEMAS["report-1"])


def test_evidence_is_as_its_type_says() -> None:
    whole = evidence(Evidence(Verdict.CONFIRMED, "r", "16.9", "42703", "m", ("a",), ("w",), "plpgsql_check 2.3"))
    lacking = evidence(Evidence(Verdict.UNPROVEN, message="why"))
    assert whole is not None and lacking is not None
    assert {**msgspec.to_builtins(whole), **msgspec.to_builtins(lacking)}.keys() == {
        *PROMISED["Evidence"].split(),
        "locks",
        "work",
        "by",
    }
    assert msgspec.to_builtins(lacking).keys() == set(PROMISED["Evidence"].split())


def test_a_difference_is_as_its_type_says() -> None:
    document = json.loads(as_json(Difference((), ("a note",), 16, "16.9")))
    jsonschema.validate(document, SCHEMAS["difference-1"])
    assert msgspec.to_builtins(msgspec.convert(document, shapes.Difference)) == document


COMMANDS = {
    "timeline-1": ("timeline", "--format", "json"),
    "catalog-1": ("timeline", "--catalog"),
    "slots-1": ("slots", "--format", "json"),
    "pending-1": ("slots", "pending", "--format", "json"),
    "rules-1": ("rules", "--format", "json"),
    "gate-report-1": ("gate-report", "--format", "json"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_prints_is_as_its_type_says(name: str, lockgate: Run, tmp_path: Path) -> None:
    folder = tmp_path / "three-outages"
    shutil.copytree(ROOT / "examples/three-outages", folder)
    for words in ("init -q", "add -A", "-c user.name=a -c user.email=a@b commit -qm a"):
        subprocess.run(["git", *words.split()], cwd=folder, check=True)
    done = lockgate(*COMMANDS[name], cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMAS[name])
    assert msgspec.to_builtins(msgspec.convert(document, DOCUMENTS[name])) == document, "a key that no type knows"
