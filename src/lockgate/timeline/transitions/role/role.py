"""CREATE, ALTER and DROP ROLE (src/backend/commands/user.c)."""

from __future__ import annotations

from typing import Any, cast

from msgspec.structs import replace

from lockgate.catalog import acl
from lockgate.catalog.objects import (
    BOOTSTRAP_SUPERUSER,
    FIRST_USER_OID,
    Membership,
    Role,
)
from lockgate.timeline.binder.names import did_you_mean
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import NoPrivilege
from lockgate.timeline.privileges import check as privileges
from lockgate.timeline.privileges import remedy
from lockgate.timeline.privileges.check import need_owner, need_superuser
from lockgate.timeline.transitions.object.creation import doubt, find_role, flag_of, once
from lockgate.timeline.transitions.relation.new_name import created_here
from lockgate.timeline.transitions.role.belongings import dependents
from lockgate.timeline.transitions.role.membership import add_members, authorize, drop_members

_FLAGS = {
    "superuser": "superuser",
    "inherit": "inherit",
    "createrole": "createrole",
    "createdb": "createdb",
    "canlogin": "login",
    "isreplication": "replication",
    "bypassrls": "bypassrls",
}


def refuse_right(ctx: Context, yes: bool, message: str, help: str = "", name: str | None = None) -> None:
    """A right over roles: refused with 42501 where it is certainly lacking."""
    unknown = not ctx.session.known or ctx.unchecked
    if not (yes or unknown or ctx.catalog.taint_of(("any",), ("privileges",))):
        raise ctx.refuse("42501", message, None, name=name, help=help, kind="privilege", subject=NoPrivilege())


def has_attribute(ctx: Context, attribute: str) -> bool:
    """Whether the current role has an attribute, or is a superuser."""
    role = ctx.catalog.find(Role, ctx.session.role)
    return acl.is_superuser(ctx.catalog, ctx.session.role) or bool(role is not None and getattr(role, attribute))


def _superuser(ctx: Context) -> bool:
    return acl.is_superuser(ctx.catalog, ctx.session.role)


def create_role(ctx: Context, node: Node) -> None:
    """CreateRole."""
    name = node["role"]
    options = once(ctx, node.get("options", []))
    flags = {field: flag_of(options[key]) for key, field in _FLAGS.items() if key in options}
    flags.setdefault("login", node.get("stmt_type") == "ROLESTMT_USER")
    _may_create(ctx, flags)
    _check_reserved(ctx, name)
    existing = ctx.catalog.role(name)
    if existing is not None:
        if doubt(ctx, "role", 0, name, existing.oid) is None:
            raise ctx.refuse(
                "42710",
                f'role "{name}" already exists',
                name=name,
                object=name,
                kind="role",
                related=created_here(ctx, existing.oid),
            )
        return
    role = replace(Role(ctx.catalog.new_oid(), name), **cast(Any, flags))
    ctx.catalog.put(role)
    ctx.catalog.untaint(("name", "role", 0, name))
    ctx.created(role, name=name)
    for spec in _specs(options, "addroleto"):
        authorize(ctx, _the(ctx, spec), None, [role])
        add_members(ctx, _the(ctx, spec), [role], {})
    if (
        ctx.catalog.major >= 16 and not _superuser(ctx) and ctx.session.known and not ctx.unchecked
    ):  # else a superuser makes it
        _grant_to_creator(ctx, role)
    for key, admin in (("rolemembers", {}), ("adminmembers", {"admin": True})):
        members = [_the(ctx, s) for s in _specs(options, key)]
        if ctx.catalog.major < 16:
            authorize(ctx, role, None, members)
        add_members(ctx, role, members, admin)


