"""Refused over rows that satisfy the schema: see rules/fails-on-rows.md."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.rules.model import Remark, Severity, on_fact
from lockgate.run.evidence import FailsOnRows

_HELP = "ask production which rows these are (`lockgate rows` prints the query), and mend them in an earlier statement"
_MENDED = "mend the rows in an earlier statement, or give what is new a default that passes"


@on_fact(FailsOnRows)
def check(fact: FailsOnRows) -> Iterator[Remark]:
    """One finding for each statement."""
    failure, state = fact.failure, fact.failure.sqlstate
    where = failure.table or "the tables"
    said = f"{failure.message} ({state})"
    if failure.any:
        message = f"refused for any row of {where}: {said}"
    elif failure.tried and failure.broke == failure.tried:
        message = f"depends on the rows of {where}: each of {failure.tried} that were tried makes it fail: {said}"
    elif failure.rows:
        message = f"depends on the rows of {where}: a row with {failure.rows[0]} makes it fail: {said}"
    else:
        message = f"depends on the rows of {where}: {said}{f': {failure.detail}' if failure.detail else ''}"
    yield Remark(
        message,
        fact.at,
        "; ".join(filter(None, (failure.context, _MENDED if failure.any else _HELP))),
        sqlstate=state if fact.certain else None,
        slot=fact.migration.slot,
        statement=failure.index or None,
        object=failure.table,
        severity=Severity.ERROR if fact.certain else None,
        rows="any" if failure.any else "some",
    )
