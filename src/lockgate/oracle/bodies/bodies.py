"""Latent breakage: routine bodies that the server would refuse at their first call, tied to the migration that broke
them."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from lockgate.oracle.apply.plan import BodyObservation, Parsed, ServerFailure
from lockgate.oracle.apply.taint import ApplyTaint
from lockgate.oracle.bodies.affected import affected
from lockgate.oracle.bodies.body import Checker
from lockgate.oracle.bodies.doubts import strangers, unmade
from lockgate.oracle.bodies.routines import RoutineCatalog, ServerRoutine
from lockgate.oracle.server.backend import ask


class Bodies(msgspec.Struct):
    """What is known of the routines of one run."""

    checker: Checker
    catalog: RoutineCatalog
    taint: ApplyTaint
    _versions: dict[str, str] = msgspec.field(default_factory=dict)
    _routines: dict[str, ServerRoutine] = msgspec.field(default_factory=dict)
    _known: dict[str, set[tuple[str, str]]] = msgspec.field(default_factory=dict)  # by signature: tables and messages

    def before(self, search_path: str) -> None:
        """What is broken before the first migration is no migration's doing. Raises Lost."""
        self._look("", None, search_path)

    def after(self, migration: str, statements: Parsed, search_path: str) -> list[BodyObservation]:
        """The routines that are broken now and were not known to be. Raises Lost."""
        touched = affected(statements, self._routines.values())
        words = touched.words
        if words:  # a row that a routine returns or takes is one of its table's
            words |= {routine.name.lower() for routine in self._routines.values() if words & routine.types}
        if touched.makes or words is None or any(words & routine.words for routine in self._routines.values()):
            return self._look(migration, words, search_path)
        return []

    def standing(self, observations: list[BodyObservation], search_path: str) -> list[BodyObservation]:
        """Those that still hold after the last migration; what a later one mended or dropped nobody will meet. Raises
        Lost."""
        if not observations:
            return []
        self._refresh()
        names = {seen.routine for seen in observations}
        routines = [routine for routine in self._routines.values() if routine.signature in names]
        alive = {routine.signature for routine in routines}
        left = {
            (seen.routine, seen.table, seen.fails.message) for seen in self.checker.check("", routines, search_path)
        }
        if self.checker.passed_over:  # what was not looked at again may hold as it did
            left |= {(seen.routine, seen.table, seen.fails.message) for seen in observations if seen.routine in alive}
        last = {(seen.routine, seen.table, seen.fails.message): seen for seen in observations}
        return [seen for key, seen in last.items() if key in left]

    def _look(self, migration: str, words: frozenset[str] | None, search_path: str) -> list[BodyObservation]:
        """``words``: names that no longer mean what they meant; None: any may have changed."""
        fresh = self._refresh()
        due = [
            routine for oid, routine in self._routines.items() if oid in fresh or words is None or words & routine.words
        ]
        found: dict[str, list[BodyObservation]] = {routine.signature: [] for routine in due}
        for seen in self.checker.check(migration, due, search_path):
            found[seen.routine].append(seen)
        sources = [routine.source for routine in self._routines.values()]
        out = []
        for routine in due:
            known = self._known.get(routine.signature, set())
            self._known[routine.signature] = {(seen.table, seen.fails.message) for seen in found[routine.signature]}
            for seen in found[routine.signature]:
                born = routine.oid in fresh
                if (seen.table, seen.fails.message) not in known and not (
                    born and self._unproven(routine, seen.fails, sources)
                ):
                    out.append(replace(seen, born=born))
        return out

    def _refresh(self) -> set[str]:
        """Read what is new; the oids of routines that were never checked as they stand."""
        now = self.catalog.versions()
        read = self.catalog.routines(oid for oid, version in now.items() if self._versions.get(oid) != version)
        fresh = {routine.oid for routine in read if routine.differs(self._routines.get(routine.oid))}
        for routine in read:  # under another name it is no less known
            old = self._routines.get(routine.oid, routine)
            self._known[routine.signature] = self._known.pop(old.signature, set())
        self._routines = {oid: routine for oid, routine in self._routines.items() if oid in now} | {
            routine.oid: routine for routine in read
        }
        self._versions = now
        return fresh

    def _unproven(self, routine: ServerRoutine, fails: ServerFailure, sources: list[str]) -> bool:
        """Whether production may have what a new body misses."""
        if unmade(routine, fails, sources) or self.taint.of_names(fails.sqlstate, fails.message):
            return True
        query = strangers(fails)
        return bool(query and ask(self.catalog.reader, query))