def _grant_to_creator(ctx: Context, role: Role) -> None:
    """Who makes a role may administer it, and is granted it as createrole_self_grant says."""
    own = [Membership(role.oid, ctx.session.role, BOOTSTRAP_SUPERUSER, admin=True, inherit=False, set=False)]
    options = {word.strip().lower() for word in ctx.session.settings.get("createrole_self_grant", "").split(",")} - {""}
    if options:
        own.append(
            Membership(role.oid, ctx.session.role, ctx.session.role, inherit="inherit" in options, set="set" in options)
        )
    ctx.catalog.memberships = (*ctx.catalog.memberships, *own)


def _the(ctx: Context, spec: Node) -> Role:
    found = find_role(ctx, spec)
    assert found is not None
    return found


def _specs(options: dict[str, Node], name: str) -> list[Node]:
    return [i["RoleSpec"] for i in options[name]["arg"]["List"]["items"]] if name in options else []


def _check_reserved(ctx: Context, name: str) -> None:
    if name.startswith("pg_"):
        raise ctx.refuse(
            "42939",
            f'role name "{name}" is reserved',
            name=name,
            object=name,
            kind="role",
            help='Role names starting with "pg_" are reserved.',
        )


def _may_create(ctx: Context, flags: dict[str, bool]) -> None:
    if ctx.catalog.major < 16:
        for field, word in (
            ("superuser", "superusers"),
            ("replication", "replication users"),
            ("bypassrls", "bypassrls users"),
        ):
            if flags.get(field) if field != "replication" else field in flags and flags[field]:
                need_superuser(ctx, f"must be superuser to create {word}")
                return
        refuse_right(
            ctx,
            has_attribute(ctx, "createrole"),
            "permission denied to create role",
            remedy.attribute(ctx, "createrole"),
        )
        return
    refuse_right(
        ctx,
        has_attribute(ctx, "createrole"),
        "permission denied to create role",
        remedy.attribute(ctx, "createrole"),
    )
    for field in ("superuser", "createdb", "replication", "bypassrls"):
        if flags.get(field):
            allowed = _superuser(ctx) if field == "superuser" else has_attribute(ctx, field)
            help = f"Only roles with the {field.upper()} attribute may create roles with the {field.upper()} attribute."
            refuse_right(ctx, allowed, "permission denied to create role", help)


# --- ALTER ------------------------------------------------------------------------------------------------------------


def alter_role(ctx: Context, node: Node) -> None:
    """AlterRole, and ALTER GROUP ... ADD or DROP USER."""
    spec = node["role"]
    if spec.get("roletype", "ROLESPEC_CSTRING") == "ROLESPEC_CSTRING" and spec.get("rolename", "").startswith("pg_"):
        raise ctx.refuse(
            "42939",
            f'role name "{spec["rolename"]}" is reserved',
            spec.get("location"),
            kind="role",
            help="Cannot alter reserved roles.",
        )
    options = once(ctx, node.get("options", []))
    role = _the(ctx, spec)
    _may_alter(ctx, role, options)
    flags = {field: flag_of(options[key]) for key, field in _FLAGS.items() if key in options}
    if ctx.catalog.major >= 16 and role.oid == BOOTSTRAP_SUPERUSER and flags.get("superuser") is False:
        if not ctx.session.known:
            raise ctx.unsure(f"whether {role.name} is the bootstrap superuser is not known")
        raise ctx.refuse(
            "0A000",
            "permission denied to alter role",
            spec.get("location"),
            kind="role",
            help="The bootstrap superuser must have the SUPERUSER attribute.",
        )
    ctx.catalog.put(replace(role, **cast(Any, flags)))
    members = [_the(ctx, s) for s in _specs(options, "rolemembers")]
    if members and int(node.get("action", 0)) >= 0:
        authorize(ctx, role, None, members)
        add_members(ctx, role, members, {})
    elif members:
        drop_members(ctx, role, members)


