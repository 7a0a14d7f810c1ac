"""Where the oracle's connections come from: our own ephemeral server, or the scratch server of ``--dsn``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Protocol

from lockgate.base.errors import CannotCheck
from lockgate.base.sql import literal
from lockgate.oracle.apply.plan import SIZE_LIMIT, ServerInfo, ServerWish
from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server, Whereabouts
from lockgate.oracle.server.qualify import qualified
from lockgate.oracle.server.template import DATABASE
from lockgate.oracle.server.wire import Connection, Late, Lost, Reply

# Nothing that a migration made may be found by a name of ours: functions and operators are never looked for in pg_temp,
# and types and relations last where it is named last (manual: runtime-config-client, search_path)
ADMIN_SETTINGS = {
    "search_path": "pg_catalog,pg_temp",
    "statement_timeout": "60000",
    "lock_timeout": "5000",
    "application_name": "lockgate",
}
# An administrator's session in the scratch database: what the migrations have set for the database has no say in it,
# nor have their triggers
OPERATION = ADMIN_SETTINGS | {
    "role": "none",
    "session_replication_role": "replica",
    "local_preload_libraries": "",
    "default_transaction_read_only": "off",
    "standard_conforming_strings": "on",
}
# The migrations' own. What a role or the database is given to load, a scratch server has not, and would refuse to begin
SESSION = {
    "client_min_messages": "debug1",
    "application_name": "lockgate migrations",
    "local_preload_libraries": "",
}


def unhurried(settings: dict[str, str], major: int) -> dict[str, str]:
    """Settings of a session in the scratch database: limits on being idle, which the database or a role may be given,
    would count our round trips. What a session sets itself holds."""
    more = {"idle_session_timeout": "0"} if major >= 14 else {}
    return settings | more | {"idle_in_transaction_session_timeout": "0"}


_CLEAN = (
    "SELECT pg_catalog.set_config(name, boot_val, false) FROM pg_catalog.pg_settings WHERE context IN ('user', 'superuser')"
    " AND source IN ('global', 'database', 'user', 'database user');"
    "SELECT SESSION_USER OPERATOR(pg_catalog.=) CURRENT_USER AND CURRENT_USER OPERATOR(pg_catalog.=) {role}"
)


class Backend(Protocol):
    """A server with one scratch database, and the three sessions of our own on it: ARCHITECTURE.md, who runs what."""

    verifier: str  # the password of every role that logs in, as CREATE ROLE takes it
    database: str  # the scratch database's name
    # the administrator, in another database: roles, memberships, ended sessions. Nothing of the migrations' is there
    control: Connection
    reader: Connection  # a role that owns nothing and may nothing: every read of the scratch database's catalog
    may_be_superuser: bool  # whether the administrator is one

    @property
    def mark(self) -> str:
        """The comment of every role that the run makes; empty where the whole server is the run's."""

    def read_as(self, role: str) -> None:
        """Open ``reader`` as a role that was made with ``verifier``. Raises Lost."""

    def operate(self, commands: str) -> Reply:
        """Let the administrator do something in the scratch database, in a session that lives no longer: commands that
        were rebuilt of checked names. All of them or none; a refusal where it cannot be done. Never raises."""

    def connect(self, role: str) -> Connection:
        """A session of a role that was made with ``verifier``. Raises Lost."""

    def info(self) -> ServerInfo:
        """Which server it is."""

    def trouble(self) -> str:
        """After a lost connection: why the server is gone, empty where it is not."""

    def destroy(self, pid: int) -> None:
        """End a backend that nothing else ends."""

    def close(self) -> None:
        """Leave nothing behind."""


