"""What a snapshot reads of production beside its schema: roles, the database's owner and grants, and the ledger.
Nothing is written there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from lockgate.base.conninfo import CONNECT_TIMEOUT, cannot, parts_of
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.extras import told
from lockgate.base.sql import literal, quote, quote_identifier
from lockgate.base.statistics import ColumnStatistics, Statistics, TableStatistics
from lockgate.oracle.read.definition import Definition
from lockgate.oracle.read.definitions import SQL, parsed

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
_SETTINGS = """SELECT COALESCE(r.rolname, ''), s.setdatabase <> 0, c.setting
  FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c(setting)
  WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
    AND (s.setdatabase <> 0 OR s.setrole <> 0) ORDER BY s.setdatabase, r.rolname COLLATE "C", c.setting COLLATE "C" """
_UNREADABLE = """SELECT 'schema ' || pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_'
    AND n.nspname <> 'information_schema' AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
  UNION ALL SELECT 'table ' || c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') ORDER BY 1"""
OLDEST = 14  # the oldest major that the simulator knows
# a lock or a slow table must not hold up production, nor production us
READ_ONLY = "-c statement_timeout=120s -c lock_timeout=5s -c default_transaction_read_only=on"
_LISTS = frozenset(
    {"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"}
)  # GUC_LIST_QUOTE


class LiveProduction(msgspec.Struct, frozen=True):
    """A database as it was read: ``header`` is the SQL that pg_dump does not write."""

    major: int
    header: str
    ledger: list[dict[str, Any]] | None  # None: no table was named


def read(dsn: str, ledger_table: str = "", required: bool = True, variable: str = "") -> LiveProduction:
    """Roles without passwords, the database's owner, grants and settings, and the ledger's rows: one read-only
    transaction.

    ``required``: the ledger was named by the user, so it must be there. Raises CannotCheck, UsageError; no error shows
    a secret of the DSN.
    """
    if ledger_table and not _TABLE.fullmatch(ledger_table):
        raise UsageError(f"ledger.table must name a table, not {ledger_table!r}", 'such as "public.schema_migrations"')
    with _Reader(dsn, variable) as reader:
        table = ledger_table if required or not ledger_table else reader.found(ledger_table)
        rows = reader.rows(f"SELECT * FROM {table} ORDER BY 1") if table else None
        return LiveProduction(reader.major, "".join(reader.header()), rows)


def catalog(dsn: str, variable: str = "") -> tuple[int, tuple[Definition, ...]]:
    """The server's major, and what its database holds. Raises CannotCheck, UsageError."""
    with _Reader(dsn, variable) as reader:
        reader.execute("SET LOCAL search_path = pg_catalog")  # names are spelled by it
        return reader.major, parsed(reader.execute(SQL).fetchone()[0] or "[]")


_SIZES = """SELECT n.nspname, c.relname,
    CASE WHEN c.relkind = 'p' THEN (SELECT pg_catalog.sum(p.reltuples)::bigint FROM pg_catalog.pg_partition_tree(c.oid) t
      JOIN pg_catalog.pg_class p ON p.oid = t.relid WHERE t.isleaf AND p.reltuples >= 0) WHEN c.reltuples >= 0 THEN c.reltuples::bigint END,
    (SELECT pg_catalog.sum(pg_catalog.pg_relation_size(t.relid))::bigint FROM pg_catalog.pg_partition_tree(c.oid) t WHERE t.isleaf),
    (SELECT pg_catalog.sum(pg_catalog.pg_indexes_size(t.relid))::bigint FROM pg_catalog.pg_partition_tree(c.oid) t WHERE t.isleaf),
    pg_catalog.pg_relation_size(c.oid), pg_catalog.pg_indexes_size(c.oid)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2"""
_COLUMNS = """SELECT DISTINCT ON (1, 2, 3) s.schemaname, s.tablename, s.attname, s.null_frac, s.n_distinct FROM pg_catalog.pg_stats s
  WHERE s.schemaname !~ '^pg_' AND s.schemaname <> 'information_schema' ORDER BY 1, 2, 3, s.inherited DESC"""


def statistics(dsn: str, variable: str = "") -> Statistics:
    """Estimates of every table's rows, size, NULLs and different values; nothing of what pg_stats knows of values
    themselves. Raises CannotCheck, UsageError."""
    with _Reader(dsn, variable) as reader:
        columns: dict[tuple[str, str], dict[str, ColumnStatistics]] = {}
        for schema, table, name, nulls, distinct in reader.execute(_COLUMNS):
            columns.setdefault((schema, table), {})[name] = ColumnStatistics(round(nulls, 4), round(distinct, 4))
        tables = {}
        for schema, name, rows, parts, of_parts, own, of_own in reader.execute(_SIZES):
            size = TableStatistics(rows, parts or own, of_parts or of_own, columns.get((schema, name), {}))
            tables[f"{quote_identifier(schema)}.{quote_identifier(name)}"] = size
        return Statistics(1, tables)


def reading(dsn: str, variable: str = "") -> _Reader:
    """A transaction that cannot write, as a context."""
    return _Reader(dsn, variable)


def unreadable(dsn: str, variable: str = "") -> list[str]:
    """The schemas and tables that the role may not read, and pg_dump therefore cannot lock or look into. Raises
    CannotCheck, UsageError."""
    with _Reader(dsn, variable) as reader:
        return [name for (name,) in reader.execute(_UNREADABLE)]


