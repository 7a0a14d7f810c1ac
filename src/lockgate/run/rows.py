"""``verify --rows``: the pending migrations once more, over tables with invented rows, and what that proves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck
from lockgate.base.findings import Evidence, Finding, Label, Severity, Verdict
from lockgate.base.text import Span
from lockgate.oracle import early, verify
from lockgate.oracle.apply.plan import ApplyPlan, ApplyReport
from lockgate.oracle.rows.model import RowFailure, RowReport, RowWish
from lockgate.oracle.server.backend import EmbeddedBackend
from lockgate.oracle.server.wire import Lost
from lockgate.rules.registry import Ruleset
from lockgate.run.evidence import FailsOnRows
from lockgate.sources import Folder
from lockgate.sources.migration import Migration
from lockgate.timeline.plan import Plan


def wanted(plan: Plan) -> bool:
    """Whether there is a migration that may meet rows: one is pending, or nobody says which are."""
    return bool(plan.migrations) and (plan.pending is None or any(m.id in plan.pending for m in plan.migrations))


@contextmanager
def server(plan: ApplyPlan, needed: bool) -> Iterator[EmbeddedBackend | None]:
    """A second server of our own, booting while the first one works. Raises CannotCheck."""
    if not needed:
        yield None
        return
    with early(plan.server) as backend:
        yield backend


def read_once(plan: ApplyPlan) -> ApplyPlan:
    """The plan with its scripts parsed, for two runs."""
    from lockgate.oracle.apply.run import parsed

    return replace(plan, statements=parsed(plan))


def over_rows(
    plan: ApplyPlan,
    report: ApplyReport,
    pending: frozenset[str] | None,
    apart: frozenset[str],
    backend: EmbeddedBackend | None,
) -> RowReport:
    """Apply a plan's migrations over rows, after ``report`` told what they do without."""
    refused = frozenset((seen.migration, seen.index) for seen in report.observations if seen.fails is not None)
    wish = RowWish(pending, refused, apart)
    again = replace(
        plan, rows=wish, observe_locks=False, bodies=False, downs=False, audit=False, queries=(), restore=False
    )
    try:
        return verify(again, backend=backend).rows or RowReport()
    except (CannotCheck, Lost) as stopped:
        return RowReport(note=f"the run over rows ended early, and proves nothing: {stopped}")


def ledgers(config: Config, folder: Folder) -> frozenset[str]:
    """The runner's own tables."""
    from lockgate.slots import ledger_table

    return frozenset({config.ledger.table, ledger_table(config, folder)} - {""})


def facts(rows: RowReport, report: ApplyReport, plan: Plan) -> Iterator[FailsOnRows]:
    """What failed over rows, each at its statement."""
    by_id = {m.id: m for m in plan.migrations}
    seen = {(one.migration, one.index): one for one in report.observations if one.direction == "up"}
    for failure in rows.failures:
        migration, place = by_id.get(failure.migration), seen.get((failure.migration, failure.index))
        if migration is None or (place is None and failure.index):
            continue
        at = Label(migration.up.source, place.span if place is not None else _end(migration), failure.message)
        yield FailsOnRows(migration, failure, at, failure.any and plan.pending is not None)


def _end(migration: Migration) -> Span:
    size = len(migration.up.source.text)
    return Span(size, size)


def told(findings: list[Finding], found: list[FailsOnRows], rules: Ruleset, server: str) -> list[Finding]:
    """The findings with what failed over rows: where one speaks of the same refusal, it is proven; else a new one."""
    out = list(findings)
    for fact in found:
        proof = evidence(fact.failure, server)
        same = [i for i, f in enumerate(out) if _same(f, fact, rules)]
        for at in same:
            out[at] = replace(out[at], evidence=proof)
            if fact.certain and out[at].rows is not None:
                out[at] = replace(out[at], severity=Severity.ERROR, sqlstate=fact.failure.sqlstate, rows="any")
        if not any(out[at].severity is not Severity.INFO for at in same):
            out += [replace(f, evidence=proof) for f in rules.of_fact(fact)]
    return out


def _same(item: Finding, fact: FailsOnRows, rules: Ruleset) -> bool:
    """Whether a finding speaks of the same statement, and of what rows make it fail with."""
    migration, failure = fact.migration, fact.failure
    if (item.at.source.path, item.slot, item.statement) != (migration.up.source.path, migration.slot, failure.index):
        return False
    bodies = rules[item.name].front.bodies and failure.sqlstate.startswith("42")
    return item.rows is not None or bodies or item.sqlstate == failure.sqlstate


def evidence(failure: RowFailure, server: str) -> Evidence:
    """The server's word over invented rows."""
    words = f"{failure.message}, over invented rows"
    if failure.rows:
        words += f": {failure.rows[0]}"
    elif failure.detail:
        words += f": {failure.detail}"
    return Evidence(Verdict.CONFIRMED, failure.role, server, failure.sqlstate, words)
