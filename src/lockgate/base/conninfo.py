"""A connection that could not be made or used: to where, why, and what to do, without a word of what is secret in its
DSN."""

from __future__ import annotations

import os
import re

import msgspec

from lockgate.base.errors import CannotCheck
from lockgate.base.extras import told

CONNECT_TIMEOUT = "10"  # seconds; the DSN, or PGCONNECT_TIMEOUT, may say otherwise
_MEND = "mend the DSN in {variable}"
_SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key", "requirepass")
_PLAIN = re.compile(r"[\w.:%,/*\[\] @-]*")  # what a host, a port, a socket's folder are made of
# sign (in libpq's or the server's English, or a SQLSTATE) -> what went wrong, and the remedy; the first that fits
_WORDS: tuple[tuple[str, str, str], ...] = (
    ("42P01", "there is no such table", "set [ledger] table to the runner's table, with its schema"),
    ("42501", "the role may not read it", "GRANT SELECT on it to {role}, and USAGE on its schema"),
    ("57014", "no answer in time", "see what holds the table"),
    ("25006", "it would write: a view that calls a function?", "name the table itself"),
    ("55P03", "it is locked", "try again when no migration is running"),
    ("expected authentication request", "what listens there is no PostgreSQL", "is the port right?"),
    ("received invalid response", "what listens there is no PostgreSQL", "is the port right?"),
    ("connection is bad: invalid", "the DSN has a value that libpq does not take", _MEND),
    (
        "unsupported startup parameter",
        "a pooler such as PgBouncer stands before the server, and a snapshot's settings would stay behind in its pool",
        "give the DSN of the server itself",
    ),
    ("password authentication failed", "the server refuses the password", _MEND),
    (
        "no password supplied",
        "the server wants a password, and there is none",
        _MEND + ", or set PGPASSWORD or PGPASSFILE",
    ),
    (
        "no pg_hba.conf entry",
        "the server's pg_hba.conf lets neither this role nor this machine in",
        "add a line to it, or set sslmode as it wants",
    ),
    ("pg_hba.conf rejects", "the server's pg_hba.conf turns this role, or this machine, away", "mend its line there"),
    (
        "eer authentication failed",
        "the server takes the name of the operating system's user for the role, and it is another",
        "log in by password, over TCP",
    ),
    ("dent authentication failed", "the server's ident does not know this user as that role", "log in by password"),
    ("authentication failed", "the server refuses to authenticate the role", _MEND),
    ("not permitted to log in", "the role may not log in", "ALTER ROLE {role} LOGIN, or name another in the DSN"),
    ("could not translate host name", "there is no such host", _MEND),
    ("failed to resolve host", "there is no such host", _MEND),
    ("could not parse network address", "the address is none", _MEND),
    ("onnection refused", "nothing listens there", "is the server up, and the port right?"),
    (
        "timeout expired",
        "no answer in time",
        "is the server to be reached from here? (firewall, VPN, connect_timeout in the DSN)",
    ),
    (
        "timed out",
        "no answer in time",
        "is the server to be reached from here? (firewall, VPN, connect_timeout in the DSN)",
    ),
    ("No route to host", "there is no way to that host", "is the server to be reached from here? (firewall, VPN)"),
    ("unreachable", "there is no way to that host", "is the server to be reached from here? (firewall, VPN)"),
    ("No such file or directory", "there is no such socket", "is the server up, and the folder right?"),
    ("starting up", "the server is starting", "try again in a moment"),
    ("shutting down", "the server is shutting down", "try again when it is up"),
    ("recovery mode", "the server is recovering from a crash", "try again in a moment"),
    ("not yet accepting connections", "the server does not take connections yet", "try again in a moment"),
    (
        "too many c",
        "the server has no connection left",
        "try again later, or raise max_connections or the role's limit",
    ),
    ("connection slots are reserved", "the server has no connection left", "try again later, or raise max_connections"),
    (
        "permission denied for database",
        "the role may not connect to the database",
        "GRANT CONNECT ON DATABASE to {role}",
    ),
    ("not currently accepting connections", "the database takes no connections", _MEND),
    (
        "does not support SSL",
        "the server speaks no TLS, and the DSN wants it",
        "set sslmode in the DSN as the server has it",
    ),
    (
        "certificate verify failed",
        "the server's certificate is not one that is trusted here",
        "give its authority in sslrootcert",
    ),
    ("root certificate", "the certificate of the authority is not here", "give its path in sslrootcert"),
    ("does not match host name", "the server's certificate is for another host", "connect by the name in it"),
    ("SSL", "no TLS connection could be made", "see sslmode, sslrootcert, sslcert and sslkey in the DSN"),
    ("certificate", "the server wants a certificate that it does not get", "give sslcert and sslkey in the DSN"),
    ("definition of service", "there is no such service in the service file", _MEND),
    (
        "closed the connection unexpectedly",
        "the connection was closed by the other end",
        "is it a PostgreSQL that listens there? Try again if so",
    ),
    (
        "Permission denied",
        "the operating system does not let this user at the socket",
        "run as a user who may, or connect over TCP",
    ),
    ("permission denied", "the role may not read it", "GRANT pg_read_all_data TO {role} (PostgreSQL 14 and later)"),
    ("lock timeout", "a table is locked", "try again when no migration is running"),
    ("statement timeout", "a table is locked", "try again when no migration is running"),  # pg_dump --lock-wait-timeout
    ("could not obtain lock", "a table is locked", "try again when no migration is running"),
)
_DATABASE = re.compile(r'database "[^"]*" does not exist')
_ROLE = re.compile(r'role "[^"]*" does not exist')


