"""One runner's connection: statements one by one, in the transaction shape in which the runner would have sent the
whole script.

Inside a block a savepoint ``lg`` always stands before the next statement, so that a refused statement leaves the block
usable and has a place. Statement, release and new savepoint go to the server in one query string; outside of a block a
statement goes alone, for PostgreSQL treats what shares a query string with others as if it stood in a block (xact.c,
PreventInTransactionBlock).

Inside a block the next statement is sent before the reply to this one has come, so that the server need not wait for
us. Where this one fails, the server refuses the next (25P02) as part of a failed block; that reply is dropped, and the
statement sent again when its turn comes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from lockgate.base.lazy_imports import pattern
from lockgate.oracle.apply.locks import LAST_OID, Locks, Seen
from lockgate.oracle.apply.observe import quiet
from lockgate.oracle.server.backend import Backend
from lockgate.oracle.server.names import plain
from lockgate.oracle.server.wire import Connection, Late, Lost, Reply
from lockgate.parse import Statement
from lockgate.parse.facts import BESIDE_A_TABLE, QUERIES

_NEXT = "\n;RELEASE SAVEPOINT lg;SAVEPOINT lg"
_GRACE = 2.0  # seconds that a cancelled statement has to end
_ENDS_BLOCKS = pattern(r"\b(?:commit|rollback)\b", re.IGNORECASE)
# characters of a statement that is sent ahead: the socket's buffer takes two, so sending never waits for the server
_SHORT = 8192

# they end or change the block, read from us, or may turn our ears off: nothing is sent ahead of their reply, nor they
# ahead of another's
_WAITS = frozenset({"TransactionStmt", "CopyStmt", "VariableSetStmt", "DiscardStmt"})

# statements of a script in STATEMENT shape that may run in a block of their own, so that their locks can be seen before
# it ends
_LOCKABLE = (
    QUERIES
    | BESIDE_A_TABLE
    | frozenset(
        {
            "AlterDomainStmt",
            "AlterObjectSchemaStmt",
            "AlterOwnerStmt",
            "AlterPublicationStmt",
            "AlterSeqStmt",
            "AlterStatsStmt",
            "AlterTableStmt",
            "AlterTypeStmt",
            "ClusterStmt",
            "CommentStmt",
            "CreateForeignTableStmt",
            "CreatePublicationStmt",
            "CreateSeqStmt",
            "CreateStatsStmt",
            "CreateStmt",
            "CreateTableAsStmt",
            "DoStmt",
            "DropOwnedStmt",
            "DropStmt",
            "IndexStmt",
            "RefreshMatViewStmt",
            "ReindexStmt",
            "RenameStmt",
            "TruncateStmt",
            "VacuumStmt",  # ANALYZE
            "ViewStmt",
        }
    )
)
# what may not stand in a block was not seen to be such: a partitioned table's REINDEX, a COMMIT in a body
_ONLY_ALONE = ("25001", "2D000")


class Exchange(msgspec.Struct):
    """What came of sending one statement."""

    reply: Reply
    seen: Seen | None = None  # None: nobody could look
    lost: Lost | None = None
    late: bool = False  # it did not end in time and was ended by us


class ServerSession:
    """A role's connection with its transaction block."""

    connection: Connection

    def __init__(self, backend: Backend, login: str, timeout: float, observe_locks: bool) -> None:
        self.backend, self.login, self.timeout, self.observe_locks = backend, login, timeout, observe_locks
        self.block = False  # a transaction block is open
        self._locks = Locks(backend.reader, backend.info().major)
        self._opened = "BEGIN"  # what opened the block
        self._fresh = False  # the block has done nothing yet
        self._ahead: str | None = None  # the statement that was sent before the reply to the one before it
        self._cancelled = False  # a statement ended just when we cancelled it: the next may be hit in its place
        self._connect()

    def _connect(self) -> None:
        self.connection = self.backend.connect(self.login)
        if self.observe_locks:
            self._must(self._locks.prepare())

    @property
    def role(self) -> str:
        """The login as reports name it."""
        return plain(self.login)

    def reconnect(self) -> None:
        """After the connection was lost: the same role again, with nothing of its session left. Raises Lost."""
        self.block, self._ahead = False, None
        self._locks.end()
        self.connection.close()
        self._connect()

    def begin(self, then: Statement | None = None) -> None:
        """Open the runner's block; ``then`` will be its first statement."""
        self._opened = "BEGIN"
        self._open("BEGIN;SAVEPOINT lg", "BEGIN;SAVEPOINT lg", then)
        self.block = True

    def _open(self, command: str, again: str, then: Statement | None = None) -> None:
        """Begin a transaction with a command of ours and a look at what is there; ``again`` begins it anew."""
        look = f";{self._locks.look_newest()}" if self.observe_locks else ""
        self.connection.post(command + look)
        self._send_ahead("", "", then, LAST_OID)
        reply = self.connection.read(30)
        if self._locks.dropped(reply):
            self._forget_ahead()
            self._must("ROLLBACK")
            self._must(self._locks.prepare())
            reply = self.connection.query(f"{again};{self._locks.look_newest()}", 30)
        self._fresh = True
        self._locks.begin(_sound(command, reply))

    def commit(self) -> Reply:
        """End the block; a deferred constraint may refuse that."""
        self.block = False
        self._locks.end()
        return self._send("COMMIT").reply

    def undo(self) -> None:
        """Back to the state before the statement that failed."""
        if self.block:
            self._must("ROLLBACK TO SAVEPOINT lg")

    def run(
        self,
        text: str,
        tag: str = "",
        node: dict[str, Any] | None = None,
        alone: bool = False,
        then: Statement | None = None,
    ) -> Exchange:
        """Send one statement of a script; ``alone``: exactly as it is, even where the locks cannot be seen then.

        ``then``: what will follow in the same block, if this one succeeds.
        """
        node = node or {}
        if tag == "TransactionStmt":
            return self._transaction(text, node)
        fresh, self._fresh = self._fresh, False
        if self.block and fresh and tag == "VariableSetStmt" and node.get("kind") == "VAR_SET_MULTI":
            outcome = self._set_transaction(text)
        elif self.block:
            outcome = self._in_block(text, tag, then)
        elif self.observe_locks and not alone and tag in _LOCKABLE and not _outside(text, tag, node):
            outcome = self._in_own_block(text)
        else:
            outcome = self._send(text)
            if self.observe_locks and outcome.lost is None and self._locks.flush():
                self._must(self._locks.flush())
        if _deafens(text, tag) and outcome.reply.failure is None and outcome.lost is None:
            self._must("SET client_min_messages = debug1")
        return outcome

    def _set_transaction(self, text: str) -> Exchange:
        """SET TRANSACTION must come before any query and outside of a subtransaction: the block, which has done nothing
        yet, begins again with it."""
        outcome = self._send(f"ROLLBACK;{self._opened};{text}\n;SAVEPOINT lg")
        if outcome.reply.failure and outcome.lost is None:
            self._must(f"ROLLBACK;{self._opened};SAVEPOINT lg")
        return outcome

    def _in_block(self, text: str, tag: str, then: Statement | None) -> Exchange:
        if self._ahead is None:
            try:
                self._post(text, tag)
            except Lost as lost:
                return _ended(lost)
        assert self._ahead in (None, text), "what was sent ahead comes next"
        self._ahead = None
        self._send_ahead(text, tag, then)
        outcome = self._receive()
        if outcome.reply.failure or outcome.lost or outcome.late:
            return self._failed(outcome, text, tag)
        if self._looks(text, tag):
            outcome.seen = self._locks.taken(outcome.reply)
        else:
            seen = self._locks.quiet()
            outcome.seen = seen if self.observe_locks else None
        return outcome

    def _looks(self, text: str, tag: str) -> bool:
        return self.observe_locks and not quiet(tag, text)

    def _post(self, text: str, tag: str, newest: int | None = None) -> bool:
        look = self._looks(text, tag)
        return self.connection.post(f"{text}\n;{self._locks.look(newest)}{_NEXT}" if look else text + _NEXT, look, 1)

    def _send_ahead(self, text: str, tag: str, then: Statement | None, newest: int | None = None) -> None:
        """Send what follows a statement whose reply has not come yet, where that changes nothing."""
        if then is None or tag in _WAITS or then.tag in _WAITS or _deafens(text, tag):
            return
        following = then.text
        if len(following) <= _SHORT and "\0" not in following and self._post(following, then.tag, newest):
            self._ahead = following

    def _failed(self, outcome: Exchange, text: str, tag: str) -> Exchange:
        """What a failure leaves: the reply to what was sent ahead, or a cancel that was meant for the statement
        before."""
        if outcome.lost is None:
            outcome.lost = self._forget_ahead()
        self._ahead = None
        if outcome.lost is None and self._locks.dropped(outcome.reply):
            self.undo()
            outcome, self._locks.unseen = self._unlooked(text + _NEXT), True
        if self._cancelled and outcome.lost is None and (outcome.reply.failure or {}).get("C") == "57014":
            self._cancelled = False
            self.undo()
            return self._in_block(text, tag, None)
        return outcome

    def _forget_ahead(self) -> Lost | None:
        """Drop the reply to what was sent ahead: it was refused with the block. Why the connection is gone, where it
        is."""
        sent, self._ahead = self._ahead, None
        return self._receive().lost if sent is not None else None

    def _unlooked(self, sql: str) -> Exchange:
        """Send a statement that drops our look without one, and prepare it again."""
        outcome = self._send(sql)
        if outcome.reply.failure is None and outcome.lost is None and not outcome.late:
            self._must(self._locks.prepare())
        return outcome

    def _in_own_block(self, text: str) -> Exchange:
        """A statement that would have run on its own, in a block, so that its locks can be seen before it ends."""
        self._open("BEGIN", "BEGIN")
        outcome = self._send(f"{text}\n;{self._locks.look()}", keep=True, skip=1)
        if outcome.lost:
            return outcome
        if outcome.late or outcome.reply.failure:
            self._must("ROLLBACK")
            if self._locks.dropped(outcome.reply):
                return self._unlooked(text)
            alone = not outcome.late and (outcome.reply.failure or {}).get("C") in _ONLY_ALONE
            return self._send(text) if alone else outcome
        outcome.seen = self._locks.taken(outcome.reply)
        end = self._send("COMMIT")
        outcome.reply.notices += end.reply.notices
        outcome.reply.failure, outcome.lost, outcome.late = end.reply.failure, end.lost, end.late
        return outcome

    def _transaction(self, text: str, node: dict[str, Any]) -> Exchange:
        """BEGIN, COMMIT, SAVEPOINT and their kin, as the script has them."""
        kind = node.get("kind", "")
        if not self.block:
            outcome = self._send(text)
        elif kind == "TRANS_STMT_SAVEPOINT":
            outcome = self._send(f"RELEASE SAVEPOINT lg;{text}\n;SAVEPOINT lg")
        elif kind in ("TRANS_STMT_ROLLBACK_TO", "TRANS_STMT_RELEASE"):
            outcome = self._send(f"{text}\n;SAVEPOINT lg")
        else:
            outcome = self._send(text)
        opened = outcome.reply.block == "T"
        if opened and not self.block and outcome.lost is None:
            self._opened = text
            self._open("SAVEPOINT lg", f"{text};SAVEPOINT lg")
        self.block = outcome.reply.block in ("T", "E")
        return outcome

    def _send(self, sql: str, keep: bool = False, skip: int = 0) -> Exchange:
        try:
            self.connection.post(sql, keep, skip)
        except Lost as lost:
            return _ended(lost)
        return self._receive()

    def _receive(self) -> Exchange:
        try:
            return Exchange(self.connection.read(self.timeout))
        except Late:
            return self._end_it()
        except Lost as lost:
            return _ended(lost)

    def _end_it(self) -> Exchange:
        """Cancel; then terminate, which no EXCEPTION block can catch; then kill, which takes the server along."""
        steps: tuple[Callable[[], object], ...] = (
            self.connection.cancel,
            lambda: self.backend.control.query(f"SELECT pg_catalog.pg_terminate_backend({self.connection.pid})", 10),
            lambda: self.backend.destroy(self.connection.pid),
        )
        for step in steps:
            step()
            try:
                reply = self.connection.read(_GRACE)
            except Late:
                continue
            except Lost as lost:
                return replace(_ended(lost), late=True)
            self._cancelled = reply.failure is None
            return Exchange(reply, late=not self._cancelled)
        return Exchange(Reply(), lost=Lost("the backend could not be ended"), late=True)

    def ask(self, sql: str, *, keep: bool = True) -> Exchange:
        """Send commands as they are, within the session's time; rows of a script's own are not to be kept."""
        return self._send(sql, keep)

    def _must(self, sql: str) -> Reply:
        """Our own transaction commands. Raises Lost where the connection is gone."""
        return _sound(sql, self.connection.query(sql, 30))


