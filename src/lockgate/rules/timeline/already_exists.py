"""A name that is taken: see rules/already-exists.md."""

from __future__ import annotations

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@on_failure("42P07", "42701", "42710", "42723", "42P06")
def check(step: Step, failure: Failure) -> Remark | None:
    """In the server's own words."""
    return refusal(step, failure)
