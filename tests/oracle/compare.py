"""A sequence of statements on a server and on the simulator, side by side, and the first thing in which they differ."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lockgate.base.text import Source
from lockgate.oracle.read.catalog import SQL, compare, in_order
from lockgate.oracle.server.embedded import Server
from lockgate.oracle.server.wire import SocketConnection
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.timeline.export import export
from lockgate.timeline.plan import Broken, Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Step
from tests.oracle import state

CONTROL = ("begin", "start", "commit", "rollback", "savepoint", "release", "end", "abort", "prepare transaction")
# what rows decide, which the simulator does not know: the sequence ends there
DATA = ("22", "38", "58", "23", "21", "P0", "40", "54", "57", "53")
# failures and warnings of which the words are compared, too
WORDED = ("42501", "2BP01", "0LP01", "55006", "42939")
WARNED = ("01007", "01006", "0LP01", "01000")
_FRESH = ("drop database lockgate with (force)", "create database lockgate template template1")
_PREPARE = f"prepare lockgate_catalog as {SQL}"  # planning it is most of the time
_SKIP = ("schemas public", "extensions plpgsql")


@dataclass
class Outcome:
    """What came of a sequence: how many statements were compared, and the difference or the reason why it ended
    early."""

    statements: list[str] = field(default_factory=list)
    compared: int = 0
    refused: int = 0
    difference: str = ""
    tainted: str = ""


@contextmanager
def database(server: Server) -> Iterator[SocketConnection]:
    """A connection to an empty database; the roles that a sequence made are dropped before the next."""
    made = server.template
    admin = SocketConnection(f"{server._home}/.s.PGSQL.5432", made.superuser, made.password, "template1", {})
    try:
        for sql in _FRESH:
            reply = admin.query(sql)
            assert reply.failure is None, reply.failure
        _set_back(admin, "tablespace pg_default", "pg_tablespace, aclexplode(spcacl)")
        for (name,) in admin.query("select parname from pg_parameter_acl").rows if server.binaries.major >= 15 else ():
            _set_back(admin, f"parameter {name}", "pg_parameter_acl, aclexplode(paracl)")
        for (name,) in admin.query("select quote_ident(rolname) from pg_roles where oid >= 16384").rows:
            admin.query(f"drop owned by {name}")  # shared objects' privileges
            admin.query(f"drop role {name}")
    finally:
        admin.close()
    connection = server.connect()
    try:
        yield connection
    finally:
        connection.close()


def _set_back(admin: SocketConnection, what: str, acls: str) -> None:
    """Privileges on what all databases share, as initdb left them."""
    for (name,) in admin.query(
        f"select distinct case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end from {acls}"
    ).rows:
        admin.query(f"revoke all on {what} from {name} cascade")
    admin.query(f"grant all on {what} to current_user")


class Pair:
    """The server's session and the replay, fed with the same statements."""

    def __init__(self, connection: SocketConnection, server: Server) -> None:
        self.connection, self.major = connection, server.binaries.major
        self.replay = Replay(Plan((), self.major, role=server.template.superuser, superuser=True))
        self.block = "I"
        self.warned: list[str] = []  # SQLSTATEs of the last statement's warnings
        self.foreseen: list[str] = []  # and those of the simulator
        self.latent: list[str] = []  # what the simulator said of bodies, statement after statement
        self.sqlstate = ""  # of its failure
        self.detail = ""  # and its DETAIL
        self.said: list[str] = []  # the warnings themselves
        self.told: list[str] = []  # as the simulator words them
        self._read: tuple[str | None, Any, state.Facts] | None = None  # the server's state, and as of when
        self._prepare()

    def _prepare(self) -> None:
        (path,) = self.connection.query("select current_setting('search_path')").rows[0]
        for sql in (
            "set search_path = pg_catalog",
            _PREPARE,
            state.prepare(self.major),
            f"select pg_catalog.set_config('search_path', $${path}$$, false)",
        ):
            reply = self.connection.query(sql)
            assert reply.failure is None, reply.failure

    def feed(self, sql: str, *, catalogs: bool = True) -> tuple[str, str]:
        """One statement on both: the difference and the taint, each empty where there is none. ``catalogs``: compare
        them, too."""
        step = self._simulate(sql)
        if step is None:  # the grammar refuses it, and so must the server
            real, message = self._apply(sql)
            return (
                "" if real in ("42601", "0A000") else f"{sql}\n    server: {real} {message}\n    simulated: 42601"
            ), ""
        real, message = self._apply(sql)
        self.latent += [failure.sqlstate for failure in step.latent]
        warnings = [warning for warning in step.warnings if warning.level == "WARNING"]
        self.foreseen, self.told = [warning.sqlstate for warning in warnings], [warning.message for warning in warnings]
        simulated, words = (step.fails.sqlstate, _nameless(step.fails.message)) if step.fails else ("", "")
        doubt = "; ".join((*step.tainted, *step.notes))
        if doubt or (real != simulated and not simulated and real.startswith(DATA)):
            return "", doubt or f"data: {real} {message}"
        if real != simulated:
            said = step.fails.message if step.fails else "success"
            return f"{sql}\n    server: {real} {message}\n    simulated: {simulated} {said}", ""
        if step.fails and real in WORDED and words != message:
            return f"{sql}\n    server says: {message}\n    simulated says: {words}", ""
        if step.fails and "because some objects depend on it" in words:
            there, here = (
                set(filter(None, re.split("\n|; ", _nameless(text)))) for text in (self.detail, step.fails.help)
            )
            if there != here and len(here) < 10:
                return (
                    f"{sql}\n    only the server: {sorted(there - here)}\n    only simulated: {sorted(here - there)}",
                    "",
                )
        if sql.lower().startswith("revoke"):  # one table's warning stands for those of its columns
            self.said = [
                one
                for one in self.said
                if "could be revoked for column" not in one or "could be revoked for column" in " ".join(self.told)
            ]
        if sorted(self.said) != sorted(self.told) and any(map(real_warning, (*self.warned, *self.foreseen))):
            return f"{sql}\n    server warns: {self.said}\n    simulated warns: {self.told}", ""
        if self.block == "E":
            return "", "data: the transaction failed"
        return self._catalogs(sql) if catalogs and not real else "", ""

    def _simulate(self, sql: str) -> Step | None:
        script = Script.whole(Source("m.sql", sql), Transaction.STATEMENT)
        steps = list(self.replay.run(Migration("1", "1", "m", script)))
        return steps[0] if len(steps) == 1 and not isinstance(steps[0], Broken) else None

    def _apply(self, sql: str) -> tuple[str, str]:
        """As the replay takes a file apart: a statement that fails inside a block leaves the block as it was (psql's
        ON_ERROR_ROLLBACK)."""
        control = sql.lower().startswith(CONTROL)
        guarded = self.block == "T" and not control
        if guarded:
            self.connection.query("savepoint lockgate")
        reply = self.connection.query(sql)
        if guarded:
            self.connection.query("rollback to lockgate" if reply.failure else "select 1")
            reply.block = self.connection.query("release lockgate").block
        if sql.lower() in ("discard all", "deallocate all") and not reply.failure:
            self._prepare()
        self.block = reply.block
        warnings = [notice for notice in reply.notices if notice.get("S") == "WARNING"]
        self.warned, self.said = [notice["C"] for notice in warnings], [notice["M"] for notice in warnings]
        failure = reply.failure or {}
        self.detail = failure.get("D", "")
        self.sqlstate = failure.get("C", "")
        return self.sqlstate, _nameless(failure.get("M", ""))

    def _catalogs(self, sql: str) -> str:
        """Catalog against catalog; the session's settings are left alone."""
        self.connection.query("savepoint lockgate" if self.block == "T" else "begin")
        self.connection.query("set local session authorization default")
        self.connection.query("set local search_path = pg_catalog")
        try:
            found = list(self._differences())
        finally:
            self.connection.query("rollback to lockgate" if self.block == "T" else "rollback")
            if self.block == "T":
                self.connection.query("release lockgate")
        return "\n    ".join([sql, *found[:8]]) if found else ""

    def _differences(self) -> Iterable[str]:
        catalog = self.replay.catalog
        objects, there = self._server()
        missing, extra, changed = compare(objects, export(catalog))
        for word, names in (("missing", missing), ("extra", extra), ("different", changed)):
            yield from (f"{word}: {name}" for name in names if not name.startswith(_SKIP))
        here = state.ours(catalog)
        yield from (f"missing: {' '.join(fact)}" for fact in sorted(there - here))
        yield from (f"extra: {' '.join(fact)}" for fact in sorted(here - there))

    def _server(self) -> tuple[Any, state.Facts]:
        """What the server holds; read again only where a transaction has written since (it has a number then)."""
        (written,) = self.connection.query("select pg_snapshot_xmax(pg_current_snapshot())").rows[0]
        known = self._read
        if known is None or self.block == "T" or known[0] != written:
            objects = in_order(json.loads(self.connection.query("execute lockgate_catalog").rows[0][0] or "{}"))
            known = written if self.block == "I" else None, objects, state.real(self.connection)
            self._read = known
        return known[1:]


