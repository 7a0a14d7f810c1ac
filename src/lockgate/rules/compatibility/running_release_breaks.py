"""A query of the running release that the pending migrations break: see rules/running-release-breaks.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.queries.facts import ReleaseRefused
from lockgate.rules.model import Remark, of_query, on_fact

_HELP = "first deploy a release that does without it, then the migration (expand, then contract)"


@on_fact(ReleaseRefused)
def check(fact: ReleaseRefused) -> Iterator[Remark]:
    """It works before the pending migrations, and fails after them."""
    failure = fact.failure
    why = f": {failure.cause} in {failure.since}" if failure.cause and failure.since else ""
    draft = of_query(
        fact.at,
        failure,
        f"release {fact.release} fails here once the pending migrations are applied: {failure.message}{why}",
        _HELP,
    )
    yield Remark(draft.message, draft.at, _HELP, draft.related, None, draft.sqlstate, draft.object)
