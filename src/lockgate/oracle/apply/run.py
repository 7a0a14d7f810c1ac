"""The entry of the oracle: one plan, one server, one report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.sql import literal, quote
from lockgate.oracle.apply.apply import Applier
from lockgate.oracle.apply.asked import prepare
from lockgate.oracle.apply.end_state import end_state
from lockgate.oracle.apply.ground import hold
from lockgate.oracle.apply.plan import (
    ApplyPlan,
    ApplyReport,
    BodyObservation,
    Direction,
    DownObservation,
    LiveCatalog,
    Observation,
    ObservationState,
    Parsed,
    ServerFailure,
)
from lockgate.oracle.apply.policies import recursions
from lockgate.oracle.apply.repair import Repairer
from lockgate.oracle.apply.roles import RoleCast, cast, handover_sql, owned_schemas
from lockgate.oracle.apply.session import ServerSession
from lockgate.oracle.read.catalog import read_catalog
from lockgate.oracle.read.dumped import Dumped, dumped
from lockgate.oracle.rows.model import RowWish
from lockgate.oracle.server.backend import Backend, EmbeddedBackend, ask, start
from lockgate.oracle.server.stand_ins import MARK
from lockgate.oracle.server.wire import Crashed, Lost
from lockgate.parse import parse_script
from lockgate.parse.named_roles import named_roles
from lockgate.sources.environment import Environment
from lockgate.sources.migration import Migration, Script, Transaction

if TYPE_CHECKING:
    from lockgate.oracle.apply.downs import DownWatch
    from lockgate.oracle.bodies.bodies import Bodies
    from lockgate.oracle.read.definition import Definition
    from lockgate.oracle.rows.model import RowReport
    from lockgate.oracle.rows.trial import RowTrial

Progress = Callable[[int, int, str], None]


def verify(plan: ApplyPlan, *, progress: Progress | None = None, backend: EmbeddedBackend | None = None) -> ApplyReport:
    """Apply a plan's migrations on a scratch server and report what the server said of every statement.

    The server is ``plan.server``'s: an ephemeral one (unix socket only, gone with all its files when this returns,
    raises or is killed) or a scratch database on the one of a DSN. Migrations of ``roles.owner_ids`` run as the owner,
    the rest as the deployer, who is given ``handover_sql`` (or every grantable privilege) in between; neither is a
    superuser unless ``superuser_runner``. A refused statement is recorded, then applied as the role that may
    (``repaired_as``), so one run shows every failure. What rests on a failure that nobody could repair has the state
    ``AFTER_FAILURE`` and proves nothing; what the server lacks is ``LACKING``; both are never findings.

    ``backend``: such a server that was started before (``early``), to be closed by the caller, too.
    ``progress(done, total, migration id)`` is called before each migration. Observations come in order of execution,
    one per statement; index 0 is a script's final COMMIT, and only there when it failed.

    Raises CannotCheck (no server, wrong version, server lost, size limit reached) with file, line and remedy.
    """
    try:
        return _verified(plan, progress, backend)
    except Crashed as crashed:
        report = _verified(replace(plan, plpgsql_check=False), progress, None)
        return replace(report, notes=(*report.notes, str(crashed)))


def _verified(plan: ApplyPlan, progress: Progress | None, started: EmbeddedBackend | None) -> ApplyReport:
    backend = started or start(plan.server, plan.size_limit)
    try:
        run = _Run(plan, backend, parsed(plan), progress)  # while the server starts
        backend.open()  # type: ignore[attr-defined]
        return run.report()
    except Crashed:
        raise
    except Lost as lost:
        trouble = backend.trouble()
        raise CannotCheck(
            f"the connection to the scratch server was lost: {trouble or lost}",
            "Run again. If it lasts, see whether a migration makes more than a session of the scratch server may hold (512 MB);"
            " else report it.",
        ) from lost
    finally:
        backend.close() if started is None else started.leave()


def parsed(plan: ApplyPlan) -> dict[tuple[str, Direction], Parsed]:
    """Every script parsed; ids of duplicate slots are the caller's to keep apart."""
    found: dict[tuple[str, Direction], Parsed] = dict(plan.statements)
    for migration in plan.migrations:
        if (migration.id, "up") not in found:
            found[migration.id, "up"] = parse_script(migration.up)
        if plan.downs and migration.down is not None and (migration.id, "down") not in found:
            found[migration.id, "down"] = parse_script(migration.down)
    return found


