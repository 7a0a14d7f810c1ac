"""Deploy job for every branch: see rules/deploy-from-any-branch.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.workflow import Workflow

_BRANCH = pattern(r"git(?:hub|ea)\.(?:ref|ref_name)\b")


@on_fact(Workflow)
def check(fact: Workflow) -> Iterator[Remark]:
    """One finding at the job."""
    everywhere = fact.on("push") is not None and (
        fact.push_branches is None or any("*" in b for b in fact.push_branches)
    )
    if not everywhere:
        return
    for job in fact.jobs:
        if (
            not job.deploys
            or _BRANCH.search(job.condition)
            or all(_BRANCH.search(s.condition) for s in job.steps if s.deploys)
        ):
            continue
        yield Remark(
            f"the job {job.name} deploys for every branch",
            Label(fact.source, job.at, "no condition on the branch"),
            "if: github.ref == 'refs/heads/main'",
            object=job.name,
        )
