"""Several containers run the same migrations: see rules/several-migrators.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.surface.compose import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Draft]:
    """One finding for the second and each further migrator, and for replicas."""
    migrators = [(s, p) for s in fact.services if (p := s.migration) is not None and not s.profiles]
    for service, program in migrators[1:]:
        first, first_program = migrators[0]
        yield Draft(
            f"{service.name} and {first.name} both migrate at their start", Label(program.source, program.span, "migrates, too"),
            "migrate in one service, before the others start", (Label(first_program.source, first_program.span, "the first one"),),
            object=service.name,
        )  # fmt: skip
    for service, program in migrators:
        if service.replicas > 1:
            yield Draft(
                f"{service.replicas} replicas of {service.name} migrate at once", Label(program.source, program.span, "in every replica"),
                "migrate in one service, before the others start", object=service.name,
            )  # fmt: skip
