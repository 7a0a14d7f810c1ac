"""Refused, and not foreseen: see rules/unforeseen-failure.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, on_fact
from lockgate.run.evidence import Unforeseen


@on_fact(Unforeseen)
def check(fact: Unforeseen) -> Iterator[Remark]:
    """One finding."""
    seen, migration = fact.observation, fact.migration
    assert seen.fails is not None
    yield Remark(
        f"PostgreSQL refuses this as {seen.role}: {seen.fails.message}",
        fact.at,
        seen.fails.hint or seen.fails.detail,
        sqlstate=seen.fails.sqlstate,
        slot=migration.slot,
        statement=seen.index,
    )
