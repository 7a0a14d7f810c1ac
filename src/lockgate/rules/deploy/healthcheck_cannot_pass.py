"""Healthcheck that cannot pass: see rules/healthcheck-cannot-pass.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile, Service

_TOOLS = ("curl", "wget", "sh", "/bin/sh", "bash", "nc", "pg_isready")
_OPERATORS = ("||", "&&", ";", "|", ">")


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the test, one at the interval."""
    for service in fact.services:
        found = service.healthcheck
        if found is None or found.disabled:
            continue
        words = [a.value for a in found.arguments]
        why = _impossible(words) or _without_tools(service, words)
        if why and found.test is not None:
            yield Remark(
                f"the healthcheck of {service.name} cannot pass: {why}",
                Label(fact.source, found.test.span, why),
                'write ["CMD-SHELL", "..."]',
                object=service.name,
            )
        if found.start_interval is not None and found.start_period is None:
            yield Remark(
                f"{service.name}: start_interval without start_period is refused",
                Label(fact.source, found.start_interval.span, "alone"),
                "add a start_period as long as the slowest boot",
                object=service.name,
            )


def _without_tools(service: Service, words: list[str]) -> str:
    """An image FROM scratch, or distroless, holds the program and nothing else."""
    if service.shell:
        return ""
    if not words or words[0] == "CMD-SHELL":
        return "its image has no shell"
    return f"its image has no {words[1]}" if words[0] == "CMD" and words[1:] and words[1] in _TOOLS else ""


def _impossible(words: list[str]) -> str:
    if not words:
        return ""
    if words[0] not in ("CMD", "CMD-SHELL", "NONE"):
        return "a list must begin with CMD, CMD-SHELL or NONE"
    if words[0] == "CMD" and len(words) == 2 and " " in words[1]:
        return "CMD takes one word for each argument, and has no shell"
    if words[0] == "CMD" and any(w in _OPERATORS for w in words[1:]):
        return "CMD has no shell for its operators"
    return ""
