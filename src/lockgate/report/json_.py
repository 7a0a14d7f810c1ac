"""JSON, as the contract has it."""

from __future__ import annotations

from lockgate.api import Report
from lockgate.base.text import to_json
from lockgate.report.document import document


def render(report: Report) -> str:
    """One document on one line."""
    return to_json(document(report)) + "\n"
