"""Production against its own ledger: what it has that no applied migration made (done by hand), what it lacks that one
made, and what is not as made.

The migrations that the ledger holds are applied on a scratch server of production's major, as the roles of the
configuration. Both servers are then asked the same about what they hold, so nothing rests on the simulation; only the
slot that last touched an object is told by the timeline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from lockgate.base.config import Config
from lockgate.base.errors import UsageError
from lockgate.base.sql import quote
from lockgate.difference.compare import Terms, comparable, deviations
from lockgate.difference.deviation import Deviation, Difference, DriftKind, LastTouch
from lockgate.difference.doubt import doubted
from lockgate.difference.reconcile import reconciled
from lockgate.difference.touched import coming, touches
from lockgate.oracle import verify as observe
from lockgate.oracle.apply import plan as live
from lockgate.oracle.read import production
from lockgate.oracle.server.binaries import at_hand
from lockgate.parse import Statement, parse_script
from lockgate.run.oracle_plan import oracle_plan
from lockgate.run.plan import Request, read_folder, read_script, whole_plan
from lockgate.slots import applied_ids, ledger_table
from lockgate.slots.kinds import DBMATE, KINDS
from lockgate.slots.read import read_dsn
from lockgate.sources import Folder
from lockgate.sources.migration import Migration
from lockgate.timeline.plan import Plan

__all__ = ["Deviation", "Difference", "DriftKind", "LastTouch", "difference"]


def difference(config: Config, request: Request, dsn: str, variable: str) -> Difference:
    """Apply on a scratch server what the ledger holds, and compare. Raises CannotCheck, UsageError."""
    config = replace(config, migrations=replace(config.migrations, baseline=""))
    folder = read_folder(config, request)
    major, has = production.catalog(dsn, variable)
    applied, notes = _applied(config, folder, has, variable)
    done = replace(folder, migrations=tuple(m for m in folder.migrations if m.id in applied))
    plan = _plan(config, request, done)
    report = observe(_asked(config, plan, major))
    terms = _terms(config, plan, folder, report, major)
    found = deviations(comparable(has, terms), comparable(report.definitions, terms), terms)
    doubts, last = doubted(plan.migrations, report), touches(plan)
    pending = coming(m for m in folder.migrations if m.id not in applied)
    meant = {
        d.key: pending.get(d.definition.name[-1]) for d in found if d.kind not in ("column", "attribute", "constraint")
    }
    told = (reconciled(replace(d, touch=last(d) or meant.get(d.key), doubt=doubts.of(d)), terms.owners) for d in found)
    return Difference(tuple(told), (*notes, *_notes(config, plan, report, major)), major, report.server.version)


def _applied(config: Config, folder: Folder, has: tuple[Any, ...], variable: str) -> tuple[frozenset[str], list[str]]:
    """The migrations that production has had: what its ledger holds; all where there is none."""
    table = ledger_table(config, folder)
    found = [d.name for d in has if d.kind == "table" and table in (".".join(d.name), d.name[-1])]
    if config.ledger.table or len(found) == 1:
        name = config.ledger.table or ".".join(map(quote, found[0]))
        return applied_ids(folder, read_dsn(variable, name, _columns(config), config.path)), []
    if len(found) > 1:
        raise UsageError(
            f"there are {len(found)} tables {table}: {', '.join('.'.join(name) for name in found)}",
            "say which: [ledger] table",
        )
    why = f"there is no table {table}" if table else "[ledger] table is not configured"
    return frozenset(m.id for m in folder.migrations), [
        f"no ledger read: {why}; every migration of the tree counts as applied"
    ]


def _columns(config: Config) -> dict[str, str]:
    return {
        key: value for key in ("version", "name", "checksum", "applied_at") if (value := getattr(config.ledger, key))
    }


def _plan(config: Config, request: Request, folder: Folder) -> Plan:
    """What is applied, as whom; what the handover grants comes where it came in production, at the latest at the
    end."""
    roles = config.roles
    by_ledger = roles.handover == "ledger"
    plan = whole_plan(replace(config, roles=replace(roles, handover="")) if by_ledger else config, request, folder)
    every = frozenset(m.id for m in folder.migrations)
    owned = every if by_ledger else plan.owned
    if plan.owner and owned >= every and roles.handover_sql:
        handover = Migration("handover", "", "handover", read_script(config, roles.handover_sql, request))
        return replace(plan, migrations=(*plan.migrations, handover), owned=owned | {"handover"}, handover_sql=None)
    return replace(plan, owned=owned)


def _asked(config: Config, plan: Plan, major: int) -> live.ApplyPlan:
    """What the applied migrations make, on a server of production's major where one is at hand."""
    same = next((b.major for b in at_hand(major) if b.major == major), None)
    wish = live.ServerWish(
        bindir=config.database.binaries, major=None if config.database.binaries else same or config.database.version
    )
    return oracle_plan(config, plan, wish, observe_locks=False, definitions=True)


