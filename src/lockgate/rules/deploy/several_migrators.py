"""Several containers run the same migrations: see rules/several-migrators.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile, Service

_DATABASE = pattern(r"DATABASE|DB|PG|POSTGRES|SQL|DSN|URL|URI")


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding for the second and each further migrator, and for replicas."""
    migrators = [(s, p) for s in fact.running if (p := s.migration) is not None]
    for number, (service, program) in enumerate(migrators):
        rival = next(((s, p) for s, p in migrators[:number] if _same(s, service) and not _ordered(s, service)), None)
        if rival is None:
            continue
        first, first_program = rival
        yield Remark(
            f"{service.name} and {first.name} both migrate at their start",
            Label(program.source, program.span, "migrates, too"),
            "migrate in one service, before the others start",
            (Label(first_program.source, first_program.span, "the first one"),),
            object=service.name,
        )
    for service, program in migrators:
        if service.replicas > 1:
            yield Remark(
                f"{service.replicas} replicas of {service.name} migrate at once",
                Label(program.source, program.span, "in every replica"),
                "migrate in one service, before the others start",
                object=service.name,
            )


def _same(one: Service, other: Service) -> bool:
    """Whether two services run the same migrations on the same database, as far as the file tells."""
    programs = (
        one.migration is not None
        and other.migration is not None
        and bool(set(one.migration.parts) & set(other.migration.parts))
    )
    images = [service.built_from or (service.image.value if service.image else "") for service in (one, other)]
    return programs and images[0] == images[1] and _addresses(one) == _addresses(other)


def _addresses(service: Service) -> frozenset[str]:
    return frozenset(e for e in service.environment if _DATABASE.search(e.partition("=")[0]))


def _ordered(one: Service, other: Service) -> bool:
    """Whether one of them waits until the other has migrated."""
    return any(
        dependency.service == before.name
        and dependency.condition in ("service_healthy", "service_completed_successfully")
        for before, after in ((one, other), (other, one))
        for dependency in after.depends_on
    )
