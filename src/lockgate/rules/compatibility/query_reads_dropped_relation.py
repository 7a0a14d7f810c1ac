"""A query that reads a relation that is gone: see rules/query-reads-dropped-relation.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.queries.facts import QueryRefused
from lockgate.rules.model import Remark, of_query, on_fact

_HELP = {"renamed": "use the new name", "dropped": "remove the query, and deploy that before the migration"}


@on_fact(QueryRefused)
def check(fact: QueryRefused) -> Iterator[Remark]:
    """The timeline saw the relation go."""
    failure = fact.failure
    if failure.sqlstate != "42P01" or not failure.cause:
        return
    where = f" in {failure.since}" if failure.since else ""
    message = f"relation {failure.object}, which this query uses, was {failure.cause}{where}"
    yield of_query(fact.at, failure, message, _HELP.get(failure.cause, ""))
