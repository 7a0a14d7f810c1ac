"""JSON, as the contract has it."""

from __future__ import annotations

import json

from lockgate.report.document import document
from lockgate.run.check import Outcome


def render(outcome: Outcome) -> str:
    """One document on one line."""
    return json.dumps(document(outcome), ensure_ascii=False) + "\n"
