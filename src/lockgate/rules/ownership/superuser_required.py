"""More than ownership or privileges can give: see rules/superuser-required.md."""

from __future__ import annotations

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@on_failure("42501")
def check(step: Step, failure: Failure) -> Remark:
    """Every other refusal for lack of rights."""
    return refusal(step, failure)
