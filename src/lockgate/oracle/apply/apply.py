"""The apply: every script of a plan, statement by statement, each refusal recorded and repaired where somebody may."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.text import Span
from lockgate.oracle.apply.lacking import forbidden, lacks, reason
from lockgate.oracle.apply.observe import effects, failure, split_notices
from lockgate.oracle.apply.plan import Direction, Observation, ObservationState, ServerFailure
from lockgate.oracle.apply.repair import SUPERUSER, Repairer
from lockgate.oracle.apply.session import Exchange, ServerSession
from lockgate.oracle.apply.taint import THERE_ALREADY, ApplyTaint
from lockgate.oracle.server.backend import Backend
from lockgate.oracle.server.names import plain
from lockgate.oracle.server.wire import Lost
from lockgate.parse import Statement, SyntaxFailure
from lockgate.sources.migration import Script, Transaction

if TYPE_CHECKING:
    from lockgate.oracle.rows.mend import Mender

# What a new transaction mends: used too early in the one that made it (55P04), pending trigger events (55006)
_MENDED_BY_COMMIT = frozenset({"55P04", "55006"})
_OUTSIDE_ONLY = "25001"


class Applier(msgspec.Struct):
    """Applies scripts through sessions and keeps what failures make worthless."""

    backend: Backend
    major: int
    repairer: Repairer
    configured: bool  # whether the roles are production's
    withheld: frozenset[str] = frozenset()  # what they are in production and not here (roles.py)
    taint: ApplyTaint = msgspec.field(default_factory=ApplyTaint)
    mender: Mender | None = None  # takes away the rows that a statement fails for
    service: frozenset[str] = frozenset()  # schemas that a hosting service fills, of which there are but stand-ins here

    def script(
        self,
        session: ServerSession,
        migration: str,
        direction: Direction,
        script: Script,
        statements: tuple[Statement | SyntaxFailure, ...],
    ) -> Iterator[Observation]:
        """Apply one script in its runner's transaction shape. Raises CannotCheck when the server itself is gone."""
        runner = _Runner(script, statements)
        for statement, following in zip(statements, (*statements[1:], None), strict=False):
            if runner.opens_before(statement, session.block):
                session.begin(_known(statement))
            then = None if following is None or runner.closes_after(statement) else _known(following)
            yield self._statement(session, migration, direction, statement, then)
            if (
                runner.closes_after(statement)
                and session.block
                and (seen := self._commit(session, migration, direction, script))
            ):
                yield seen

    def _commit(
        self, session: ServerSession, migration: str, direction: Direction, script: Script
    ) -> Observation | None:
        """The script's own end: a deferred constraint may refuse it, and then nothing of the script is there."""
        reply = session.commit()
        if reply.failure is None:
            return None
        end = len(script.source.text)
        self.taint.add(None, "an earlier COMMIT failed")
        said = failure(reply.failure, Span(end, end), 0)
        return Observation(migration, direction, 0, Span(end, end), session.role, fails=said)

    def _statement(
        self,
        session: ServerSession,
        migration: str,
        direction: Direction,
        statement: Statement | SyntaxFailure,
        then: Statement | None,
    ) -> Observation:
        text = statement.script.source.text[statement.span.start : statement.span.end]
        seen = Observation(migration, direction, statement.index, statement.span, session.role)
        if text.lstrip().startswith("\\"):
            return replace(seen, state=ObservationState.NOT_RUN, reason="a psql meta-command: no server understands it")
        if "\0" in text:
            return replace(
                seen, state=ObservationState.NOT_RUN, reason="holds a NUL character, which no server can be sent"
            )
        known = _known(statement)
        if known is None and statement.script.made_up:
            self.taint.add(None, "a template whose values are not known")
            return replace(
                seen,
                state=ObservationState.NOT_RUN,
                reason="a template whose values are not known: set [migrations.placeholders]",
            )
        outcome = session.run(text, known.tag if known else "", known.node if known else None, then=then)
        notices, work = split_notices(outcome.reply.notices)
        seen = replace(seen, notices=notices, work=work, **_looked_at(outcome, work))
        if outcome.lost is not None or outcome.late:
            return self._ended(session, seen, known, outcome)
        if outcome.reply.failure is None:
            return self._judged(seen, known, None)
        return self._failed(session, seen, statement, known, outcome.reply.failure, len(text), outcome.reply.copied)

    def _judged(self, seen: Observation, statement: Statement | None, fails: ServerFailure | None) -> Observation:
        """What an observation is worth; a statement on tainted ground makes its own targets tainted."""
        why = self.taint.of(statement, fails) if statement is not None else self.taint.everything
        if why:
            if statement is not None and not self.taint.everything:
                self.taint.add(statement, why)
            seen = replace(seen, state=ObservationState.AFTER_FAILURE, reason=why)
        return seen

    def _failed(
        self,
        session: ServerSession,
        seen: Observation,
        statement: Statement | SyntaxFailure,
        known: Statement | None,
        fields: dict[str, str],
        length: int,
        copied: bool,
    ) -> Observation:
        if fields.get("M", "").startswith(
            "could not extend file"
        ):  # the limit on one file; the supervisor may not have seen it yet
            raise _stopped(known, "the migrations wrote more than the size limit to the scratch server")
        session.undo()
        fails = failure(fields, seen.span, length)
        if copied:
            self.taint.add(known, "rows of a COPY FROM STDIN are missing")
            return replace(
                seen, state=ObservationState.NOT_RUN, reason="COPY FROM STDIN: its data is not part of the statement"
            )
        seen = self._judged(replace(seen, fails=fails), known, fails)
        if what := lacks(statement, fails, self.service) or forbidden(statement, fails, self.withheld):
            self.taint.add(known, reason(what, self.major))
            if what.startswith("the extension"):
                self.taint.missing = self.taint.missing or reason(what, self.major)
            return replace(seen, state=ObservationState.LACKING, reason=reason(what, self.major))
        repaired, hidden = self._repaired(session, known, fails) if known is not None else (None, {})
        if hidden:
            seen = replace(seen, then_fails=failure(hidden, seen.span, length))
        if repaired is None and self._without_rows(session, known, seen, fields):
            repaired = session.login
        if fails.sqlstate == "42501" and not self.configured and seen.state is ObservationState.OBSERVED:
            seen = replace(
                seen,
                state=ObservationState.LACKING,
                reason="no roles are configured: whether production's role may is unknown",
            )
        if repaired is None:
            if (
                seen.state is not ObservationState.AFTER_FAILURE
                and known is not None
                and fails.sqlstate not in THERE_ALREADY
            ):
                self.taint.add(known, f"statement {seen.index} of {seen.migration} failed")
            return seen
        return replace(seen, repaired_as=plain(repaired))

    def _repaired(
        self, session: ServerSession, statement: Statement, fails: ServerFailure
    ) -> tuple[str | None, dict[str, str]]:
        """Apply a refused statement after all: the role that did it, and what the server said where the role was not
        all that is wrong."""
        if fails.sqlstate == "42501":
            role, hidden = self.repairer.as_owner(session, statement)
            if role is None and self.repairer.as_superuser(session, statement):
                return SUPERUSER, {}
            return role, hidden
        if session.block and (fails.sqlstate == _OUTSIDE_ONLY or fails.sqlstate in _MENDED_BY_COMMIT):
            return self._in_a_new_transaction(session, statement, alone=fails.sqlstate == _OUTSIDE_ONLY), {}
        return None, {}

    def _without_rows(
        self, session: ServerSession, statement: Statement | None, seen: Observation, fields: dict[str, str]
    ) -> bool:
        if self.mender is None or statement is None or seen.state is not ObservationState.OBSERVED:
            return False
        return self.mender.mend(session, statement, seen, fields)

    @staticmethod
    def _in_a_new_transaction(session: ServerSession, statement: Statement, alone: bool) -> str | None:
        if session.commit().failure:
            session.begin()
            return None
        if not alone:
            session.begin()
        outcome = session.run(statement.text, statement.tag, statement.node, alone=True)
        if outcome.reply.failure and session.block:
            session.undo()
        if alone:
            session.begin()
        return None if outcome.reply.failure or outcome.lost else session.login

    def _ended(
        self, session: ServerSession, seen: Observation, statement: Statement | None, outcome: Exchange
    ) -> Observation:
        """A statement that killed its connection, its server, or did not end."""
        block = session.block
        if outcome.lost is not None:
            if trouble := self.backend.trouble():
                raise _stopped(statement, trouble)
            try:
                session.reconnect()
            except Lost as lost:  # the news of its end came late
                raise _stopped(statement, self.backend.trouble() or str(lost)) from lost
            if block:
                session.begin()
                self.taint.add(
                    None, f"statement {seen.index} of {seen.migration} ended the connection and with it its transaction"
                )
        elif block:
            session.undo()
        if outcome.late:
            self.taint.add(statement, f"statement {seen.index} of {seen.migration} did not end")
            words, hint = (
                f"did not end within {session.timeout:g} s, without any rows of production's, and was ended",
                "[database] statement_timeout gives it more",
            )
            return replace(seen, fails=ServerFailure("57014", words, hint=hint))
        self.taint.add(statement, f"statement {seen.index} of {seen.migration} ended its connection")
        fields = outcome.reply.failure or {"C": "08006", "M": str(outcome.lost)}
        return replace(seen, fails=failure(fields, seen.span, 0))


