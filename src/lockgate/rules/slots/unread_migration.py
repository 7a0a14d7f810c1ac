"""What of a migration in code could not be printed as SQL: see rules/unread-migration.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.base.findings import Label
from lockgate.rules.model import Remark, on_fact
from lockgate.slots.conflicts import Unread


@on_fact(Unread)
def check(fact: Unread) -> Iterator[Remark]:
    """One finding for each migration, at the place that leaves most in doubt."""
    more = f", and {fact.more} more place{'s' if fact.more > 1 else ''}" if fact.more else ""
    if not fact.touches:
        doubt = "rows are not known after it"
    elif "*" in fact.touches:
        doubt = "everything after it is in doubt"
    else:
        doubt = f"{', '.join(fact.touches)} is in doubt after it"
    yield Remark(
        f"not printed as SQL: {fact.why}{more}",
        Label(fact.source, fact.span, doubt),
        "write the SQL out, or have it checked where it runs: lockgate verify",
        object=", ".join(fact.touches),
    )
