"""A privilege lacking: see rules/privilege-missing.md."""

from __future__ import annotations

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure, NoPrivilege
from lockgate.timeline.step import Step


@on_failure("42501")
def check(step: Step, failure: Failure) -> Remark | None:
    """PostgreSQL's aclcheck_error with ACLCHECK_NO_PRIV, and ExecWithCheckOptions where no policy lets the role
    insert."""
    return refusal(step, failure) if isinstance(failure.subject, NoPrivilege) else None
