"""The SQL that gives a role what it lacks, for the help of refusals."""

from __future__ import annotations

from typing import Any

from lockgate.base.sql import quote_identifier
from lockgate.catalog import acl
from lockgate.catalog.builtin_rows import BuiltinRow
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import (
    Constraint,
    Extension,
    Namespace,
    Operator,
    Other,
    Policy,
    Relation,
    Rewrite,
    Routine,
    Trigger,
    Type,
)
from lockgate.catalog.typename import type_name
from lockgate.timeline.context import Context

quoted = quote_identifier
BY_SUPERUSER = "run as a superuser: "
_RELATIONS = {"v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE", "f": "FOREIGN TABLE", "c": "TYPE"}
_OTHERS = {
    "foreign_server": "SERVER",
    "fdw": "FOREIGN DATA WRAPPER",
    "event_trigger": "EVENT TRIGGER",
    "opclass": "OPERATOR CLASS",
    "opfamily": "OPERATOR FAMILY",
    "ts_config": "TEXT SEARCH CONFIGURATION",
    "ts_dict": "TEXT SEARCH DICTIONARY",
    "large_object": "LARGE OBJECT",
}


def sql_name(catalog: Catalog, obj: Any) -> str:
    """An object as ALTER names it: ``TABLE app.orders``, ``FUNCTION app.f(integer)``."""
    if isinstance(obj, Relation) and obj.index is not None:
        obj = catalog.find(Relation, obj.index.relation) or obj
    if isinstance(obj, (Trigger, Policy, Rewrite, Constraint)):
        obj = catalog.find(Relation, obj.relation) or catalog.find(Type, getattr(obj, "type", 0)) or obj
    if isinstance(obj, Operator):
        sides = (type_name(catalog, oid) if oid else "NONE" for oid in (obj.left, obj.right))
        return f"OPERATOR {quoted(catalog.namespace_name(obj.namespace))}.{obj.name} ({', '.join(sides)})"
    if isinstance(obj, Other) and obj.kind == "database":
        return 'DATABASE :"DBNAME"'  # migrations do not know it, psql does
    if isinstance(obj, Namespace | Extension):
        return f"{'SCHEMA' if isinstance(obj, Namespace) else 'EXTENSION'} {quoted(obj.name)}"
    if isinstance(obj, BuiltinRow) or (isinstance(obj, Other) and obj.oid < 0):
        from lockgate.timeline.privileges.shipped import described

        word, _, rest = described(catalog, obj).partition(" ")
        return f"{word.upper()} {rest}" if word not in ("table", "view") else rest
    space = catalog.namespace_name(getattr(obj, "namespace", 0))
    name = f"{quoted(space)}.{quoted(obj.name)}" if space else quoted(getattr(obj, "name", ""))
    match obj:
        case Relation():
            return f"{_RELATIONS.get(obj.kind, 'TABLE')} {name}"
        case Routine():
            word = {"p": "PROCEDURE", "a": "AGGREGATE"}.get(obj.kind, "FUNCTION")
            return f"{word} {name}({', '.join(type_name(catalog, oid) for oid in obj.args)})"
        case Type():
            return f"{'DOMAIN' if obj.kind == 'd' else 'TYPE'} {name}"
        case Other():
            return f"{_OTHERS.get(obj.kind, obj.kind.upper())} {name}"
        case _:
            return name


def ownership(ctx: Context, obj: Any, owner: int) -> str:
    """How the current role comes to own an object.

    The owner himself may give it away only to a role whose member he is (check_can_set_role;
    AlterObjectOwner_internal): a superuser may.
    """
    alter = f"ALTER {sql_name(ctx.catalog, obj)} OWNER TO {quoted(ctx.catalog.role_name(ctx.session.role))};"
    if acl.is_superuser(ctx.catalog, owner):
        return f"{BY_SUPERUSER}{alter}"
    return f"{BY_SUPERUSER}{alter} or once and for all: {membership(ctx, owner)}"


def member(ctx: Context, role: int) -> str:
    """How the current role comes to be a member of another."""
    return f"{BY_SUPERUSER}{membership(ctx, role)}"


def membership(ctx: Context, role: int) -> str:
    """The GRANT of a role to the current one."""
    return f"GRANT {quoted(ctx.catalog.role_name(role))} TO {quoted(ctx.catalog.role_name(ctx.session.role))};"


def attribute(ctx: Context, name: str) -> str:
    """How the current role comes to have an attribute (CREATEROLE, CREATEDB, ...)."""
    return f"{BY_SUPERUSER}ALTER ROLE {quoted(ctx.catalog.role_name(ctx.session.role))} {name.upper()};"


def privilege(ctx: Context, obj: Any, name: str, role: int | None = None) -> str:
    """The GRANT of a privilege to the current role (or to ``role``)."""
    by = (
        BY_SUPERUSER if isinstance(obj, Other) and obj.kind == "database" else ""
    )  # whose it is, is not known in production
    return by + grant(ctx.catalog, obj, name, ctx.session.role if role is None else role)


def grant(catalog: Catalog, obj: Any, name: str, role: int) -> str:
    """``GRANT name ON obj TO role;``: GRANT knows every kind of table by its bare name, and PUBLIC as role 0."""
    what = sql_name(catalog, obj)
    if isinstance(obj, Relation) and obj.kind != "S":
        what = what.removeprefix(f"{_RELATIONS.get(obj.kind, 'TABLE')} ")
    return f"GRANT {name} ON {what} TO {quoted(catalog.role_name(role)) if role else 'PUBLIC'};"
