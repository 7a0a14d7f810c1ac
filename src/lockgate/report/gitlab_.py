"""GitLab's Code Quality report (https://docs.gitlab.com/ci/testing/code_quality/)."""

from __future__ import annotations

from lockgate.api import Report
from lockgate.base.findings import Severity
from lockgate.base.text import to_json

_SEVERITY = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(report: Report) -> str:
    """A list of issues."""
    issues = []
    for item in report.findings:
        start, end = item.at.source.position(item.at.span.start), item.at.source.position(item.at.span.end)
        issues.append(
            {
                "description": item.message,
                "check_name": item.name,
                "fingerprint": item.fingerprint,
                "severity": _SEVERITY[item.severity],
                "location": {"path": item.at.source.path, "lines": {"begin": start.line, "end": end.line}},
            }
        )
    return to_json(issues) + "\n"
