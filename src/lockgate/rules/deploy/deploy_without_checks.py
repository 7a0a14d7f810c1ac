"""Deploy job that does not need the checks: see rules/deploy-without-checks.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.workflow import Workflow, WorkflowJob

_ANYWAY = pattern(r"\b(?:always|failure|cancelled)\(\)")


@on_fact(Workflow)
def check(fact: Workflow) -> Iterator[Remark]:
    """One finding for each way in which a deploy gets past the checks."""
    for job in fact.jobs:
        if not job.deploys:
            continue
        needed = fact.needed(job)
        if not any(other.checks for other in needed) and not _checks_first(job):
            names = ", ".join(other.name for other in fact.jobs if other.checks) or "a job that checks"
            yield Remark(
                f"the job {job.name} deploys and does not need {names}",
                Label(fact.source, job.at, "starts without the checks"),
                f"needs: [{names}]",
                object=job.name,
            )
        if _ANYWAY.search(job.condition):
            yield Remark(
                f"the job {job.name} deploys even after a failure: {job.condition}",
                Label(fact.source, job.condition_at, "runs in spite of red"),
                "take the status function out of the condition",
                object=job.name,
            )
        for other in needed:
            if other.checks and other.continue_on_error is not None and other.continue_on_error.value != "false":
                yield Remark(
                    f"{other.name}, which {job.name} needs, may fail and still count as passed",
                    Label(fact.source, other.continue_on_error.span, "red counts as green"),
                    "remove continue-on-error",
                    object=other.name,
                )


def _checks_first(job: WorkflowJob) -> bool:
    for step in job.steps:
        if step.checks:
            return True
        if step.deploys:
            return False
    return False
