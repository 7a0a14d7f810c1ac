"""REASSIGN OWNED and DROP OWNED (shdepReassignOwned and shdepDropOwned in src/backend/catalog/pg_shdepend.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.catalog import acl
from lockgate.catalog.objects import FIRST_USER_OID, Policy, Relation, Role, Type
from lockgate.timeline import dependency
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.remedy import member
from lockgate.timeline.transitions.object.creation import find_role
from lockgate.timeline.transitions.role.belongings import acls, everything, owned
from lockgate.timeline.transitions.role.grant import revoke_all
from lockgate.timeline.transitions.role.owner import may_give
from lockgate.timeline.transitions.role.role import refuse_right

_SHARED = ("database", "tablespace")  # of all databases: DROP OWNED leaves them


def _roles(ctx: Context, node: Node, verb: str) -> list[Role]:
    roles = [r for item in node["roles"] if (r := find_role(ctx, item["RoleSpec"])) is not None]
    for role in roles:
        _need(ctx, role, verb)
    return roles


def _need(ctx: Context, role: Role, verb: str) -> None:
    yes = acl.has_privileges_of(ctx.catalog, ctx.session.role, role.oid)
    refuse_right(ctx, yes, f"permission denied to {verb} objects", member(ctx, role.oid), role.name)


def _pinned(ctx: Context, role: Role, verb: str) -> None:
    if role.oid < FIRST_USER_OID and ctx.session.known:
        message = f"cannot {verb} objects owned by role {role.name} because they are required by the database system"
        raise ctx.refuse(
            "2BP01",
            message.replace("reassign objects", "reassign ownership of objects"),
            None,
            name=role.name,
            kind="dependent",
        )


def reassign_owned(ctx: Context, node: Node) -> None:
    """ReassignOwnedObjects."""
    roles = _roles(ctx, node, "reassign")
    new = find_role(ctx, node["newrole"])
    assert new is not None
    _need(ctx, new, "reassign")
    if not ctx.session.known:
        raise ctx.unsure("which objects change hands is not known", ("privileges",), keep=True)
    for role in roles:
        _pinned(ctx, role, "reassign")
        for obj in list(everything(ctx.catalog)):
            if getattr(obj, "owner", None) == role.oid != new.oid and getattr(obj, "kind", "") != "user_mapping":
                _may_reassign(ctx, obj, new)
                _reassign(ctx, obj, role.oid, new.oid)
        if ctx.catalog.database_owner == role.oid:
            ctx.catalog.database_owner = new.oid


def _may_reassign(ctx: Context, obj: Any, new: Role) -> None:
    """Tables and types change hands unasked; schemas and the rest as under OWNER TO (AlterSchemaOwner_oid,
    AlterObjectOwner_internal)."""
    if not isinstance(obj, (Relation, Type)) and getattr(obj, "kind", "") not in (
        "default",
        "publication_rel",
        "publication_namespace",
    ):
        may_give(ctx, obj, new, None)


def _reassign(ctx: Context, obj: Any, old: int, new: int) -> None:
    changes: dict[str, Any] = {"owner": new}
    if hasattr(obj, "acl"):
        changes["acl"] = acl.new_owner(obj.acl, old, new)
    if isinstance(obj, Relation):
        changes["attributes"] = tuple(
            replace(a, acl=acl.new_owner(a.acl, old, new)) if a.acl else a for a in obj.attributes
        )
    ctx.catalog.put(replace(obj, **changes))


def drop_owned(ctx: Context, node: Node) -> None:
    """DropOwnedObjects: privileges granted to the roles go first, then what they own."""
    roles = _roles(ctx, node, "drop")
    if not ctx.session.known:
        raise ctx.unsure("which objects are dropped is not known", ("any",))
    for role in roles:
        _pinned(ctx, role, "drop")
    beside = 0
    for role in roles:
        for obj in list(everything(ctx.catalog)):
            _strip(ctx, obj, role.oid)
        if ctx.catalog.major >= 16:
            beside += sum(m.grantor == role.oid for m in ctx.catalog.memberships)
            ctx.catalog.memberships = tuple(m for m in ctx.catalog.memberships if m.grantor != role.oid)
        beside += sum(k[0] == role.oid for k in ctx.catalog.default_acls)
        kept = {k: _without(v, role.oid) for k, v in ctx.catalog.default_acls.items() if k[0] != role.oid}
        ctx.catalog.default_acls = type(ctx.catalog.default_acls)(
            {k: v for k, v in kept.items() if not _is_default(ctx, k, v)}
        )
    doomed = [
        (obj.oid, 0)
        for role in roles
        for obj in owned(ctx.catalog, role.oid)
        if not getattr(obj, "extension", 0) and getattr(obj, "kind", "") not in _SHARED
    ]
    dependency.drop(ctx, doomed, cascade=node.get("behavior") == "DROP_CASCADE", beside=beside)


def _without(items: Any, role: int) -> Any:
    return tuple(i for i in items if i[0] != role)


def _is_default(ctx: Context, key: tuple[int, int, str], items: Any) -> bool:
    """Whether a row of pg_default_acl says nothing any more (SetDefaultACL deletes it)."""
    role, space, kind = key
    return acl.same(items, () if space else acl.default_acl(kind, role, ctx.catalog.major))


def _strip(ctx: Context, obj: Any, role: int) -> None:
    if isinstance(obj, Policy) and role in obj.roles:
        left = tuple(r for r in obj.roles if r != role)
        if left:
            ctx.catalog.put(replace(obj, roles=left))
        else:
            dependency.erase(ctx.catalog, obj.oid)
        return
    if getattr(obj, "owner", None) == role or not any(acl.mentions(a, role) for a in acls(obj)):
        return
    revoke_all(ctx, obj, role)


HANDLERS = {"ReassignOwnedStmt": reassign_owned, "DropOwnedStmt": drop_owned}
