"""Verification: a check whose findings the server has been asked about."""

from __future__ import annotations

import os
from typing import Any

from lockgate.base.config import Config
from lockgate.base.errors import UsageError
from lockgate.base.findings import Evidence, Verdict
from lockgate.base.values import replace
from lockgate.oracle import early
from lockgate.oracle import verify as observe
from lockgate.oracle.apply import plan as live
from lockgate.rules import registry
from lockgate.run import audit as catalogs
from lockgate.run.check import Checked, Outcome, Progress, examine, settle
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
from lockgate.run.plan import Request


def verify(
    config: Config,
    request: Request,
    *,
    dsn: str = "",
    binaries: str = "",
    bodies: bool = True,
    downs: bool = True,
    audit: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Check, apply on a real server as both roles, and stamp every finding. Raises CannotCheck where no server can be
    had."""
    with early(
        _wish(config, dsn, binaries)
    ) as backend:  # it boots while the files are read, and leaves while the findings are stamped
        checked = examine(_of_server(config, dsn, binaries), request)
        plan = live_plan(config, checked, dsn, binaries, bodies, downs, audit)
        return _stamped(checked, observe(plan, progress=progress, backend=backend))


def _stamped(checked: Checked, report: live.Report) -> Outcome:
    """The check's findings with what the server said of them, and those that only it could make."""
    migrations = checked.folder.migrations
    checked.findings = stamp(checked.findings, migrations, report)
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
        checked.findings += [replace(f, evidence=proof) for f in registry.of_fact(fact)]
    if checked.queries is not None:
        checked.findings = stamp_queries(checked.findings, checked.queries.resolutions, report)
        for refused, word in unforeseen_queries(checked.queries, report):
            proof = Evidence(Verdict.CONFIRMED, "", report.server.version, word.sqlstate, word.message)
            checked.findings += [replace(f, evidence=proof) for f in registry.of_fact(refused)]
    for warned in unheeded(checked.findings, migrations, report):
        seen, heard = warned.observation, warned.notice
        proof = Evidence(
            Verdict.CONFIRMED, seen.role, report.server.version, heard.sqlstate, heard.message, seen.locks, seen.work
        )
        checked.findings += [replace(f, evidence=proof) for f in registry.of_fact(warned)]
    final = checked.replay.catalog if not report.catalogs else None
    for difference in catalogs.audit(checked.plan, report, final):
        checked.findings += registry.of_fact(difference)
    for place in located(report, migrations, checked.findings):
        checked.findings += [replace(f, evidence=_proof(place, report)) for f in registry.of_fact(place)]
    return settle(checked, _server(report), report)


def _proof(place: BrokenBody | DownFails | DownIncomplete, report: live.Report) -> Evidence:
    """What bodies and down scripts were observed to do."""
    fails = place.observation.fails if isinstance(place, BrokenBody | DownFails) else None
    role = place.observation.role if isinstance(place, DownFails | DownIncomplete) else ""
    words = fails.message if fails is not None else "the catalog after the down is not the one before the up"
    by = place.observation.by if isinstance(place, BrokenBody) else ""
    return Evidence(
        Verdict.CONFIRMED, role, report.server.version, fails.sqlstate if fails is not None else None, words, by=by
    )


def _of_server(config: Config, dsn: str, binaries: str) -> Config:
    """The configuration with the major of the server that will speak, where none is configured: both must be asked
    about the same."""
    dsn = dsn or os.environ.get(config.database.dsn_env, "")
    if config.database.version is not None:
        return config
    if dsn:
        from lockgate.oracle.server.dsn import major_behind

        major = major_behind(dsn)
    else:
        from lockgate.oracle.server.binaries import choose

        major = choose(binaries or config.database.binaries, None).major
    return replace(config, database=replace(config.database, version=major))


def _wish(config: Config, dsn: str, binaries: str) -> live.ServerWish:
    """Which server is asked. Raises UsageError."""
    variable = config.database.dsn_env
    if not dsn and variable:
        dsn = os.environ.get(variable, "")
        if not dsn:
            raise UsageError(
                f"{config.path}: database.dsn_env names {variable}, which is not set",
                f"set {variable}, or remove dsn_env",
            )
    return live.ServerWish(dsn, binaries or config.database.binaries, config.database.version)


def live_plan(
    config: Config, checked: Checked, dsn: str, binaries: str, bodies: bool, downs: bool, audit: bool
) -> live.Plan:
    """What the oracle is asked."""
    wish = _wish(config, dsn, binaries)
    plan, roles = checked.plan, config.roles
    handover = plan.handover_sql.source if plan.handover_sql is not None else None
    known = tuple(live.ScratchRole(name) for name in roles.assumed)
    who = live.RolePlan(
        plan.deployer or plan.role,
        plan.owner,
        plan.owned,
        handover,
        roles.superuser or checked.request.superuser,
        known,
    )
    baseline = live.Baseline(plan.baseline.source) if plan.baseline is not None else None
    path = plan.search_path if plan.search_path != ("$user", "public") else ()
    queries = (
        tuple(live.Asked(one.query.sql, one.path) for one in checked.queries.resolutions)
        if checked.queries is not None
        else ()
    )
    return live.Plan(
        plan.migrations,
        {},
        wish,
        who,
        baseline,
        plan.environment,
        path,
        bodies=bodies,
        downs=downs,
        audit=audit,
        queries=queries,
        statement_timeout=float(config.database.statement_timeout),
    )


def _server(report: live.Report) -> dict[str, Any]:
    server = report.server
    return {
        "major": server.major,
        "version": server.version,
        "source": server.source,
        "stand_ins": list(server.stand_ins),
        "notes": list(report.notes),
    }
