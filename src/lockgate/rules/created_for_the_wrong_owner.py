"""A new object that others cannot use: see rules/created-for-the-wrong-owner.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label, Severity
from lockgate.rules.registry import Draft, on_fact
from lockgate.timeline.strangers import Stranger


@on_fact(Stranger)
def check(fact: Stranger) -> Iterator[Draft]:
    """One finding for each object, or one for the first that shuts out the schema's only owner."""
    step, sql = fact.step, "\n".join(fact.sql)
    message = f"{fact.object} will belong to {fact.owner}, not to {fact.other} as what stands around it: it lacks {', '.join(fact.missing)}"
    if fact.shut_out:
        message = f"{fact.object} will belong to {fact.owner}: {fact.other}, who owns everything else of the kind in its schema, may not use it"
    yield Draft(
        message, Label(fact.place.source, fact.place.span, f"owned by {fact.owner}"), f"add to the migration: {sql}", object=fact.object,
        slot=step.migration.slot, statement=step.statement.index, severity=Severity.INFO if fact.shut_out else None,
    )  # fmt: skip
