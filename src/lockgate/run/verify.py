"""Verification: a check whose findings the server has been asked about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.findings import Evidence, Verdict
from lockgate.oracle import early
from lockgate.oracle import verify as observe
from lockgate.oracle.apply import plan as live
from lockgate.run import audit as catalogs
from lockgate.run import effects
from lockgate.run import restore as end
from lockgate.run import rows as over
from lockgate.run.evidence import (
    BrokenBody,
    DownFails,
    DownIncomplete,
    located,
    stamp,
    stamp_queries,
    unforeseen,
    unforeseen_queries,
    unheeded,
)
from lockgate.run.examine import Checked, examine, of_facts
from lockgate.run.oracle_plan import of_server, oracle_plan, wished
from lockgate.run.plan import Progress, Request
from lockgate.run.proof import by_policies
from lockgate.run.settle import PostgresUsed, Report, Unproven, settle
from lockgate.sources.migration import Migration

if TYPE_CHECKING:
    from lockgate.queries.examine import Examined


def verify(
    config: Config,
    request: Request,
    *,
    dsn: str = "",
    binaries: str = "",
    bodies: bool = True,
    downs: bool = True,
    audit: bool = False,
    rows: bool = True,
    restore: bool | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check, apply on a real server as both roles, and stamp every finding; ``rows``: once more over tables with rows;
    ``restore``: a dump of the end state is restored (None: where that costs little). Raises
    CannotCheck where no server can be had."""
    wish = wished(config, dsn, binaries)
    # the server boots while the files are read, and leaves while the findings are stamped
    with early(wish) as backend:
        checked = examine(of_server(config, wish), replace(request, deploys=rows or request.deploys))
        plan = oracle_plan(
            config, checked.plan, wish, bodies=bodies, downs=downs, audit=audit, queries=_asked(checked.queries)
        )
        needed = rows and over.wanted(checked.plan)
        plan = over.read_once(plan) if needed else plan
        plan = replace(plan, restore=restore)
        with over.server(plan, needed) as second:
            report = observe(plan, progress=progress, backend=backend)
            if needed:
                apart = over.ledgers(config, checked.folder)
                found = over.over_rows(plan, report, checked.plan.pending, apart, second)
                report = replace(report, rows=found)
            at_end = end.restored(plan, report)
        return _stamped(checked, report, at_end)


def _asked(examined: Examined | None) -> tuple[live.Asked, ...]:
    """The application's queries, for the server to prepare."""
    return tuple(live.Asked(one.query.sql, one.path) for one in examined.resolutions) if examined is not None else ()


def _stamped(checked: Checked, report: live.ApplyReport, at_end: end.Restored) -> Report:
    """The check's findings with what the server said of them, and those that only it could make."""
    migrations, rules = checked.folder.migrations, checked.rules
    sides = list(effects.beside(checked.plan, report))
    acts = tuple(act for act, _ in sides)
    observed = {(act.migration.id, act.statement): act.effects for act in acts if act.observed}
    checked.findings = by_policies(stamp(checked.findings, migrations, report, rules, observed), report, rules)
    for fact in unforeseen(checked.findings, migrations, report):
        seen = fact.observation
        assert seen.fails is not None
        proof = Evidence(
            Verdict.CONFIRMED,
            seen.role,
            report.server.version,
            seen.fails.sqlstate,
            seen.fails.message,
            seen.locks,
            seen.work,
        )
        checked.findings += [replace(f, evidence=proof) for f in rules.of_fact(fact)]
    if checked.queries is not None:
        checked.findings = stamp_queries(checked.findings, checked.queries.resolutions, report)
        for refused, word in unforeseen_queries(checked.queries, report):
            proof = Evidence(Verdict.CONFIRMED, "", report.server.version, word.sqlstate, word.message)
            checked.findings += [replace(f, evidence=proof) for f in rules.of_fact(refused)]
    for warned in unheeded(checked.findings, migrations, report, rules):
        seen, heard = warned.observation, warned.notice
        proof = Evidence(
            Verdict.CONFIRMED, seen.role, report.server.version, heard.sqlstate, heard.message, seen.locks, seen.work
        )
        checked.findings += [replace(f, evidence=proof) for f in rules.of_fact(warned)]
    final = checked.replay.catalog if not report.catalogs else None
    for difference in catalogs.audit(checked.plan, report, final):
        checked.findings += rules.of_fact(difference)
    for place in located(report, migrations, checked.findings, rules):
        checked.findings += [replace(f, evidence=_proof(place, report)) for f in rules.of_fact(place)]
    checked.findings += of_facts((differs for _, differs in sides if differs is not None), rules)
    if report.rows is not None:
        checked.coverage.rows = report.rows
        failed = list(over.facts(report.rows, report, checked.plan))
        checked.findings = over.told(checked.findings, failed, rules, report.server.version)
    checked.findings = end.told(checked.findings, at_end, migrations, rules, report.server.version)
    report = replace(report, notes=(*report.notes, *filter(None, (at_end.note,))))
    return settle(checked, _server(report, migrations), report, acts)


def _proof(place: BrokenBody | DownFails | DownIncomplete, report: live.ApplyReport) -> Evidence:
    """What bodies and down scripts were observed to do."""
    fails = place.observation.fails if isinstance(place, BrokenBody | DownFails) else None
    role = place.observation.role if isinstance(place, DownFails | DownIncomplete) else ""
    words = fails.message if fails is not None else "the catalog after the down is not the one before the up"
    by = place.observation.by if isinstance(place, BrokenBody) else ""
    return Evidence(
        Verdict.CONFIRMED, role, report.server.version, fails.sqlstate if fails is not None else None, words, by=by
    )


def _server(report: live.ApplyReport, migrations: Iterable[Migration]) -> PostgresUsed:
    server, unproven = report.server, tuple(_unproven(report, migrations))
    return PostgresUsed(
        server.major,
        server.version,
        server.source,
        server.isolation,
        tuple(server.stand_ins),
        (*report.notes, *((report.rows.note,) if report.rows is not None and report.rows.note else ())),
        unproven,
    )


def _unproven(report: live.ApplyReport, migrations: Iterable[Migration]) -> Iterator[Unproven]:
    """The statements that prove nothing, each with its place and its reason."""
    by_id = {m.id: m for m in migrations}
    for seen in report.observations:
        migration = by_id.get(seen.migration)
        if seen.state is live.ObservationState.OBSERVED or migration is None:
            continue
        script = migration.up if seen.direction == "up" else migration.down or migration.up
        yield Unproven(
            script.source.path,
            script.source.position(seen.span.start).line,
            migration.slot,
            seen.index,
            seen.direction,
            seen.reason or seen.state.value,
        )
