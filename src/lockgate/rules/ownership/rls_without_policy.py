"""Row level security that hides every row: see rules/rls-without-policy.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.timeline.review import Unguarded


@on_fact(Unguarded)
def check(fact: Unguarded) -> Iterator[Draft]:
    """One finding for each table."""
    step = fact.step
    at = Label(step.statement.script.source, step.statement.span, "nobody but the owner sees a row from here on")
    help = f"CREATE POLICY name ON {fact.object} FOR SELECT TO role USING (...);"
    yield Draft(fact.message, at, help, object=fact.object, slot=step.migration.slot, statement=step.statement.index)
