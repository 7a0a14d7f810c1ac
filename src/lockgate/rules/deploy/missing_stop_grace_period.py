"""Public service without time to stop: see rules/missing-stop-grace-period.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the service."""
    for service in fact.running:
        if service.public and service.whole and service.stop_grace_period is None:
            yield Remark(
                f"{service.name} is killed ten seconds after it is asked to stop",
                Label(fact.source, service.at, "no stop_grace_period"),
                "set stop_grace_period to the longest request",
                object=service.name,
            )
