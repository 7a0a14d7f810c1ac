"""Routines that a migration breaks without the apply showing it: string bodies that still refer to what was dropped or
renamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from lockgate.base.findings import Label
from lockgate.base.text import Source, Span
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Namespace, Relation, Routine, Trigger, Type
from lockgate.parse.tokens import find_name, token_end
from lockgate.timeline.failure import (
    Failure,
    MissingField,
)
from lockgate.timeline.routines.missing import Missed, broken_of, missed, words_of
from lockgate.timeline.session import Session
from lockgate.timeline.step import Change, Step

if TYPE_CHECKING:
    from lockgate.timeline.plpgsql.analyse import BrokenReference

# bodies are read late (and PL/pgSQL imported then): few migrations touch what a routine refers to


class RoutineWatch(msgspec.Struct):
    """Looks after each migration at the routines that its changes may have broken; each breakage is told once."""

    told: dict[tuple[int, Missed], str] = msgspec.field(default_factory=dict)
    unguarded: set[int] = msgspec.field(default_factory=set)  # tables with row level security and no policy
    circles: set[int] = msgspec.field(default_factory=set)  # tables whose policies end in themselves

    def over(self, steps: list[Step], catalog: Catalog, session: Session) -> list[Step]:
        """The steps of one migration, with ``latent`` failures where they arose; ``catalog`` and ``session`` are those
        after it."""
        made, lost = _made(steps), _lost(steps)
        if not made and not lost:
            return steps
        out = {id(step): list(step.latent) for step in steps}
        for routine in catalog.objects(Routine):
            if not _watched(routine):
                continue
            assert routine.body is not None
            touched = lost.keys() & words_of(routine.body.text) if lost else frozenset()
            if routine.oid not in made and (not touched or routine.namespace == session.temp_namespace):
                continue
            for broken in broken_of(catalog, session, routine):
                self._tell(out, routine, broken, made.get(broken.trigger, made.get(routine.oid)), lost, catalog)
        return [replace(step, latent=tuple(out[id(step)])) if out[id(step)] else step for step in steps]

    def _tell(
        self,
        out: dict[int, list[Failure]],
        routine: Routine,
        broken: BrokenReference,
        maker: Step | None,
        lost: Lost,
        catalog: Catalog,
    ) -> None:
        failure = broken.failure
        key = (routine.oid, missed(failure))
        if key in self.told:
            return
        name = failure.name
        culprit, deed = lost.get(name, (None, ""))
        step = (
            maker
            if maker is not None and (culprit is None or culprit.statement.index <= maker.statement.index)
            else culprit
        )
        if step is None:
            return
        self.told[key] = breakage = f"routine {routine.oid}, {len(self.told)}"
        found = _failure(catalog, routine, failure, step, name, "" if step is maker else deed)
        trigger = catalog.find(Trigger, broken.trigger)
        if trigger is not None and step is maker and isinstance(failure.subject, MissingField):
            table = catalog.the(Relation, trigger.relation)
            message = f"{found.message} (trigger {trigger.name} on {catalog.qualified(table)})"
            found = replace(found, message=message)
        out[id(step)].append(replace(found, breakage=breakage))

    def mended(self, catalog: Catalog, session: Session) -> frozenset[str]:
        """The breakages of routines that are gone or whole again in ``catalog``, that after the last migration: no call
        will meet it."""
        left: set[tuple[int, Missed]] = set()
        for oid in {oid for oid, _ in self.told}:
            routine = catalog.find(Routine, oid)
            if routine is not None:
                left |= {(oid, missed(broken.failure)) for broken in broken_of(catalog, session, routine)}
        return frozenset(self.told[key] for key in self.told.keys() - left)


def _watched(routine: Routine) -> bool:
    body = routine.body
    return body is not None and not body.atomic and routine.language in ("sql", "plpgsql") and not routine.extension


def _failure(catalog: Catalog, routine: Routine, failure: Failure, step: Step, name: str, deed: str) -> Failure:
    shown = f"{catalog.qualified(routine)}()"
    body, source = routine.body, step.statement.script.source
    related = failure.related
    what = failure.object or name
    if not deed:
        span = failure.span if body is not None and body.source is source else step.statement.span
        fate = (
            f", {failure.cause} in {failure.since}"
            if failure.cause and failure.since
            else f", {failure.cause} before"
            if failure.cause
            else ""
        )
        does = "goes on without its work when it is called" if failure.caught else "fails when it is called"
        message = f"{shown} {does}: {failure.message}{fate}"
    else:
        at = find_name(source.text, name, step.statement.span.start, step.statement.span.end)
        span = Span(at, token_end(source.text, at)) if at >= 0 else step.statement.span
        place = body.source if body is not None else None
        if isinstance(place, Source):
            related = (
                Label(place, failure.span, f"{shown} still uses it here"),
                *(r for r in related if r.source is not source),
            )
        message = f"{shown} still uses {what}, which this {deed}"
    help = f"its next call fails with {failure.sqlstate}: {failure.message}; replace the routine in the same migration"
    if failure.caught:
        help = f"WHEN OTHERS takes its {failure.sqlstate} ({failure.message}), so that nobody sees it; name the conditions that you mean"
    elif failure.help and failure.kind == "query":
        help = failure.help
    return Failure(
        failure.sqlstate,
        message,
        span,
        catalog.qualified(routine),
        help,
        related,
        "routine",
        failure.cause,
        failure.since,
        True,
        failure.caught,
    )


# --- which routines to look at ----------------------------------------------------------------------------------------


def _made(steps: Iterable[Step]) -> dict[int, Step]:
    """Routines made or replaced, and those that new triggers call, with their step."""
    found: dict[int, Step] = {}
    for step in steps:
        for change in step.changes:
            new = change.after
            if isinstance(new, Routine) and (not isinstance(change.before, Routine) or change.before.body != new.body):
                found[new.oid] = step
            elif isinstance(new, Trigger) and change.before is None:
                found.setdefault(new.function, step)
                found[new.oid] = step
    return found


Lost = dict[str, tuple[Step, str]]


def _lost(steps: Iterable[Step]) -> Lost:
    """Names that no longer mean what they meant, with the step that did it and what that does to them."""
    found: Lost = {}
    for step in steps:
        for change in step.changes:
            for name, deed in (*_names_lost(change), *_overloaded(step, change)):
                found[name] = (step, deed)
    return found


def _overloaded(step: Step, change: Change) -> Iterator[tuple[str, str]]:
    """A routine beside others of its name: calls of those may be ambiguous now."""
    new = change.after
    if (
        isinstance(new, Routine)
        and change.before is None
        and len(step.after.routines_named(new.namespace, new.name)) > 1
    ):
        yield new.name, "overloads"


def _names_lost(change: Change) -> Iterator[tuple[str, str]]:
    old, new = change.before, change.after
    if isinstance(old, (Relation, Type, Routine, Namespace)):
        moved = new is not None and (getattr(new, "name", ""), getattr(new, "namespace", 0)) != (
            old.name,
            getattr(old, "namespace", 0),
        )
        if new is None or moved:
            yield old.name, "drops" if new is None else "renames"
    if isinstance(old, Relation) and isinstance(new, Relation):
        names = {a.num: a.name for a in new.attributes}
        yield from (
            (a.name, "renames" if a.num in names else "drops") for a in old.attributes if names.get(a.num) != a.name
        )
        # a new column may make the name of a variable ambiguous
        numbers = {a.num for a in old.attributes}
        yield from ((a.name, "adds") for a in new.attributes if a.num not in numbers)
