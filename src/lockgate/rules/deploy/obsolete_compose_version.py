"""Top-level version: see rules/obsolete-compose-version.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface.service import ComposeFile


@on_fact(ComposeFile)
def check(fact: ComposeFile) -> Iterator[Remark]:
    """One finding at the key."""
    if fact.version is not None:
        yield Remark(
            "version is obsolete: Compose ignores it", Label(fact.source, fact.version.span, "ignored"), "remove it"
        )
