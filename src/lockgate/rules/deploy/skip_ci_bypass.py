"""Commit message that skips the gate: see rules/skip-ci-bypass.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Span
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.workflow import Workflow

_SKIP = pattern(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]")
_COMMITS = pattern(r"\bcommit|message|\bgit\s")


@on_fact(Workflow)
def check(fact: Workflow) -> Iterator[Remark]:
    """One finding at each such word in a commit's message."""
    for match in _SKIP.finditer(fact.source.text):
        line = fact.source.line(fact.source.position(match.start()).line)
        if line.lstrip().startswith("#") or not _COMMITS.search(line):
            continue
        yield Remark(
            f"{match.group(0)} skips the gate, and not Dokploy's webhook",
            Label(fact.source, Span(match.start(), match.end()), "skips all"),
            "keep autoDeploy off; for emergencies there is LOCKGATE_OVERRIDE",
        )
