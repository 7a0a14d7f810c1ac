"""The locks that a session's transactions take, on relations that were there before: nobody waits for one on what
nobody else sees."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import groupby

import msgspec
from msgspec.structs import replace

from lockgate.base.effects import Lock
from lockgate.oracle.server.backend import ask
from lockgate.oracle.server.wire import Connection, Reply

# Of the own backend. No join: half the time. pg_identify_object spells the name, and is null for what this transaction
# dropped. $1: the highest such oid.
_LOCKS = (
    "SELECT relation, mode, (o).type, (o).identity, pg_catalog.pg_relation_filenode(relation),"
    " pg_catalog.pg_stat_get_xact_numscans(relation) FROM (SELECT relation, mode,"
    " pg_catalog.pg_identify_object(1259, relation, 0) AS o FROM pg_catalog.pg_lock_status()"
    # in the migrations' session, by whose search_path an operator of theirs may come first
    " WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND relation OPERATOR(pg_catalog.>=) '16384'::pg_catalog.oid"
    " AND relation OPERATOR(pg_catalog.<=) $1 AND locktype OPERATOR(pg_catalog.=) 'relation'::pg_catalog.text OFFSET 0) seen"
)
# The counts of scans are the session's until they are flushed: from 15 on at this transaction's end, so that the next
# begins at zero (pgstat_report_stat in src/backend/utils/activity/pgstat.c).
_NEWEST = "SELECT pg_catalog.max(oid){flush} FROM pg_catalog.pg_class"
_FLUSH = ", pg_catalog.pg_stat_force_next_flush()"
_MODES = frozenset(lock.mode for lock in Lock)
_WEAK = frozenset({"AccessShareLock", "RowShareLock", "RowExclusiveLock"})
_OWN = ("pg_toast.", "pg_toast_temp_", "pg_temp.", "pg_temp_")  # schemas in which nobody waits for anybody
_MOST = 100  # relations that a statement left alone, of which is told
LAST_OID = 4294967295


def _is_ours(row: Sequence[str | None]) -> bool:
    """Whether a row is one of a look's."""
    return len(row) == 6 and (row[0] or "").isdecimal() and row[1] in _MODES and (row[5] or "0").isdecimal()


class Touched(msgspec.Struct, frozen=True):
    """What one statement did to one relation that was there before its transaction."""

    oid: int
    relation: str  # schema-qualified
    kind: str  # pg_identify_object's: "table", "index", "materialized view", ...
    lock: Lock | None  # the strongest that the statement took; None: it was held before
    held: Lock
    rewritten: bool  # its file is another one
    scanned: bool  # read from end to end, by a query or by a command


class Seen(msgspec.Struct, frozen=True):
    """What a look shows of one statement: each lock that it took, in words, and what became of each relation."""

    locks: tuple[str, ...] = ()
    touched: tuple[Touched, ...] = ()
    kept: tuple[Touched, ...] = ()  # what it left alone, and its transaction holds a lock on that stands in the way


