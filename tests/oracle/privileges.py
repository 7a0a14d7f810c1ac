"""Statements on roles, owners and privileges."""

from __future__ import annotations

from lockgate.catalog.details import method_of
from lockgate.catalog.objects import Constraint, Operator, Other, Relation, Routine, Type
from lockgate.catalog.typename import type_name
from tests.oracle.choice import Choice

_TABLE = ("select", "insert", "update", "delete", "truncate", "references", "trigger", "all")
_RELATIONS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "S": "sequence", "f": "foreign table"}
_OTHERS = {
    "collation": "collation",
    "conversion": "conversion",
    "event_trigger": "event trigger",
    "fdw": "foreign data wrapper",
    "foreign_server": "server",
    "publication": "publication",
    "statistics": "statistics",
    "ts_config": "text search configuration",
    "ts_dict": "text search dictionary",
    "large_object": "large object",
    "opclass": "operator class",
    "opfamily": "operator family",
}
PREDEFINED = (
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_monitor",
    "pg_database_owner",
    "pg_checkpoint",
    "pg_read_server_files",
)
SETTINGS = ("log_statement", "log_min_messages", "work_mem", "session_replication_role", "statement_timeout")


def _target(c: Choice) -> tuple[str, str]:
    """Privileges and the object that they are on."""
    name, relation = c.relation("rpvmf" if c.chance(0.2) else "rpvm")
    match c.one("tttttccsfffnnyyalgxdpio"):
        case "t":
            words = (*_TABLE, "maintain") if c.catalog.major >= 17 else _TABLE
            return ", ".join(c.some(words, 2)), f"{c.maybe('table ', 0.5)}{name}"
        case "c":
            some = f"{c.one(['select', 'update', 'insert', 'references', 'all'])} ({', '.join(c.columns(relation))})"
            return some + c.maybe(", delete", 0.1) + c.maybe(", select (tableoid)", 0.05), name
        case "s":
            return c.one(
                ["usage", "select", "update", "all", "usage, select"]
            ), f"{c.one(['sequence ', ''])}{c.relation('S')[0]}"
        case "f":
            return c.one(["execute", "all"]), f"{c.one(['function', 'routine', 'procedure'])} {c.routine('fpa')}"
        case "n":
            return c.one(["usage", "create", "all", "usage, create"]), f"schema {c.schema()}"
        case "y":
            return c.one(["usage", "all"]), f"{c.one(['type', 'type', 'domain'])} {c.user_type('edcr')[0]}"
        case "a":
            kind = c.one(["tables", "tables", "sequences", "functions", "procedures", "routines"])
            verbs = (
                ["execute", "all"] if kind in ("functions", "procedures", "routines") else ["select", "all", "update"]
            )
            return c.one(verbs), f"all {kind} in schema {c.schema()}"
        case "l":
            return c.one(["usage", "all"]), f"language {c.one(['sql', 'plpgsql', 'c'])}"
        case "g":
            return c.one(["usage", "all"]), f"foreign {c.one(['data wrapper w1', 'server srv1'])}"
        case "x":
            return c.one(["create", "all"]), "tablespace pg_default"
        case "d":
            return c.one(["create", "temp", "connect", "all", "create, temp"]), "database lockgate"
        case "p":
            return c.one(["set", "alter system", "all"]), f"parameter {c.one(SETTINGS)}"
        case "i":
            return c.one(
                [
                    ("execute", "function pg_catalog.pg_sleep(double precision)"),
                    ("select", "pg_catalog.pg_authid"),
                    ("usage", "type pg_catalog.int4"),
                    ("execute", "function pg_catalog.pg_read_file(text)"),
                    ("select", "pg_catalog.pg_class"),
                ]
            )
    large = [o.name for o in c.catalog.objects(Other) if o.kind == "large_object"]
    return (c.one(["select", "update", "all"]), f"large object {c.one(large)}") if large else ("all", "schema public")


def _grantee(c: Choice) -> str:
    one = c.one(
        [c.role(), c.role(), c.role(), "public", "current_user", c.one(PREDEFINED) if c.chance(0.1) else "session_user"]
    )
    return f"{one}, {c.role()}" if c.chance(0.15) else one


def grant(c: Choice) -> str:
    """GRANT and REVOKE of privileges."""
    privileges, target = _target(c)
    if c.chance(0.4):
        return (
            f"revoke {c.maybe('grant option for ', 0.15)}{privileges} on {target} from {_grantee(c)}"
            + c.maybe(f" granted by {c.role()}", 0.05)
            + c.maybe(" cascade", 0.2)
        )
    return (
        f"grant {privileges} on {target} to {_grantee(c)}"
        + c.maybe(" with grant option", 0.25)
        + c.maybe(f" granted by {c.role()}", 0.05)
    )


