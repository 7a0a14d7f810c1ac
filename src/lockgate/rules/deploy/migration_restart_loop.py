"""Server that migrates at its start and is restarted for ever: see rules/migration-restart-loop.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile

_ENDLESS = ("always", "unless-stopped", "on-failure")


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding for each such service, at what migrates; the restart policy is the related place."""
    for service in fact.running:
        program, restart = service.migration, service.restart
        if program is None or service.one_shot or restart is None or restart.value not in _ENDLESS:
            continue
        yield Remark(
            f"{service.name} migrates at its start and is restarted without limit ({restart.value}): a failing migration becomes a crash loop",
            Label(program.source, program.span, "migrates before it serves"),
            "run the migration before `up`, in a service under a profile; until then `restart: on-failure:3`",
            (Label(fact.source, restart.span, "starts it again after every failure"),),
            object=service.name,
        )
