"""A query that reads a column that is gone: see rules/query-reads-dropped-column.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.queries.facts import QueryRefused
from lockgate.rules.model import Remark, of_query, on_fact

_HELP = {
    "renamed": "use the new name",
    "dropped": "take the column out of the query, and deploy that before the migration",
}


@on_fact(QueryRefused)
def check(fact: QueryRefused) -> Iterator[Remark]:
    """The timeline saw the column go."""
    failure = fact.failure
    if failure.sqlstate != "42703" or not failure.cause:
        return
    where = f" in {failure.since}" if failure.since else ""
    table, _, name = failure.object.rpartition(".")
    subject = f"column {name} of {table}" if table else f"column {name}"
    yield of_query(
        fact.at, failure, f"{subject}, which this query uses, was {failure.cause}{where}", _HELP.get(failure.cause, "")
    )
