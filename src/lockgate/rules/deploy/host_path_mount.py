"""Absolute path of the host: see rules/host-path-mount.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile

_KNOWN = (
    "/etc/localtime",
    "/etc/timezone",
    "/var/run/",
    "/run/",
    "/proc",
    "/sys",
    "/dev",
    "/etc/ssl",
    "/usr/share/zoneinfo",
)


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at each mount."""
    for service in fact.running:
        for mount in service.mounts:
            if mount.kind == "bind" and mount.source.startswith(("/", "~")) and not mount.source.startswith(_KNOWN):
                yield Remark(
                    f"{mount.source} of {service.name} exists on one host only",
                    Label(fact.source, mount.span, "a path of the host"),
                    "use a named volume, or ../files/...",
                    object=service.name,
                )
