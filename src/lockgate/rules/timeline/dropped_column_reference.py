"""A column that is gone: see rules/dropped-column-reference.md."""

from __future__ import annotations

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step

_HELP = {"renamed": "use the new name", "dropped": "remove the reference, or move this migration before the drop"}


@on_failure("42703")
def check(step: Step, failure: Failure) -> Remark | None:
    """The timeline saw the column go."""
    if not failure.cause:
        return None
    where = f" in {failure.since}" if failure.since else ""
    table, _, name = failure.object.rpartition(".")
    subject = f"column {name} of {table}" if table else f"column {name}"
    return refusal(step, failure, f"{subject} was {failure.cause}{where}", failure.help or _HELP.get(failure.cause, ""))
