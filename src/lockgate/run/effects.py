"""What each statement locks and does, ready to be told: as it is foreseen, or as the server was seen to do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from lockgate.base.effects import Age, Effect, Lock, Work
from lockgate.base.findings import Label
from lockgate.base.sql import split_name
from lockgate.catalog.objects import Constraint, Relation
from lockgate.oracle.apply.plan import ApplyReport, Observation, ObservationState
from lockgate.run.evidence import EffectDiffers
from lockgate.sources.migration import Migration
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step

# how these read is the planner's choice
_ROWS = frozenset({"CreateTableAsStmt", "DeleteStmt", "InsertStmt", "MergeStmt", "SelectStmt", "UpdateStmt"})
_BLOCKS = frozenset({"CallStmt", "DoStmt"})  # a scan in them is a query's, unless a command locks the table for it


class Acted(msgspec.Struct, frozen=True):
    """One statement with its effects. ``exact``: they are certain; ``observed``: a server said them."""

    migration: Migration
    statement: int
    at: Label
    role: str | None
    effects: tuple[Effect, ...]
    exact: bool = True
    observed: bool = False


def foreseen(step: Step) -> Acted:
    """The effects of a step with catalogs of its own (see ``Replay.look``), as they are simulated."""
    at = Label(step.statement.script.source, step.statement.span)
    role = step.after.role_name(step.session.role) if step.session.known else None
    exact = not step.tainted and all(effect.exact for effect in step.effects)
    return Acted(step.migration, step.statement.index, at, role, (*step.effects, *step.untouched()), exact)


def beside(plan: Plan, report: ApplyReport) -> Iterator[tuple[Acted, EffectDiffers | None]]:
    """Every statement of the migrations with what it did, the server's word first; and where the simulator was certain
    of something else, that."""
    seen = {(one.migration, one.index): one for one in report.observations if one.direction == "up"}
    steps: list[Step] = []
    replay = Replay(plan, steps.append)
    for leg in replay.legs():
        steps.clear()
        for _ in replay.take(leg):
            pass
        held: dict[_Key, Lock] = {}
        for step in steps if leg.kind == "migration" else ():
            if not step.session.in_block:
                held = {}
            mine, said = foreseen(step), seen.get((step.migration.id, step.statement.index))
            if said is None or not said.looked or said.state is not ObservationState.OBSERVED or said.fails is not None:
                yield mine, None
            else:
                sides = _Sides(step, said, held, replay.fresh())
                yield replace(mine, effects=sides.told(), exact=True, observed=True), sides.differ(mine)


_Key = tuple[str, int | str]  # kind, and the simulated oid; the name where the simulator knows no such relation
_Weight = tuple[Lock | None, Work]


class _Sides:
    """The simulated and the observed effects of one statement.

    The server shows a lock when it is new: what its transaction ``held`` by then may be taken again unseen. ``fresh``
    are the oids of what the file, and those pending with it, have made.
    """

    def __init__(self, step: Step, seen: Observation, held: dict[_Key, Lock], fresh: list[tuple[int, int]]) -> None:
        self.step = step
        self.fresh = fresh
        self.ours: dict[_Key, Effect] = {(effect.kind, effect.oid): effect for effect in step.effects}
        theirs: dict[_Key, Effect] = {}
        for effect in seen.effects:
            theirs[_key(step, effect)] = effect
        self.again = {k for k, e in self.ours.items() if k not in theirs and _covered(held.get(k), e)}
        held.update((key, effect.held) for key, effect in theirs.items() if effect.held is not None)
        self.theirs = theirs
        self.kept = [self._reasoned(k, e) for e in seen.kept if (k := _key(step, e)) not in self.again]

    def told(self) -> tuple[Effect, ...]:
        """The server's effects, with what only the simulator knows: since when each relation exists, and why it is
        read. Of what the transaction made itself no server tells: nobody else sees it."""
        own = [
            e for k, e in self.ours.items() if k in self.again or (e.age is Age.TRANSACTION and k not in self.theirs)
        ]
        return (*(self._reasoned(key, effect) for key, effect in self.theirs.items()), *own, *self.kept)

    def _reasoned(self, key: _Key, effect: Effect) -> Effect:
        ours = self.ours.get(key)
        if ours is not None:
            why = ours.why if ours.work == effect.work else ""
            return replace(effect, relation=ours.relation, age=ours.age, rows=ours.rows, why=why)
        made = isinstance(key[1], int) and any(first <= key[1] < end for first, end in self.fresh)
        return replace(effect, age=Age.RELEASE if made else Age.PRODUCTION)

    def differ(self, mine: Acted) -> EffectDiffers | None:
        """What the simulator was certain of and the server did otherwise: locks that stand in somebody's way, and
        work."""
        if not mine.exact:
            return None
        hidden = {k for k, e in self.ours.items() if e.age is Age.TRANSACTION or k in self.again} | self._planned()
        ours, theirs = self._weighed(self.ours), self._weighed(self.theirs)
        keys = [k for k in {**ours, **theirs} if k not in hidden and not self._alike(k, ours.get(k), theirs.get(k))]
        if not keys:
            return None
        names = {k: (self.ours.get(k) or self.theirs[k]).relation for k in keys}
        words = [
            f"{n}: {_words(theirs.get(k))} on the server, {_words(ours.get(k))} simulated" for k, n in names.items()
        ]
        return EffectDiffers(mine.migration, names[keys[0]], "; ".join(words), mine.statement, mine.at)

    def _weighed(self, effects: Mapping[_Key, Effect]) -> dict[_Key, _Weight]:
        """What is compared: the tables that are locked so that somebody has to wait, or worked on."""
        out: dict[_Key, _Weight] = {}
        tag = self.step.statement.tag
        for key, effect in effects.items():
            lock = effect.lock or effect.held
            strong = lock if lock is not None and lock >= Lock.SHARE_UPDATE_EXCLUSIVE else None
            planned = tag in _ROWS or (tag in _BLOCKS and strong is None)
            work = Work.NONE if planned else effect.work
            own = effect.relation.startswith("pg_temp")
            if effect.kind == "table" and not own and (strong is not None or work is not Work.NONE):
                out[key] = (strong, work)
        return out

    def _alike(self, key: _Key, ours: _Weight | None, theirs: _Weight | None) -> bool:
        """The same, or a lock that the server does not show since a stronger one is held."""
        if ours is None or key not in self.theirs:
            return ours == theirs
        work, held = theirs[1] if theirs is not None else Work.NONE, self.theirs[key].held
        return ours == theirs or (ours[1] == work and ours[0] is not None and held is not None and held.covers(ours[0]))

    def _planned(self) -> set[_Key]:
        """The tables that foreign keys of the statement refer to: the planner decides how these are read."""
        keys = [c.after for c in self.step.changes if isinstance(c.after, Constraint) and c.after.kind == "f"]
        return {("table", key.foreign) for key in keys if key.foreign != key.relation}


def _covered(held: Lock | None, effect: Effect) -> bool:
    return held is not None and (effect.lock is None or held.covers(effect.lock)) and effect.work is Work.NONE


def _key(step: Step, effect: Effect) -> _Key:
    return effect.kind, _oid(step, effect.relation) or effect.relation


def _oid(step: Step, name: str) -> int | None:
    """The simulated oid of a relation that the server names, as it is called after the statement; a dropped one as
    before."""
    parts = split_name(name)
    for catalog in (step.after, step.before) if len(parts) == 2 else ():
        space = catalog.namespace(parts[0])
        found: Relation | None = catalog.relation_named(space.oid, parts[1]) if space is not None else None
        if found is not None and step.before.get(found.oid) is not None:  # of a newer one no server tells
            return found.oid
    return None


def _words(weight: _Weight | None) -> str:
    lock, work = weight or (None, Work.NONE)
    return f"{lock.mode if lock is not None else 'no lock'} and {'no work' if work is Work.NONE else work.name.lower()}"
