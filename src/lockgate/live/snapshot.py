"""Production as it is: a read-only snapshot of a database (pg_dump --schema-only, roles and memberships, extensions, the ledger)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from lockgate.errors import CannotCheck, UsageError

_ROLES = """select r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolbypassrls from pg_roles r
  where r.rolname !~ '^pg_' order by 1"""
_MEMBERS = """select g.rolname, m.rolname, a.admin_option from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
  where m.rolname !~ '^pg_' order by 1, 2"""
_WORDS = ("SUPERUSER", "INHERIT", "CREATEROLE", "CREATEDB", "LOGIN", "BYPASSRLS")
# lines in which two dumps of one schema differ: versions, and the random key of newer psql restrictions
_NOISE = re.compile(r"^(?:-- Dumped (?:from|by) .*|-- (?:Started|Completed) on .*|\\(?:un)?restrict .*)\n", re.MULTILINE)


def dsn_from(variable: str) -> str:
    """The DSN in an environment variable. Raises UsageError."""
    dsn = os.environ.get(variable, "")
    if not dsn:
        raise UsageError(f"the environment variable {variable} is not set", "set it to the database's DSN; it is never printed")
    return dsn


def dump(dsn: str, pg_dump: str = "") -> str:
    """The schema with owners and grants, as the server's own tool writes it. Raises CannotCheck without telling the DSN."""
    tool = pg_dump or shutil.which("pg_dump")
    if not tool:
        raise CannotCheck("pg_dump is not installed", "install the PostgreSQL client of the server's major version, or give --pg-dump")
    environ = os.environ | {"PGOPTIONS": "-c default_transaction_read_only=on", "PGCONNECT_TIMEOUT": "15"}
    # through the environment of a shell-less child: a DSN in the arguments would show in the process list
    environ |= _libpq(dsn)
    done = subprocess.run([tool, "--schema-only", "--no-password"], capture_output=True, text=True, env=environ, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["failed"])[-1]
        raise CannotCheck(f"pg_dump: {_masked(last, dsn)}", "check the address, the role, and that pg_dump is not older than the server")
    return _NOISE.sub("", done.stdout)


def _libpq(dsn: str) -> dict[str, str]:
    from psycopg.conninfo import conninfo_to_dict

    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE", "sslmode": "PGSSLMODE",
             "sslrootcert": "PGSSLROOTCERT"}  # fmt: skip
    try:
        parts = conninfo_to_dict(dsn)
    except Exception:
        raise UsageError("the DSN is not one that libpq understands", "postgresql://user@host/database, or key=value pairs") from None
    return {names[key]: str(value) for key, value in parts.items() if key in names}


def _masked(text: str, dsn: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    password = conninfo_to_dict(dsn).get("password")
    return text.replace(str(password), "****") if password else text


def read(dsn: str, ledger_table: str = "") -> tuple[str, list[dict[str, Any]] | None]:
    """Roles as SQL (no passwords), and the ledger's rows (None where no table is named). One read-only transaction. Raises CannotCheck."""
    import psycopg
    from psycopg.rows import dict_row

    try:
        with psycopg.connect(dsn, options="-c default_transaction_read_only=on", connect_timeout=15) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            roles = connection.execute(_ROLES).fetchall()
            members = connection.execute(_MEMBERS).fetchall()
            rows = None
            if ledger_table:
                if not re.fullmatch(r'(?:[\w$]+|"[^"]+")(?:\.(?:[\w$]+|"[^"]+"))?', ledger_table):
                    raise UsageError(f"ledger.table must name a table, not {ledger_table!r}", 'such as "public.schema_migrations"')
                query = f"SELECT * FROM {ledger_table} ORDER BY 1"
                rows = connection.cursor(row_factory=dict_row).execute(query).fetchall()
    except psycopg.Error as error:
        state = f" ({error.sqlstate})" if error.sqlstate else ""
        raise CannotCheck(f"the database cannot be read{state}", "check the address, the role, and its rights on the ledger") from None
    return "".join(_role_sql(roles, members)), rows


def _role_sql(roles: list[Any], members: list[Any]) -> list[str]:
    out = ["-- roles of the database's cluster, without passwords; pg_dump does not write them\n"]
    for name, *flags in roles:
        words = [word if on else f"NO{word}" for word, on in zip(_WORDS, flags, strict=True)]
        out.append(f"CREATE ROLE {_quoted(name)} {' '.join(words)};\n")
    out += [f"GRANT {_quoted(g)} TO {_quoted(m)}{' WITH ADMIN OPTION' if admin else ''};\n" for g, m, admin in members]
    return out


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def ledger_json(table: str, rows: list[dict[str, Any]]) -> str:
    """The ledger's rows as a readable, diffable document."""
    return json.dumps({"table": table, "rows": rows}, indent=2, default=str, ensure_ascii=False) + "\n"


def write(path: Path, text: str) -> None:
    """Write a file whole. Raises UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "give a writable place") from error
