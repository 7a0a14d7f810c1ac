"""A privilege lacking: see rules/privilege-missing.md."""

from __future__ import annotations

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@on_failure("42501")
def check(step: Step, failure: Failure) -> Remark | None:
    """PostgreSQL's aclcheck_error with ACLCHECK_NO_PRIV, and ExecWithCheckOptions where no policy lets the role
    insert."""
    lacks = failure.message.startswith(("permission denied", "new row violates row-level security"))
    return (
        refusal(step, failure) if lacks and not (failure.kind == "superuser" and "superuser" in failure.help) else None
    )