def membership(c: Choice) -> str:
    """GRANT and REVOKE of roles."""
    what = c.one(PREDEFINED) if c.chance(0.15) else c.role()
    by = c.maybe(f" granted by {c.role()}", 0.2)
    if c.chance(0.35):
        words = ("admin", "inherit", "set") if c.catalog.major >= 16 else ("admin",)
        return f"revoke {c.maybe(f'{c.one(words)} option for ', 0.3)}{what} from {c.role()}{by}" + c.maybe(
            " cascade", 0.2
        )
    option = c.maybe(" with admin option", 0.3)
    if not option and c.catalog.major >= 16:
        option = c.maybe(f" with {c.one(['inherit', 'set', 'admin'])} {c.one(['true', 'false'])}", 0.3)
    return f"grant {what} to {c.role()}{option}{by}"


def role(c: Choice) -> str:
    """CREATE, ALTER and DROP ROLE."""
    name = c.one(["r1", "r2", "r3", "r4", "r5"])
    attribute = c.one(
        [
            "login",
            "nologin",
            "createrole",
            "createrole",
            "noinherit",
            "createdb",
            "inherit",
            "bypassrls",
            "superuser",
            "nosuperuser",
            "nocreaterole",
        ]
    )
    return c.one(
        [
            f"create role {name} {attribute}",
            f"create role {name}",
            f"alter role {name} {attribute}",
            f"drop role {c.maybe('if exists ')}{name}",
            f"drop role {c.role()}",
            f"alter role {name} rename to {c.one(['r4', 'r5', 'r6'])}",
            f"alter role {name} set search_path = s1",
            f"create role {name} in role {c.role()}",
            f"create role {name} {c.one(['role', 'admin'])} {c.role()}",
            f"alter role {c.role()} {attribute}",
            f"alter role {c.role()} set {c.one(SETTINGS)} = default",
            f"comment on role {c.role()} is 'x'",
            f"alter group {c.role()} {c.one(['add', 'drop'])} user {c.role()}",
        ]
    )


def become(c: Choice) -> str:
    """SET ROLE, SET SESSION AUTHORIZATION and back."""
    return c.one(
        [
            f"set role {c.role()}",
            f"set role {c.role()}",
            "reset role",
            "reset role",
            "set role none",
            f"set session authorization {c.role()}",
            "reset session authorization",
            f"set local role {c.role()}" if c.chance(0.2) else "reset role",
        ]
    )


def default_privileges(c: Choice) -> str:
    """ALTER DEFAULT PRIVILEGES."""
    whose = c.maybe(f" for role {c.role()}", 0.5) + c.maybe(f" in schema {c.schema()}", 0.4)
    kind, privileges = c.one(
        [
            ("tables", "select, insert"),
            ("tables", "all"),
            ("sequences", "usage"),
            ("functions", "execute"),
            ("types", "usage"),
            ("schemas", "usage"),
            *([("large objects", "select")] if c.catalog.major >= 18 else []),
        ]
    )
    way = c.one(["grant", "grant", "revoke"])
    return (
        f"alter default privileges{whose} {way} {privileges} on {kind} {'to' if way == 'grant' else 'from'} {c.one([c.role(), 'public'])}"
        + (" with grant option" if way == "grant" and c.chance(0.1) else "")
    )


def owned(c: Choice) -> str:
    """REASSIGN OWNED and DROP OWNED."""
    return c.one(
        [f"reassign owned by {c.role()} to {c.role()}", f"drop owned by {c.role()}" + c.maybe(" cascade", 0.3)]
    )


# --- objects of every kind --------------------------------------------------------------------------------------------


def _named(c: Choice) -> tuple[str, str]:
    """The kind and the name of any object of the user's."""
    found = [
        o
        for o in c.catalog.every()
        if o.oid >= 16384 and isinstance(o, (Relation, Routine, Type, Operator, Other)) and _words(c, o)
    ]
    if c.wrong() or not found:
        return c.one(
            [
                ("collation", "no_such"),
                ("publication", "nosuch"),
                ("server", "nosuch"),
                ("schema", c.schema()),
                ("aggregate", "nosuch(int)"),
            ]
        )
    obj = c.one(found)
    word = _words(c, obj)
    match obj:
        case Routine():
            return word, f"{c.shown(obj)}({', '.join(type_name(c.catalog, oid) for oid in obj.args)})"
        case Operator():
            sides = ", ".join(type_name(c.catalog, oid) if oid else "none" for oid in (obj.left, obj.right))
            schema = c.catalog.namespace_name(obj.namespace)
            return word, f"{schema}.{obj.name} ({sides})"
        case Other(kind="opclass" | "opfamily"):
            return word, f"{c.shown(obj)} using {method_of(obj.details)}"
        case Other(namespace=0):
            return word, obj.name
    return word, c.shown(obj)


