"""Migrations whose SQL nobody printed: see rules/unread-migration.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.base.text import Span
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import Unread


@on_fact(Unread)
def check(fact: Unread) -> Iterator[Remark]:
    """One finding for each runner."""
    count = f"{len(fact.files)} migration{'s' if len(fact.files) > 1 else ''}"
    yield Remark(
        f"{count} of {fact.runner} in Python: only the graph was read, nothing is known of the SQL",
        Label(fact.files[0], Span(0, 0), "the first of them"),
        f'let Lockgate print it: [migrations] command = "{fact.command}"',
        object=fact.runner,
    )
