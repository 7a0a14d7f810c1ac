"""An object that is not there: see rules/unknown-object.md."""

from __future__ import annotations

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@on_failure("42704", "3F000")
def check(step: Step, failure: Failure) -> Remark | None:
    """In the server's own words."""
    return refusal(step, failure)
