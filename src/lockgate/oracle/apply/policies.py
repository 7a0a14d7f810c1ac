"""Tables under row security, asked by EXPLAIN as a role to which their policies apply: the rewriter puts the policies
in, and tells of a circle among them (42P17, fireRIRrules), before any right is looked at; no row is read."""

from __future__ import annotations

from lockgate.base.sql import literal, quote
from lockgate.oracle.apply.plan import ServerFailure
from lockgate.oracle.apply.roles import RoleCast
from lockgate.oracle.server.backend import Backend, ask
from lockgate.oracle.server.wire import Connection, Late, Lost

_MOST = 200  # tables
_TABLES = """SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), n.nspname || '.' || c.relname, p.role,
  (SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum LIMIT 1),
  EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = p.role AND r.oid >= 16384 AND NOT r.rolsuper)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT DISTINCT coalesce(r.rolname, {runner}) AS role FROM pg_catalog.pg_policy q
    CROSS JOIN LATERAL pg_catalog.unnest(q.polroles) AS one(oid) LEFT JOIN pg_catalog.pg_roles r ON r.oid = one.oid
    WHERE q.polrelid = c.oid) p
WHERE c.relrowsecurity ORDER BY 1, 3 LIMIT """ + str(_MOST)
_ASKED = (
    "EXPLAIN SELECT FROM {table}",
    "EXPLAIN DELETE FROM {table}",
    "EXPLAIN UPDATE {table} SET {column} = {column}",
    "EXPLAIN INSERT INTO {table} ({column}) SELECT {column} FROM {table}",
)


def recursions(backend: Backend, cast: RoleCast) -> dict[str, ServerFailure]:
    """By qualified name, the tables whose policies go round in a circle, in the server's words. Raises Lost."""
    found: dict[str, ServerFailure] = {}
    rows = ask(backend.reader, _TABLES.format(runner=literal(cast.deployer)))
    if not rows:
        return found
    try:
        session = backend.connect(cast.everyone)
    except Lost:  # a limit that the migrations have set
        return found
    try:
        for table, name, role, column, made in rows:
            if table and name and role and name not in found:
                if made == "t" and not backend.mark:  # by the migrations, on a server that is the run's alone
                    backend.control.query(f"GRANT {quote(role)} TO {quote(cast.everyone)}", 10)
                _explain(session, found, table, name, role, column or "")
    except Late:
        pass
    finally:
        session.close()
    return found


def _explain(
    session: Connection, found: dict[str, ServerFailure], table: str, name: str, role: str, column: str
) -> None:
    if session.query(f"SET ROLE {quote(role)}", 10).failure:
        return
    for sql in _ASKED:
        said = session.query(sql.format(table=table, column=column), 10).failure
        if said and said.get("C") == "42P17":
            found[name] = ServerFailure("42P17", f"{said.get('M', '')} (as {role})")
            return
