"""The server's catalog in the shape of ``lockgate timeline --catalog`` (the contract): user objects only, in the
server's own spelling."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from lockgate.oracle.apply.plan import LiveCatalog
from lockgate.oracle.server.backend import ask
from lockgate.oracle.server.names import plain
from lockgate.oracle.server.wire import Connection

USER_SCHEMA = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'"
OWNER = "pg_catalog.pg_get_userbyid"


def own(catalog: str, oid: str) -> str:
    """A user's, and not a part of an extension (pg_depend, deptype e).

    What a user makes has an OID from FirstNormalObjectId on (transam.h): an index leads there. Only the schema public
    is older.
    """
    younger = "" if catalog == "pg_namespace" else f"{oid} >= 16384 AND "
    return (  # the list is short and its subplan hashed: half the time of NOT EXISTS, which asks for every row
        f"({younger}{oid} NOT IN (SELECT d.objid FROM pg_catalog.pg_depend d WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"
        f" AND d.classid = 'pg_catalog.{catalog}'::pg_catalog.regclass AND d.deptype = 'e'))"
    )


IN_SCHEMA = "JOIN pg_catalog.pg_namespace n ON n.oid = "
_OWN_CLASS = own("pg_class", "c.oid")
_OWN_TYPE = own("pg_type", "t.oid")

_QUERIES: dict[str, str] = {
    "schemas": f"""SELECT n.oid AS key, n.nspname AS name, {OWNER}(n.nspowner) AS owner FROM pg_catalog.pg_namespace n
        WHERE {USER_SCHEMA} AND {own("pg_namespace", "n.oid")}""",
    "extensions": f"""SELECT e.oid AS key, e.extname AS name, n.nspname AS schema FROM pg_catalog.pg_extension e {IN_SCHEMA} e.extnamespace
        WHERE true""",
    "tables": f"""SELECT c.oid AS key, n.nspname AS schema, c.relname AS name, c.relkind, {OWNER}(c.relowner) AS owner
        FROM pg_catalog.pg_class c {IN_SCHEMA} c.relnamespace WHERE c.relkind IN ('r', 'p', 'f') AND {USER_SCHEMA} AND {_OWN_CLASS}""",
    "columns": f"""SELECT a.attrelid || '.' || a.attnum AS key, n.nspname AS schema, c.relname AS "table", a.attname AS name,
        pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
        a.attnotnull AS notnull, a.atthasdef AND a.attgenerated = '' AS has_default, a.attidentity AS identity, a.attnum AS pos
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid {IN_SCHEMA} c.relnamespace
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND {USER_SCHEMA} AND {_OWN_CLASS}
        AND (c.relkind <> 'c' OR {own("pg_type", "c.reltype")})""",
    "constraints": f"""SELECT con.oid AS key, n.nspname AS schema, COALESCE(c.relname, t.typname) AS "table", con.conname AS name, con.contype AS type
        FROM pg_catalog.pg_constraint con LEFT JOIN pg_catalog.pg_class c ON c.oid = con.conrelid
        LEFT JOIN pg_catalog.pg_type t ON t.oid = con.contypid {IN_SCHEMA} COALESCE(c.relnamespace, t.typnamespace)
        WHERE con.contype NOT IN ('t', 'n') AND {USER_SCHEMA} AND (c.oid IS NULL OR {_OWN_CLASS}) AND (t.oid IS NULL OR {_OWN_TYPE})""",
    "indexes": f"""SELECT c.oid AS key, n.nspname AS schema, t.relname AS "table", c.relname AS name, i.indisunique AS "unique" FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_class t ON t.oid = i.indrelid {IN_SCHEMA} c.relnamespace
        WHERE {USER_SCHEMA} AND {own("pg_class", "t.oid")}""",
    "views": f"""SELECT c.oid AS key, n.nspname AS schema, c.relname AS name, c.relkind, {OWNER}(c.relowner) AS owner
        FROM pg_catalog.pg_class c {IN_SCHEMA} c.relnamespace WHERE c.relkind IN ('v', 'm') AND {USER_SCHEMA} AND {_OWN_CLASS}""",
    "sequences": f"""SELECT c.oid AS key, n.nspname AS schema, c.relname AS name, {OWNER}(c.relowner) AS owner
        FROM pg_catalog.pg_class c {IN_SCHEMA} c.relnamespace WHERE c.relkind = 'S' AND {USER_SCHEMA} AND {_OWN_CLASS}""",
    "functions": f"""SELECT p.oid AS key, n.nspname AS schema, p.proname AS name, pg_catalog.pg_get_function_identity_arguments(p.oid) AS args,
        p.prokind AS kind, {OWNER}(p.proowner) AS owner FROM pg_catalog.pg_proc p {IN_SCHEMA} p.pronamespace
        WHERE {USER_SCHEMA} AND {own("pg_proc", "p.oid")}""",
    "triggers": f"""SELECT t.oid AS key, n.nspname AS schema, c.relname AS "table", t.tgname AS name FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid {IN_SCHEMA} c.relnamespace WHERE NOT t.tgisinternal AND {USER_SCHEMA} AND {_OWN_CLASS}""",
    "policies": f"""SELECT p.oid AS key, n.nspname AS schema, c.relname AS "table", p.polname AS name, p.polcmd AS cmd FROM pg_catalog.pg_policy p
        JOIN pg_catalog.pg_class c ON c.oid = p.polrelid {IN_SCHEMA} c.relnamespace WHERE {USER_SCHEMA}""",
    "enums": f"""SELECT t.oid AS key, n.nspname AS schema, t.typname AS name, (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) AS labels FROM pg_catalog.pg_type t {IN_SCHEMA} t.typnamespace
        WHERE t.typtype = 'e' AND {USER_SCHEMA} AND {_OWN_TYPE}""",
    "domains": f"""SELECT t.oid AS key, n.nspname AS schema, t.typname AS name FROM pg_catalog.pg_type t {IN_SCHEMA} t.typnamespace
        WHERE t.typtype = 'd' AND {USER_SCHEMA} AND {_OWN_TYPE}""",
    "types": f"""SELECT t.oid AS key, n.nspname AS schema, t.typname AS name FROM pg_catalog.pg_type t {IN_SCHEMA} t.typnamespace
        WHERE (t.typtype IN ('r', 'm') OR (t.typtype = 'b' AND t.typelem = 0) OR (t.typtype = 'c' AND EXISTS
        (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))) AND {USER_SCHEMA} AND {_OWN_TYPE}""",
}

# What makes two objects the same one; the rest of a row are its properties
KEYS: dict[str, tuple[str, ...]] = {
    "schemas": ("name",),
    "extensions": ("name",),
    "functions": ("schema", "name", "args"),
    **dict.fromkeys(("columns", "constraints", "triggers", "policies"), ("schema", "table", "name")),
}


KINDS = tuple(_QUERIES)


def objects(tests: dict[str, str]) -> str:
    """The expression that makes a JSON object of every kind's rows; ``tests``: by kind, what its rows must fulfil
    beside."""
    queries = {kind: f"{query} AND {tests[kind]}" if kind in tests else query for kind, query in _QUERIES.items()}
    parts = (
        f"'{kind}', (SELECT COALESCE(pg_catalog.json_agg(q), '[]') FROM ({query}) q)" for kind, query in queries.items()
    )
    return f"pg_catalog.json_build_object({', '.join(parts)})"


SQL = f"SELECT {objects({})}::text"


def read_catalog(connection: Connection) -> LiveCatalog:
    """The catalog as the connection sees it (its own transaction included); its search_path must be pg_catalog.

    NOT NULL constraints, which 18 lists, are left out. Raises CannotCheck when the server refuses, Lost when it is
    gone.
    """
    return in_order(json.loads(plain(ask(connection, SQL)[0][0] or "{}")))


def in_order(found: LiveCatalog) -> LiveCatalog:
    """A catalog as the query found it, sorted; in place."""
    for kind, rows in found.items():
        keys = KEYS.get(kind, ("schema", "name"))
        rows.sort(key=partial(_order, keys))
        for row in rows:
            row.pop("pos", None)
            row.pop("key", None)
    return found


def _order(keys: tuple[str, ...], row: dict[str, Any]) -> list[Any]:
    """By schema and table, columns in their order, the rest by name."""
    return [str(row.get(key)) for key in keys if key not in ("name", "args")] + [
        row.get("pos", 0),
        str(row["name"]),
        str(row.get("args")),
    ]


def compare(before: LiveCatalog, after: LiveCatalog) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Objects that are missing after, left over after, and changed: "columns public.t.c"."""
    was, now = _flat(before), _flat(after)
    changed = (
        f"{name} ({', '.join(_different(was[name], now[name]))})"
        for name in sorted(was.keys() & now.keys())
        if was[name] != now[name]
    )
    return tuple(sorted(was.keys() - now.keys())), tuple(sorted(now.keys() - was.keys())), tuple(changed)


def _different(one: dict[str, object], other: dict[str, object]) -> list[str]:
    return [f"{key} {one.get(key)} -> {other.get(key)}" for key in one if one.get(key) != other.get(key)]


def _flat(catalog: LiveCatalog) -> dict[str, dict[str, object]]:
    out: dict[str, dict[str, object]] = {}
    for kind, rows in catalog.items():
        for row in rows:
            keys = KEYS.get(kind, ("schema", "name"))
            name = ".".join(str(row[key]) for key in keys if key != "args")
            out[f"{kind} {name}" + (f"({row['args']})" if "args" in row else "")] = row
    return out
