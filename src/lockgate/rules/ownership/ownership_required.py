"""Ownership lacking: see rules/ownership-required.md."""

from __future__ import annotations

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure, NotOwner
from lockgate.timeline.step import Step


@on_failure("42501")
def check(step: Step, failure: Failure) -> Remark | None:
    """PostgreSQL's aclcheck_error with ACLCHECK_NOT_OWNER."""
    return refusal(step, failure) if isinstance(failure.subject, NotOwner) else None
