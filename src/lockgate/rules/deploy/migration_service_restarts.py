"""Migration service with a restart policy: see rules/migration-service-restarts.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the policy."""
    for service in fact.services:
        restart = service.restart
        if restart is None or not service.one_shot or not restart.known or (restart.value == "no" and restart.quoted):
            continue
        bare = restart.value in ("no", "false", "off")
        why = (
            "is a truth value to YAML 1.1, not the word"
            if bare
            else "repeats a failed migration"
            if restart.value.startswith("on-failure")
            else "starts the migration again after it ended"
        )
        yield Remark(
            f"{service.name} migrates once, but restart: {restart.value} {why}",
            Label(fact.source, restart.span, why),
            'write restart: "no", with the quotes',
            object=service.name,
        )
