"""A value not yet committed: see rules/fresh-enum-value.md."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.rules.model import Remark, on_failure, refusal
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step

_TOGETHER = (
    "this runner sends all that is pending in one transaction: deploy the migration that adds the value first, by itself, and "
    "this one with the next deploy"
)


@on_failure("55P04")
def check(step: Step, failure: Failure) -> Remark | None:
    """In the server's own words; a file of its own is no remedy where the runner's transaction spans files."""
    said = refusal(step, failure)
    if said is None or not step.statement.script.joined:
        return said
    return replace(said, help=_TOGETHER)
