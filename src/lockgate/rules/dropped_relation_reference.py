"""A relation that is gone: see rules/dropped-relation-reference.md."""

from __future__ import annotations

from lockgate.rules.registry import Draft, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@on_failure("42P01")
def check(step: Step, failure: Failure) -> Draft | None:
    """The timeline saw the relation go."""
    if not failure.cause:
        return None
    where = f" in {failure.since}" if failure.since else ""
    schema_and_table, _, name = failure.object.rpartition(".")
    subject = f"relation {name} of {schema_and_table}" if "relation" == "column" and schema_and_table else f"relation {failure.object or name}"
    help = failure.help or ("use the new name" if failure.cause == "renamed" else "remove the reference, or move this migration before the drop")
    return refusal(step, failure, f"{subject} was {failure.cause}{where}", help)