class EmbeddedBackend:
    """Our own server. Starts in the constructor, which returns before it accepts connections; ``open`` waits."""

    may_be_superuser = True
    database = DATABASE
    mark = ""

    def __init__(self, wish: ServerWish, size_limit: int) -> None:
        self._server = Server(choose(wish.bindir, wish.major), size_limit)
        self._server.start()
        self.verifier = self._server.template.verifier
        self.control: Connection
        self.reader: Connection

    def open(self) -> None:
        """Wait for the server and connect as its superuser. Raises CannotCheck."""
        self._server.ready()
        self.control = self._server.connect(settings=ADMIN_SETTINGS, database="template1")

    def read_as(self, role: str) -> None:
        self.reader = self._server.connect(role, self._calm(ADMIN_SETTINGS))

    def operate(self, commands: str) -> Reply:
        return operated(lambda: self._server.connect(settings=self._calm(OPERATION)), commands)

    def connect(self, role: str) -> Connection:
        return self._server.connect(role, self._calm(SESSION))

    def _calm(self, settings: dict[str, str]) -> dict[str, str]:
        return unhurried(settings, self._server.binaries.major)

    def info(self) -> ServerInfo:
        binaries = self._server.binaries
        return ServerInfo(binaries.version, binaries.major, binaries.source, isolation=self._server.isolation)

    def trouble(self) -> str:
        said = self._server.trouble()
        return "the migrations wrote more than the size limit to the scratch server" if said == "full" else said

    @property
    def whereabouts(self) -> Whereabouts:
        """Where it is."""
        return self._server.whereabouts

    def destroy(self, pid: int) -> None:
        self._server.kill_backends(pid)

    def leave(self) -> None:
        """Nothing more is wanted of it: let it stop; ``close`` waits."""
        self._server.leave()

    def close(self) -> None:
        self._server.close()


@contextlib.contextmanager
def early(wish: ServerWish) -> Iterator[EmbeddedBackend | None]:
    """See ``lockgate.oracle.early``."""
    if wish.dsn:
        yield None
        return
    backend = EmbeddedBackend(wish, SIZE_LIMIT)
    try:
        yield backend
    finally:
        backend.close()


def start(wish: ServerWish, size_limit: int) -> EmbeddedBackend | Backend:
    """Begin to make the server that a run asked for. Raises CannotCheck."""
    if wish.dsn:
        from lockgate.oracle.server.dsn import DsnBackend

        return DsnBackend(wish.dsn, wish.major)
    return EmbeddedBackend(wish, size_limit)


def operated(connect: Callable[[], Connection], commands: str) -> Reply:
    """See ``Backend.operate``."""
    try:
        connection = connect()
    except Lost as lost:
        return Reply(failure=lost.fields or {"C": "08006", "M": str(lost)})
    try:
        reply = connection.query(_CLEAN.format(role=literal(connection.role)), 60)
        if reply.failure is None and reply.rows != [("t",)]:
            return Reply(failure={"C": "42501", "M": "the session is not the administrator's"})
        return reply if reply.failure else connection.query(commands, 120)
    except (Lost, Late) as ended:
        return Reply(failure={"C": "57014", "M": str(ended) or "no answer"})
    finally:
        connection.close()


def ask(connection: Connection, sql: str) -> list[tuple[str | None, ...]]:
    """The rows of a query of our own. Raises CannotCheck when the server refuses it, Lost when it is gone."""
    return rows(connection.query(qualified(sql), 120))


def rows(reply: Reply) -> list[tuple[str | None, ...]]:
    """The rows of such a query, once the reply is there."""
    if reply.failure and reply.failure.get("C") == "55P03":
        raise CannotCheck(
            "the migrations hold a lock that keeps Lockgate from reading the catalog",
            "End what PREPARE TRANSACTION left, with COMMIT PREPARED or ROLLBACK PREPARED: in production it would hold up everybody.",
        )
    if reply.failure:
        raise CannotCheck(
            f"the scratch server refused a query of Lockgate's: {reply.failure.get('M')} ({reply.failure.get('C')})",
            "Please report it.",
        )
    return reply.rows


def major_of(version: str) -> int:
    """16 of "16.9 (Debian ...)"."""
    found = re.match(r"\d+", version)
    return int(found.group()) if found else 0


__all__ = [
    "ADMIN_SETTINGS",
    "OPERATION",
    "SESSION",
    "Backend",
    "EmbeddedBackend",
    "Lost",
    "ask",
    "major_of",
    "operated",
    "rows",
    "start",
    "unhurried",
]
