"""Permission that Gitea does not have: see rules/commit-status-refused.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.workflow import Workflow

_UNKNOWN = ("statuses", "checks", "deployments", "id-token")


@on_fact(Workflow)
def check(fact: Workflow) -> Iterator[Remark]:
    """One finding at each scope."""
    if not fact.gitea:
        return
    for permissions in (fact.permissions, *(job.permissions for job in fact.jobs)):
        for scope, level in permissions:
            if scope.value in _UNKNOWN and level != "none":
                yield Remark(
                    f"Gitea has no scope {scope.value}: a commit status needs code: write",
                    Label(fact.source, scope.span, "unknown to Gitea"),
                    "permissions: {code: write, pull-requests: write}",
                )
