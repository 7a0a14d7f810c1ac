"""CREATE and DROP EXTENSION as a superuser would have done it, for extensions that give nobody a way out of the server.

An extension's script runs as a superuser, and finds what it does not qualify in the schema that the extension is made
in: whoever may create there may have put functions and operators of his own before the script's (manual:
extend-extensions, Security Considerations for Extension Scripts). So the script runs in a new schema of ours, and the
extension is moved afterwards; one that cannot be moved is made only where a schema holds nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.base.sql import literal, quote
from lockgate.oracle.server.backend import Backend, ask
from lockgate.oracle.server.names import own
from lockgate.oracle.server.qualify import qualified

# dblink and postgres_fdw are not among them: they reach the network.
# Untrusted contrib modules (and others of a good name) that bring SQL objects only; their C functions check privileges
# of their own
EXTENSIONS = frozenset(
    [
        "amcheck",
        "autoinc",
        "bloom",
        "btree_gin",
        "btree_gist",
        "citext",
        "cube",
        "dict_int",
        "dict_xsyn",
        "earthdistance",
        "fuzzystrmatch",
        "hstore",
        "hypopg",
        "insert_username",
        "intagg",
        "intarray",
        "isn",
        "lo",
        "ltree",
        "moddatetime",
        "pg_buffercache",
        "pg_freespacemap",
        "pg_partman",
        "pg_prewarm",
        "pg_stat_statements",
        "pg_trgm",
        "pg_uuidv7",
        "pg_visibility",
        "pgcrypto",
        "pgrowlocks",
        "pgstattuple",
        "postgis",
        "postgis_topology",
        "refint",
        "rum",
        "seg",
        "sslinfo",
        "tablefunc",
        "tcn",
        "timescaledb",
        "tsm_system_rows",
        "tsm_system_time",
        "unaccent",
        "uuid-ossp",
        "vector",
        "xml2",
    ]
)
# What a script may find in the place of something of its own: everything that is looked for by name, but tables
_FOREIGN = """SELECT FROM (
    SELECT pronamespace, oid, 'pg_proc' FROM pg_catalog.pg_proc UNION ALL
    SELECT oprnamespace, oid, 'pg_operator' FROM pg_catalog.pg_operator UNION ALL
    SELECT typnamespace, oid, 'pg_type' FROM pg_catalog.pg_type WHERE typrelid = 0 AND typcategory <> 'A' UNION ALL
    SELECT relnamespace, oid, 'pg_class' FROM pg_catalog.pg_class WHERE relkind IN ('v', 'm', 'f') UNION ALL
    SELECT opcnamespace, oid, 'pg_opclass' FROM pg_catalog.pg_opclass UNION ALL
    SELECT collnamespace, oid, 'pg_collation' FROM pg_catalog.pg_collation UNION ALL
    SELECT cfgnamespace, oid, 'pg_ts_config' FROM pg_catalog.pg_ts_config UNION ALL
    SELECT dictnamespace, oid, 'pg_ts_dict' FROM pg_catalog.pg_ts_dict) o (home, oid, catalog)
  JOIN pg_catalog.pg_namespace n ON n.oid = o.home WHERE n.nspname = {schema} AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.deptype = 'e' AND d.objid = o.oid AND d.classid = ('pg_catalog.' || o.catalog)::pg_catalog.regclass) LIMIT 1"""
# A function of the superuser's that runs with its owner's rights takes arguments from everybody; an event trigger hears
# everybody. Divides by zero, which undoes the whole string of commands
_HARMLESS = """SELECT 1 / (CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.extname = {name}
      AND (p.prosecdef OR d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass)) THEN 0 ELSE 1 END)"""


def created(backend: Backend, node: dict[str, Any], current_schema: str) -> str | None:
    """The commands for a CREATE EXTENSION; None where a superuser's hands should stay off it.

    ``current_schema``: where the session would have made it. Raises CannotCheck, Lost.
    """
    name = node.get("extname", "")
    options = {item["DefElem"]["defname"]: item["DefElem"].get("arg", {}) for item in node.get("options", ())}
    wanted = options.get("schema", {}).get("String", {}).get("sval") or current_schema
    if name not in EXTENSIONS or of_the_system(wanted):
        return None
    known = ask(
        backend.reader,
        "SELECT v.relocatable, v.schema FROM pg_catalog.pg_available_extension_versions v"
        " JOIN pg_catalog.pg_available_extensions a ON a.name = v.name AND a.default_version = v.version"
        f" WHERE v.name = {literal(name)}",
    )
    if not known:
        return None
    relocatable, fixed = known[0]
    harmless = qualified(_HARMLESS.format(name=literal(name)))
    if relocatable == "t" and not fixed:
        return ";".join((*_moved(name, wanted), harmless))
    home = fixed or wanted
    if of_the_system(home) or ask(backend.reader, _FOREIGN.format(schema=literal(home))):
        return None
    return f"CREATE EXTENSION {quote(name)}{'' if fixed else f' SCHEMA {quote(wanted)}'};{harmless}"


def _moved(name: str, schema: str) -> Iterator[str]:
    workshop = quote(own("lockgate_extension"))
    yield f"CREATE SCHEMA {workshop}"
    yield f"CREATE EXTENSION {quote(name)} SCHEMA {workshop}"
    yield f"ALTER EXTENSION {quote(name)} SET SCHEMA {quote(schema)}"
    yield f"DROP SCHEMA {workshop}"


def dropped(backend: Backend, node: dict[str, Any]) -> str | None:
    """The command for a DROP EXTENSION; None where the server came with it (plpgsql). Raises CannotCheck, Lost."""
    names = [item.get("String", {}).get("sval", "") for item in node.get("objects", ())]
    if not names or not all(names):
        return None
    listed = ", ".join(map(literal, names))
    if ask(backend.reader, f"SELECT FROM pg_catalog.pg_extension WHERE oid < 16384 AND extname IN ({listed})"):
        return None
    terms = "IF EXISTS " if node.get("missing_ok") else ""
    cascade = " CASCADE" if node.get("behavior") == "DROP_CASCADE" else ""
    return f"DROP EXTENSION {terms}{', '.join(map(quote, names))}{cascade}"


def of_the_system(schema: str) -> bool:
    """Whether a schema is PostgreSQL's own, or none at all."""
    return not schema or schema.startswith("pg_") or schema == "information_schema"
