"""Migrations over tables with rows: what is filled when, and what is said of what failed."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.oracle.apply.plan import Direction, Observation, ObservationState, Parsed
from lockgate.oracle.apply.session import ServerSession
from lockgate.oracle.rows.fill import Filler
from lockgate.oracle.rows.hints import compared
from lockgate.oracle.rows.mend import Mender
from lockgate.oracle.rows.model import RowFailure, RowReport, RowWish
from lockgate.oracle.rows.newest import writes
from lockgate.oracle.server.backend import Backend
from lockgate.parse import Statement
from lockgate.sources.migration import Migration

# after these there may be tables that were not there before
_MAKE = frozenset({"CreateStmt", "CreateTableAsStmt", "CallStmt", "DoStmt", "SelectStmt", "AlterTableStmt"})


class RowTrial:
    """One run's rows."""

    def __init__(
        self,
        backend: Backend,
        everyone: str,
        wish: RowWish,
        migrations: Iterable[Migration],
        parsed: dict[tuple[str, Direction], Parsed],
    ) -> None:
        self._wish = wish
        texts = [
            one.text
            for m in migrations
            if self._looked(m.id)
            for one in parsed.get((m.id, "up"), ())
            if isinstance(one, Statement)
        ]
        self._filler = Filler(backend, everyone, wish, compared(texts))
        self.mender = Mender(self._filler, wish.refused)
        self._stale = True  # there may be tables without rows

    def _looked(self, migration: str) -> bool:
        return self._wish.pending is None or migration in self._wish.pending

    def before(self, session: ServerSession, migration: Migration, statements: Parsed) -> Mender | None:
        """Fill what a migration meets; who mends what it fails with. Raises CannotCheck, Lost."""
        if not self._looked(migration.id):
            return None
        each = self._wish.pending is None
        if self._stale and not session.block:
            self._filler.fill()
            self._stale = False
        if each and any(isinstance(one, Statement) and one.tag in _MAKE for one in statements):
            self._stale = True
        self.mender.written = self.mender.written or any(map(writes, self.mender.current))
        self.mender.current = statements
        return self.mender

    def report(self, observations: Iterable[Observation]) -> RowReport:
        """What the run came to: statements that are refused over rows and not without."""
        known = {(one.migration, one.index) for one in self.mender.failures}
        found = [one for one in self.mender.failures if (one.migration, one.index) not in self._wish.refused]
        for seen in observations:
            if seen.fails is None or seen.state is not ObservationState.OBSERVED or seen.direction != "up":
                continue
            place = (seen.migration, seen.index)
            if seen.index == 0 and place not in self._wish.refused | known and self._looked(seen.migration):
                said = seen.fails
                found.append(RowFailure(*place, said.sqlstate, said.message, seen.role, said.detail, said.context))
        filled = self._filler.filled.values()
        unfilled = tuple(sorted(self._filler.unfilled.items()))
        return RowReport(tuple(found), len(filled), sum(one.rows for one in filled), unfilled)

    def close(self) -> None:
        """End what was opened."""
        self._filler.close()
