"""Relative bind mount that every deploy wipes: see rules/wiped-bind-mount.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label, Severity
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at each mount."""
    for service in fact.running:
        for mount in service.mounts:
            relative = mount.kind == "bind" and mount.known and mount.source.startswith(".")
            if not relative or mount.read_only or mount.in_repository or mount.source.startswith("../files"):
                continue
            yield Remark(
                f"{mount.source} of {service.name} is wiped at every deploy: Dokploy removes its clone first",
                Label(fact.source, mount.span, "lies inside of the clone"),
                "use a named volume, or ../files/..., which Dokploy keeps",
                object=service.name,
                severity=None if fact.dokploy else Severity.WARNING,  # nobody says that Dokploy deploys this
            )
