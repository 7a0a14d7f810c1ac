"""What GRANT and REVOKE name, as objects (objectNamesToOids and objectsInSchemaToOids in
src/backend/catalog/aclchk.c)."""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.catalog.builtin import BuiltinType
from lockgate.catalog.details import LanguageTrust, is_trusted
from lockgate.catalog.initial import PLPGSQL_LANGUAGE
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, Namespace, Other, Relation, Routine, Type
from lockgate.timeline.binder import find_namespace, find_relation, find_routine, find_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingType
from lockgate.timeline.privileges.check import database
from lockgate.timeline.privileges.may import CURRENT_DATABASE
from lockgate.timeline.settings import is_custom
from lockgate.timeline.transitions.object.address import find
from lockgate.timeline.transitions.object.creation import find_other, spelled
from lockgate.timeline.transitions.object.finders import number_of

# objtype of the statement: acl kind, its word in "invalid privilege type X for ..."
KINDS = {
    "OBJECT_TABLE": ("table", "relation"),
    "OBJECT_SEQUENCE": ("sequence", "sequence"),
    "OBJECT_DATABASE": ("database", "database"),
    "OBJECT_DOMAIN": ("type", "domain"),
    "OBJECT_TYPE": ("type", "type"),
    "OBJECT_FUNCTION": ("function", "function"),
    "OBJECT_PROCEDURE": ("function", "procedure"),
    "OBJECT_ROUTINE": ("function", "routine"),
    "OBJECT_LANGUAGE": ("language", "language"),
    "OBJECT_LARGEOBJECT": ("large_object", "large object"),
    "OBJECT_SCHEMA": ("schema", "schema"),
    "OBJECT_TABLESPACE": ("tablespace", "tablespace"),
    "OBJECT_FDW": ("fdw", "foreign-data wrapper"),
    "OBJECT_FOREIGN_SERVER": ("foreign_server", "foreign server"),
    "OBJECT_PARAMETER_ACL": ("parameter", "parameter"),
}
_ROUTINE_KINDS = {"OBJECT_FUNCTION": "faw", "OBJECT_PROCEDURE": "p", "OBJECT_ROUTINE": "fpaw"}


class GrantTarget(msgspec.Struct, frozen=True):
    """An object of a GRANT, and where the statement names it. ``object`` may be built in."""

    object: Any
    location: int | None = None
    name: str = ""


def targets(ctx: Context, node: Node) -> list[GrantTarget]:
    """The objects that a GrantStmt names, in order; all are looked up before any is changed."""
    objtype = node["objtype"]
    if objtype == "OBJECT_PARAMETER_ACL":
        return _parameters(ctx, node)
    if node.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        return [
            target
            for item in node.get("objects", [])
            for target in _in_schema(ctx, objtype, item["String"].get("sval", ""))
        ]
    return [_target(ctx, objtype, item) for item in node.get("objects", [])]


