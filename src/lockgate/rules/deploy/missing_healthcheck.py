"""Public service without a healthcheck: see rules/missing-healthcheck.md."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lockgate.base.findings import Label, Severity
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile, Service
from lockgate.surface.settings import DokploySettings


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the service's name."""
    for service in fact.running:
        if service.public and service.whole and (what := _lacks(service)):
            yield _draft(fact, service, what, "`up --wait` reports success even if it dies at once", Severity.WARNING)


@on_fact(DokploySettings)
def check_wait(fact: DokploySettings) -> Iterator[Remark]:
    """The same where Dokploy's command relies on it; not for an image whose own healthcheck nobody here can see."""
    if fact.compose is None or fact.command is None or not re.search(r"\s--wait(?![\w-])", fact.command.value):
        return
    for service in fact.compose.running:
        certain = service.healthcheck is not None or service.image_healthcheck is False
        if service.public and service.whole and certain and (what := _lacks(service)):
            yield _draft(fact.compose, service, what, "Dokploy's `up --wait` waits for nothing", Severity.ERROR)


def _lacks(service: Service) -> str:
    check = service.healthcheck
    if check is not None:
        return "has its healthcheck switched off" if check.disabled else ""
    return "" if service.image_healthcheck else "has no healthcheck"


def _draft(fact: ComposeFile, service: Service, what: str, so: str, severity: Severity) -> Remark:
    return Remark(
        f"{service.name} serves and {what}: {so}",
        Label(fact.source, service.at, what),
        "add a healthcheck on a readiness endpoint, with a start_period",
        object=service.name,
        severity=severity,
    )
