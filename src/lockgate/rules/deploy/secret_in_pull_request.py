"""Secrets within reach of a pull request: see rules/secret-in-pull-request.md."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Span
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.workflow import SECRET, Workflow, WorkflowStep

_KEPT_OUT = pattern(
    r"git(?:hub|ea)\.(?:ref\b|ref_name|ref_type|event_name\s*(?:==\s*'(?:push|workflow_dispatch|schedule|release)'|!=\s*'pull_request))"
)
_DEPLOYS = pattern(r"DOKPLOY|(?:^|_)DEPLOY_?(?:KEY|TOKEN|SECRET|PASSWORD|HOOK|WEBHOOK)", re.IGNORECASE)
# the pull request's own code, checked out where pull_request_target would give that of the base
_STRANGERS = pattern(r"ref:[^\n]*(?:github\.event\.pull_request\.head|github\.head_ref|refs/pull/)")
_HARMLESS = ("GITHUB_TOKEN", "GITEA_TOKEN")


@on_fact(Workflow)
def check(fact: Workflow) -> Iterator[Remark]:
    """One finding at the trigger, or at each secret of a job that pull requests reach."""
    target = fact.on("pull_request_target")
    if target is not None and any(job.deploys or _STRANGERS.search(job.text) for job in fact.jobs):
        yield Remark(
            "pull_request_target runs anybody's code with the secrets",
            Label(fact.source, target.span, "secrets for strangers"),
            "use pull_request, which gets no secrets from forks",
        )
    if fact.on("pull_request") is None:
        return
    for job in fact.jobs:
        if _KEPT_OUT.search(job.condition):
            continue
        start = fact.source.text.find(job.text, job.at.start)
        for match in SECRET.finditer(job.text) if start >= 0 else ():
            name = match.group(1)
            if (
                name in _HARMLESS
                or not (job.deploys or _DEPLOYS.search(name))
                or _guarded(job.steps, start + match.start())
            ):
                continue
            span = Span(start + match.start(), start + match.end())
            yield Remark(
                f"the job {job.name} runs for pull requests with the secret {name}",
                Label(fact.source, span, "a pull request can read it"),
                "if: github.ref == 'refs/heads/main', or a workflow of its own on push",
                object=job.name,
            )


def _guarded(steps: tuple[WorkflowStep, ...], at: int) -> bool:
    return any(s.at.start <= at <= s.at.end and _KEPT_OUT.search(s.condition) for s in steps)
