"""Server that does not wait for its database: see rules/database-not-awaited.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile, Service

# images that bring no healthcheck of their own
_WITHOUT = pattern(
    r"(?:docker\.io/)?(?:library/)?(?:postgres|mysql|mariadb|mongo)$|(?:docker\.io/)?(?:postgis/postgis|pgvector/pgvector|timescale/timescaledb)$"
)


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding for each dependency."""
    for service in fact.running:
        for dependency in service.depends_on:
            database = fact.service(dependency.service)
            if database is None or not database.database:
                continue
            if dependency.condition == "service_completed_successfully" or (
                dependency.condition == "service_healthy" and _checked(database)
            ):
                continue
            why = "is not waited for" if dependency.condition != "service_healthy" else "has no healthcheck to wait for"
            yield Remark(
                f"{service.name} needs {database.name}, which {why}",
                Label(fact.source, dependency.span, why),
                "a healthcheck with pg_isready, and condition: service_healthy",
                (Label(fact.source, database.at, "the database"),),
                object=service.name,
            )


def _checked(database: Service) -> bool:
    """Whether it has a healthcheck, or may have one by its image."""
    if database.healthcheck is not None:
        return not database.healthcheck.disabled
    return not _WITHOUT.match(database.repository) or not database.whole
