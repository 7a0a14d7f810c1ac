"""Too late for its number: see rules/slot-below-highest-applied.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.findings import Label
from lockgate.rules.registry import Draft, on_fact
from lockgate.slots.ledger import Below
from lockgate.text import Span


@on_fact(Below)
def check(fact: Below) -> Iterator[Draft]:
    """One finding."""
    migration = fact.migration
    does = {
        "golang-migrate": "golang-migrate will pass it over in silence", "goose": "goose will refuse to run", "flyway": "flyway will refuse to run",
        "dbmate": "dbmate will apply it out of order", "sqlx": "sqlx will apply it out of order",
    }.get(fact.layout, "the runner may pass it over")  # fmt: skip
    at = Label(migration.up.source, Span(0, 0), "not applied")
    related = (Label(fact.ledger.source, fact.highest.span, "the highest that is applied"),)
    message = f"slot {migration.slot} is not applied, but {fact.highest.version} is: {does}"
    yield Draft(message, at, "move it to the next free slot", related, slot=migration.slot, object=migration.id)