def _looked_at(outcome: Exchange, work: tuple[str, ...]) -> dict[str, Any]:
    """What an observation holds of locks and work, where it could be seen."""
    seen = outcome.seen
    if seen is None:
        return {}
    kept = effects(seen.kept, ())
    return {"looked": True, "locks": seen.locks, "effects": effects(seen.touched, work), "kept": kept}


def _known(statement: Statement | SyntaxFailure) -> Statement | None:
    return statement if isinstance(statement, Statement) else None


def _stopped(statement: Statement | None, why: str) -> CannotCheck:
    return CannotCheck(
        f"{_place(statement)}the scratch server stopped: {why}", "Look at the statement; nothing after it was checked."
    )


def _place(statement: Statement | None) -> str:
    if statement is None:
        return ""
    source = statement.script.source
    return f"{source.path}:{source.position(statement.span.start).line}: "


class _Runner:
    """Where the runner of a script opens and ends a transaction block of its own."""

    def __init__(self, script: Script, statements: tuple[Statement | SyntaxFailure, ...]) -> None:
        self._shape, self._goes_on = script.transaction, script.goes_on
        self._starts = [piece.start for piece in script.pieces]
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        for statement in statements:
            piece = 0 if self._shape is Transaction.FILE else self._piece(statement)
            self._first.setdefault(piece, statement.index)
            self._last[piece] = statement.index

    def _piece(self, statement: Statement | SyntaxFailure) -> int:
        return max(bisect_right(self._starts, statement.span.start) - 1, 0)

    def opens_before(self, statement: Statement | SyntaxFailure, block: bool) -> bool:
        """FILE: before its first statement. IMPLICIT: wherever no block is open, unless the piece is one single
        statement."""
        if block or self._shape is Transaction.STATEMENT:
            return False
        if self._shape is Transaction.FILE:
            return statement.index == self._first[0]
        piece = self._piece(statement)
        opened_by_itself = isinstance(statement, Statement) and statement.tag == "TransactionStmt"
        return self._first[piece] != self._last[piece] and not opened_by_itself

    def closes_after(self, statement: Statement | SyntaxFailure) -> bool:
        """The end of what the runner sent at once."""
        if self._shape is Transaction.STATEMENT or self._goes_on:
            return False
        return statement.index == self._last[0 if self._shape is Transaction.FILE else self._piece(statement)]
