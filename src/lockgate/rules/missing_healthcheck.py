"""Public service without a healthcheck: see rules/missing-healthcheck.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.surface.compose import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Draft]:
    """One finding at the service's name, or at the check that is switched off."""
    for service in fact.services:
        check = service.healthcheck
        if not service.public or (check is None and service.image_healthcheck) or (check is not None and not check.disabled):
            continue
        what = "has no healthcheck" if check is None else "has its healthcheck switched off"
        yield Draft(
            f"{service.name} serves and {what}: `up --wait` reports success even if it dies at once", Label(fact.source, service.at, what),
            "add a healthcheck on a readiness endpoint, with a start_period", object=service.name,
        )  # fmt: skip
