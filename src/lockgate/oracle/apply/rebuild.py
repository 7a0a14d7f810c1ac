"""What a superuser would have had to do, as commands of our own.

No text of a migration is ever sent by a superuser: not an expression, for a constant's input function or a domain's CHECK
may be the migration's, and not a name that was not looked up. An allow-list of shapes is read off the tree, every name in
it is looked up, and the command is written anew of what the catalog holds. Everything else stays refused.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.base.sql import literal, quote
from lockgate.oracle.apply import extensions, members
from lockgate.oracle.apply.session import ServerSession
from lockgate.oracle.server.backend import Backend, ask
from lockgate.parse import Statement

# By the system catalog's oid: its name, the columns of owner and, where it has one, schema
_HOMES = {
    "1259": ("pg_class", "relowner", "relnamespace"),
    "1255": ("pg_proc", "proowner", "pronamespace"),
    "1247": ("pg_type", "typowner", "typnamespace"),
    "2615": ("pg_namespace", "nspowner", "oid"),
    "2617": ("pg_operator", "oprowner", "oprnamespace"),
    "2616": ("pg_opclass", "opcowner", "opcnamespace"),
    "2753": ("pg_opfamily", "opfowner", "opfnamespace"),
    "3456": ("pg_collation", "collowner", "collnamespace"),
    "2607": ("pg_conversion", "conowner", "connamespace"),
    "3602": ("pg_ts_config", "cfgowner", "cfgnamespace"),
    "3600": ("pg_ts_dict", "dictowner", "dictnamespace"),
    "3381": ("pg_statistic_ext", "stxowner", "stxnamespace"),
    "6104": ("pg_publication", "pubowner", ""),
    "1417": ("pg_foreign_server", "srvowner", ""),
}
# What ALTER calls what pg_identify_object names; the rest keeps its owner
_KINDS = {
    "table": "TABLE",
    "view": "VIEW",
    "materialized view": "MATERIALIZED VIEW",
    "sequence": "SEQUENCE",
    "foreign table": "FOREIGN TABLE",
    "composite type": "TYPE",
    "function": "FUNCTION",
    "procedure": "PROCEDURE",
    "aggregate": "AGGREGATE",
    "type": "TYPE",
    "schema": "SCHEMA",
    "operator": "OPERATOR",
    "operator class": "OPERATOR CLASS",
    "operator family": "OPERATOR FAMILY",
    "collation": "COLLATION",
    "conversion": "CONVERSION",
    "text search configuration": "TEXT SEARCH CONFIGURATION",
    "text search dictionary": "TEXT SEARCH DICTIONARY",
    "statistics object": "STATISTICS",
    "publication": "PUBLICATION",
    "server": "SERVER",
}
# As pg_get_object_address calls what the grammar names
_ADDRESSED = {
    "OBJECT_FUNCTION": "function",
    "OBJECT_PROCEDURE": "procedure",
    "OBJECT_ROUTINE": "routine",
    "OBJECT_AGGREGATE": "aggregate",
    "OBJECT_TYPE": "type",
    "OBJECT_DOMAIN": "type",
    "OBJECT_SCHEMA": "schema",
    "OBJECT_OPERATOR": "operator",
    "OBJECT_OPCLASS": "operator class",
    "OBJECT_OPFAMILY": "operator family",
    "OBJECT_COLLATION": "collation",
    "OBJECT_CONVERSION": "conversion",
    "OBJECT_TSCONFIGURATION": "text search configuration",
    "OBJECT_TSDICTIONARY": "text search dictionary",
    "OBJECT_STATISTIC_EXT": "statistics object",
    "OBJECT_PUBLICATION": "publication",
    "OBJECT_FOREIGN_SERVER": "server",
}
_TAGS = frozenset({"AlterOwnerStmt", "AlterRoleSetStmt", "CreateRoleStmt", "GrantRoleStmt"})
_PUBLISHED = frozenset({"", "insert", "update", "delete", "truncate"})


class Command(msgspec.Struct, frozen=True):
    """A rebuilt command; ``cluster``: it is no act in the scratch database, but one of the whole server."""

    text: str
    cluster: bool = False


def known(statement: Statement) -> bool:
    """Whether a statement may be of a shape that can be rebuilt."""
    node = statement.node
    match statement.tag:
        case "AlterTableStmt":
            return new_owner(statement) is not None
        case "DropStmt":
            return bool(node.get("removeType") == "OBJECT_EXTENSION")
        case "CreateExtensionStmt":
            return node.get("extname", "") in extensions.EXTENSIONS
        case "CreatePublicationStmt":
            specs = (item.get("PublicationObjSpec", {}) for item in node.get("pubobjects", ()))
            return not any("whereClause" in spec.get("pubtable", {}) for spec in specs)
    return statement.tag in _TAGS


def new_owner(statement: Statement) -> dict[str, Any] | None:
    """The role of an ALTER ... OWNER TO that does nothing else."""
    if statement.tag == "AlterOwnerStmt":
        return dict(statement.node.get("newowner", {}))
    commands = [item.get("AlterTableCmd", {}) for item in statement.node.get("cmds", ())]
    if statement.tag != "AlterTableStmt" or len(commands) != 1 or commands[0].get("subtype") != "AT_ChangeOwner":
        return None
    return dict(commands[0].get("newowner", {}))


def rebuilt(backend: Backend, session: ServerSession, statement: Statement) -> Command | None:
    """The command that does what a statement was to do; None where it is not of the harmless few.

    What the session has not committed is not seen. Raises CannotCheck, Lost.
    """
    node = statement.node
    match statement.tag:
        case "CreateRoleStmt":
            return _cluster(members.created(backend, node))
        case "GrantRoleStmt":
            return _cluster(members.granted(backend, node))
        case "AlterRoleSetStmt":
            return _cluster(members.set_for(backend, node))
        case "CreateExtensionStmt":
            return _local(extensions.created(backend, node, _answer(session, "SELECT pg_catalog.current_schema()")))
        case "DropStmt":
            return _local(extensions.dropped(backend, node))
        case "CreatePublicationStmt":
            return _local(_publication(backend, session, node))
        case "AlterOwnerStmt" | "AlterTableStmt":
            return _local(_owner(backend, session, statement))
    return None


def _cluster(text: str | None) -> Command | None:
    return Command(text, cluster=True) if text else None


def _local(text: str | None) -> Command | None:
    return Command(text) if text else None


def _answer(session: ServerSession, query: str) -> str:
    """One value as the migrations' session sees it, by the names of its search_path; empty where it is NULL or refused."""
    rows = session.connection.query(query, 20).rows
    return (rows[0][0] or "") if rows else ""


