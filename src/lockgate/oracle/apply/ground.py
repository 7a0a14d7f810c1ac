"""Whether what Lockgate's own queries stand on is still PostgreSQL's alone at the end of a run.

No migration can change that, as far as we know: this is the look that tells when we are wrong.
"""

from __future__ import annotations

from lockgate.base.errors import CannotCheck
from lockgate.base.sql import literal
from lockgate.oracle.apply.roles import REACHING
from lockgate.oracle.server.backend import Backend, ask

# By system catalog: the columns of name, owner and schema
_KINDS = {
    "pg_proc": ("proname", "proowner", "pronamespace"),
    "pg_class": ("relname", "relowner", "relnamespace"),
    "pg_type": ("typname", "typowner", "typnamespace"),
    "pg_operator": ("oprname", "oprowner", "oprnamespace"),
    "pg_opclass": ("opcname", "opcowner", "opcnamespace"),
}
# 10 is the superuser that initdb made (BOOTSTRAP_SUPERUSERID), 16384 the first object that initdb did not make
# (FirstNormalObjectId)
_SCHEMAS = """SELECT 'schema ' || n.nspname FROM pg_catalog.pg_namespace n
  WHERE n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast') AND (n.nspowner <> 10 OR EXISTS (
    SELECT FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE' AND a.grantee <> 10))"""
_OBJECTS = """SELECT '{kind} ' || {name} FROM pg_catalog.{kind} WHERE {owner} <> 10 AND (oid < 16384
  OR {home} IN (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname IN ('pg_catalog', 'information_schema')))"""
_RISEN = "SELECT 'role ' || r.rolname FROM pg_catalog.pg_roles r WHERE r.oid >= 16384 AND {of_the_run} AND {reaching}"
_MARKED = (
    "EXISTS (SELECT FROM pg_catalog.pg_shdescription d WHERE d.objoid = r.oid"
    " AND d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.description = {mark})"
)


def hold(backend: Backend) -> None:
    """Raises CannotCheck where a migration owns, or may add to, what PostgreSQL came with, or where one of its roles has
    risen; Lost."""
    found = ask(backend.reader, _sql(backend.mark))
    if found:
        raise CannotCheck(
            f"the migrations have taken over {found[0][0]} of the scratch server: nothing that it said counts",
            "Read them with care before anybody runs them, and please report it: Lockgate should have stopped them.",
        )


def _sql(mark: str) -> str:
    of_the_run = _MARKED.format(mark=literal(mark)) if mark else "true"
    parts = [_SCHEMAS, _RISEN.format(of_the_run=of_the_run, reaching=REACHING)]
    parts += [_OBJECTS.format(kind=kind, name=n, owner=o, home=h) for kind, (n, o, h) in _KINDS.items()]
    return f"{' UNION ALL '.join(parts)} LIMIT 1"
