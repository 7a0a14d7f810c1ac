"""The replay: every statement of every migration over the simulated catalog, in order, as steps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lockgate.base.effects import Effect
from lockgate.base.text import Span
from lockgate.catalog.catalog import Catalog, Place
from lockgate.catalog.initial import initial_catalog
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, Role
from lockgate.parse import Statement, SyntaxFailure, read_script
from lockgate.parse.facts import KEEPING_THE_CATALOG, makes
from lockgate.parse.grammar import speak
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline import production, review, transaction
from lockgate.timeline.budget import RUN, Budget
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Failure, Refused, Unsure
from lockgate.timeline.gaps import leap
from lockgate.timeline.hazards.settle import effects_of
from lockgate.timeline.hazards.touches import Touches
from lockgate.timeline.history import net_changes, record
from lockgate.timeline.plan import Broken, Leg, Plan
from lockgate.timeline.recursion import breakage_of_circle, circle_of, circles
from lockgate.timeline.routines.latent import RoutineWatch
from lockgate.timeline.session import Session
from lockgate.timeline.step import Change, Dropped, Step
from lockgate.timeline.targets import taints_of
from lockgate.timeline.transaction import TransactionState
from lockgate.timeline.transitions import execute

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey


class Replay:
    """A replay in progress: iterate over ``steps()``; ``catalog`` is the catalog so far. ``look`` is shown each step as
    it is taken, with the catalogs around the statement itself; ``work`` is its budget."""

    def __init__(self, plan: Plan, look: Callable[[Step], None] | None = None, work: int = RUN) -> None:
        self.plan, self.look = plan, look
        self.state, self.watch = TransactionState(), RoutineWatch()
        self.budget = Budget(work)
        self.provided = 0  # objects below this oid are the environment's, not the user's
        self.begun = 0  # the first oid that the migration at hand may give out
        self.release = False  # the migration at hand is known to be pending
        self.pending: tuple[tuple[int, int], ...] = ()  # stretches of oids that pending migrations before it gave out
        self.draft = initial_catalog(
            plan.major,
            plan.role,
            plan.superuser,
            tuple(filter(None, (plan.owner, plan.deployer, *plan.roles, *plan.guessed))),
        ).draft()
        self.first = self.last = self.catalog  # around the statements of the migration at hand
        first = self._role(plan.owner or plan.role)
        self.draft.database_owner = first
        for role in filter(None, map(self.draft.role, plan.guessed)):
            if role.oid != BOOTSTRAP_SUPERUSER:
                self.draft.taint(("object", role.oid), f"whether role {role.name} exists is not known")
        known = bool(plan.role or plan.owner)
        self.session = Session(first, first, known, plan.search_path)

    @property
    def catalog(self) -> Catalog:
        """The catalog after the steps taken so far."""
        return self.draft.freeze()

    def steps(self) -> Iterator[Step | Broken]:
        """Take every step in order."""
        for leg in self.legs():
            yield from self.take(leg)

    def legs(self) -> Iterator[Leg]:
        """What there is to take, in order."""
        plan = self.plan
        handover = Leg(
            "handover",
            Migration("handover", "", "handover", plan.handover_sql) if plan.handover_sql is not None else None,
        )
        if plan.environment is not None:
            yield Leg("environment", Migration("environment", "", plan.environment.name, plan.environment.script))
        if plan.baseline is not None:
            yield Leg("baseline", Migration("baseline", "", "baseline", plan.baseline))
        handed = not plan.deployer
        for migration in plan.migrations:
            if not handed and migration.id not in plan.owned:
                handed = True
                yield handover
            yield Leg("migration", migration, pending=migration.id in (plan.pending or ()))
        if not handed:
            yield handover

    def take(self, leg: Leg) -> Iterator[Step | Broken]:
        """The steps of one leg."""
        match leg:
            case Leg("handover", migration):
                yield from self._hand_over(migration)
            case Leg("baseline", Migration() as migration):
                yield from self._prepare(migration)
            case Leg("environment", Migration() as migration):
                yield from self._surround(migration)
            case Leg(_, Migration() as migration):
                yield from self.run(migration)

    def mended(self) -> frozenset[str]:
        """The breakages that a later migration took back (latent failures, tables without a policy): nothing to be told
        once the last step is taken."""
        guarded = {review.breakage_of_table(oid) for oid in self.watch.unguarded if not review.bare(self.draft, oid)}
        open_ = {breakage_of_circle(oid) for oid in self.watch.circles if circle_of(self.draft, oid) is None}
        return self.watch.mended(self.draft, self.session) | guarded | open_

    def run(self, migration: Migration, script: Script | None = None) -> Iterator[Step | Broken]:
        """Take the steps of one migration's up script (or of another script in its place)."""
        script = script or migration.up
        if migration.afresh:
            self._set_back()
        if migration.opaque:
            self.draft.taint(
                ("any",), migration.opaque, Place(script.source, Span(0, 0), migration.slot or migration.id)
            )
        speak(self.plan.major)
        path, role = self.session.search_path, self.session.role
        statements = self._open(script, read_script(script))
        taken: list[Step | Broken] = []
        self.first = self.last = self.draft.freeze()
        self.begun, self.release = self.draft.next_oid, migration.id in (self.plan.pending or ())
        gaps = list(script.gaps)
        for statement in statements:
            while gaps and gaps[0].span.start < statement.span.start:
                leap(self.draft, self.session, gaps.pop(0), migration)
            if isinstance(statement, SyntaxFailure):
                if script.made_up:  # what PostgreSQL gets has other values in these places
                    self.draft.taint(
                        ("any",),
                        f"{migration.id}: a template whose values are not known",
                        Place(script.source, statement.span, migration.slot),
                    )
                else:
                    taken.append(Broken(migration, statement))
                    self._pass_over(migration, statement)
                continue
            taken.append(self._step(migration, script, statement))
        for gap in gaps:
            leap(self.draft, self.session, gap, migration)
        self._close(script)
        if self.release:
            self.pending = (*self.pending, (self.begun, self.draft.next_oid))
        steps = [replace(t, after=self.last) for t in taken if isinstance(t, Step)]
        looked = iter(self.watch.over(steps, self.draft, self.session))
        self.watch.unguarded |= {one.oid for one in review.unguarded(steps)} if steps else set()
        self.watch.circles |= {one.oid for one in circles(steps)} if steps else set()
        yield from (next(looked) if isinstance(t, Step) else t for t in taken)
        if script.transaction is not Transaction.STATEMENT:
            # a runner hands its connection back as it found it only where it opens one per file; most share one: keep
            # search_path
            self.session = replace(
                self.session, role=role if self.session.role != role and not path else self.session.role
            )

    def _set_back(self) -> None:
        """search_path as the session began with."""
        begun = replace(self.session, search_path=self.plan.search_path)
        doubt = self.draft.taint_of(("settings",))
        if doubt is not None:
            self.draft.taint(("any",), doubt.reason, doubt.place)
        self.session = (
            replace(begun, search_path=production.search_path(self.draft, begun))
            if self.plan.baseline is not None
            else begun
        )

    def _pass_over(self, migration: Migration, failure: SyntaxFailure) -> None:
        """A statement that could not be read may have done anything; rows, if it is an INSERT."""
        if failure.sqlstate:
            return
        source, span = failure.script.source, failure.span
        self.draft.forget()
        if source.text[failure.at.start : failure.at.end].lower() != "insert":
            self.draft.taint(("any",), failure.message, Place(source, span, migration.slot or migration.id))

    def _open(
        self, script: Script, statements: Iterator[Statement | SyntaxFailure]
    ) -> Iterable[Statement | SyntaxFailure]:
        """Begin what the runner begins before a script; a block around a single statement is none."""
        first: list[Statement | SyntaxFailure] = []
        if script.transaction is Transaction.IMPLICIT:
            count = 0
            for statement in statements:
                first.append(statement)
                count += isinstance(statement, Statement)
                if count > 1:
                    break
            if count < 2:
                return first
        if script.transaction is not Transaction.STATEMENT:
            self.session = transaction.begin(self.state, self.draft, self.session)
            self.state.runner = True
            self.state.implicit = script.transaction is Transaction.IMPLICIT
        return chain(first, statements)

    def _close(self, script: Script) -> None:
        if script.goes_on and self.state.open:
            return
        if (
            self.state.runner
            or script.transaction is not Transaction.STATEMENT
            or (script.apart and not self.state.open)
        ):
            self.session = transaction.commit(self.state, self.draft, self.session)
            self.state.runner = self.state.implicit = False

    def _step(self, migration: Migration, script: Script, statement: Statement) -> Step:
        speak(self.plan.major)  # another replay may have gone on meanwhile
        before, session = self.draft.freeze(), self.session
        self.draft.journal.clear()
        self.draft.tainted.clear()
        self.budget.begin()
        ctx = Context(
            self.draft,
            session,
            statement,
            migration.slot or migration.id,
            transaction=self.state,
            budget=self.budget,
            touches=Touches(before),
        )
        failure = self._attempt(ctx, before)
        repaired = failure is not None and self._repair(ctx, script, statement, failure, before)
        place = Place(script.source, statement.span, ctx.slot)
        changes = net_changes(self.draft.journal, self.draft)
        record(self.draft, before, changes, place)
        self.session = ctx.session
        effects = self._effects(ctx, before, failed=failure is not None and not repaired)
        kept = self.state.kept
        if script.transaction is Transaction.STATEMENT and not self.state.open:
            self.session = transaction.commit(self.state, self.draft, self.session, within=script.apart)
        self.last = self.draft.freeze()
        step = Step(
            migration,
            statement,
            session,
            self.first,
            self.last,
            changes,
            tuple(ctx.warnings),
            effects,
            failure,
            tuple(ctx.latent) if failure is None else (),
            tuple(dict.fromkeys(ctx.tainted)),
            tuple(ctx.notes),
            self._dropped(before, changes),
            kept,
            repaired,
        )
        if self.look is not None:
            self.look(replace(step, before=before))
        return replace(step, after=self.first, statement=replace(statement, node={}))

    def _dropped(self, before: Catalog, changes: tuple[Change, ...]) -> tuple[Dropped, ...]:
        if all(change.after is not None for change in changes):
            return ()
        from lockgate.timeline.remade import dropped

        return tuple(dropped(self.first, before, changes))

    def _effects(self, ctx: Context, before: Catalog, *, failed: bool) -> tuple[Effect, ...]:
        """What the statement locks and does; a refused one does nothing."""
        if failed or not ctx.touches.found:
            return ()
        return effects_of(ctx.touches, self.state, before, self.draft, self.fresh(), exact=not ctx.tainted)

    def fresh(self) -> list[tuple[int, int]]:
        """The stretches of oids that went to what this file has made, and those that are pending with it."""
        known = self.pending if self.release else ()
        return [*known, (self.begun, self.draft.next_oid)]

    def _attempt(self, ctx: Context, before: Catalog) -> Failure | None:
        statement = ctx.statement
        try:
            execute(ctx, statement.tag, statement.node)
        except Refused as refused:
            ctx.catalog.restore(before)
            ctx.session = self.session
            return refused.failure
        except Unsure as unsure:
            if not unsure.keep:
                ctx.catalog.restore(before)
            self._taint(ctx, unsure.reason, unsure.taints)
        except Exception as error:  # a hole in the simulator must neither stop the run nor become a false failure
            if os.environ.get("LOCKGATE_DEBUG"):
                import traceback

                traceback.print_exc()
            ctx.catalog.restore(before)
            ctx.notes.append(f"{statement.tag}: not analysed ({type(error).__name__})")
            self._taint(ctx, f"{statement.tag} could not be analysed", ())
        return None

    @staticmethod
    def _taint(ctx: Context, reason: str, taints: tuple[TaintKey, ...]) -> None:
        tag = ctx.statement.tag
        ctx.catalog.forget()
        keys = (
            taints
            or tuple(taints_of(ctx, tag, ctx.statement.node))
            or (() if tag in KEEPING_THE_CATALOG else (("any",),))
        )
        for key in keys:
            ctx.catalog.taint(key, reason, ctx.place)
        ctx.tainted.append(reason)

    def _repair(self, ctx: Context, script: Script, statement: Statement, failure: Failure, before: Catalog) -> bool:
        """Go on as if the statement had been applied, as far as that can be: by the role that may, or with its targets
        in doubt."""
        if failure.sqlstate == "42501" and (self.plan.deployer or script.transaction is not Transaction.STATEMENT):
            # what it makes belongs to who makes it; the rest is done by the role that may
            role = self.session.role if makes(statement.tag) else self._role(self.plan.owner or self.plan.role)
            second = Context(
                self.draft,
                replace(self.session, role=role),
                statement,
                ctx.slot,
                transaction=self.state,
                unchecked=True,
                budget=self.budget,
            )
            if self._attempt(second, before) is None:
                ctx.session = replace(second.session, role=self.session.role)
                ctx.tainted += second.tainted
                return True
            return False
        if script.transaction is Transaction.STATEMENT:
            return False
        if failure.sqlstate == "25001" and self._alone(ctx, statement, before):
            return True
        self.draft.forget()
        if failure.sqlstate not in ("42P07", "42710", "42701", "42723", "42P06", "42P16"):
            for key in taints_of(ctx, statement.tag, statement.node):
                ctx.catalog.taint(key, f"{failure.message} ({failure.sqlstate})", ctx.place)
        return True

    def _alone(self, ctx: Context, statement: Statement, before: Catalog) -> bool:
        """A statement that refuses to run in a block, outside of it."""
        second = Context(self.draft, replace(self.session, in_block=False), statement, ctx.slot, budget=self.budget)
        if self._attempt(second, before) is not None:
            return False
        ctx.session = replace(second.session, in_block=self.session.in_block)
        ctx.tainted += second.tainted
        return True

    def _prepare(self, migration: Migration) -> Iterator[Step | Broken]:
        """Steps of a baseline: privileges are not checked, places are kept; then a session of the runner's as
        production opens it."""
        session, script = self.session, migration.up
        self.session = replace(session, known=False)
        yield from self.run(migration, replace(script, transaction=Transaction.STATEMENT))
        self.draft.forget()
        production.settle(
            self.draft, {self.plan.role, self.plan.owner, self.plan.deployer}, self.plan.superuser, script
        )
        self.session = replace(session, search_path=production.search_path(self.draft, session))

    def _surround(self, migration: Migration) -> Iterator[Step | Broken]:
        """Steps of a service's stand-ins: in its schemas there may be more than we know."""
        session, environment = self.session, self.plan.environment
        assert environment is not None
        self.session = replace(session, known=False)
        yield from self.run(migration)
        self.session = session
        production.surround(self.draft, environment, migration.up.source)
        self.provided = self.draft.next_oid

    def _hand_over(self, migration: Migration | None) -> Iterator[Step | Broken]:
        plan = self.plan
        path = self.session.search_path
        if plan.baseline is not None and not plan.owned:
            pass  # production was handed over long ago: its grants are in there
        elif migration is not None:
            yield from self.run(migration, replace(migration.up, transaction=Transaction.STATEMENT))
        else:
            from lockgate.timeline.privileges.handover import grant_everything

            grant_everything(self.draft, self._role(plan.owner), self._role(plan.deployer))
        self.draft.forget()  # production has run in between
        deployer = self._role(plan.deployer)
        self.session = replace(self.session, role=deployer, login=deployer, search_path=path)
        if plan.baseline is not None:
            self.session = replace(self.session, search_path=production.search_path(self.draft, self.session))

    def _role(self, name: str) -> int:
        found = self.draft.role(name) if name else None
        return found.oid if isinstance(found, Role) else 10
