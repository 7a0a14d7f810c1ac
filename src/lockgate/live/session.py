"""One runner's connection: statements one by one, in the transaction shape in which the runner would have sent the whole script.

Inside a block a savepoint ``lg`` always stands before the next statement, so that a refused statement leaves the block usable and has
a place. Statement, release and new savepoint go to the server in one query string; outside of a block a statement goes alone, for
PostgreSQL treats what shares a query string with others as if it stood in a block (xact.c, PreventInTransactionBlock).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.live.backend import Backend, ask
from lockgate.live.observe import LOCKS, NEWEST, WEAK, quiet
from lockgate.live.wire import Connection, Late, Lost, Reply
from lockgate.values import dataclass, field

_NEXT = "\n;RELEASE SAVEPOINT lg;SAVEPOINT lg"
_GRACE = 2.0  # seconds that a cancelled statement has to end

# statements of a script in STATEMENT shape that may run in a block of their own, so that their locks can be seen before it ends
_LOCKABLE = frozenset({
    "AlterObjectSchemaStmt", "AlterSeqStmt", "AlterTableStmt", "CommentStmt", "CreatePolicyStmt", "CreateSeqStmt", "CreateStmt",
    "CreateTableAsStmt", "CreateTrigStmt", "DeleteStmt", "DropStmt", "IndexStmt", "InsertStmt", "RefreshMatViewStmt", "RenameStmt", "RuleStmt",
    "SelectStmt", "TruncateStmt", "UpdateStmt", "ViewStmt",
})  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What came of sending one statement."""

    reply: Reply
    locks: tuple[str, ...] = ()
    lost: Lost | None = None
    late: bool = False  # it did not end in time and was ended by us