# --- owners -------------------------------------------------------------------------------------------------------------


def _owner(backend: Backend, session: ServerSession, statement: Statement) -> str | None:
    """ALTER ... OWNER TO an ordinary role; a SECURITY DEFINER function must not reach higher."""
    role = (new_owner(statement) or {}).get("rolename", "")
    if not members.ordinary(backend, role):
        return None
    found = _object(backend, _address(session, statement))
    return f"ALTER {found} OWNER TO {quote(role)}" if found else None


def _address(session: ServerSession, statement: Statement) -> tuple[str, str]:
    """The oids of a statement's object and of its system catalog, as the migrations' session finds it; ("", "") where it
    does not."""
    node = statement.node
    if statement.tag == "AlterTableStmt":
        return "1259", _relation(session, node.get("relation", {}))
    kind, named = _ADDRESSED.get(node.get("objectType", "")), node.get("object", {})
    routine = named.get("ObjectWithArgs", {})
    if routine.get("args_unspecified"):
        return "1255", _answer(
            session, f"SELECT pg_catalog.to_regproc({literal(_dotted(routine['objname']))})::pg_catalog.oid"
        )
    names, arguments = (
        _names(kind or "", named),
        [_type(item.get("TypeName", {})) for item in routine.get("objargs", ())],
    )
    if kind is None or not names or not all(arguments):
        return "", ""
    query = f"pg_catalog.pg_get_object_address({literal(kind)}, {_array(names)}, {_array(arguments)})"
    rows = session.connection.query(f"SELECT classid, objid FROM {query}", 20).rows
    return (rows[0][0] or "", rows[0][1] or "") if rows else ("", "")


def _names(kind: str, node: dict[str, Any]) -> list[str]:
    if "String" in node:
        return [node["String"].get("sval", "")]
    items = node.get("List", {}).get("items") or node.get("ObjectWithArgs", {}).get("objname") or []
    return [_dotted(items)] if kind == "type" else [item.get("String", {}).get("sval", "") for item in items]


def _dotted(items: list[Any]) -> str:
    return ".".join(quote(item.get("String", {}).get("sval", "")) for item in items)