class _Run:
    """One run's state: who applies now, and what was seen so far."""

    applier: Applier
    cast: RoleCast

    def __init__(
        self,
        plan: ApplyPlan,
        backend: Backend,
        statements: dict[tuple[str, Direction], Parsed],
        progress: Progress | None,
    ) -> None:
        """All that asks no server, so that it can be done while ours starts."""
        self.plan, self.backend, self.statements, self.progress = plan, backend, statements, progress
        self.restored: list[Observation] = []
        self.handover: list[Observation] = []
        self.observations: list[Observation] = []
        self.bodies: list[BodyObservation] = []
        self.downs: list[DownObservation] = []
        self.catalogs: dict[str, LiveCatalog] = {}
        self.queries: list[ServerFailure | None] = []
        self.notes: list[str] = []
        self._bodies: Bodies | None = None
        self._held: list[str] = []  # migrations whose runner's transaction has not ended
        self._watch: DownWatch | None = None
        self._rows: RowTrial | None = None
        self._opaque = ""  # why nothing that follows is what production has: a migration whose statements are not known
        self._environment = parse_script(plan.environment.script) if plan.environment is not None else ()
        self._baseline: Parsed = ()
        self._known = Dumped()
        if plan.baseline is not None:
            self._baseline = parse_script(Script.whole(plan.baseline.sql, Transaction.STATEMENT))
            self._known = dumped(self._baseline)
            self._known = replace(self._known, roles=(*plan.baseline.roles, *self._known.roles))
        every = (self._environment, self._baseline, *statements.values())
        self._named = frozenset(named_roles(statement for parsed in every for statement in parsed))

    def report(self) -> ApplyReport:
        """Take the whole run."""
        info = self.backend.info()
        self.cast = cast(self.backend, self.plan.roles, self._known, self._named, info.major)
        self.applier = Applier(
            self.backend,
            info.major,
            Repairer(self.backend, self.cast.owner, self.cast.everyone),
            self.cast.configured,
            frozenset(self.cast.withheld),
        )
        if self.plan.environment is not None:
            self._surround(self.plan.environment, self._environment)
        if self.plan.baseline is not None:
            self._restore(self._baseline)
        self._migrations()
        if not self.plan.roles.superuser_runner:
            hold(self.backend)
        dump = end_state(self.backend, self.cast.everyone, self.plan.restore, self.notes)
        service = self.plan.environment.stand_ins if self.plan.environment is not None else ()
        stand_ins = dict.fromkeys(
            (*(f"role {name}" for name in self.cast.stand_ins), *self._stand_in_extensions(), *service)
        )
        return ApplyReport(
            replace(info, stand_ins=tuple(stand_ins)),
            tuple(self.observations),
            tuple(self.bodies),
            tuple(self.downs),
            self._catalog(),
            self.catalogs,
            tuple(self.handover),
            tuple(self.restored),
            tuple(self.queries),
            self._all_notes(),
            self._definitions(),
            self._of_rows(),
            dump,
            recursions(self.backend, self.cast),
        )

    def _surround(self, environment: Environment, statements: Parsed) -> None:
        """What is there before the first migration, owned by whoever creates the rest."""
        session = self._session(self.cast.owner)
        for seen in self.applier.script(session, "environment", "up", environment.script, statements):
            if seen.fails is not None and seen.repaired_as is None:
                self.notes.append(f"a stand-in for {environment.name} could not be made: {seen.fails.message}")
        session.connection.close()
        self.applier.service = frozenset(environment.schemas)
        self.applier.taint.leap(environment.script.gaps)
        if environment.beside:
            self.applier.taint.missing = (
                f"what schema {environment.beside[0]} held before the first migration is not known"
            )

    def _restore(self, statements: Parsed) -> None:
        from lockgate.oracle.apply.restore import not_restored, restored, standing_in

        statements = standing_in(statements, self.cast.others)
        session = self._session(self.cast.everyone)
        self.restored += restored(self.applier, session, statements)
        session.connection.close()
        self.notes += not_restored(self.restored, statements)

    def _migrations(self) -> None:
        plan, total = self.plan, len(self.plan.migrations)
        two = self.cast.owner != self.cast.deployer
        session = self._session(
            self.cast.owner if two and plan.roles.owner_ids else self.cast.deployer, plan.search_path
        )
        # with a baseline, production was handed over long ago: its grants and the settings of the deployer's session
        # are in there
        handed = not two or (plan.baseline is not None and not plan.roles.owner_ids)
        if plan.bodies and plan.baseline is not None:
            self._checker().before(self._show_path(session))
        for done, migration in enumerate(plan.migrations):
            if self.progress is not None:
                self.progress(done, total, migration.id)
            if not handed and migration.id not in plan.roles.owner_ids:
                handed = True
                session = self._hand_over(session)
            self._migration(session, migration)
        if self.progress is not None:
            self.progress(total, total, "")
        if session.block:
            session.commit()
        if self._bodies is not None:
            self.bodies = self._bodies.standing(self.bodies, self._show_path(session))
        for asked in plan.queries:
            path = ", ".join(map(quote, asked.search_path)) or "DEFAULT"
            session.connection.query(f"SET search_path = {path}", 20)
            self.queries.append(prepare(session, asked.sql) if not self._opaque else None)
        session.connection.close()

    def _migration(self, session: ServerSession, migration: Migration) -> None:
        plan, up = self.plan, self.statements[migration.id, "up"]
        why = migration.opaque or next((gap.why for gap in migration.up.gaps if gap.wide), "")
        if why and not self._opaque:
            self._opaque = why
            self.applier.taint.add(None, why)
        self.applier.taint.leap(migration.up.gaps)
        watch = self._watching()
        if migration.afresh:
            session.connection.query("RESET search_path", 20)
            self._set_path(session, plan.search_path)
        if plan.rows is not None:
            trial = self._row_trial(plan.rows)
            self.applier.mender = trial.before(session, migration, up)
            if trial.at_once(session, migration, up):
                return
        self.observations += self.applier.script(session, migration.id, "up", migration.up, up)
        if session.block and migration.up.goes_on:
            self._held.append(migration.id)  # nobody else sees it before the runner's transaction ends
            return
        self._look_at_held(session)
        if plan.bodies and not self._opaque:
            self.bodies += self._checker().after(migration.id, up, self._show_path(session))
        if watch is None:
            return
        if plan.downs and migration.down is not None and not self._opaque:
            self.downs.append(watch.try_down(session, migration, self.statements[migration.id, "down"]))
        contents = watch.read()
        if plan.audit:
            self.catalogs[migration.id] = contents.catalog()

    def _look_at_held(self, session: ServerSession) -> None:
        """What is to be seen of the files before this one of the same transaction, now that it has ended."""
        held, self._held = self._held, []
        for ident in held if self.plan.bodies and not self._opaque else ():
            statements = self.statements[ident, "up"]
            self.bodies += self._checker().after(ident, statements, self._show_path(session))

    def _watching(self) -> DownWatch | None:
        plan = self.plan
        if self._watch is None and (
            plan.audit or (plan.downs and any(migration.down for migration in plan.migrations))
        ):
            from lockgate.oracle.apply.downs import DownWatch

            self._watch = DownWatch(self.backend.reader)
        return self._watch

    def _checker(self) -> Bodies:
        if self._bodies is None:
            from lockgate.oracle.bodies.bodies import Bodies
            from lockgate.oracle.bodies.body import Checker
            from lockgate.oracle.bodies.routines import RoutineCatalog

            checker = Checker(self.backend, self.cast.everyone, self.plan.plpgsql_check, self.plan.statement_timeout)
            self._bodies = Bodies(
                checker, RoutineCatalog(self.backend.reader, self.backend.info().major), self.applier.taint
            )
        return self._bodies

    def _row_trial(self, wish: RowWish) -> RowTrial:
        if self._rows is None:
            from lockgate.oracle.rows.trial import RowTrial

            self._rows = RowTrial(self.backend, self.cast.everyone, wish, self.plan.migrations, self.statements)
        return self._rows

    def _of_rows(self) -> RowReport | None:
        return self._rows.report(self.observations) if self._rows is not None else None

    def _catalog(self) -> LiveCatalog:
        return read_catalog(self.backend.reader) if self._watch is None else self._watch.read().catalog()

    def _definitions(self) -> tuple[Definition, ...]:
        from lockgate.oracle.read.definitions import read_definitions

        return read_definitions(self.backend.reader) if self.plan.definitions else ()

    def _hand_over(self, owner: ServerSession) -> ServerSession:
        """From the owner to the deployer: production's grants, then a session of the deployer's with the same
        search_path."""
        if owner.login != self.cast.owner:
            owner = self._session(self.cast.owner, self.plan.search_path)
        if owner.block:
            owner.commit()
        if self.plan.roles.handover_sql is not None:
            script = Script.whole(self.plan.roles.handover_sql, Transaction.STATEMENT)
            self.handover += self.applier.script(owner, "handover", "up", script, parse_script(script))
        else:
            for command in handover_sql(owned_schemas(self.backend, self.cast.owner), self.cast.deployer):
                owner.connection.query(command, 60)
        path = self._show_path(owner)
        owner.connection.close()
        session = self._session(self.cast.deployer)
        session.connection.query(f"SELECT pg_catalog.set_config('search_path', {literal(path)}, false)", 20)
        return session

    @staticmethod
    def _show_path(session: ServerSession) -> str:
        rows = session.connection.query("SELECT pg_catalog.current_setting('search_path')", 20).rows
        return (rows[0][0] or "") if rows else ""

    def _session(self, role: str, search_path: tuple[str, ...] = ()) -> ServerSession:
        session = ServerSession(self.backend, role, self.plan.statement_timeout, self.plan.observe_locks)
        self._set_path(session, search_path)
        return session

    @staticmethod
    def _set_path(session: ServerSession, search_path: tuple[str, ...]) -> None:
        if search_path:
            path = ", ".join(quote(schema) for schema in search_path)
            session.connection.query(f"SET search_path = {path}", 20)

    def _stand_in_extensions(self) -> Iterator[str]:
        rows = ask(
            self.backend.reader,
            "SELECT e.extname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_description d ON d.objoid = e.oid"
            f" AND d.classoid = 'pg_catalog.pg_extension'::pg_catalog.regclass WHERE d.description = {literal(MARK)} ORDER BY 1",
        )
        yield from (f"extension {name}" for (name,) in rows)

    def _all_notes(self) -> tuple[str, ...]:
        notes = list(self.notes)
        if self._bodies is not None and (over := self._bodies.checker.passed_over):
            notes.append(
                f"{over:,} bodies of routines were not looked at: the others took {self.plan.statement_timeout:.0f} s"
                " ([database] statement_timeout), or their own did not end"
            )
        if not self.cast.configured:
            notes.append(
                "No roles are configured: one ordinary role applied everything, which hides every ownership error."
            )
        if self.plan.roles.superuser_runner:
            notes.append(
                "The migrations ran as a superuser, as configured: no privilege was checked, and their SQL could reach the machine."
            )
        if self.cast.withheld:
            roles = ", ".join(self.cast.withheld)
            notes.append(
                f"No role has {roles} on the scratch server, as some have in production: it reaches the machine, the network or"
                " what is not the run's; what was refused for want of it proves nothing."
            )
        worthless = sum(seen.state is not ObservationState.OBSERVED for seen in self.observations)
        if worthless:
            notes.append(
                f"{worthless} of {len(self.observations)} statements prove nothing: {_whys(self.observations)}"
            )
        return tuple(notes)


_REASONS = 5  # that a note tells; the JSON report has every statement with its own


def _whys(observations: Iterable[Observation]) -> str:
    """Why statements prove nothing, the commonest reasons first, each with the place of its first statement."""
    unproven = [seen for seen in observations if seen.state is not ObservationState.OBSERVED]
    counts = Counter(seen.reason or seen.state.value for seen in unproven)
    first = {seen.reason or seen.state.value: seen for seen in reversed(unproven)}
    told = [f"{n} x {why} (first: {first[why].migration})" for why, n in counts.most_common(_REASONS)]
    return "; ".join(told) + ("; ..." if len(counts) > _REASONS else "")


__all__ = ["verify"]
