"""Traefik route outside of Traefik's network: see rules/unreachable-route.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the service."""
    for service in fact.running:
        if fact.own_traefik or not service.routed or set(service.networks) & fact.external_networks:
            continue
        yield Remark(
            f"{service.name} has a Traefik route and is on no external network: Traefik cannot reach it",
            Label(fact.source, service.at, "not on dokploy-network"),
            "networks: [dokploy-network], and declare it at the top level with external: true",
            object=service.name,
        )
