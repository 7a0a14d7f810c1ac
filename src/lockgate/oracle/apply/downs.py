"""Down scripts: each run right after its up, as the role that would run it, in a transaction that is rolled back."""

from __future__ import annotations

import re

from msgspec.structs import replace

from lockgate.oracle.apply.contents import Contents, ContentsReader
from lockgate.oracle.apply.observe import failure, split_notices
from lockgate.oracle.apply.plan import DownObservation, Observation, Parsed
from lockgate.oracle.apply.session import ServerSession
from lockgate.oracle.server.wire import Connection
from lockgate.parse import Statement, SyntaxFailure
from lockgate.parse.facts import NOT_IN_A_BLOCK
from lockgate.sources.migration import Migration, Script, Transaction

# CONCURRENTLY cannot be rolled back; without it the same is left behind
_CONCURRENTLY = re.compile(r"\bconcurrently\b", re.IGNORECASE)


class DownWatch:
    """The catalog, watched from migration to migration, so that a down script can be compared with what was there
    before its up."""

    def __init__(self, reader: Connection) -> None:
        """Reads it for the first time. Raises CannotCheck, Lost."""
        self._reader = ContentsReader(reader)
        self._contents = self._reader.whole()
        self._asked = False  # the answer to what has changed is still to come
        self._inside = self._reader  # the applying session's

    def read(self) -> Contents:
        """The catalog as it is committed now. Raises CannotCheck, Lost."""
        if not self._asked:
            self._reader.post(self._contents)
        self._contents, self._asked = self._reader.take(self._contents), False
        return self._contents

    def try_down(self, session: ServerSession, migration: Migration, statements: Parsed) -> DownObservation:
        """Run a migration's down and compare the catalog with the one that was read last: before its up. Leaves
        everything as it found it.

        Raises Lost and CannotCheck.
        """
        assert migration.down is not None, "the caller asks for downs that exist"
        tried = DownObservation(migration.id, session.role)
        if session.block:
            return replace(tried, reason="the up script left a transaction open")
        observe_locks, session.observe_locks = session.observe_locks, False
        session.begin()
        try:
            for statement in statements:
                seen = _one(session, migration.id, migration.down, statement, len(statements))
                if isinstance(seen, str):
                    return replace(tried, reason=seen)
                if seen is not None:
                    return replace(tried, refused=(seen,))
            missing, left, changed = self._contents.differences(self._within(session.connection))
            return replace(tried, missing=missing, left=left, changed=changed)
        finally:
            session.connection.query("ROLLBACK", 60)
            session.block, session.observe_locks = False, observe_locks

    def _within(self, connection: Connection) -> Contents:
        """The catalog as a transaction sees it; what the up has committed is read at the same time."""
        if self._inside.connection is not connection:
            self._inside = ContentsReader(connection)
        self._inside.post(self._contents)
        self._reader.post(self._contents)
        self._asked = True
        return self._inside.take(self._contents)


def _one(
    session: ServerSession, migration: str, script: Script, statement: Statement | SyntaxFailure, count: int
) -> Observation | str | None:
    """Send one statement; its observation when the server refused it, or why the script cannot be tried."""
    text = statement.script.source.text[statement.span.start : statement.span.end]
    tag = statement.tag if isinstance(statement, Statement) else ""
    if tag == "TransactionStmt" and isinstance(statement, Statement):
        # the script's own BEGIN and COMMIT: all of it is to be rolled back, so the block stays open
        return (
            None
            if statement.node.get("kind") in ("TRANS_STMT_BEGIN", "TRANS_STMT_START", "TRANS_STMT_COMMIT")
            else "the down script rolls back itself"
        )
    alone = script.transaction is Transaction.STATEMENT or (script.transaction is Transaction.IMPLICIT and count == 1)
    if alone and tag in NOT_IN_A_BLOCK:
        return f"{text.split()[0].upper()} cannot be tried in a transaction"
    if alone and tag in ("IndexStmt", "DropStmt", "RefreshMatViewStmt", "ReindexStmt", "AlterTableStmt"):
        text = _CONCURRENTLY.sub(lambda word: " " * len(word.group()), text)
    outcome = session.run(text, tag, statement.node if isinstance(statement, Statement) else None)
    if outcome.lost is not None:
        raise outcome.lost
    if outcome.late:
        return f"statement {statement.index} did not end within {session.timeout:g} s"
    if outcome.reply.failure is None:
        return None
    notices, work = split_notices(outcome.reply.notices)
    fails = failure(outcome.reply.failure, statement.span, len(text))
    return Observation(
        migration, "down", statement.index, statement.span, session.role, fails=fails, notices=notices, work=work
    )