def _sound(sql: str, reply: Reply) -> Reply:
    if reply.failure:
        raise Lost(f"{sql}: {reply.failure.get('M', '')}", reply.failure)
    return reply


def _ended(lost: Lost) -> Exchange:
    return Exchange(Reply(failure=dict(lost.fields) or None), lost=lost)


def _deafens(text: str, tag: str) -> bool:
    """A script (pg_dump's first lines) may turn our ears off."""
    if tag not in ("VariableSetStmt", "DiscardStmt", "SelectStmt"):
        return False
    low = text.lower()
    return "client_min_messages" in low or "reset all" in low or low.startswith("discard")


def _outside(text: str, tag: str, node: dict[str, Any]) -> bool:
    """What may not run in a block: what is done CONCURRENTLY, VACUUM, CLUSTER and REINDEX of more than one table, code
    that ends transactions."""
    match tag:
        case "VacuumStmt":
            return bool(node.get("is_vacuumcmd"))
        case "ClusterStmt":
            return "relation" not in node
        case "ReindexStmt":
            return "relation" not in node or "concurrently" in text.lower()
        case "DoStmt":
            return _ENDS_BLOCKS.search(text) is not None
    subtypes = (command.get("AlterTableCmd", {}).get("subtype", "") for command in node.get("cmds", ()))
    return bool(node.get("concurrent")) or ("concurrently" in text.lower() and "AT_DetachPartition" in subtypes)
