"""JSON, as the contract has it."""

from __future__ import annotations

import json

from lockgate.api import Report
from lockgate.report.document import document


def render(report: Report) -> str:
    """One document on one line."""
    return json.dumps(document(report), ensure_ascii=False) + "\n"