def _target(ctx: Context, objtype: str, item: Node) -> GrantTarget:
    match objtype:
        case "OBJECT_TABLE" | "OBJECT_SEQUENCE":
            var = item["RangeVar"]
            return GrantTarget(find_relation(ctx, var), var.get("location", 0), var.get("relname", ""))
        case "OBJECT_FUNCTION" | "OBJECT_PROCEDURE" | "OBJECT_ROUTINE":
            found = find_routine(ctx, item["ObjectWithArgs"], _ROUTINE_KINDS[objtype])
            return GrantTarget(found, None, getattr(found, "name", ""))
        case "OBJECT_TYPE" | "OBJECT_DOMAIN":
            target = _type(ctx, item["List"]["items"])
            if objtype == "OBJECT_DOMAIN" and ctx.catalog.major >= 18:
                _check_domain(ctx, target, spelled(item["List"]["items"]))
            return target
        case "OBJECT_SCHEMA":
            return _schema(ctx, item["String"].get("sval", ""))
        case "OBJECT_DATABASE":
            name = item["String"].get("sval", "")
            found = ctx.catalog.one(Other, ("database", 0, name))
            return GrantTarget(
                found if found is not None and found.oid != CURRENT_DATABASE else database(ctx), None, name
            )
        case "OBJECT_LANGUAGE":
            name = item["String"].get("sval", "")
            return GrantTarget(_language(ctx, name), None, name)
        case "OBJECT_FDW":
            name = item["String"].get("sval", "")
            return GrantTarget(find_other(ctx, "fdw", name, "foreign-data wrapper"), None, name)
        case "OBJECT_FOREIGN_SERVER":
            name = item["String"].get("sval", "")
            return GrantTarget(find_other(ctx, "foreign_server", name, "server"), None, name)
        case "OBJECT_TABLESPACE":
            name = item["String"].get("sval", "")
            return GrantTarget(_tablespace(ctx, name), None, name)
        case "OBJECT_LARGEOBJECT":
            found = find(ctx, objtype, item)
            return GrantTarget(found.obj if found is not None else None, None, number_of(item))
        case _:
            return GrantTarget(None)


def _tablespace(ctx: Context, name: str) -> Other | None:
    oid = ctx.catalog.builtins.oid_of("tablespaces", name)
    found = ctx.catalog.one(Other, ("tablespace", 0, name))
    return found or (Other(oid, "tablespace", name, 0, BOOTSTRAP_SUPERUSER) if oid else None)


def _parameters(ctx: Context, node: Node) -> list[GrantTarget]:
    """Parameters have an entry once something is granted on them; REVOKE passes over those without
    (ParameterAclCreate)."""
    found = []
    for item in node.get("objects", []):
        name = item["String"].get("sval", "")
        key = name.lower()
        known = ctx.catalog.one(Other, ("parameter", 0, key))
        if known is None and node.get("is_grant"):
            if ctx.catalog.builtins.setting(name) is None and not is_custom(name):
                raise _unknown(ctx, name)
            known = Other(ctx.catalog.new_oid(), "parameter", key, 0, BOOTSTRAP_SUPERUSER)
            ctx.catalog.put(known)
        if known is not None:
            found.append(GrantTarget(known, None, name))
    return found


def _unknown(ctx: Context, name: str) -> Exception:
    if ctx.catalog.major >= 17 and "." not in name:
        return ctx.refuse(
            "42704", f'unrecognized configuration parameter "{name}"', None, name=name, object=name, kind="other"
        )
    words = "configuration parameter" if ctx.catalog.major >= 17 else "parameter"
    return ctx.refuse("42602", f'invalid {words} name "{name}"', None, name=name, object=name, kind="other")


def _type(ctx: Context, names: list[Any]) -> GrantTarget:
    found = find_type(ctx, names)
    shown = spelled(names)
    name = shown.rpartition(".")[2]
    if found is None:
        event = next(
            (e for oid in ctx.path() if (e := ctx.catalog.events.get(("type", ctx.catalog.namespace_name(oid), name)))),
            None,
        )
        raise ctx.refuse(
            "42704",
            f'type "{shown}" does not exist',
            None,
            name=name,
            object=shown,
            kind="type",
            event=event,
            subject=MissingType(name, shown.rpartition(".")[0]),
        )
    return GrantTarget(found, None, name)


def _check_domain(ctx: Context, target: GrantTarget, shown: str) -> None:
    """From 18 on the lookup refuses what is no domain, before grantees are looked up (objectNamesToOids by way of
    get_object_address_type)."""
    if isinstance(target.object, (Type, BuiltinType)) and _typtype(target.object) != "d":
        raise _wrong(ctx, target, f'"{shown}" is not a domain')


def _schema(ctx: Context, name: str) -> GrantTarget:
    from lockgate.timeline.binder.names import missing_namespace

    found = ctx.catalog.namespace(name)
    if found is None:
        if ctx.catalog.taint_of(("any",), ("name", "namespace", 0, name)):
            raise ctx.unsure(f"whether schema {name} exists is not known")
        raise missing_namespace(ctx, name, None)
    return GrantTarget(found, None, name)


