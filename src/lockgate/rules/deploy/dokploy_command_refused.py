"""Dokploy command that Dokploy refuses: see rules/dokploy-command-refused.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.settings import DokploySettings

_FORBIDDEN = pattern(r"[;|`$(){}<>\n\\]|(?<!&)&(?!&)")


@on_fact(DokploySettings)
def check(fact: DokploySettings) -> Iterator[Remark]:
    """One finding at the command."""
    command = fact.command
    if command is None or not command.value.strip():
        return
    why = _refused(command.value)
    if why:
        yield Remark(
            f"Dokploy refuses this command: {why}",
            Label(fact.source, command.span, why),
            "write it as `compose ... && docker compose ...`",
        )


def _refused(command: str) -> str:
    forbidden = _FORBIDDEN.search(command)
    if forbidden is not None:
        return f"{forbidden.group(0)!r} is forbidden"
    if "&&&" in command:
        return "'&&&' is forbidden"
    links = [link.strip() for link in command.split("&&")]
    if links[0].startswith(("docker ", "docker-compose ")):
        return "Dokploy itself puts `docker` before it"
    if any(not link.startswith(("docker compose ", "docker-compose ")) for link in links[1:]):
        return "after && only docker compose may follow"
    return ""
