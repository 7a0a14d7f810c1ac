"""What Dokploy itself holds for a compose service: read from its API, or written down as YAML under ``dokploy:``."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from lockgate.base.text import Source
from lockgate.surface import compose
from lockgate.surface.nodes import Node, Text, parse
from lockgate.surface.service import ComposeFile


class DokploySettings(msgspec.Struct, frozen=True):
    """The settings that matter to the gate."""

    source: Source
    command: Text | None
    auto_deploy: Text | None
    compose: ComposeFile | None = None  # the file that Dokploy deploys with them


def read(source: Source, root: Node) -> DokploySettings:
    """The facts under ``dokploy:``, with those of the compose file where it stands beside."""
    beside = compose.read(source, root, None) if root.get("services") is not None else None
    return DokploySettings(source, root.text("dokploy", "command"), root.text("dokploy", "autoDeploy"), beside)


def from_dokploy(
    command: str, auto_deploy: bool, name: str, compose_file: ComposeFile | None = None
) -> DokploySettings:
    """The facts of an answer of ``compose.one``, with a source to point into."""
    import json

    source = Source(
        f"dokploy:{name}",
        f"dokploy:\n  command: {json.dumps(command)}\n  autoDeploy: {'true' if auto_deploy else 'false'}\n",
    )
    root = parse(source)
    assert root is not None
    return replace(read(source, root), compose=compose_file)
