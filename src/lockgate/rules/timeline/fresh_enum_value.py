"""A value not yet committed: see rules/fresh-enum-value.md."""

from __future__ import annotations

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@on_failure("55P04")
def check(step: Step, failure: Failure) -> Remark | None:
    """In the server's own words."""
    return refusal(step, failure)
