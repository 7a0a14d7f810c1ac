"""JSON, as the contract has it."""

from __future__ import annotations

from lockgate.api import Report
from lockgate.report.document import document, written


def render(report: Report) -> str:
    """One document on one line."""
    return written(document(report))
