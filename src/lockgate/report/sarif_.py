"""SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from __future__ import annotations

from typing import Any

from lockgate import __version__
from lockgate.api import Report
from lockgate.base.findings import Finding, Label, Severity
from lockgate.base.text import to_json
from lockgate.rules.rulebook import Rule

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(report: Report) -> str:
    """One SARIF log with one run."""
    names = sorted({f.name for f in report.findings})
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "lockgate",
                "version": __version__,
                "informationUri": "https://lockgate.dev",
                "rules": [_rule(report.rules[name].rule()) for name in names],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(f, names.index(f.name)) for f in report.findings],
    }
    if report.histories:
        stopped = [one for one in report.histories if one.error is not None]
        run["properties"] = {"histories": [{"name": h.name, "roots": list(h.roots)} for h in report.histories]}
        words = [{"level": "error", "message": {"text": f"{h.name}: {h.error}"}} for h in stopped]
        run["invocations"] = [{"executionSuccessful": not stopped, "toolExecutionNotifications": words}]
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return to_json(log) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return ({"helpUri": rule.url} if rule.url else {}) | {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.section("What it catches")},
        "help": {"text": rule.section("What to do")},
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
    }


def _result(item: Finding, index: int) -> dict[str, Any]:
    out: dict[str, Any] = {
        "ruleId": item.rule,
        "ruleIndex": index,
        "level": _LEVEL[item.severity],
        "message": {"text": item.message + (f"\n{item.help}" if item.help else "")},
        "locations": [_location(item.at)],
        "partialFingerprints": {"lockgate/v1": item.fingerprint},
    }
    if item.related:
        out["relatedLocations"] = [
            _location(label) | {"id": n, "message": {"text": label.message}} for n, label in enumerate(item.related, 1)
        ]
    if item.evidence is not None:
        out["properties"] = {
            "verdict": item.evidence.verdict.value,
            "server": item.evidence.server,
            "serverMessage": item.evidence.message,
        }
    return out


def _location(label: Label) -> dict[str, Any]:
    start, end = label.source.position(label.span.start), label.source.position(label.span.end)
    region = {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}
    return {"physicalLocation": {"artifactLocation": {"uri": label.source.path}, "region": region}}
