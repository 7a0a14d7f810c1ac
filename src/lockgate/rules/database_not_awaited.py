"""Server that does not wait for its database: see rules/database-not-awaited.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.surface.compose import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Draft]:
    """One finding for each dependency."""
    for service in fact.services:
        for dependency in service.depends_on:
            database = fact.service(dependency.service)
            if database is None or not database.database:
                continue
            checked = database.healthcheck is not None and not database.healthcheck.disabled
            if dependency.condition == "service_healthy" and checked:
                continue
            why = "is not waited for" if dependency.condition != "service_healthy" else "has no healthcheck to wait for"
            yield Draft(
                f"{service.name} needs {database.name}, which {why}", Label(fact.source, dependency.span, why),
                "a healthcheck with pg_isready, and condition: service_healthy", (Label(fact.source, database.at, "the database"),),
                object=service.name,
            )  # fmt: skip