def _language(ctx: Context, name: str) -> Other:
    from lockgate.timeline.transitions.routine.result import find_language

    language = find_language(ctx, name)
    oid = PLPGSQL_LANGUAGE if name == "plpgsql" else ctx.catalog.builtins.oid_of("languages", name)
    return language.object or Other(
        oid, "language", name, 0, BOOTSTRAP_SUPERUSER, details=LanguageTrust(language.trusted)
    )


def _in_schema(ctx: Context, objtype: str, schema: str) -> list[GrantTarget]:
    space = find_namespace(ctx, schema)
    if space is None:
        return []
    found = ctx.catalog.in_namespace(space.oid)
    match objtype:
        case "OBJECT_TABLE":
            # in the order of objectsInSchemaToOids: tables, views, materialized views, foreign tables, partitioned
            # tables
            picked: list[Any] = [o for kind in "rvmfp" for o in found if isinstance(o, Relation) and o.kind == kind]
        case "OBJECT_SEQUENCE":
            picked = [o for o in found if isinstance(o, Relation) and o.kind == "S"]
        case _:
            kinds = _ROUTINE_KINDS[objtype]
            picked = [o for o in found if isinstance(o, Routine) and o.kind in kinds]
    return [GrantTarget(o, None, o.name) for o in picked]


def check_kind(ctx: Context, target: GrantTarget, objtype: str) -> None:
    """The object must be of the kind that the statement says (42809, 0LP01)."""
    found = target.object
    kind = getattr(found, "kind", "") or getattr(found, "relkind", "")
    if objtype == "OBJECT_LANGUAGE" and not is_trusted(found.details):
        raise ctx.refuse(
            "42809",
            f'language "{found.name}" is not trusted',
            None,
            name=found.name,
            object=found.name,
            kind="language",
            help="GRANT and REVOKE are not allowed on untrusted languages: only superusers can use them.",
        )
    if objtype in ("OBJECT_TABLE", "OBJECT_SEQUENCE"):
        if kind in ("i", "I"):
            raise _wrong(ctx, target, f'"{found.name}" is an index')
        if kind == "c":
            raise _wrong(ctx, target, f'"{found.name}" is a composite type')
        if objtype == "OBJECT_SEQUENCE" and kind != "S":
            raise _wrong(ctx, target, f'"{found.name}" is not a sequence')
    elif objtype in ("OBJECT_TYPE", "OBJECT_DOMAIN") and isinstance(found, (Type, BuiltinType)):
        _check_type(ctx, target, found, objtype)


def _check_type(ctx: Context, target: GrantTarget, found: Type | BuiltinType, objtype: str) -> None:
    """ExecGrant_Type_check."""
    kind = _typtype(found)
    if found.elem and found.category == "A":
        said, helps = "cannot set privileges of array types", "Set the privileges of the element type instead."
        raise ctx.refuse("0LP01", said, None, name=target.name, kind="type", help=helps)
    if ctx.catalog.major >= 17 and kind == "m":
        said, helps = "cannot set privileges of multirange types", "Set the privileges of the range type instead."
        raise ctx.refuse("0LP01", said, None, name=target.name, kind="type", help=helps)
    if objtype == "OBJECT_DOMAIN" and kind != "d":
        raise _wrong(ctx, target, f'"{found.name}" is not a domain')


def _typtype(found: Type | BuiltinType) -> str:
    return found.kind if isinstance(found, Type) else found.typtype


def _wrong(ctx: Context, target: GrantTarget, message: str) -> Exception:
    shown = (
        ctx.catalog.qualified(target.object) if isinstance(target.object, (Relation, Type, Namespace)) else target.name
    )
    return ctx.refuse("42809", message, target.location, name=target.name, object=shown, kind="relation")
