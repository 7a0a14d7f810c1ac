"""A routine or operator that is not there: see rules/unknown-routine.md."""

from __future__ import annotations

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@on_failure("42883")
def check(step: Step, failure: Failure) -> Remark | None:
    """In the server's own words."""
    return refusal(step, failure)
