"""A statement that the grammar refuses: see rules/syntax-error.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.timeline.plan import Broken


@on_fact(Broken)
def check(broken: Broken) -> Iterator[Remark]:
    """One finding at the token that the parser names."""
    failure = broken.failure
    label = Label(failure.script.source, failure.at, "PostgreSQL 18's grammar stops here")
    yield Remark(
        failure.message,
        label,
        "mend the statement at the marked token",
        sqlstate="42601",
        slot=broken.migration.slot,
        statement=failure.index,
    )
