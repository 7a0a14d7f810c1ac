"""Deploy that the next push cancels: see rules/cancelled-deploy.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.workflow import Workflow


@on_fact(Workflow)
def check(fact: Workflow) -> Iterator[Remark]:
    """One finding at the setting."""
    if fact.cancels is not None and any(job.deploys for job in fact.jobs):
        yield Remark(
            "the next push cancels a deploy in the middle",
            Label(fact.source, fact.cancels.span, "kills the gate while it waits"),
            "cancel-in-progress: false for what deploys",
        )
