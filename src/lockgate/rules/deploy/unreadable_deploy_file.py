"""Compose file or workflow that is no YAML: see rules/unreadable-deploy-file.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.surface import Unreadable


@on_fact(Unreadable)
def check(fact: Unreadable) -> Iterator[Remark]:
    """One finding, where the parser stopped."""
    yield Remark(
        f"not YAML: {fact.message}",
        Label(fact.source, fact.span, fact.message),
        "mend the YAML: neither Compose nor Gitea can read this",
    )
