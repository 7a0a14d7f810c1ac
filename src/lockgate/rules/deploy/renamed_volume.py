"""Volume renamed under its data: see rules/renamed-volume.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeChange


@on_fact(ComposeChange)
def check(fact: ComposeChange) -> Iterator[Remark]:
    """One finding at each mount that changed its volume, and at each service that lost one."""
    for service in fact.head.services:
        before = fact.base.service(service.name)
        if before is None:
            continue
        old = {m.target: m for m in before.mounts if m.kind == "volume" and m.source}
        now = {m.target: m for m in service.mounts}
        for target, mount in old.items():
            other = now.get(target)
            if other is not None and (other.source == mount.source or not other.known):
                continue
            what = f"comes from {other.source} now" if other is not None else "is no volume any more"
            yield Remark(
                f"{target} of {service.name} {what}, and was the volume {mount.source}: it starts empty",
                Label(fact.head.source, other.span if other is not None else service.at, "another volume"),
                "keep the volume's name, or move the data first",
                (Label(fact.base.source, mount.span, "the volume on the base branch"),),
                object=service.name,
            )
