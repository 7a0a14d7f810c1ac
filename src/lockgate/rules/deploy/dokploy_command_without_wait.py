"""Dokploy command that does not wait: see rules/dokploy-command-without-wait.md."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.settings import DokploySettings


@on_fact(DokploySettings)
def check(fact: DokploySettings) -> Iterator[Remark]:
    """One finding at the command."""
    command = fact.command
    if command is None or not re.search(r"\bup\b", command.value):
        return
    up = command.value[command.value.rindex(" up") :] if " up" in command.value else command.value
    missing = [flag for flag in ("--wait", "--remove-orphans") if not re.search(rf"{flag}(?![\w-])", up)]
    if missing:
        yield Remark(
            f"Dokploy's command has no {' and no '.join(missing)}: it reports success before anything runs"
            if "--wait" in missing
            else "Dokploy's command has no --remove-orphans: the containers of removed services go on running",
            Label(fact.source, command.span, f"without {' and '.join(missing)}"),
            "up -d --remove-orphans --wait --wait-timeout 60",
        )