def _type(node: dict[str, Any]) -> str:
    """A type's name; empty for what is none by itself (NONE, table.column%TYPE)."""
    if not node.get("names") or node.get("pct_type"):
        return ""
    return _dotted(node["names"]) + "[]" * len(node.get("arrayBounds", ()))


def _array(texts: list[str]) -> str:
    return f"ARRAY[{', '.join(map(literal, texts))}]::pg_catalog.text[]"


def _relation(session: ServerSession, node: dict[str, Any]) -> str:
    name = ".".join(quote(node[key]) for key in ("schemaname", "relname") if key in node)
    return _answer(session, f"SELECT pg_catalog.to_regclass({literal(name)})::pg_catalog.oid")


def _object(backend: Backend, address: tuple[str, str], relkinds: str = "") -> str:
    """What a migration may own, as ALTER names it; empty for what the server came with, a superuser's, or an
    extension's.

    The schema public, which every server comes with, may change hands: nothing of ours is looked for in it.
    """
    catalog, owner, home = _HOMES.get(address[0], ("", "", ""))
    if not catalog or not address[1].isdigit():
        return ""
    public = catalog == "pg_namespace"
    schema = f" JOIN pg_catalog.pg_namespace n ON n.oid = o.{home} AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    rows = ask(
        backend.reader,
        f"SELECT i.type, i.identity FROM pg_catalog.{catalog} o JOIN pg_catalog.pg_roles r ON r.oid = o.{owner}{schema if home else ''}"
        f" CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.{catalog}'::pg_catalog.regclass, o.oid, 0) i"
        f" WHERE o.oid = {address[1]} AND (o.oid >= 16384 AND NOT r.rolsuper{' OR o.nspname = $$public$$' if public else ''})"
        f"{f' AND o.relkind IN ({relkinds})' if relkinds else ''}"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = o.oid"
        f" AND d.classid = 'pg_catalog.{catalog}'::pg_catalog.regclass)",
    )
    kind, identity = rows[0] if rows else ("", "")
    return f"{_KINDS[kind]} {identity}" if kind in _KINDS and identity else ""


# --- publications ---------------------------------------------------------------------------------------------------------


def _publication(backend: Backend, session: ServerSession, node: dict[str, Any]) -> str | None:
    """CREATE PUBLICATION of all tables, of schemas and of bare tables with their columns; never a WHERE."""
    options = [_publication_option(item["DefElem"]) for item in node.get("options", ())]
    objects = [_published(backend, session, item.get("PublicationObjSpec", {})) for item in node.get("pubobjects", ())]
    if not all(objects) or not all(options) or bool(objects) == bool(node.get("for_all_tables")):
        return None
    what = ", ".join(map(str, objects)) or "ALL TABLES"
    terms = f" WITH ({', '.join(map(str, options))})" if options else ""
    return f"CREATE PUBLICATION {quote(node['pubname'])} FOR {what}{terms}"


def _published(backend: Backend, session: ServerSession, spec: dict[str, Any]) -> str | None:
    kind = spec.get("pubobjtype", "")
    if kind in ("PUBLICATIONOBJ_TABLES_IN_SCHEMA", "PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA"):
        name = spec.get("name") or _answer(session, "SELECT pg_catalog.current_schema()")
        return None if extensions.of_the_system(name) else f"TABLES IN SCHEMA {quote(name)}"
    table = spec.get("pubtable", {})
    if kind != "PUBLICATIONOBJ_TABLE" or "whereClause" in table:
        return None
    relation = table.get("relation", {})
    found = _object(backend, ("1259", _relation(session, relation)), "'r', 'p'")
    if not found:
        return None
    columns = ", ".join(quote(item["String"]["sval"]) for item in table.get("columns", ()))
    only = "" if relation.get("inh") else "ONLY "
    return f"TABLE {only}{found.removeprefix('TABLE ')}" + (f" ({columns})" if columns else "")


def _publication_option(element: dict[str, Any]) -> str | None:
    name, held = element.get("defname", ""), element.get("arg", {})
    value = str(held.get("String", {}).get("sval", "")).lower()
    if name == "publish":
        return f"publish = {literal(value)}" if {word.strip() for word in value.split(",")} <= _PUBLISHED else None
    if name == "publish_generated_columns":
        return f"{name} = {value}" if value in ("none", "stored") else None
    if name != "publish_via_partition_root":
        return None
    on = value in ("", "true", "on") if not held.get("Boolean") else held["Boolean"].get("boolval")
    return f"{name} = {'true' if on else 'false'}"
