"""Push that deploys around the gate: see rules/auto-deploy-beside-gate.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.settings import DokploySettings


@on_fact(DokploySettings)
def check(fact: DokploySettings) -> Iterator[Remark]:
    """One finding at the setting."""
    if fact.auto_deploy is not None and fact.auto_deploy.value == "true":
        yield Remark(
            "autoDeploy is on: every push deploys around the gate",
            Label(fact.source, fact.auto_deploy.span, "a way around the gate"),
            "turn it off in Dokploy and remove the webhook in Gitea",
            object="autoDeploy",
        )
