"""Service of which no second copy can run: see rules/fixed-container-name.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.surface.compose import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Draft]:
    """One finding for the name, one for each port."""
    for service in fact.services:
        if not service.public:
            continue
        name = service.container_name
        places = ([("its container_name", name.span)] if name is not None else []) + [(f"host port {p.host}", p.span) for p in service.ports]
        for what, span in places:
            yield Draft(
                f"{what} keeps a second {service.name} from running: the old one must stop before the new one starts",
                Label(fact.source, span, "only one can have it"),
                "drop it, and let Traefik route to the service",
                object=service.name,
            )
