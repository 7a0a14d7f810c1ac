"""Server that waits for a migration after the old one is gone: see rules/depends-on-migration-outage.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.surface.compose import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Draft]:
    """One finding at each condition."""
    for service in fact.services:
        for dependency in service.depends_on:
            other = fact.service(dependency.service)
            program = other.migration if other is not None else None
            if program is None or dependency.condition != "service_completed_successfully" or service.one_shot:
                continue
            yield Draft(
                f"when {dependency.service} fails, the old {service.name} is already removed: Compose replaces all containers before it starts any",
                Label(fact.source, dependency.span, "waits too late"),
                f"put {dependency.service} under `profiles: [migrate]` and run it before `up` (`lockgate init` writes the command)",
                (Label(program.source, program.span, "migrates here"),),
                object=service.name,
            )
