"""Healthcheck that does not wait for the migration: see rules/migration-without-start-period.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the healthcheck; what migrates is the related place."""
    for service in fact.running:
        program, found = service.migration, service.healthcheck
        if program is None or service.one_shot or found is None or found.disabled or found.start_period is not None:
            continue
        yield Remark(
            f"{service.name} migrates before it serves, and its healthcheck has no start_period: a long migration makes it unhealthy",
            Label(fact.source, found.at, "counts failures from the first second"),
            "give start_period the time of the longest migration",
            (Label(program.source, program.span, "migrates before it serves"),),
            object=service.name,
        )
