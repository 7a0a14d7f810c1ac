"""The scratch server of ``--dsn``: a database and roles of our own on it, all dropped at the end (and by the next run
after a crash)."""

from __future__ import annotations

import contextlib
import secrets
import select
import time
from typing import Any

from lockgate.base.conninfo import parts_of
from lockgate.base.errors import CannotCheck
from lockgate.base.extras import told
from lockgate.base.sql import literal, quote
from lockgate.oracle.apply.plan import ServerInfo
from lockgate.oracle.server.backend import ADMIN_SETTINGS, OPERATION, SESSION, ask, major_of, operated, unhurried
from lockgate.oracle.server.names import plain
from lockgate.oracle.server.qualify import qualified
from lockgate.oracle.server.template import scram_verifier
from lockgate.oracle.server.wire import LONGEST_FIELD, Connection, Ear, Late, Lost, Reply

with told():
    import psycopg
    from psycopg import pq

_PREFIX = "lockgate_"
_NAMED = f"^{_PREFIX}[0-9a-f]{{12}}$"
_MARKED = f"^lockgate {_NAMED[1:]}"
# The roles that bear a mark, and those that they made: from 16 on the creator of a role becomes its administrator, as
# granted by the bootstrap superuser (user.c, CreateRole). No role that was there before has such a member (roles.py)
_OURS = """WITH RECURSIVE ours (oid) AS (
    SELECT objoid FROM pg_catalog.pg_shdescription WHERE classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND description = {mark}
    UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN ours ON ours.oid = m.member WHERE m.admin_option AND m.grantor = 10)"""
_ROLES = "'pg_catalog.pg_authid'::pg_catalog.regclass"
_DONE = (pq.PollingStatus.OK, pq.PollingStatus.FAILED)
_BAD = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE)
_BLOCK = {pq.TransactionStatus.INTRANS: "T", pq.TransactionStatus.INERROR: "E"}
_FIELDS = {
    "V": pq.DiagnosticField.SEVERITY_NONLOCALIZED,
    "C": pq.DiagnosticField.SQLSTATE,
    "M": pq.DiagnosticField.MESSAGE_PRIMARY,
    "D": pq.DiagnosticField.MESSAGE_DETAIL,
    "H": pq.DiagnosticField.MESSAGE_HINT,
    "P": pq.DiagnosticField.STATEMENT_POSITION,
    "W": pq.DiagnosticField.CONTEXT,
    "q": pq.DiagnosticField.INTERNAL_QUERY,
}