def _nameless(message: str) -> str:
    # the database's name is not known to migrations
    return re.sub(r'(database "?)lockgate\b', r"\1this one", message)


def real_warning(sqlstate: str) -> bool:
    """Whether a warning is one of those on privileges."""
    return sqlstate in WARNED


def run(server: Server, preamble: Sequence[str], source: Callable[[Replay, int], str | None]) -> Outcome:
    """Feed statements until one differs, is tainted, or the source ends."""
    outcome = Outcome()
    with database(server) as connection:
        pair = Pair(connection, server)
        for sql in _statements(pair, preamble, source):
            outcome.statements.append(sql)
            outcome.difference, outcome.tainted = pair.feed(sql, catalogs=len(outcome.statements) >= len(preamble))
            if outcome.difference or outcome.tainted:
                break
            outcome.compared += 1
    return outcome


def _statements(pair: Pair, preamble: Sequence[str], source: Callable[[Replay, int], str | None]) -> Iterator[str]:
    yield from preamble
    number = 0
    while (sql := source(pair.replay, number)) is not None:
        yield sql
        number += 1


def replay_texts(server: Server, texts: Sequence[str]) -> Outcome:
    """A fixed sequence; the catalogs are compared after the last statement."""
    return run(server, texts, lambda replay, number: None)


def shrink(server: Server, texts: list[str], difference: str) -> list[str]:
    """The shortest subsequence found that still differs in the same way (delta debugging)."""
    wanted, size = kind_of(difference), max(len(texts) // 2, 1)
    while size:
        at = 0
        while at < len(texts) - 1:
            shorter = texts[:at] + texts[min(at + size, len(texts) - 1) :]
            if kind_of(replay_texts(server, shorter).difference) == wanted:
                texts = shorter
            else:
                at += size
        size //= 2
    return texts


def kind_of(difference: str) -> str:
    """What makes two differences the same: the statement's first words, and both SQLSTATEs or the kind of object."""
    if not difference:
        return ""
    lines = difference.splitlines()
    words = " ".join(w for w in lines[0].lower().split()[:2])
    return f"{words}|" + "|".join(" ".join(line.split()[:2]) for line in lines[1:3] if line.startswith("    "))
