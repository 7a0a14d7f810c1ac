"""A query with a column that no migration makes: see rules/query-unknown-column.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.queries.facts import QueryRefused
from lockgate.rules.model import Remark, of_query, on_fact


@on_fact(QueryRefused)
def check(fact: QueryRefused) -> Iterator[Remark]:
    """The relation is known, the column never was."""
    failure = fact.failure
    if failure.sqlstate == "42703" and not failure.cause:
        yield of_query(
            fact.at,
            failure,
            f"{failure.message} in the schema that the migrations make",
            "mend the name, or add the migration that makes it",
        )
