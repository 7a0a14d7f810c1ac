"""The report as one JSON document (the contract, ``schema/report-1.json``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lockgate import __version__
from lockgate.api import Report
from lockgate.base.findings import Evidence, Finding, Fix, Label
from lockgate.report.effects import step_json

Json = dict[str, Any]


def document(report: Report) -> Json:
    """The whole report."""
    coverage = report.coverage
    steps = {"steps": [step_json(one) for one in report.steps]} if report.steps is not None else {}
    return {
        "version": 1,
        "tool": {"name": "lockgate", "version": __version__},
        "server": report.server,
        "coverage": coverage.as_json(),
        "findings": [finding(f) for f in report.findings],
        "summary": summary(report.findings, report.suppressed, report.ran),
        **steps,
    }


def summary(findings: Sequence[Finding], suppressed: int, ran: int = 0) -> Json:
    """How many findings there are of each severity."""
    counts = {"error": 0, "warning": 0, "info": 0, "suppressed": suppressed, "ran": ran}
    for item in findings:
        counts[item.severity.value] += 1
    return counts


def finding(item: Finding) -> Json:
    """One finding."""
    out: Json = {
        "rule": item.rule,
        "name": item.name,
        "severity": item.severity.value,
        "message": item.message,
        "help": item.help,
        "url": item.url,
        "location": location(item.at),
        "slot": item.slot,
        "statement": item.statement,
        "object": item.object,
        "sqlstate": item.sqlstate,
        "related": [{"message": label.message, "location": location(label)} for label in item.related],
        "fix": fix(item.fix),
        "evidence": evidence(item.evidence),
        "fingerprint": item.fingerprint,
    }
    if item.effect is not None:
        out["effect"] = item.effect.as_json()
    if item.rows is not None:
        out["rows"] = item.rows
    return out


def location(label: Label) -> Json:
    """Path, start and end: lines and columns 1-based, offsets 0-based, in characters."""
    start, end = label.source.position(label.span.start), label.source.position(label.span.end)
    return {
        "path": label.source.path,
        "start": {"line": start.line, "column": start.column, "offset": start.offset},
        "end": {"line": end.line, "column": end.column, "offset": end.offset},
    }


def fix(item: Fix | None) -> Json | None:
    """A fix with its edits."""
    if item is None:
        return None
    edits = [{"location": location(Label(e.source, e.span)), "text": e.text} for e in item.edits]
    return {"title": item.title, "edits": edits, "sql": item.sql}


def evidence(item: Evidence | None) -> Json | None:
    """What the server said."""
    if item is None:
        return None
    out: Json = {
        "verdict": item.verdict.value,
        "role": item.role,
        "server": item.server,
        "sqlstate": item.sqlstate,
        "message": item.message,
    }
    if item.locks:
        out["locks"] = list(item.locks)
    if item.work:
        out["work"] = list(item.work)
    if item.by:
        out["by"] = item.by
    return out