def _words(c: Choice, obj: object) -> str:
    match obj:
        case Relation():
            return _RELATIONS.get(obj.kind, "") if not obj.name.startswith("pg_") and obj.persistence != "t" else ""
        case Routine() if not obj.extension:
            return {"p": "procedure", "a": "aggregate"}.get(obj.kind, "function")
        case Type() if not obj.elem and obj.kind in "edr":
            return "domain" if obj.kind == "d" else "type"
        case Operator():
            return "operator"
        case Other():
            return _OTHERS.get(obj.kind, "")
    return ""


def own(c: Choice) -> str:
    """OWNER TO, RENAME, SET SCHEMA, COMMENT and DROP of any kind."""
    word, name = _named(c)
    table = word in ("table", "view", "materialized view", "sequence", "foreign table")
    if word == "large object":
        return c.one(
            [
                f"alter large object {name} owner to {c.role()}",
                f"comment on large object {name} is 'x'",
                f"select lo_unlink({name})",
            ]
        )
    rename = (
        f"alter {word} {name} rename to {c.fresh('n', 4)}"
        if word != "operator"
        else f"alter operator {name} owner to {c.role()}"
    )
    move = (
        f"alter {word} {name} set schema {c.schema()}"
        if word not in ("publication", "server", "foreign data wrapper", "event trigger")
        else rename
    )
    return c.one(
        [
            f"alter {word} {name} owner to {c.role()}",
            f"alter {word} {name} owner to {c.role()}",
            f"alter {word} {name} owner to current_user",
            rename,
            move,
            f"comment on {word} {name} is {c.one(['null', repr('z')])}" if not table else rename,
            f"drop {word} {c.maybe('if exists ', 0.1)}{name}{c.maybe(' cascade', 0.2)}",
        ]
    )


def make(c: Choice) -> str:
    """Objects of the lesser kinds."""
    name = c.into(c.fresh("o", 4))
    return c.one(
        [
            f"create collation {name} (locale = 'C')",
            f"create conversion {name} for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8",
            f"create operator {c.schema()}.=== (leftarg = box, rightarg = box, function = box_eq)",
            f"create operator family {name} using btree",
            f"create operator class {name} for type box using btree as storage box",
            f"create text search configuration {name} (copy = pg_catalog.simple)",
            f"create text search dictionary {name} (template = simple)",
            f"create aggregate {name}(int) (sfunc = int4pl, stype = int)",
            "create foreign data wrapper w1",
            "create server srv1 foreign data wrapper w1",
            f"create foreign table {name} (a int) server srv1",
            f"create user mapping for {c.role()} server srv1",
            f"create publication {c.fresh('o', 4)}",
            f"select lo_create({c.one(['70001', '70002'])})",
            f"create function {c.fresh('ev', 2)}() returns event_trigger language plpgsql as $$ begin return; end $$",
            f"create type {name} as range (subtype = int)",
            f"create schema {c.one(['s3', 's4'])} authorization {c.role()}",
        ]
    )


def session_settings(c: Choice) -> str:
    """Settings that are for some, row security, the database's owner."""
    name, _ = c.relation("rp")
    return c.one(
        [
            f"set {c.one(SETTINGS)} = {c.one(['default', 'default', 'none'])}",
            f"alter role {c.role()} set {c.one(SETTINGS)} = default",
            f"set row_security = {c.one(['off', 'on', 'on'])}",
            f"alter table {name} {c.one(['enable', 'disable', 'force', 'no force'])} row level security",
            f"alter table {name} enable row level security",
            f"alter database lockgate owner to {c.role()}",
            f"alter view {c.relation('v')[0]} set (security_invoker = true)",
            f"reindex table {name}",
            f"analyze {name}",
            f"refresh materialized view {c.relation('m')[0]}",
            "reset all",
        ]
    )


def foreign_key(c: Choice) -> str:
    """A foreign key to a key that is there."""
    tables = c.relations("rp")
    keyed = [
        (r, k) for r in tables for k in c.catalog.of_relation(r.oid, Constraint) if k.kind in "pu" and len(k.keys) == 1
    ]
    if not keyed:
        return f"alter table {c.relation('rp')[0]} add primary key (id)"
    target, key = c.one(keyed)
    attribute = target.attribute_by_num(key.keys[0])
    assert attribute is not None
    source: Relation = c.one(tables)
    fitting = [a.name for a in source.attributes if a.type == attribute.type] or ["nosuch_column"]
    return (
        f"alter table {c.shown(source)} add {c.maybe('constraint ' + c.fresh('k') + ' ')}foreign key ({c.one(fitting)})"
        f" references {c.shown(target)}{c.maybe(f' ({attribute.name})', 0.6)}{c.maybe(' on delete cascade')}{c.maybe(' not valid', 0.1)}"
    )
