"""OWNER TO (ExecAlterOwnerStmt in src/backend/commands/alter.c, ATExecChangeOwner in tablecmds.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.catalog.details import ForeignServerWrapper, PublicationScope
from lockgate.catalog.objects import Namespace, Other, Relation, Role, Type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import NoPrivilege
from lockgate.timeline.privileges.check import (
    database,
    denied,
    is_superuser,
    need_attribute,
    need_create_on_database,
    need_member,
    need_owner,
    need_superuser,
)
from lockgate.timeline.privileges.may import CURRENT_DATABASE, has_privilege, owner_of
from lockgate.timeline.transitions.object.address import find
from lockgate.timeline.transitions.object.creation import find_role
from lockgate.timeline.transitions.relation.sequence import owned_sequences
from lockgate.timeline.transitions.role.ownership import need_own


def role_of(ctx: Context, spec: Node) -> Role:
    """The role of a RoleSpec (42704)."""
    found = find_role(ctx, spec)
    assert found is not None
    return found


def alter_owner(ctx: Context, node: Node) -> None:
    """ALTER kind name OWNER TO role, for what is no table."""
    kind = node["objectType"]
    role = role_of(ctx, node["newowner"])
    location = node["newowner"].get("location")
    if kind == "OBJECT_DATABASE":
        _database_owner(ctx, node["object"]["String"].get("sval", ""), role, location)
        return
    found = find(ctx, kind, node.get("object", {}))
    if found is None or found.address is None:
        if found is not None and found.obj is not None:
            need_own(ctx, found.obj)
        ctx.notes.append(f"OWNER TO of {kind}")
        return
    obj = found.obj
    if isinstance(obj, Type):
        change_type_owner(ctx, obj, role, location)
        return
    if getattr(obj, "owner", None) == role.oid and getattr(obj, "kind", "") != "fdw":
        return
    may_give(ctx, obj, role, location)
    set_owner(ctx, obj, role.oid)


def may_give(ctx: Context, obj: Any, role: Role, location: int | None) -> None:
    """Whether an object that is no relation and no type may go to a role. Refuses with 42501."""
    if isinstance(obj, Other) and obj.kind == "fdw":
        _need_superusers(ctx, obj, role, must=True)
        return
    need_own(ctx, obj)
    if isinstance(obj, Other) and obj.kind == "event_trigger":
        _need_superusers(ctx, obj, role)
        return
    if isinstance(obj, Other) and obj.kind == "subscription":
        _subscription_owner(ctx, obj, role, location)
        return
    need_member(ctx, role, location, name=role.name)
    _need_create(ctx, obj, role, location)


def _subscription_owner(ctx: Context, obj: Other, role: Role, location: int | None) -> None:
    """AlterSubscriptionOwner_internal: before 16 to superusers only."""
    if ctx.catalog.major < 16:
        _need_superusers(ctx, obj, role)
        return
    need_member(ctx, role, location, name=role.name)
    need_create_on_database(ctx)


def _need_create(ctx: Context, obj: Any, role: Role, location: int | None) -> None:
    """The new owner needs CREATE on the schema (or database); superusers need not ask."""
    if is_superuser(ctx) != "no":
        return
    if isinstance(obj, Namespace):
        need_create_on_database(ctx)
        return
    if isinstance(obj, Other) and obj.kind == "foreign_server":
        details = obj.details
        wrapper = ctx.catalog.find(Other, details.wrapper) if isinstance(details, ForeignServerWrapper) else None
        if wrapper is not None and has_privilege(ctx, wrapper, "USAGE", role=role.oid) == "no":
            raise denied(ctx, wrapper, "USAGE", location, name=role.name, role=role.oid)
    if isinstance(obj, Other) and obj.kind == "publication":
        _publication_owner(ctx, obj, role, location)
    space = ctx.catalog.find(Namespace, getattr(obj, "namespace", 0))
    if space is not None and has_privilege(ctx, space, "CREATE", role=role.oid) == "no":
        raise ctx.refuse(
            "42501",
            f"permission denied for schema {space.name}",
            location,
            name=role.name,
            object=space.name,
            kind="privilege",
            subject=NoPrivilege(),
        )


def _database_owner(ctx: Context, name: str, role: Role, location: int | None) -> None:
    """AlterDatabaseOwner: who gives a database away must own it, belong to the new owner, and have CREATEDB."""
    found = ctx.catalog.one(Other, ("database", 0, name)) or database(
        ctx
    )  # one that the timeline did not make is the current one
    if owner_of(ctx.catalog, found) == role.oid:
        return
    need_owner(ctx, found, name=name, shown=name)
    need_member(ctx, role, location, name=role.name)
    need_attribute(ctx, "createdb", "permission denied to change owner of database", name=name)
    set_owner(ctx, found, role.oid)


def _publication_owner(ctx: Context, obj: Other, role: Role, location: int | None) -> None:
    """AlterPublicationOwner_internal: CREATE on the database; who owns a publication of all tables or of schemas must
    be a superuser."""
    if has_privilege(ctx, database(ctx), "CREATE", role=role.oid) == "no":
        raise denied(ctx, database(ctx), "CREATE", location, name=role.name, role=role.oid)
    if (isinstance(obj.details, PublicationScope) and obj.details.every_table) or any(
        ctx.catalog.find(Namespace, e.referenced[0]) for e in ctx.catalog.dependencies(obj.oid)
    ):
        _need_superusers(ctx, obj, role)


def _need_superusers(ctx: Context, obj: Other, role: Role, *, must: bool = False) -> None:
    """The new owner must be a superuser; with ``must`` the current role, too."""
    message = f'permission denied to change owner of {_other_word(obj)} "{obj.name}"'
    if must:
        need_superuser(ctx, message, name=obj.name)
    if is_superuser(ctx, role.oid) == "no":
        raise ctx.refuse(
            "42501",
            message,
            None,
            name=role.name,
            object=obj.name,
            kind="superuser",
            help=f"The owner of {_other_word(obj)} {obj.name} must be a superuser.",
        )


def _other_word(obj: Other) -> str:
    return {"fdw": "foreign-data wrapper", "event_trigger": "event trigger"}.get(obj.kind, obj.kind)


def set_owner(ctx: Context, obj: Any, owner: int) -> None:
    """Write the new owner; privileges that the old one held pass over (aclnewowner)."""
    if isinstance(obj, Other) and obj.oid == CURRENT_DATABASE:
        ctx.catalog.database_owner = owner
    acl = getattr(obj, "acl", None)
    if acl is not None:
        acl = new_owner_acl(acl, obj.owner, owner)
        ctx.catalog.put(replace(obj, owner=owner, acl=acl))
    else:
        ctx.catalog.put(replace(obj, owner=owner))


def new_owner_acl(acl: tuple[Any, ...], old: int, new: int) -> tuple[Any, ...]:
    """aclnewowner: the old owner's items and grants become the new owner's; doubles are merged."""
    merged: dict[tuple[int, int], tuple[str, str]] = {}
    for grantee, letters, options, grantor in acl:
        key = (new if grantee == old else grantee, new if grantor == old else grantor)
        before = merged.get(key, ("", ""))
        merged[key] = ("".join(dict.fromkeys(before[0] + letters)), "".join(dict.fromkeys(before[1] + options)))
    return tuple((grantee, letters, options, grantor) for (grantee, grantor), (letters, options) in merged.items())


def change_type_owner(ctx: Context, found: Type, role: Role, location: int | None) -> None:
    """AlterTypeOwner: with the array type, the composite's relation, the multirange."""
    relation = ctx.catalog.find(Relation, found.relation)
    if relation is not None and relation.kind != "c":
        raise ctx.refuse(
            "42809",
            f"{found.name} is a table's row type",
            name=found.name,
            kind="type",
            help="Use ALTER TABLE instead.",
        )
    if found.elem and found.category == "A":
        element = ctx.catalog.find(Type, found.elem)
        shown = element.name if element else ""
        raise ctx.refuse(
            "42809",
            f"cannot alter array type {found.name}",
            name=found.name,
            kind="type",
            help=f"You can alter type {shown}, which will alter the array type as well.",
        )
    if found.owner == role.oid:
        return
    need_owner(ctx, found, name=found.name)
    need_member(ctx, role, location, name=role.name)
    _need_create(ctx, found, role, location)
    if relation is not None:
        change_relation_owner(ctx, relation, role, location, checked=True)
        return
    for oid in (found.oid, found.array, found.multirange):
        _own_type(ctx, oid, role.oid)
    multirange = ctx.catalog.find(Type, found.multirange)
    if multirange is not None:
        _own_type(ctx, multirange.array, role.oid)


