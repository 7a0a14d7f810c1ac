"""A file that never runs: see rules/skipped-by-runner.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label, Severity
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import PassedOver


@on_fact(PassedOver)
def check(fact: PassedOver) -> Iterator[Remark]:
    """One finding."""
    yield Remark(
        fact.why if fact.stops else f"this file never runs: {fact.why}",
        Label(fact.source, fact.span, "the runner stops here" if fact.stops else "never runs"),
        "mend it before the deploy meets it"
        if fact.stops
        else "name it as the others are named, or move it out of the folder",
        object=fact.source.path,
        severity=Severity.ERROR if fact.stops else None,
    )