class Address(msgspec.Struct, frozen=True):
    """Where a DSN leads, libpq's defaults and environment included; ``shown`` is safe to print."""

    shown: str
    role: str
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Address(shown={self.shown!r}, role={self.role!r})"


def parts_of(dsn: str, variable: str = "the environment variable") -> dict[str, str]:
    """A DSN's parts as it gives them. Raises CannotCheck, which shows nothing of it."""
    with told():
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(dsn).items()}
    except psycopg.Error:
        raise CannotCheck(
            f"{variable} holds no DSN that libpq understands",
            "postgresql://user@host/database (with % codes for special characters), or key=value pairs",
        ) from None
    if "://" in dsn and any("@" in parts.get(key, "") for key in ("host", "port", "dbname")):
        raise CannotCheck(
            f"the password in {variable} holds a character that a URI must not",
            "write @ as %40, / as %2F, : as %3A, % as %25, ? as %3F",
        ) from None
    return parts


def address(dsn: str) -> Address:
    """Host, port, database and role of a DSN. Raises CannotCheck."""
    with told():
        from psycopg import pq

    given = parts_of(dsn)
    defaults = {o.keyword.decode(): (o.val or b"").decode() for o in pq.Conninfo.get_defaults()}
    known = defaults | given
    role = known.get("user") or "the operating system's user"
    host = known.get("host") or known.get("hostaddr") or "the default socket"
    pairs = (
        ("host", host),
        ("port", known.get("port") or "5432"),
        ("database", known.get("dbname") or role),
        ("role", role),
    )
    shown = ", ".join(
        f"{what} {value if what in ('database', 'role') or _PLAIN.fullmatch(value) else '?'}" for what, value in pairs
    )
    secrets = (*(known.get(name, "") for name in _SECRETS), os.environ.get("PGPASSWORD", ""))
    return Address(shown, role, tuple(filter(None, secrets)))


def why(message: str, sqlstate: str, at: Address, variable: str = "its variable") -> tuple[str, str]:
    """What went wrong, and the remedy, in words of ours; libpq's where it is something unheard of, without the DSN's
    secrets."""
    if not sqlstate and _DATABASE.search(message):
        return "the server has no such database", _MEND.format(variable=variable)
    if not sqlstate and _ROLE.search(message):
        return "the server has no such role", _MEND.format(variable=variable)
    for sign, words, remedy in _WORDS:
        if sign == sqlstate or (not sqlstate and sign in message):
            return words, remedy.format(variable=variable, role=at.role)
    if sqlstate:
        return f"SQLSTATE {sqlstate}", "check the role and its rights"
    said = (message.strip().splitlines() or ["no connection"])[-1]
    for secret in at.secrets:
        said = said.replace(secret, "****")
    return said, "check the address, the role and the table"


def cannot(what: str, message: str, sqlstate: str | None, dsn: str, variable: str = "") -> CannotCheck:
    """The error for a connection that failed or was refused: ``what`` could not be done, where, why, and the remedy."""
    at = address(dsn)
    words, remedy = why(message, sqlstate or "", at, variable or "its variable")
    return CannotCheck(f"{what} ({at.shown}): {words}", remedy)
