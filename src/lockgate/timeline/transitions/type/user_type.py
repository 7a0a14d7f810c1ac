"""Types of the user's: found, stored, and who may use them."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.objects import Namespace, Type
from lockgate.catalog.typename import type_name, type_of
from lockgate.timeline.binder import find_type
from lockgate.timeline.binder.names import did_you_mean
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingType
from lockgate.timeline.naming import array_type_name
from lockgate.timeline.privileges.check import initial_acl, need_owner, need_privilege
from lockgate.timeline.transitions.object.creation import spelled
from lockgate.timeline.transitions.relation.relation import (
    type_kind,
)


def put_type(ctx: Context, new: Type, *, array: bool = True, location: int | None = None) -> Type:
    """TypeCreate: the type, its array type, and what they depend on (GenerateTypeDependencies)."""
    catalog = ctx.catalog
    if array:
        oid = catalog.new_oid()
        new = replace(new, array=oid)
    catalog.put(new)
    catalog.untaint(("name", "type", new.namespace, new.name))
    catalog.depend((new.oid, 0), [(new.namespace, 0)])
    if array:
        name = array_type_name(catalog, new.name, new.namespace)
        catalog.put(Type(new.array, name, new.namespace, new.owner, "b", "A", elem=new.oid, collation=new.collation))
        catalog.depend((new.array, 0), [(new.oid, 0)], "i")
    ctx.created(new, location=location, name=new.name)
    return new


def ensure_fresh(ctx: Context, space: Namespace, name: str, kind: str, category: str) -> Type:
    return Type(
        ctx.catalog.new_oid(),
        name,
        space.oid,
        ctx.session.role,
        kind,
        category,
        acl=initial_acl(ctx, "type", space.oid, ctx.session.role),
    )


def user_type(ctx: Context, node: Node, *, field: str = "typeName", kinds: str = "") -> Type:
    """The user's type that an ALTER names; 42704 where there is none. Built-in ones belong to the superuser."""
    names = node[field]
    found = find_type(ctx, names)
    if found is None:
        shown = spelled(names)
        event = next(
            (
                e
                for oid in ctx.path()
                if (e := ctx.catalog.events.get(("type", ctx.catalog.namespace_name(oid), shown.rpartition(".")[2])))
            ),
            None,
        )
        near = did_you_mean(shown.rpartition(".")[2], [t.name for t in ctx.catalog.objects(Type) if not t.elem])
        raise ctx.refuse(
            "42704",
            f'type "{shown}" does not exist',
            None,
            name=shown.rpartition(".")[2],
            object=shown,
            help=near,
            kind="type",
            event=event,
            subject=MissingType(shown.rpartition(".")[2], shown.rpartition(".")[0]),
        )
    if not isinstance(found, Type):
        if kinds and type_kind(ctx, found.oid) not in kinds:
            raise _not_a(ctx, found.oid, kinds, found.name)
        need_owner(ctx, found, kind="type", name=found.name)
        raise ctx.unsure(f"the built-in type {found.name} is altered")
    if kinds and found.kind not in kinds:
        raise _not_a(ctx, found.oid, kinds, found.name)
    return found


def _not_a(ctx: Context, oid: int, kinds: str, name: str) -> Exception:
    shown = type_name(ctx.catalog, oid, None, ctx.path())
    word = {"e": "an enum", "d": "a domain"}.get(kinds[0], "a composite type")
    return ctx.refuse("42809", f"{shown} is not {word}", None, name=name, object=shown, kind="type")


def need_type_usage(ctx: Context, oid: int, location: int | None = None) -> None:
    """USAGE on a type that a new object is made of."""
    found = type_of(ctx.catalog, oid)
    if isinstance(found, Type):
        need_privilege(ctx, found, "USAGE", location, kind="type")
