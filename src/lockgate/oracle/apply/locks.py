"""The locks that a session's transactions take, on relations that were there before: nobody waits for one on what
nobody else sees."""

from __future__ import annotations

import secrets

from lockgate.oracle.server.backend import ask
from lockgate.oracle.server.wire import Connection, Reply

# Of the own backend. No join: half the time. pg_identify_object spells the name, and is null for what this transaction
# dropped. $1: the highest such oid.
_LOCKS = (
    "SELECT relation, mode, (pg_catalog.pg_identify_object(1259, relation, 0)).identity FROM pg_catalog.pg_lock_status()"
    # in the migrations' session, by whose search_path an operator of theirs may come first
    " WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND relation OPERATOR(pg_catalog.>=) '16384'::pg_catalog.oid"
    " AND relation OPERATOR(pg_catalog.<=) $1 AND locktype OPERATOR(pg_catalog.=) 'relation'::pg_catalog.text"
)
_NEWEST = "SELECT pg_catalog.max(oid) FROM pg_catalog.pg_class"
_WEAK = frozenset({"AccessShareLock", "RowShareLock", "RowExclusiveLock"})
LAST_OID = 4294967295


class Locks:
    """What one session holds and has seen.

    Both queries are prepared, which halves their cost. A script may drop what it did not prepare, so whoever sends a
    look asks whether it was ``dropped``.
    """

    def __init__(self, reader: Connection) -> None:
        self.newest = 0  # the highest oid of a relation when the transaction began
        self.unseen = False  # a quiet statement has run since the last look
        self._reader = reader
        self._name = ""
        self._held: set[tuple[str | None, str | None]] = set()
        self._names: dict[str | None, str] = {}

    def prepare(self) -> str:
        """What makes looks possible, under a new random name."""
        self._name = f"lockgate_{secrets.token_hex(8)}"
        return f"PREPARE {self._name}(pg_catalog.oid) AS {_LOCKS};PREPARE {self._name}_newest AS {_NEWEST}"

    def look(self, newest: int | None = None) -> str:
        """All that is held on relations up to an oid: up to the one that was the highest."""
        return f"EXECUTE {self._name}('{self.newest if newest is None else newest}')"

    def look_newest(self) -> str:
        """The highest oid of a relation, for ``begin``."""
        return f"EXECUTE {self._name}_newest"

    def dropped(self, reply: Reply) -> bool:
        """Whether the look, not the statement before it, was refused: the script has dropped it (DEALLOCATE ALL, also
        out of our sight)."""
        failure = reply.failure or {}
        return failure.get("C") == "26000" and bool(self._name) and self._name in failure.get("M", "")

    def begin(self, reply: Reply) -> None:
        """A transaction has begun, with this answer to ``look_newest``."""
        self.end()
        self.unseen = False
        self.newest = int((reply.rows[0][0] if reply.rows else None) or 0)

    def end(self) -> None:
        """The transaction has ended: nothing is held."""
        self._held.clear()

    def taken(self, reply: Reply) -> tuple[str, ...]:
        """What a look shows that was not held before; each on the relation's name, also where this transaction dropped
        it."""
        new = []
        for oid, mode, name in reply.rows:
            if int(oid or 0) > self.newest:
                continue
            if name:
                self._names[oid] = name
            if (oid, mode) in self._held:
                continue
            self._held.add((oid, mode))
            known = name or self._names.get(oid) or self._committed_name(oid)
            if known and not known.startswith("pg_toast.") and not (self.unseen and mode in _WEAK):
                new.append(f"{mode} on {known}")
        reply.rows, self.unseen = [], False
        return tuple(sorted(new))

    def _committed_name(self, oid: str | None) -> str:
        """The name of a relation that this transaction dropped, from a session that still sees it."""
        rows = ask(self._reader, f"SELECT (pg_catalog.pg_identify_object(1259, {oid}, 0)).identity")
        self._names[oid] = (rows[0][0] if rows else None) or ""
        return self._names[oid]
