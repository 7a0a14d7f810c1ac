"""Service of which no second copy can run: see rules/fixed-container-name.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding for each service, at what comes first."""
    for service in fact.running:
        if not service.public:
            continue
        name = service.container_name
        places = ([("its container_name", name.span)] if name is not None else []) + [
            (f"host port {p.host}", p.span) for p in service.ports
        ]
        if not places:
            continue
        what = " and ".join(word for word, _ in places)
        yield Remark(
            f"{what} keep{'s' if len(places) == 1 else ''} a second {service.name} from running: the old one must stop before the new one starts",
            Label(fact.source, places[0][1], "only one can have it"),
            "drop it, and let Traefik route to the service",
            object=service.name,
        )