def _own_type(ctx: Context, oid: int, owner: int) -> None:
    found = ctx.catalog.find(Type, oid)
    if found is not None:
        set_owner(ctx, found, owner)


def change_relation_owner(
    ctx: Context, relation: Relation, role: Role, location: int | None, *, checked: bool = False
) -> None:
    """ATExecChangeOwner: with the row type, indexes and owned sequences."""
    if (
        relation.kind == "S"
        and not checked
        and relation.owner != role.oid
        and relation.sequence is not None
        and relation.sequence.owned
    ):
        table = ctx.catalog.find(Relation, relation.sequence.owned[0])
        raise ctx.refuse(
            "0A000",
            f'cannot change owner of sequence "{relation.name}"',
            name=relation.name,
            kind="sequence",
            help=f'Sequence "{relation.name}" is linked to table "{table.name if table else "?"}".',
        )
    if relation.kind in "iI" and not checked:
        ctx.warn(f'cannot change owner of index "{relation.name}"', level="WARNING", sqlstate="42809")
        return
    if relation.owner == role.oid:
        return
    if not checked:
        need_owner(ctx, relation, name=relation.name)
        need_member(ctx, role, location, name=role.name)
        _need_create(ctx, relation, role, location)
    set_owner(ctx, relation, role.oid)
    _own_columns(ctx, relation, role.oid)
    rowtype = ctx.catalog.find(Type, relation.rowtype)
    if rowtype is not None:
        _own_type(ctx, rowtype.oid, role.oid)
        _own_type(ctx, rowtype.array, role.oid)
    for index in ctx.catalog.of_relation(relation.oid, Relation):
        ctx.catalog.put(replace(index, owner=role.oid))
    for sequence in owned_sequences(ctx, relation.oid):
        change_relation_owner(ctx, sequence, role, location, checked=True)


def _own_columns(ctx: Context, relation: Relation, owner: int) -> None:
    if any(a.acl for a in relation.attributes):
        current = ctx.catalog.the(Relation, relation.oid)
        attributes = tuple(
            replace(a, acl=new_owner_acl(a.acl, relation.owner, owner)) if a.acl else a for a in current.attributes
        )
        ctx.catalog.put(replace(current, attributes=attributes))


HANDLERS = {"AlterOwnerStmt": alter_owner}