class Locks:
    """What one session holds and has seen.

    Both queries are prepared, which halves their cost. A script may drop what it did not prepare, so whoever sends a
    look asks whether it was ``dropped``.
    """

    def __init__(self, reader: Connection, major: int) -> None:
        self.newest = 0  # the highest oid of a relation when the transaction began
        self.unseen = False  # a quiet statement has run since the last look
        self._reader = reader
        self._name = ""
        self._held: set[tuple[str | None, str | None]] = set()
        self._names: dict[str, tuple[str, str]] = {}  # kind and name of each relation
        self._files: dict[str, str] = {}  # the file of each relation at the last look of this transaction
        self._scans: dict[str, int] = {}
        self._strong: tuple[Touched, ...] = ()  # what was held at the last look of this transaction
        self._major = major

    def prepare(self) -> str:
        """What makes looks possible, under a new random name."""
        self._name = f"lockgate_{secrets.token_hex(8)}"
        newest = _NEWEST.format(flush=_FLUSH if self._major >= 15 else "")
        return f"PREPARE {self._name}(pg_catalog.oid) AS {_LOCKS};PREPARE {self._name}_newest AS {newest}"

    def look(self, newest: int | None = None) -> str:
        """All that is held on relations up to an oid: up to the one that was the highest."""
        return f"EXECUTE {self._name}('{self.newest if newest is None else newest}')"

    def look_newest(self) -> str:
        """The highest oid of a relation, for ``begin``."""
        return f"EXECUTE {self._name}_newest"

    def flush(self) -> str:
        """What a statement outside of a block is followed by: its scans are none of the next transaction's."""
        return "SELECT pg_catalog.pg_stat_force_next_flush()" if self._major >= 15 else ""

    def dropped(self, reply: Reply) -> bool:
        """Whether the look, not the statement before it, was refused: the script has dropped it (DEALLOCATE ALL, also
        out of our sight)."""
        failure = reply.failure or {}
        return failure.get("C") == "26000" and bool(self._name) and self._name in failure.get("M", "")

    def begin(self, reply: Reply) -> None:
        """A transaction has begun, with this answer to ``look_newest``."""
        self.end()
        self.unseen = False
        if self._major >= 15:
            self._scans.clear()
        newest = (reply.rows[0][0] if reply.rows and reply.rows[0] else None) or ""
        self.newest = int(newest) if newest.isdecimal() else 0

    def end(self) -> None:
        """The transaction has ended: nothing is held, and what it wrote may be gone."""
        self._held.clear()
        self._strong = ()
        self._files.clear()

    def taken(self, reply: Reply) -> Seen | None:
        """What a look shows that was not so before; each relation by its name, also where this transaction dropped
        it. None where the answer is not a look's: then nothing was seen."""
        words, touched, kept = [], [], []
        looked, reply.rows = reply.rows, []
        if not all(map(_is_ours, looked)):  # a script put a query of its own under our name
            self.unseen = True
            return None
        rows = [row for row in looked if int(row[0] or 0) <= self.newest]
        for oid, group in groupby(sorted(rows, key=lambda row: row[0] or ""), key=lambda row: row[0] or ""):
            held = list(group)
            _, _, kind, identity, file, scans = held[0]
            kind, name = self._names[oid] = (kind or "", identity) if identity else self._known(oid)
            if not name or name.startswith(_OWN):
                continue
            modes = [mode for _, mode, *_ in held if mode]
            new = [mode for mode in modes if (oid, mode) not in self._held]
            if self.unseen:
                new = [mode for mode in new if mode not in _WEAK]
            words += [f"{mode} on {name}" for mode in new]
            scanned, rewritten = self._scanned(oid, int(scans or 0)), self._rewritten(oid, file)
            lock, strongest = (max(map(Lock.of, some), default=None) for some in (new, modes))
            assert strongest is not None
            one = Touched(int(oid), name, kind, lock, strongest, rewritten, scanned)
            if new or scanned or rewritten:
                touched.append(one)
            elif strongest >= Lock.SHARE_UPDATE_EXCLUSIVE:
                kept.append(one)
        self.unseen, self._held = (
            False,
            {(oid, mode) for oid, mode, *_ in rows},
        )  # a rollback to a savepoint gives some back
        self._strong = tuple(one for one in (*touched, *kept) if one.held >= Lock.SHARE_UPDATE_EXCLUSIVE)
        return Seen(tuple(sorted(words)), tuple(touched), tuple(kept[:_MOST]))

    def quiet(self) -> Seen:
        """After a statement that took no lock worth a look: its transaction holds what it held."""
        self.unseen = True
        left = (replace(one, lock=None, rewritten=False, scanned=False) for one in self._strong[:_MOST])
        return Seen(kept=tuple(left))

    def _scanned(self, oid: str, scans: int) -> bool:
        before = self._scans.get(oid, 0)
        self._scans[oid] = scans
        return scans > before

    def _rewritten(self, oid: str, file: str | None) -> bool:
        """Whether the relation has another file than before the statement. One that was never rewritten has its oid for
        a name; what changed out of our sight is asked of a session that sees what is committed."""
        before = self._files.get(oid, oid)
        if file is None or file == before:
            return False
        if oid not in self._files:
            rows = ask(self._reader, f"SELECT pg_catalog.pg_relation_filenode({oid})")
            before = (rows[0][0] if rows else None) or file
        self._files[oid] = file
        return file != before

    def _known(self, oid: str) -> tuple[str, str]:
        """Kind and name of a relation that this transaction dropped, from a session that still sees it."""
        if oid in self._names:
            return self._names[oid]
        rows = ask(self._reader, f"SELECT o.type, o.identity FROM pg_catalog.pg_identify_object(1259, {oid}, 0) AS o")
        kind, name = rows[0] if rows else ("", "")
        return kind or "", name or ""
