"""What a snapshot reads of production beside its schema: roles, the database's owner and grants, and the ledger. Nothing is written there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lockgate.errors import CannotCheck, UsageError
from lockgate.live.backend import quote
from lockgate.live.catalog import SQL as CATALOG
from lockgate.live.catalog import in_order
from lockgate.live.plan import LiveCatalog
from lockgate.values import dataclass

_TABLE = re.compile(r'(?:[\w$]+|"[^"]+")(?:\.(?:[\w$]+|"[^"]+"))?')
_ROLES = """SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls
  FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY r.rolname COLLATE "C" """
_FLAGS = ("SUPERUSER", "INHERIT", "CREATEROLE", "CREATEDB", "LOGIN", "REPLICATION", "BYPASSRLS")
_MEMBERS = """SELECT g.rolname, m.rolname, pg_catalog.bool_or(a.admin_option), {options} FROM pg_catalog.pg_auth_members a
  JOIN pg_catalog.pg_roles g ON g.oid = a.roleid JOIN pg_catalog.pg_roles m ON m.oid = a.member
  WHERE m.rolname !~ '^pg_' GROUP BY 1, 2 ORDER BY g.rolname COLLATE "C", m.rolname COLLATE "C" """
_DATABASE = """SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba), COALESCE((SELECT pg_catalog.json_agg(x ORDER BY x) FROM (
    SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END AS grantee, a.privilege_type AS privilege,
      a.is_grantable AS grantable FROM pg_catalog.aclexplode(COALESCE(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
    WHERE a.grantee <> d.datdba) x), '[]')
  FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()"""
_SETTINGS = """SELECT COALESCE(r.rolname, ''), c.setting FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c(setting)
  WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
    AND (s.setdatabase <> 0 OR s.setrole <> 0) ORDER BY s.setdatabase, r.rolname COLLATE "C", c.setting COLLATE "C" """
_LISTS = frozenset({"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"})  # GUC_LIST_QUOTE


@dataclass(frozen=True, slots=True)
class Production:
    """A database as it was read: ``header`` is the SQL that pg_dump does not write."""

    major: int
    header: str
    ledger: list[dict[str, Any]] | None  # None: no table was named


def read(dsn: str, ledger_table: str = "") -> Production:
    """Roles without passwords, the database's owner, grants and settings, and the ledger's rows: one read-only transaction.

    Raises CannotCheck, UsageError; no error shows the DSN.
    """
    if ledger_table and not _TABLE.fullmatch(ledger_table):
        raise UsageError(f"ledger.table must name a table, not {ledger_table!r}", 'such as "public.schema_migrations"')
    with _Reader(dsn) as reader:
        rows = reader.rows(f"SELECT * FROM {ledger_table} ORDER BY 1") if ledger_table else None
        return Production(reader.major, "".join(reader.header()), rows)


def catalog(dsn: str) -> LiveCatalog:
    """Production's catalog in the contract's shape. Raises CannotCheck."""
    with _Reader(dsn) as reader:
        reader.execute("SET LOCAL search_path = pg_catalog")  # names are spelled by it
        found: LiveCatalog = json.loads(reader.execute(CATALOG).fetchall()[0][0])
        return in_order(found)


class _Reader:
    """One transaction that cannot write."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def __enter__(self) -> _Reader:
        import psycopg

        try:
            self._connection = psycopg.connect(self._dsn, options="-c default_transaction_read_only=on", connect_timeout=15)
        except psycopg.Error as error:
            raise _unreadable(error) from None
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.major = self._connection.info.server_version // 10000
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def execute(self, sql: str, factory: Any = None) -> Any:
        """A cursor with the query's rows. Raises CannotCheck."""
        import psycopg
        from psycopg.rows import tuple_row

        try:
            return self._connection.cursor(row_factory=factory or tuple_row).execute(sql.encode())
        except psycopg.Error as error:
            raise _unreadable(error) from None

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows as dictionaries."""
        from psycopg.rows import dict_row

        found: list[dict[str, Any]] = self.execute(sql, dict_row).fetchall()
        return found

    def header(self) -> Iterator[str]:
        """Roles as pg_dumpall writes them (an ALTER ROLE changes one that is there already), then the database's own."""
        yield "-- What pg_dump leaves out: the cluster's roles (no passwords), their memberships, and what the database itself grants.\n\n"
        for name, *flags in self.execute(_ROLES):
            words = [word if on else f"NO{word}" for word, on in zip(_FLAGS, flags, strict=True)]
            yield f"CREATE ROLE {quote(name)};\nALTER ROLE {quote(name)} WITH {' '.join(words)};\n"
        new = self.major >= 16
        options = "pg_catalog.bool_or(a.inherit_option), pg_catalog.bool_or(a.set_option)" if new else "NULL, NULL"
        for role, member, admin, inherit, set_role in self.execute(_MEMBERS.format(options=options)):
            terms = f" WITH ADMIN {_word(admin)}, INHERIT {_word(inherit)}, SET {_word(set_role)}" if new else " WITH ADMIN OPTION" if admin else ""
            yield f"GRANT {quote(role)} TO {quote(member)}{terms};\n"
        yield from self._database()

    def _database(self) -> Iterator[str]:
        ((name, owner, grants),) = self.execute(_DATABASE).fetchall()
        yield f"\nALTER DATABASE {quote(name)} OWNER TO {quote(owner)};\nREVOKE ALL ON DATABASE {quote(name)} FROM PUBLIC;\n"
        for grant in grants:
            to = quote(grant["grantee"]) if grant["grantee"] else "PUBLIC"
            yield f"GRANT {grant['privilege']} ON DATABASE {quote(name)} TO {to}{' WITH GRANT OPTION' if grant['grantable'] else ''};\n"
        for role, setting in self.execute(_SETTINGS):
            key, _, value = setting.partition("=")
            target = f"ROLE {quote(role)}" if role else f"DATABASE {quote(name)}"
            yield f"ALTER {target} SET {quote(key)} TO {value if key in _LISTS and value else _constant(value)};\n"
        yield "\n"


def _word(yes: bool) -> str:
    return "TRUE" if yes else "FALSE"


def _constant(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _unreadable(error: Any) -> CannotCheck:
    # the message of a failed connection may repeat parts of the DSN: only the SQLSTATE is shown
    state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    return CannotCheck(f"the database cannot be read{state}", "check the address, the role, and its rights on the ledger")
