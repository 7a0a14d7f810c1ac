"""Volume that is not declared: see rules/undeclared-volume.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the mount."""
    for service in fact.services if fact.volumes is not None else ():
        for mount in service.mounts:
            if mount.kind == "volume" and mount.known and mount.source and mount.source not in (fact.volumes or ()):
                yield Remark(
                    f"{service.name} mounts the volume {mount.source}, which is not declared",
                    Label(fact.source, mount.span, "undefined volume"),
                    f"add {mount.source} under the top-level volumes",
                    object=service.name,
                )
