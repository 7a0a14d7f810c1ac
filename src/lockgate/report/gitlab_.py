"""GitLab's Code Quality report (https://docs.gitlab.com/ci/testing/code_quality/)."""

from __future__ import annotations

import json

from lockgate.base.findings import Severity
from lockgate.run.check import Outcome

_SEVERITY = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(outcome: Outcome) -> str:
    """A list of issues."""
    issues = []
    for item in outcome.findings:
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
    return json.dumps(issues, ensure_ascii=False) + "\n"
