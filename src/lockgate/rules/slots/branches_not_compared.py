"""Branches could not be compared: see rules/branches-not-compared.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label, Severity
from lockgate.base.text import Span
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import NotCompared


@on_fact(NotCompared)
def check(fact: NotCompared) -> Iterator[Remark]:
    """One finding."""
    yield Remark(
        f"slots were not compared with other branches: {fact.why}",
        Label(fact.source, Span(0, 0), "seen in the working tree alone"),
        fact.remedy,
        severity=Severity.WARNING if fact.grave else None,
    )