@dataclass(slots=True)
class Session:
    """A role's connection with its transaction block."""

    backend: Backend
    login: str
    timeout: float
    observe_locks: bool
    connection: Connection = field(init=False)
    block: bool = False  # a transaction block is open
    _held: set[tuple[str | None, str | None]] = field(default_factory=set)
    _names: dict[str | None, str] = field(default_factory=dict)
    _newest: str = "0"  # the highest oid of a relation when the transaction began
    _opened: str = "BEGIN"  # what opened the block
    _fresh: bool = False  # the block has done nothing yet
    _unseen: bool = False  # a quiet statement has run since the last look at the locks

    def __post_init__(self) -> None:
        self.connection = self.backend.connect(self.login)

    def reconnect(self) -> None:
        """After the connection was lost: the same role again, with nothing of its session left. Raises Lost."""
        self.block = False
        self._held.clear()
        self.connection.close()
        self.connection = self.backend.connect(self.login)

    def begin(self) -> None:
        """Open the runner's block."""
        reply = self._must(f"BEGIN;SAVEPOINT lg;{NEWEST}" if self.observe_locks else "BEGIN;SAVEPOINT lg")
        self.block, self._opened = True, "BEGIN"
        self._new_transaction(reply)

    def commit(self) -> Reply:
        """End the block; a deferred constraint may refuse that."""
        self.block = False
        self._held.clear()
        return self._send("COMMIT").reply

    def undo(self) -> None:
        """Back to the state before the statement that failed."""
        if self.block:
            self._must("ROLLBACK TO SAVEPOINT lg")

    def run(self, text: str, tag: str = "", node: dict[str, Any] | None = None, alone: bool = False) -> Outcome:
        """Send one statement of a script; ``alone``: exactly as it is, even where the locks cannot be seen then."""
        node = node or {}
        if tag == "TransactionStmt":
            return self._transaction(text, node)
        fresh, self._fresh = self._fresh, False
        if self.block and fresh and tag == "VariableSetStmt" and node.get("kind") == "VAR_SET_MULTI":
            outcome = self._set_transaction(text)
        elif self.block:
            outcome = self._in_block(text, tag)
        elif self.observe_locks and not alone and tag in _LOCKABLE and not _outside(node):
            outcome = self._in_own_block(text)
        else:
            outcome = self._send(text)
        if tag in ("VariableSetStmt", "DiscardStmt", "SelectStmt") and outcome.reply.failure is None and outcome.lost is None:
            self._listen_again(text)
        return outcome

    def _set_transaction(self, text: str) -> Outcome:
        """SET TRANSACTION must come before any query and outside of a subtransaction: the block, which has done nothing yet, begins again with it."""
        outcome = self._send(f"ROLLBACK;{self._opened};{text}\n;SAVEPOINT lg")
        if outcome.reply.failure and outcome.lost is None:
            self._must(f"ROLLBACK;{self._opened};SAVEPOINT lg")
        return outcome

    def _in_block(self, text: str, tag: str) -> Outcome:
        if not self.observe_locks or quiet(tag, text):
            self._unseen = True
            return self._send(text + _NEXT, keep=False)
        outcome = self._send(f"{text}\n;{LOCKS.format(newest=self._newest)}{_NEXT}")
        if outcome.reply.failure is None and outcome.lost is None and not outcome.late:
            outcome.locks = self._new_locks(outcome.reply)
        return outcome

    def _in_own_block(self, text: str) -> Outcome:
        """A statement that would have run on its own, in a block, so that its locks can be seen before it ends."""
        self._new_transaction(self._must(f"BEGIN;{NEWEST}"))
        outcome = self._send(f"{text}\n;{LOCKS.format(newest=self._newest)}")
        if outcome.lost:
            return outcome
        if outcome.late or outcome.reply.failure:
            self._must("ROLLBACK")
            return outcome
        outcome.locks = self._new_locks(outcome.reply)
        end = self._send("COMMIT")
        outcome.reply.notices += end.reply.notices
        outcome.reply.failure, outcome.lost, outcome.late = end.reply.failure, end.lost, end.late
        return outcome

    def _transaction(self, text: str, node: dict[str, Any]) -> Outcome:
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
            self._new_transaction(self._must(f"SAVEPOINT lg;{NEWEST}"))
        self.block = outcome.reply.block in ("T", "E")
        return outcome

    def _listen_again(self, text: str) -> None:
        """A script (pg_dump's first lines) may have turned our ears off."""
        low = text.lower()
        if "client_min_messages" in low or "reset all" in low or low.startswith("discard"):
            self._must("SET client_min_messages = debug1")

    def _new_locks(self, reply: Reply) -> tuple[str, ...]:
        """The locks that were not held before; each on the relation's name, also where this transaction dropped it."""
        new = []
        for oid, mode, name in reply.rows:
            if name:
                self._names[oid] = name
            if (oid, mode) in self._held:
                continue
            self._held.add((oid, mode))
            known = name or self._names.get(oid) or self._committed_name(oid)
            if known and not known.startswith("pg_toast.") and not (self._unseen and mode in WEAK):
                new.append(f"{mode} on {known}")
        reply.rows, self._unseen = [], False
        return tuple(sorted(new))

    def _committed_name(self, oid: str | None) -> str:
        """The name of a relation that this transaction dropped, from a session that still sees it."""
        rows = ask(self.backend.admin, f"SELECT (pg_catalog.pg_identify_object(1259, {oid}, 0)).identity")
        self._names[oid] = (rows[0][0] if rows else None) or ""
        return self._names[oid]

    def _new_transaction(self, reply: Reply) -> None:
        self._fresh = True
        self._held.clear()
        self._unseen = False
        self._newest = (reply.rows[0][0] if reply.rows else None) or "0"

    def _send(self, sql: str, keep: bool = True) -> Outcome:
        try:
            return Outcome(self.connection.query(sql, self.timeout, keep))
        except Late:
            return self._end_it()
        except Lost as lost:
            return Outcome(Reply(failure=dict(lost.fields) or None), lost=lost)

    def _end_it(self) -> Outcome:
        """Cancel; then terminate, which no EXCEPTION block can catch; then kill, which takes the server along."""
        steps: tuple[Callable[[], object], ...] = (
            self.connection.cancel,
            lambda: self.backend.admin.query(f"SELECT pg_catalog.pg_terminate_backend({self.connection.pid})", 10),
            lambda: self.backend.destroy(self.connection.pid),
        )
        for step in steps:
            step()
            try:
                return Outcome(self.connection.drain(_GRACE), late=True)
            except Late:
                continue
            except Lost as lost:
                return Outcome(Reply(failure=dict(lost.fields) or None), lost=lost, late=True)
        return Outcome(Reply(), lost=Lost("the backend could not be ended"), late=True)

    def _must(self, sql: str) -> Reply:
        """Our own transaction commands. Raises Lost where the connection is gone."""
        reply = self.connection.query(sql, 30)
        if reply.failure:
            self.block = False
            raise Lost(f"{sql}: {reply.failure.get('M', '')}", reply.failure)
        return reply


def _outside(node: dict[str, Any]) -> bool:
    """What may not run in a block: an index made or dropped CONCURRENTLY, DETACH PARTITION CONCURRENTLY."""
    subtypes = (command.get("AlterTableCmd", {}).get("subtype", "") for command in node.get("cmds", ()))
    return bool(node.get("concurrent")) or any(subtype.startswith("AT_DetachPartition") for subtype in subtypes)
