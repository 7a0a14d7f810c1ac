"""An INSERT of the running release that fails after the pending migrations: see rules/release-insert-lacks-value.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.queries.facts import ReleaseLacks
from lockgate.rules.model import Remark, on_fact

_HELP = "keep the default, or the NULLs, until a release that gives a value is everywhere; then the constraint"


@on_fact(ReleaseLacks)
def check(fact: ReleaseLacks) -> Iterator[Remark]:
    """One finding for each column."""
    message = f"release {fact.release} inserts into {fact.table} without a value for {fact.column}, which needs one once the pending migrations are applied"
    yield Remark(message, fact.at, _HELP, sqlstate="23502", object=f"{fact.table}.{fact.column}")