def _terms(config: Config, plan: Plan, folder: Folder, report: live.ApplyReport, major: int) -> Terms:
    roles = config.roles
    kept = [kind.table for kind in (*KINDS, DBMATE)]
    tables = [config.ledger.table.replace('"', "")] if config.ledger.table else [ledger_table(config, folder), *kept]
    ours = {roles.owner, roles.deployer, *roles.assumed, *plan.roles} - {""}
    stand_ins = {name.removeprefix("role ") for name in report.server.stand_ins if name.startswith("role ")}
    superusers = {d.name[0] for d in report.definitions if d.kind == "role" and d.properties["superuser"]}
    made = (
        {d.name[0] for d in report.definitions if d.kind == "role" and not d.name[0].startswith("lockgate_")}
        - stand_ins
        - superusers
    )
    return Terms(
        owners=bool(roles.owner or roles.deployer),
        same_major=report.server.major == major,
        ledgers=frozenset(table.rpartition(".")[2] for table in tables) - {""},
        runners=frozenset(table.partition(".")[0] for table in kept if "." in table),
        schemas=frozenset(plan.environment.schemas if plan.environment is not None else ()),
        extensions=_provided(plan),
        strangers=frozenset({roles.deployer} if _unknown_grants(config, plan) else ()),
        roles=frozenset(ours | made),
        own=frozenset(ours),
        pair=frozenset({roles.owner, roles.deployer}),
    )


def _provided(plan: Plan) -> frozenset[str]:
    """The extensions of the environment."""
    statements = parse_script(plan.environment.script) if plan.environment is not None else ()
    return frozenset(
        str(s.node["extname"]) for s in statements if isinstance(s, Statement) and s.tag == "CreateExtensionStmt"
    )


def _unknown_grants(config: Config, plan: Plan) -> bool:
    """Whether nobody has said what the handover granted to the deployer."""
    return bool(plan.owner and plan.deployer and plan.owner != plan.deployer and not config.roles.handover_sql)


def _notes(config: Config, plan: Plan, report: live.ApplyReport, major: int) -> Iterator[str]:
    if config.database.version not in (None, major):
        yield f"production is PostgreSQL {major}; [database] version says {config.database.version}"
    if report.server.major != major:
        yield (
            f"production is PostgreSQL {major}, the scratch server {report.server.major}: expressions, bodies and views, which the two spell differently,"
            f" are not compared; install postgresql-{major} to compare them"
        )
    if not (config.roles.owner or config.roles.deployer):
        yield "no roles are configured: who owns what is not compared"
    elif _unknown_grants(config, plan):
        yield f"grants to {config.roles.deployer} are not compared: [roles] handover_sql does not say what the handover granted"
    if plan.environment is not None and plan.environment.schemas:
        yield f"schemas that {plan.environment.name} fills are not compared: {', '.join(plan.environment.schemas)}"
    yield from (note for note in report.notes if not note.startswith("No roles are configured"))