class _Reader:
    """One transaction that cannot write, waits for no lock and ends in time. It works on a standby, too."""

    def __init__(self, dsn: str, variable: str = "") -> None:
        self._dsn, self._variable = dsn, variable

    def __enter__(self) -> _Reader:
        with told():
            import psycopg

        given = parts_of(self._dsn, self._variable or "the environment variable")
        timeout = given.get("connect_timeout") or os.environ.get("PGCONNECT_TIMEOUT") or CONNECT_TIMEOUT
        try:
            options = f"{given.get('options', '')} {READ_ONLY}".strip()
            self._connection = psycopg.connect(
                self._dsn, options=options, connect_timeout=timeout, prepare_threshold=None
            )
        except psycopg.Error as error:
            raise self._failed(error) from None
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.major = self._connection.info.server_version // 10000
        if self.major < OLDEST:
            self._connection.close()
            raise CannotCheck(
                f"the database's server is PostgreSQL {self.major}", f"a snapshot needs PostgreSQL {OLDEST} or later"
            )
        return self

    def _failed(self, error: Any) -> CannotCheck:
        return cannot("the database cannot be read", str(error), error.sqlstate, self._dsn, self._variable)

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def execute(self, sql: str, factory: Any = None) -> Any:
        """A cursor with the query's rows. Raises CannotCheck."""
        import psycopg
        from psycopg.rows import tuple_row

        try:
            return self._connection.cursor(row_factory=factory or tuple_row).execute(sql.encode())
        except psycopg.Error as error:
            raise self._failed(error) from None

    def attempt(self, sql: str) -> tuple[list[tuple[Any, ...]] | None, str, str]:
        """The rows of a query that may fail, else None with its SQLSTATE and the server's words; the transaction goes
        on. Raises CannotCheck where the connection is gone."""
        import psycopg
        from psycopg.rows import tuple_row

        self.execute("SAVEPOINT attempt")
        try:
            cursor = self._connection.cursor(row_factory=tuple_row)
            rows = cursor.execute(sql.encode()).fetchall()
        except psycopg.Error as error:
            if self._connection.closed:
                raise self._failed(error) from None
            self.execute("ROLLBACK TO SAVEPOINT attempt")
            return None, error.sqlstate or "", error.diag.message_primary or "the query failed"
        return rows, "", ""

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows as dictionaries."""
        from psycopg.rows import dict_row

        found: list[dict[str, Any]] = self.execute(sql, dict_row).fetchall()
        return found

    def found(self, table: str) -> str:
        """A table by its usual name: where the search_path finds it, else the only one of that name; "" where there is
        none."""
        last = literal(table.rpartition(".")[2])
        anywhere = f"SELECT pg_catalog.min(c.oid::pg_catalog.regclass::text) FROM pg_catalog.pg_class c WHERE c.relname = {last} AND c.relkind IN ('r', 'p')"
        named = f"pg_catalog.to_regclass({literal(table)})::text"
        return (
            self.execute(f"SELECT COALESCE({named}, ({anywhere} HAVING pg_catalog.count(*) = 1), '')").fetchone()[0]
            or ""
        )

    def header(self) -> Iterator[str]:
        """Roles as pg_dumpall writes them (an ALTER ROLE changes one that is there already), then the database's
        own."""
        yield "-- What pg_dump leaves out: the cluster's roles (no passwords), their memberships, and what the database itself grants.\n\n"
        for name, *flags in self.execute(_ROLES):
            words = [word if on else f"NO{word}" for word, on in zip(_FLAGS, flags, strict=True)]
            yield f"CREATE ROLE {quote(name)};\nALTER ROLE {quote(name)} WITH {' '.join(words)};\n"
        new = self.major >= 16
        options = "pg_catalog.bool_or(a.inherit_option), pg_catalog.bool_or(a.set_option)" if new else "NULL, NULL"
        for role, member, admin, inherit, set_role in self.execute(_MEMBERS.format(options=options)):
            terms = (
                f" WITH ADMIN {_word(admin)}, INHERIT {_word(inherit)}, SET {_word(set_role)}"
                if new
                else " WITH ADMIN OPTION"
                if admin
                else ""
            )
            yield f"GRANT {quote(role)} TO {quote(member)}{terms};\n"
        yield from self._database()

    def _database(self) -> Iterator[str]:
        ((name, owner, grants),) = self.execute(_DATABASE).fetchall()
        yield f"\nALTER DATABASE {quote(name)} OWNER TO {quote(owner)};\nREVOKE ALL ON DATABASE {quote(name)} FROM PUBLIC;\n"
        for grant in grants:
            to = quote(grant["grantee"]) if grant["grantee"] else "PUBLIC"
            yield f"GRANT {grant['privilege']} ON DATABASE {quote(name)} TO {to}{' WITH GRANT OPTION' if grant['grantable'] else ''};\n"
        for role, here, setting in self.execute(_SETTINGS):
            key, _, value = setting.partition("=")
            target = " IN ".join(
                [*([f"ROLE {quote(role)}"] if role else []), *([f"DATABASE {quote(name)}"] if here else [])]
            )
            yield f"ALTER {target} SET {quote(key)} TO {value if key in _LISTS and value else literal(value)};\n"
        yield "\n"


def _word(yes: bool) -> str:
    return "TRUE" if yes else "FALSE"