class PsycopgConnection:
    """A ``Connection`` through libpq, without blocking calls that have no deadline."""

    def __init__(self, dsn: str, **settings: str) -> None:
        self._pg = pq.PGconn.connect_start(psycopg.conninfo.make_conninfo(dsn, **settings).encode())
        self._wait_for_connection(time.monotonic() + 20)
        self.role = self._pg.user.decode()
        self._reply = Reply()
        self._keep, self._skip, self._ear = True, 0, Ear()
        self._ours: list[tuple[str | None, ...]] = []  # rows of the statement that is being read
        self._busy = False
        self._pg.notice_handler = self._notice

    def _wait_for_connection(self, until: float) -> None:
        status = self._pg.connect_poll()
        while status not in _DONE and time.monotonic() < until:
            reading = status == pq.PollingStatus.READING
            fd = self._pg.socket
            select.select([fd] if reading else [], [] if reading else [fd], [], max(until - time.monotonic(), 0))
            status = self._pg.connect_poll()
        if status != pq.PollingStatus.OK:
            words = self._pg.error_message.decode("utf-8", "replace").strip() or "no answer within 20 s"
            self._pg.finish()
            raise Lost(words)

    @property
    def pid(self) -> int:
        return self._pg.backend_pid

    @property
    def major(self) -> int:
        """The server's major version."""
        return self._pg.server_version // 10000

    def _notice(self, result: Any) -> None:
        self._ear.hear(self._reply, _fields(result))

    def query(self, sql: str, seconds: float | None = None, keep: bool = True) -> Reply:
        self.post(sql, keep)
        return self.read(seconds)

    def post(self, sql: str, keep: bool = True, skip: int = 0) -> bool:
        if self._busy:  # libpq knows no pipeline of simple queries
            return False
        self._reply, self._keep, self._skip, self._busy = Reply(), keep, skip, True
        try:
            self._pg.send_query(sql.encode("utf-8", "surrogatepass").replace(b"\0", b" "))
        except psycopg.OperationalError as error:
            raise Lost(str(error)) from error
        if skip or not keep:  # row by row, so that no result is ever held whole
            self._pg.set_single_row_mode()
        return True

    def read(self, seconds: float | None = None) -> Reply:
        until = None if seconds is None else time.monotonic() + seconds
        reply = self._reply
        while (result := self._next(until)) is not None:
            if not self._take(reply, result):
                self._end_copy(until)
        self._busy = False
        self._ear.end(reply)
        if self._pg.status != pq.ConnStatus.OK:
            raise Lost((reply.failure or {}).get("M", "the connection was lost"), reply.failure)
        reply.block = _BLOCK.get(pq.TransactionStatus(self._pg.transaction_status), "I")
        return reply

    def _next(self, until: float | None) -> Any:
        try:
            while self._pg.is_busy():
                self._flush()
                if until is not None and time.monotonic() > until:  # a server that never stops sending is late, too
                    raise Late
                if not select.select(
                    [self._pg.socket], [], [], None if until is None else max(until - time.monotonic(), 0)
                )[0]:
                    raise Late
                self._pg.consume_input()
            return self._pg.get_result()
        except (psycopg.OperationalError, ValueError, OSError) as error:
            raise Lost(str(error) or "the connection was lost", self._reply.failure) from error

    def _flush(self) -> None:
        self._pg.flush()

    def _take(self, reply: Reply, result: Any) -> bool:
        """Keep what a result says; False for a COPY, which is still to be ended."""
        if result.status in _BAD:
            reply.failure = _fields(result)
        elif result.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_BOTH):
            reply.copied = True
            self._pg.put_copy_end(b"no data")
        elif result.status == pq.ExecStatus.COPY_OUT:
            return False
        elif result.status == pq.ExecStatus.SINGLE_TUPLE:
            if self._keep and len(reply.tags) >= self._skip:
                self._ours.append(_row(result, 0))
        else:
            if result.status == pq.ExecStatus.TUPLES_OK:
                whole = self._keep and len(reply.tags) >= self._skip
                reply.rows = [*self._ours, *(_row(result, i) for i in range(result.ntuples if whole else 0))]
                self._ours = []
            reply.tags.append((result.command_status or b"").decode())
        return True

    def _end_copy(self, until: float | None) -> None:
        while (got := self._pg.get_copy_data(1))[0] >= 0:
            if got[0] == 0:
                left = None if until is None else max(until - time.monotonic(), 0)
                if not select.select([self._pg.socket], [], [], left)[0]:
                    raise Late
                self._pg.consume_input()

    def cancel(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self._pg.get_cancel().cancel()

    def close(self) -> None:
        self._pg.finish()


def _fields(result: Any) -> dict[str, str]:
    found = {letter: result.error_field(field) for letter, field in _FIELDS.items()}
    if not found["M"]:
        found["M"] = (result.error_message or b"").strip()
    cut = {letter: value[: 4 * LONGEST_FIELD] for letter, value in found.items() if value}
    return {letter: value.decode("utf-8", "replace")[:LONGEST_FIELD] for letter, value in cut.items()}


def _row(result: Any, number: int) -> tuple[str | None, ...]:
    values = (result.get_value(number, column) for column in range(result.nfields))
    return tuple(None if value is None else value.decode("utf-8", "replace") for value in values)


class DsnBackend:
    """A scratch database on a server that the user named. The DSN's role must be able to create databases and roles."""

    reader: Connection

    def __init__(self, dsn: str, major: int | None) -> None:
        self._dsn = dsn
        self.database = f"{_PREFIX}{secrets.token_hex(6)}"
        self._password = secrets.token_hex(32)
        self.verifier = scram_verifier(self._password)
        self.control: Connection = self._first_connection()
        self._version = ask(self.control, "SELECT pg_catalog.current_setting('server_version')")[0][0] or ""
        if major is not None and major_of(self._version) != major:
            raise CannotCheck(
                f"the server of --dsn is PostgreSQL {self._version}, but version {major} is configured",
                f"Set [database] version = {major_of(self._version)}, or give a server of version {major}.",
            )
        self.may_be_superuser = (
            ask(self.control, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER")[0][0] == "t"
        )
        self._sweep()
        self._make_database()

    def _first_connection(self) -> PsycopgConnection:
        """The session in the DSN's own database; as long as it lives, no other run takes ours for a dead one's."""
        connection = _reached(self._dsn, self.mark)
        settings = ((name, value) for name, value in ADMIN_SETTINGS.items() if name != "application_name")
        ask(connection, ";".join(f"SET {name} TO {value}" for name, value in settings))
        return connection

    def _make_database(self) -> None:
        reply = self.control.query(f"CREATE DATABASE {quote(self.database)} TEMPLATE template0", 120)
        if reply.failure:
            raise CannotCheck(
                f"no scratch database on the server of --dsn: {reply.failure.get('M')}",
                "Its role needs CREATEDB and CREATEROLE, or superuser.",
            )
        if (
            major_of(self._version) >= 16
        ):  # an ordinary role must be able to act for the roles that it makes (manual: createrole_self_grant)
            self.control.query("SET createrole_self_grant = 'set, inherit'")

    def open(self) -> None:
        """Nothing to wait for."""

    def read_as(self, role: str) -> None:
        self.reader = self._connected(role, ADMIN_SETTINGS)

    def operate(self, commands: str) -> Reply:
        """See ``Backend.operate``; what an ordinary role may not set is not there to be set."""
        settings = OPERATION if self.may_be_superuser else ADMIN_SETTINGS | {"role": "none"}
        settings = unhurried(settings, major_of(self._version))
        return operated(lambda: PsycopgConnection(self._dsn, dbname=self.database, **_options(settings)), commands)

    def connect(self, role: str) -> Connection:
        return self._connected(role, SESSION)

    def _connected(self, role: str, settings: dict[str, str]) -> Connection:
        try:
            return PsycopgConnection(
                self._dsn,
                dbname=self.database,
                user=role,
                password=self._password,
                **_options(unhurried(settings, major_of(self._version))),
            )
        except Lost as error:
            raise CannotCheck(
                f"the server of --dsn does not let the role {plain(role)} log in: {plain(str(error))}",
                "Allow password logins (pg_hba.conf: scram-sha-256), as the official Docker image does, or let Lockgate start its own server.",
            ) from error

    def info(self) -> ServerInfo:
        return ServerInfo(self._version.split()[0], major_of(self._version), "--dsn")

    def trouble(self) -> str:
        try:
            ask(self.control, "SELECT 1")
        except (Lost, Late, CannotCheck) as error:
            return str(error) or "no answer"
        return ""

    def destroy(self, pid: int) -> None:
        with contextlib.suppress(Lost, Late):
            self.control.query(f"SELECT pg_catalog.pg_terminate_backend({pid})", 10)

    def close(self) -> None:
        """Drop the database and the roles that were made for it."""
        with contextlib.suppress(Lost, Late, AttributeError):
            self.reader.close()
        with contextlib.suppress(Lost, Late):
            self._drop(self.mark)
        self.control.close()

    def _drop(self, mark: str) -> None:
        """Drop what a run has made: its databases first, for a role that owns one cannot go, then the roles that bear its
        mark. Ended at any moment, it leaves nothing that the mark does not find again."""
        ours = _OURS.format(mark=literal(mark))
        databases = self._asked(
            f"{ours} SELECT datname FROM pg_catalog.pg_database WHERE datname = {literal(mark.partition(' ')[2])}"
            " OR datdba IN (SELECT oid FROM ours)"
        )
        for (database,) in databases.rows:
            self.control.query(f"DROP DATABASE IF EXISTS {quote(database or '')} WITH (FORCE)", 60)
        roles = self._asked(f"{ours} SELECT rolname FROM pg_catalog.pg_roles WHERE oid IN (SELECT oid FROM ours)")
        names = [quote(name or "") for (name,) in roles.rows]
        # all at once, for one may hold a membership that another granted; else those that nothing holds back
        if names and self.control.query(f"DROP ROLE {', '.join(names)}", 60).failure:
            for name in names:
                self.control.query(f"DROP OWNED BY {name}", 60)  # grants on what all databases share
                self.control.query(f"DROP ROLE {name}", 60)

    def _asked(self, sql: str) -> Reply:
        return self.control.query(qualified(sql), 60)

    def _sweep(self) -> None:
        """Drop what killed runs left: databases of ours, and marked roles, without the session that every run keeps
        open."""
        left = self._asked(
            f"SELECT l.mark FROM (SELECT 'lockgate ' || datname FROM pg_catalog.pg_database WHERE datname ~ '{_NAMED}' UNION"
            f" SELECT description FROM pg_catalog.pg_shdescription WHERE classoid = {_ROLES} AND description ~ '{_MARKED}') l (mark)"
            " WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.application_name = l.mark)"
        )
        for (mark,) in left.rows:
            self._drop(mark or "")

    @property
    def mark(self) -> str:
        """The comment of roles that this run makes."""
        return f"lockgate {self.database}"


def _options(settings: dict[str, str]) -> dict[str, str]:
    """Settings as libpq takes them."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items() if name != "application_name")
    return {"options": options, "application_name": settings.get("application_name", "lockgate")}


def major_behind(dsn: str) -> int:
    """The major version of the server of a DSN. Raises CannotCheck."""
    connection = _reached(dsn, "lockgate")
    try:
        return connection.major
    finally:
        connection.close()


def _reached(dsn: str, name: str) -> PsycopgConnection:
    try:
        parts_of(dsn, "--dsn")  # libpq's own words would quote it
    except CannotCheck as error:
        raise CannotCheck(f"the server of --dsn cannot be reached: {error.message}", error.remedy) from None
    try:
        return PsycopgConnection(dsn, application_name=name, connect_timeout="10")
    except (Lost, psycopg.Error) as error:
        raise CannotCheck(
            f"the server of --dsn cannot be reached: {error}", "Check address, role and password."
        ) from error
