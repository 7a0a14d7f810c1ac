"""A routine broken by this step: see rules/broken-routine.md."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from lockgate.base.findings import Severity
from lockgate.rules.model import Remark, on_fact, on_failure, refusal
from lockgate.run.evidence import BrokenBody, NotRestorable
from lockgate.timeline.failure import Failure
from lockgate.timeline.step import Step


@on_failure("latent")
def check(step: Step, failure: Failure) -> Remark | None:
    """The apply does not show it: no SQLSTATE is claimed for the statement."""
    severity = Severity.WARNING if failure.caught else None
    return replace(refusal(step, failure), sqlstate=None, severity=severity)


@on_fact(BrokenBody)
def observed(fact: BrokenBody) -> Iterator[Remark]:
    """The server's own word on a body, where nothing was foreseen."""
    body = fact.observation
    table = f", for rows of {body.table}" if body.table else ""
    line = f"{table} (line {body.line} of the body)" if body.line else table
    yield Remark(
        f"{body.routine} is broken after this migration: {body.fails.message}{line}",
        fact.at,
        body.query,
        object=body.routine.partition("(")[0],
        slot=fact.migration.slot,
        severity=Severity.WARNING if body.born else None,
    )


@on_fact(NotRestorable)
def unrestorable(fact: NotRestorable) -> Iterator[Remark]:
    """The server's own word on a dump of the end state."""
    yield Remark(
        f"no dump of the end state can be restored: {fact.fails.message} ({fact.fails.sqlstate}), at {fact.dumped}",
        fact.at,
        "a restore has an empty search_path and makes objects in pg_dump's order: name schemas in what is evaluated then",
        object=fact.object,
        slot=fact.migration.slot,
        statement=fact.statement,
        severity=Severity.WARNING,
    )