def _may_alter(ctx: Context, role: Role, options: dict[str, Node]) -> None:
    own_password = set(options) <= {"password"} and role.oid == ctx.session.role
    if ctx.catalog.major < 16:
        if role.superuser or "superuser" in options:
            need_superuser(
                ctx, "must be superuser to alter superuser roles or change superuser attribute", name=role.name
            )
        elif role.replication or "isreplication" in options:
            need_superuser(
                ctx, "must be superuser to alter replication roles or change replication attribute", name=role.name
            )
        elif "bypassrls" in options:
            need_superuser(ctx, "must be superuser to change bypassrls attribute", name=role.name)
        elif not own_password:
            refuse_right(ctx, has_attribute(ctx, "createrole"), "permission denied", name=role.name)
        return
    denied = "permission denied to alter role"
    if role.superuser or "superuser" in options:
        need_superuser(
            ctx,
            denied,
            name=role.name,
            help="Only roles with the SUPERUSER attribute may alter roles with the SUPERUSER attribute.",
            subject=NoPrivilege(),
        )
    admin = has_attribute(ctx, "createrole") and acl.is_admin(ctx.catalog, ctx.session.role, role.oid)
    rest = set(options) - {"rolemembers"}
    if rest and not own_password:
        help = (
            f'Only roles with the CREATEROLE attribute and the ADMIN option on role "{role.name}" may alter this role.'
        )
        refuse_right(ctx, admin or _superuser(ctx), denied, help, role.name)
        for key, field in (("createdb", "createdb"), ("isreplication", "replication"), ("bypassrls", "bypassrls")):
            if key in options:
                help = f"Only roles with the {field.upper()} attribute may change the {field.upper()} attribute."
                refuse_right(ctx, has_attribute(ctx, field), denied, help, role.name)
    if "rolemembers" in options:
        help = f'Only roles with the ADMIN option on role "{role.name}" may add or drop members.'
        refuse_right(ctx, acl.is_admin(ctx.catalog, ctx.session.role, role.oid), denied, help, role.name)


def alter_role_set(ctx: Context, node: Node) -> None:
    """AlterRoleSet: what later sessions of the role start with; this session goes on as it is."""
    denied = "permission denied" if ctx.catalog.major < 16 else "permission denied to alter role"
    if "role" not in node:
        if "database" not in node:
            message = (
                "must be superuser to alter settings globally"
                if ctx.catalog.major < 16
                else "permission denied to alter setting"
            )
            need_superuser(ctx, message)
        else:
            need_owner(ctx, privileges.database(ctx), shown=node["database"])
        return
    role = _the(ctx, node["role"])
    if role.superuser:
        need_superuser(
            ctx, "must be superuser to alter superusers" if ctx.catalog.major < 16 else denied, name=role.name
        )
    else:
        allowed = has_attribute(ctx, "createrole")
        if ctx.catalog.major >= 16:
            allowed = allowed and acl.is_admin(ctx.catalog, ctx.session.role, role.oid)
        refuse_right(ctx, allowed or role.oid == ctx.session.role, denied, name=role.name)
    ctx.catalog.put(replace(role, settings=changed_settings(ctx, role.settings, node["setstmt"])))


def changed_settings(ctx: Context, before: tuple[tuple[str, str], ...], node: Node) -> tuple[tuple[str, str], ...]:
    """Settings kept for later sessions, after ALTER ROLE or DATABASE ... SET or RESET."""
    from lockgate.timeline.transitions.routine.function import setting_value
    from lockgate.timeline.transitions.session.session import check_stored

    if before or node.get("kind") == "VAR_SET_VALUE":  # what is not kept may be reset by anybody
        check_stored(ctx, node)
    settings = dict(before)
    name = node.get("name", "")
    match node.get("kind"):
        case "VAR_SET_VALUE":
            settings[name] = setting_value(ctx, name, node.get("args", []))
        case "VAR_RESET_ALL":
            settings.clear()
        case _:
            settings.pop(name, None)
    return tuple(settings.items())


# --- DROP -------------------------------------------------------------------------------------------------------------


