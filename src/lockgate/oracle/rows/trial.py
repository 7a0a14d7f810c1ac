"""Migrations over tables with rows: what is filled when, and what is said of what failed."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.oracle.apply.plan import Direction, Observation, ObservationState, Parsed
from lockgate.oracle.apply.session import ServerSession
from lockgate.oracle.rows.fill import Filler
from lockgate.oracle.rows.hints import compared
from lockgate.oracle.rows.meets import hidden, met, new_tables
from lockgate.oracle.rows.mend import Mender
from lockgate.oracle.rows.model import RowFailure, RowReport, RowWish
from lockgate.oracle.server.backend import Backend
from lockgate.parse import Statement
from lockgate.parse.facts import NOT_IN_A_BLOCK
from lockgate.sources.migration import Migration, Transaction

# they end or open blocks, turn our ears off, ask for data, or may not stand in a block
_APART = NOT_IN_A_BLOCK | {"TransactionStmt", "CopyStmt", "DiscardStmt", "DoStmt", "CallStmt"}


def _fits(migration: Migration, known: list[Statement], count: int) -> bool:
    """Whether a migration is one transaction of plain statements, whatever its runner does about it."""
    up = migration.up
    whole = up.transaction is Transaction.FILE or (up.transaction is Transaction.IMPLICIT and len(up.pieces) == 1)
    texts = (one.text for one in known)
    plain = not any("concurrently" in text.lower() or "\0" in text or text.startswith("\\") for text in texts)
    spans = up.goes_on or up.joined or bool(up.made_up)
    return whole and plain and not spans and len(known) == count > 0 and not any(one.tag in _APART for one in known)


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
        self._new: set[str] | None = None  # tables that may have no rows yet; None: any

    def _looked(self, migration: str) -> bool:
        return self._wish.pending is None or migration in self._wish.pending

    def before(self, session: ServerSession, migration: Migration, statements: Parsed) -> Mender | None:
        """Fill what a migration meets; who mends what it fails with. Raises CannotCheck, Lost."""
        if not self._looked(migration.id):
            return None
        wanted = met(statements)
        if self._filler.shrunk and self._wish.pending is None:
            self._new = None
        if not session.block and self._wants(wanted):
            self._filler.fill()
            self._new = set()
        if self._wish.pending is None:  # its own tables have rows when the next one comes
            known = None if hidden(statements) else self._new
            self._new = known | set(new_tables(statements)) if known is not None else None
        self.mender.earlier += self.mender.current
        self.mender.current = statements
        return self.mender

    def at_once(self, session: ServerSession, migration: Migration, statements: Parsed) -> bool:
        """A migration that its runner sends in one transaction, in one message: whether the server takes all of it.
        Nothing has happened where it does not: then its statements are sent one by one."""
        known = [one for one in statements if isinstance(one, Statement)]
        fails = any((migration.id, one.index) in self._wish.refused for one in known)
        if session.block or fails or not _fits(migration, known, len(statements)):
            return False
        outcome = session.ask(";\n".join(["BEGIN", *(one.text for one in known), "COMMIT"]), keep=False)
        if outcome.lost is not None:
            session.reconnect()
            return False
        if outcome.reply.failure is not None or outcome.late or outcome.reply.block != "I":
            session.ask("ROLLBACK")
            return False
        return True

    def _wants(self, met_names: set[str] | None) -> bool:
        """Whether one of the tables that are met may have no rows yet."""
        if met_names is None or self._new is None:
            return met_names is None or bool(met_names)
        return bool(met_names & self._new)

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
        given = self._filler.given.values()
        unfilled = tuple(sorted(self._filler.unfilled.items()))
        return RowReport(tuple(found), len(given), sum(given), unfilled)

    def close(self) -> None:
        """End what was opened."""
        self._filler.close()
