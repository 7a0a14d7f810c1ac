"""Whose an object must be for COMMENT, DROP and SECURITY LABEL (check_object_ownership in
src/backend/catalog/objectaddress.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog import acl
from lockgate.catalog.objects import Cast, Relation, Role, Routine, Type
from lockgate.catalog.typename import type_name
from lockgate.timeline.binder import words
from lockgate.timeline.context import Context
from lockgate.timeline.failure import NotOwner
from lockgate.timeline.privileges.check import need_owner, need_superuser
from lockgate.timeline.privileges.may import has_owner
from lockgate.timeline.transitions.object.address import RELATION_KINDS

_PARTS = ("OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE")
_SUPERUSERS = ("OBJECT_TSPARSER", "OBJECT_TSTEMPLATE", "OBJECT_ACCESS_METHOD")
_WORDS = {
    "OBJECT_FUNCTION": "function",
    "OBJECT_PROCEDURE": "procedure",
    "OBJECT_AGGREGATE": "aggregate",
    "OBJECT_ROUTINE": "routine",
}


def need_ownership(ctx: Context, kind: str, node: Any, obj: Any) -> None:
    """Refuse with 42501 where the current role is not the owner of an object of a kind (OBJECT_*), which ``node``
    names."""
    match obj:
        case Role():
            _need_role(ctx, obj)
        case Cast():
            _need_cast(ctx, obj)
        case _ if kind in _SUPERUSERS:
            need_superuser(ctx, "must be superuser", name=obj.name)
        case _ if kind in _PARTS:
            holder = ctx.catalog.the(Relation, obj.relation)
            need_owner(ctx, holder, name=holder.name, kind="relation")
        case _ if kind == "OBJECT_DOMCONSTRAINT":
            need_owner(ctx, ctx.catalog.the(Type, obj.type))
        case _ if kind == "OBJECT_COLUMN":
            need_owner(ctx, obj, name=obj.name, kind="relation")
        case _ if kind in RELATION_KINDS or isinstance(obj, Type):
            need_owner(ctx, obj, name=obj.name)
        case _:
            need_owner(ctx, obj, name=obj.name, kind=_WORDS.get(kind, ""), shown=_written(node))


def need_own(ctx: Context, obj: Any) -> None:
    """What ALTER ... OWNER TO, RENAME and SET SCHEMA of the lesser kinds ask, to which every routine is a function
    (get_object_type)."""
    need_owner(ctx, obj, name=obj.name, kind="function" if isinstance(obj, Routine) else "")


def _written(node: Any) -> str:
    """The name as the statement has it (NameListToString)."""
    if "ObjectWithArgs" in node:
        return ".".join(words(node["ObjectWithArgs"]["objname"]))
    if "List" in node:
        return ".".join(words(node["List"]["items"]))
    return ""


def _need_cast(ctx: Context, cast: Cast) -> None:
    ends = [ctx.catalog.find(Type, oid) or ctx.catalog.builtins.type_by_oid(oid) for oid in (cast.source, cast.target)]
    if all(has_owner(ctx, end) == "no" for end in ends):
        shown = [type_name(ctx.catalog, oid, None, ctx.path()) for oid in (cast.source, cast.target)]
        raise ctx.refuse(
            "42501", f"must be owner of type {shown[0]} or type {shown[1]}", None, kind="owner", subject=NotOwner()
        )


def _need_role(ctx: Context, role: Role) -> None:
    """Roles belong to those with CREATEROLE (from 16: with the ADMIN option), superusers to superusers."""
    from lockgate.timeline.transitions.role.role import has_attribute, refuse_right

    old = ctx.catalog.major < 16
    if role.superuser:
        need_superuser(ctx, "must be superuser" if old else "permission denied", name=role.name)
    elif old:
        refuse_right(ctx, has_attribute(ctx, "createrole"), "must have CREATEROLE privilege", name=role.name)
    else:
        refuse_right(ctx, acl.is_admin(ctx.catalog, ctx.session.role, role.oid), "permission denied", name=role.name)
