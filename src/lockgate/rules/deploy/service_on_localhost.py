"""Service container looked for on localhost: see rules/service-on-localhost.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.workflow import Workflow

_LOCAL = pattern(r"(?:@|://|\bhost=|-h\s+|HOST:\s*)(?:localhost|127\.0\.0\.1)\b")


@on_fact(Workflow)
def check(fact: Workflow) -> Iterator[Remark]:
    """One finding at the first service."""
    for job in fact.jobs:
        if fact.gitea and job.services and _LOCAL.search(job.text):
            name = job.services[0]
            yield Remark(
                f"the job {job.name} looks for {name.value} on localhost: in Gitea a service answers as {name.value} only",
                Label(fact.source, name.span, "not on localhost"),
                f"use {name.value} as the host, or `lockgate verify`, which needs no service",
                object=job.name,
            )
