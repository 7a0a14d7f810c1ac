"""What a statement locks and does, on a server and on the simulated timeline, in one shape: table -> (lock, work)."""

from __future__ import annotations

import functools
import itertools

from lockgate.base.effects import Age, Effect, Lock, Work
from lockgate.base.text import Source
from lockgate.cache import checkpoint
from lockgate.oracle.server.embedded import Server
from lockgate.oracle.server.wire import SocketConnection
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.plan import Broken, Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step

Seen = dict[str, tuple[str | None, str]]
_LOOK = """select c.oid::text, c.relname, coalesce(c.relfilenode, 0)::text, pg_stat_get_xact_numscans(c.oid)::text,
    (select string_agg(mode, ' ') from pg_locks k where k.locktype = 'relation' and k.pid = pg_backend_pid() and k.relation = c.oid)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"""
_NUMBERS = itertools.count()  # of databases: observers share servers
_MODES = {lock.mode: lock for lock in Lock}


class Observer:
    """A server with one database for each base, and copies of it for the cases."""

    def __init__(self, server: Server, base: str) -> None:
        self.server = server
        self._bases: dict[str, str] = {}
        self.base = base
        self._used = True  # the database is not as the base made it

    def admin(self, *statements: str) -> None:
        """Run statements beside the cases' database."""
        made = self.server.template
        link = SocketConnection(f"{self.server._home}/.s.PGSQL.5432", made.superuser, made.password, "template1", {})
        try:
            for sql in statements:
                reply = link.query(sql)
                assert reply.failure is None, reply.failure
        finally:
            link.close()

    def prepare(self, setup: str) -> None:
        """A database with the base, and the setup, committed; a fresh one where the last case left something."""
        if not setup and not self._used:
            return
        self._used = bool(setup)
        if self.base not in self._bases:
            self._fill(self.base)
            self._bases[self.base] = f"base_{next(_NUMBERS)}"
            self.admin(
                "drop database if exists " + self._bases[self.base],
                f"create database {self._bases[self.base]} template lockgate",
            )
        self.admin("drop database lockgate with (force)", f"create database lockgate template {self._bases[self.base]}")
        if setup:
            self._fill(setup, fresh=False)

    def _fill(self, sql: str, fresh: bool = True) -> None:
        if fresh:
            self.admin("drop database lockgate with (force)", "create database lockgate template template1")
        link = self.server.connect()
        try:
            reply = link.query(sql)
            assert reply.failure is None, (sql, reply.failure)
        finally:
            link.close()

    def observe(self, setup: str, pre: str, statement: str) -> Seen | str:
        """What the statement does after ``pre`` in one transaction, over the base and ``setup``; its SQLSTATE where it
        is refused."""
        self.prepare(setup)
        link = self.server.connect()
        try:
            return _observe(link, pre, statement)
        finally:
            link.close()


def _observe(link: SocketConnection, pre: str, statement: str) -> Seen | str:
    link.query("set client_min_messages = debug1")
    old = {row[0] for row in link.query(_LOOK).rows}
    link.query("begin")
    if pre:
        reply = link.query(pre)
        assert reply.failure is None, (pre, reply.failure)
    before = {row[0]: row for row in link.query(_LOOK).rows}
    reply = link.query(statement)
    if reply.failure is not None:
        return str(reply.failure["C"])
    words = [str(n.get("M", "")) for n in reply.notices]
    after = {row[0]: row for row in link.query(_LOOK).rows}
    gone = {row[0]: row[1] for row in link.query(_GONE).rows}  # locks on what is dropped
    out: Seen = {}
    for oid in old & before.keys():
        was, now = before[oid], after.get(oid)
        modes = (now[4] if now is not None else gone.get(oid)) or ""
        lock = max((_MODES[m] for m in str(modes).split()), default=None)
        work = Work.NONE
        if now is not None:
            name = str(was[1])
            if now[3] != was[3] or any(w.startswith("verifying table") and f'"{name}"' in w for w in words):
                work = Work.SCAN
            if any(w.startswith("building index") and f'on table "{name}"' in w for w in words):
                work = Work.BUILD
            if now[2] != was[2]:
                work = Work.REWRITE
        out[str(was[1])] = (lock.mode if lock is not None else None, work.name.lower())
    return _heavy(out)


_GONE = """select relation::text, string_agg(mode, ' ') from pg_locks where locktype = 'relation' and pid = pg_backend_pid() group by 1"""


def _heavy(seen: Seen) -> Seen:
    """What is compared: locks that stand in somebody's way, and any work."""
    out: Seen = {}
    for name, (mode, work) in seen.items():
        lock = mode if mode is not None and _MODES[mode] >= Lock.SHARE_UPDATE_EXCLUSIVE else None
        if lock is not None or work != "none":
            out[name] = (lock, work)
    return out


def simulate(base: str, setup: str, pre: str, statement: str, major: int) -> Seen | str:
    """The same, as the simulator foresees it."""
    step = last_step(base, setup, pre, statement, major)
    if step.fails is not None:
        return step.fails.sqlstate
    return _heavy(
        {
            e.relation.rpartition(".")[2].strip('"'): (e.held.mode if e.held else None, e.work.name.lower())
            for e in (*step.effects, *step.untouched())
            if e.kind == "table" and e.age is not Age.TRANSACTION
        }
    )


def last_step(base: str, setup: str, pre: str, statement: str, major: int) -> Step:
    """The step of the statement."""
    first, state = _replayed(base, major)
    change = (f"{pre};\n" if pre else "") + statement
    migrations = (first, *(_migration(n, text) for n, text in ((2, setup or "SELECT 1"), (3, change))))
    replay = Replay(Plan(migrations, major, role="owner", superuser=True))
    checkpoint.load(replay, state, {first.up.source.path: first.up.source})
    steps = [step for leg in replay.legs() if leg.migration is not first for step in replay.take(leg)]
    assert not any(isinstance(s, Broken) for s in steps), steps[-1]
    step = steps[-1]
    assert isinstance(step, Step)
    return step


def _migration(number: int, text: str) -> Migration:
    script = Script.whole(Source(f"{number}.sql", text), Transaction.FILE)
    return Migration(str(number), str(number), str(number), script)


@functools.cache
def _replayed(base: str, major: int) -> tuple[Migration, bytes]:
    """The first migration, and what the replay knows after it: most of the time goes there, and it is always the same."""
    first = _migration(1, base)
    replay = Replay(Plan((first,), major, role="owner", superuser=True))
    steps = list(replay.steps())
    assert not any(isinstance(s, Broken) for s in steps), steps[-1]
    return first, checkpoint.save(replay, {first.up.source.path: first.up.source})


def effect_on(step: Step, table: str) -> Effect:
    """The effect on a table that must be there."""
    (found,) = (e for e in step.effects if e.relation.rpartition(".")[2] == table and e.kind == "table")
    return found
