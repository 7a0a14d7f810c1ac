"""Database port published to the world: see rules/published-database-port.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at each port."""
    for service in fact.running:
        for port in service.ports if service.database else ():
            if port.address in ("", "0.0.0.0", "[::]"):
                yield Remark(
                    f"{service.name} publishes its {service.database} port {port.container} on every address of the host",
                    Label(fact.source, port.span, "passes by the host's firewall"),
                    "drop it, or bind it to 127.0.0.1",
                    object=service.name,
                )
