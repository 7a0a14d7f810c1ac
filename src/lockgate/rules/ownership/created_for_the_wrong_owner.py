"""A new object that others cannot use: see rules/created-for-the-wrong-owner.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.timeline.privileges.strangers import Stranger


@on_fact(Stranger)
def check(fact: Stranger) -> Iterator[Draft]:
    """One finding for each object."""
    step, sql = fact.step, "\n".join(fact.sql)
    message = f"{fact.object} will belong to {fact.owner}, not to {fact.other} as what stands around it: it lacks {', '.join(fact.missing)}"
    yield Draft(
        message,
        Label(fact.place.source, fact.place.span, f"owned by {fact.owner}"),
        f"add to the migration: {sql}",
        object=fact.object,
        slot=step.migration.slot,
        statement=step.statement.index,
    )
