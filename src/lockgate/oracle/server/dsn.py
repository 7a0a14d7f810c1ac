"""The scratch server of ``--dsn``: a database and roles of our own on it, all dropped at the end (and by the next run
after a crash)."""

from __future__ import annotations

import contextlib
import secrets
import select
import time
from typing import Any

import psycopg
from psycopg import pq

from lockgate.base.conninfo import parts_of
from lockgate.base.errors import CannotCheck
from lockgate.oracle.apply.plan import ServerInfo
from lockgate.oracle.server.backend import ADMIN_SETTINGS, ask, literal, major_of, quote
from lockgate.oracle.server.template import scram_verifier
from lockgate.oracle.server.wire import Connection, Ear, Late, Lost, Reply

_PREFIX = "lockgate_"
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
    out = {letter: value.decode("utf-8", "replace") for letter, value in found.items() if value}
    if "M" not in out:
        out["M"] = result.error_message.decode("utf-8", "replace").strip()
    return out


def _row(result: Any, number: int) -> tuple[str | None, ...]:
    values = (result.get_value(number, column) for column in range(result.nfields))
    return tuple(None if value is None else value.decode("utf-8", "replace") for value in values)


class DsnBackend:
    """A scratch database on a server that the user named. The DSN's role must be able to create databases and roles."""

    def __init__(self, dsn: str, major: int | None) -> None:
        self._dsn = dsn
        self._database = f"{_PREFIX}{secrets.token_hex(6)}"
        self._password = secrets.token_hex(32)
        self.verifier = scram_verifier(self._password)
        self._maintenance = self._first_connection()
        self._version = ask(self._maintenance, "SELECT current_setting('server_version')")[0][0] or ""
        if major is not None and major_of(self._version) != major:
            raise CannotCheck(
                f"the server of --dsn is PostgreSQL {self._version}, but version {major} is configured",
                f"Set [database] version = {major_of(self._version)}, or give a server of version {major}.",
            )
        self.may_be_superuser = (
            ask(self._maintenance, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")[0][0] == "t"
        )
        self._sweep()
        self._make_database()

    def _first_connection(self) -> PsycopgConnection:
        return _reached(self._dsn, f"lockgate {self._database}")

    def _make_database(self) -> None:
        reply = self._maintenance.query(f"CREATE DATABASE {quote(self._database)} TEMPLATE template0", 120)
        if reply.failure:
            raise CannotCheck(
                f"no scratch database on the server of --dsn: {reply.failure.get('M')}",
                "Its role needs CREATEDB and CREATEROLE, or superuser.",
            )
        options = " ".join(f"-c {name}={value}" for name, value in ADMIN_SETTINGS.items() if name != "application_name")
        self.admin: Connection = PsycopgConnection(
            self._dsn, dbname=self._database, options=options, application_name="lockgate"
        )
        if (
            major_of(self._version) >= 16
        ):  # an ordinary role must be able to act for the roles that it makes (manual: createrole_self_grant)
            self.admin.query("SET createrole_self_grant = 'set, inherit'")

    def open(self) -> None:
        """Nothing to wait for."""

    def connect(self, role: str) -> Connection:
        try:
            settings = {"options": "-c client_min_messages=debug1", "application_name": "lockgate migrations"}
            return PsycopgConnection(self._dsn, dbname=self._database, user=role, password=self._password, **settings)
        except Lost as error:
            raise CannotCheck(
                f"the server of --dsn does not let the role {role} log in: {error}",
                "Allow password logins (pg_hba.conf: scram-sha-256), as the official Docker image does, or let Lockgate start its own server.",
            ) from error

    def info(self) -> ServerInfo:
        return ServerInfo(self._version.split()[0], major_of(self._version), "--dsn")

    def trouble(self) -> str:
        try:
            ask(self.admin, "SELECT 1")
        except (Lost, Late, CannotCheck) as error:
            return str(error) or "no answer"
        return ""

    def destroy(self, pid: int) -> None:
        with contextlib.suppress(Lost, Late):
            self._maintenance.query(f"SELECT pg_terminate_backend({pid})", 10)

    def close(self) -> None:
        """Drop the database and the roles that were made for it."""
        with contextlib.suppress(Lost, Late):
            self.admin.close()
            self._drop(self._database)
        self._maintenance.close()

    def _drop(self, database: str) -> None:
        self._maintenance.query(f"DROP DATABASE IF EXISTS {quote(database)} WITH (FORCE)", 60)
        mark = literal(f"lockgate {database}")
        made = self._maintenance.query(
            f"SELECT rolname FROM pg_roles r JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass WHERE d.description = {mark}",
            60,
        )
        for (role,) in made.rows:
            self._maintenance.query(f"DROP ROLE IF EXISTS {quote(role or '')}", 60)

    def _sweep(self) -> None:
        """Drop what a killed run left: databases of ours without the session that every run keeps open."""
        left = self._maintenance.query(
            rf"SELECT datname FROM pg_database d WHERE datname ~ '^{_PREFIX}[0-9a-f]{{12}}$' AND NOT EXISTS"
            " (SELECT FROM pg_stat_activity a WHERE a.application_name = 'lockgate ' || d.datname)",
            60,
        )
        for (database,) in left.rows:
            self._drop(database or "")

    @property
    def mark(self) -> str:
        """The comment of roles that this run makes."""
        return f"lockgate {self._database}"


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
