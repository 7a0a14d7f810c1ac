"""A routine broken by this step: see rules/broken-routine.md."""

from __future__ import annotations

from dataclasses import replace

from lockgate.rules.registry import Draft, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@on_failure("latent")
def check(step: Step, failure: Failure) -> Draft | None:
    """The apply does not show it: no SQLSTATE is claimed for the statement."""
    return replace(refusal(step, failure), sqlstate=None)
