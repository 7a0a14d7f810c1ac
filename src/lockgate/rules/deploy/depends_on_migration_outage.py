"""Server that waits for a migration after the old one is gone: see rules/depends-on-migration-outage.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.text import Span
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile, Service


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding for each migration service, at the first condition on it."""
    for migration in fact.services:
        program, waiting = migration.migration, list(_waiting(fact, migration))
        if program is None or not waiting:
            continue
        names = ", ".join(service.name for service, _ in waiting)
        yield Remark(
            f"when {migration.name} fails, the old {names} {'are' if len(waiting) > 1 else 'is'} already removed: "
            "Compose replaces all containers before it starts any",
            Label(fact.source, waiting[0][1], "waits too late"),
            f"put {migration.name} under `profiles: [migrate]` and run it before `up` (`lockgate init` writes the command)",
            (Label(program.source, program.span, "migrates here"),),
            object=waiting[0][0].name,
        )


def _waiting(fact: ComposeFile, migration: Service) -> Iterator[tuple[Service, Span]]:
    """The servers that wait for it, each with its condition's place."""
    for service in fact.running:
        for dependency in service.depends_on:
            if (
                dependency.service == migration.name
                and dependency.condition == "service_completed_successfully"
                and not service.one_shot
            ):
                yield service, dependency.span