def drop_role(ctx: Context, node: Node) -> None:
    """DropRole."""
    old = ctx.catalog.major < 16
    denied = "permission denied to drop role"
    refuse_right(
        ctx,
        has_attribute(ctx, "createrole"),
        denied,
        ""
        if old
        else ("Only roles with the CREATEROLE attribute and the ADMIN option on the target roles may drop roles."),
    )
    doomed = []
    for item in node["roles"]:
        spec = item["RoleSpec"]
        if spec.get("roletype", "ROLESPEC_CSTRING") != "ROLESPEC_CSTRING":
            raise ctx.refuse(
                "22023", "cannot use special role specifier in DROP ROLE", spec.get("location"), kind="role"
            )
        role = find_role(ctx, spec, missing_ok=True)
        if role is None:
            if not node.get("missing_ok"):
                raise _missing(ctx, spec)
            ctx.warn(
                f'role "{spec["rolename"]}" does not exist, skipping',
                spec.get("location"),
                level="NOTICE",
                sqlstate="00000",
            )
            continue
        _droppable(ctx, role, spec, denied, old)
        doomed.append((role, spec))
    for role, _ in doomed:
        ctx.catalog.memberships = tuple(m for m in ctx.catalog.memberships if role.oid not in (m.role, m.member))
    for role, spec in doomed:
        _check_dependents(ctx, role, spec)
        ctx.catalog.remove(role.oid)


def _missing(ctx: Context, spec: Node) -> Exception:
    name = spec["rolename"]
    if ctx.catalog.taint_of(("any",), ("name", "role", 0, name)):
        return ctx.unsure(f"whether role {name} exists is not known")
    near = did_you_mean(name, [r.name for r in ctx.catalog.objects(Role)])
    return ctx.refuse(
        "42704", f'role "{name}" does not exist', spec.get("location"), name=name, object=name, help=near, kind="role"
    )


def _droppable(ctx: Context, role: Role, spec: Node, denied: str, old: bool) -> None:
    location = spec.get("location")
    if role.oid == ctx.session.role and ctx.session.known:
        raise ctx.refuse(
            "55006", "current user cannot be dropped", location, name=role.name, object=role.name, kind="role"
        )
    if role.oid == ctx.session.login and ctx.session.known:
        raise ctx.refuse(
            "55006", "session user cannot be dropped", location, name=role.name, object=role.name, kind="role"
        )
    if role.superuser:
        need_superuser(ctx, "must be superuser to drop superusers" if old else denied, location, name=role.name)
    if not old:
        help = (
            f'Only roles with the CREATEROLE attribute and the ADMIN option on role "{role.name}" may drop this role.'
        )
        refuse_right(ctx, acl.is_admin(ctx.catalog, ctx.session.role, role.oid), denied, help, role.name)


def _check_dependents(ctx: Context, role: Role, spec: Node) -> None:
    """checkSharedDependencies: what the role owns or was granted stands in the way (2BP01)."""
    if (
        not ctx.session.known
        or ctx.catalog.taint_of(("any",), ("privileges",))
        or any(key[0] in ("acl", "acls") for key in ctx.catalog.taints)
    ):
        return
    if role.oid < FIRST_USER_OID:
        raise ctx.refuse(
            "2BP01",
            f"cannot drop role {role.name} because it is required by the database system",
            spec.get("location"),
            name=role.name,
            object=role.name,
            kind="dependent",
        )
    lines = list(dependents(ctx, role.oid))
    if lines:
        raise ctx.refuse(
            "2BP01",
            f'role "{role.name}" cannot be dropped because some objects depend on it',
            spec.get("location"),
            name=role.name,
            object=role.name,
            help="; ".join(lines[:10]),
            kind="dependent",
        )


HANDLERS = {
    "CreateRoleStmt": create_role,
    "AlterRoleStmt": alter_role,
    "AlterRoleSetStmt": alter_role_set,
    "DropRoleStmt": drop_role,
}
