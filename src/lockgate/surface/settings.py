"""What Dokploy itself holds for a compose service: read from its API, or written down as YAML under ``dokploy:``."""

from __future__ import annotations

from lockgate.surface.nodes import Node, Text, parse
from lockgate.text import Source
from lockgate.values import dataclass


@dataclass(frozen=True, slots=True)
class DokploySettings:
    """The settings that matter to the gate."""

    source: Source
    command: Text | None
    auto_deploy: Text | None


def read(source: Source, root: Node) -> DokploySettings:
    """The facts under ``dokploy:``."""
    return DokploySettings(source, root.text("dokploy", "command"), root.text("dokploy", "autoDeploy"))


def from_dokploy(command: str, auto_deploy: bool, name: str) -> DokploySettings:
    """The facts of an answer of ``compose.one``, with a source to point into."""
    import json

    source = Source(f"dokploy:{name}", f"dokploy:\n  command: {json.dumps(command)}\n  autoDeploy: {'true' if auto_deploy else 'false'}\n")
    root = parse(source)
    assert root is not None
    return read(source, root)
