"""ANALYZE or VACUUM that the server skips: see rules/maintenance-skipped.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.timeline.review import Undone


@on_fact(Undone)
def check(fact: Undone) -> Iterator[Draft]:
    """A WARNING, and no statistics."""
    step, warned = fact.step, fact.warned
    if step.statement.tag == "VacuumStmt" and warned.sqlstate == "01000":
        at = Label(step.statement.script.source, warned.span, "a warning, and nothing is done")
        yield Draft(
            warned.message,
            at,
            warned.help,
            object=warned.object,
            slot=step.migration.slot,
            statement=step.statement.index,
        )
