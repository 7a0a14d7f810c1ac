"""GRANT role TO role and REVOKE role FROM role (GrantRole, AddRoleMems, DelRoleMems in src/backend/commands/user.c)."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.catalog import acl
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, DATABASE_OWNER_ROLE, Membership, Role
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges import is_superuser, need_superuser
from lockgate.timeline.transitions.creation import find_role, flag_of, named_role, once
from lockgate.values import replace


def grant_role(ctx: Context, node: Node) -> None:
    """GrantRole."""
    options = once(ctx, node.get("opt", []))
    members = [found for n in node["grantee_roles"] if (found := find_role(ctx, n["RoleSpec"])) is not None]
    counts = "grantor" in node and (node.get("is_grant") or ctx.catalog.major >= 16)  # before 16, REVOKE reads GRANTED BY and forgets it
    grantor = find_role(ctx, node["grantor"]) if counts else None
    for item in node["granted_roles"]:
        name = item["AccessPriv"].get("priv_name", "")
        role = named_role(ctx, name)
        assert role is not None
        if node.get("is_grant"):
            add_members(
                ctx, role, members, admin=flag_of(options.get("admin")), inherit=_choice(options, "inherit"), set_role=_choice(options, "set"),
                grantor=grantor,
            )  # fmt: skip
        else:
            revoked = next((o for o in ("admin", "inherit", "set") if o in options), "")
            drop_members(ctx, role, members, option=revoked, grantor=grantor, cascade=node.get("behavior") == "DROP_CASCADE")


def _choice(options: dict[str, Node], name: str) -> bool | None:
    return flag_of(options[name]) if name in options else None


def _authorize(ctx: Context, role: Role, grantor: Role | None, grant: bool) -> None:
    from lockgate.timeline.transitions.role import has_attribute, refuse_right

    old = ctx.catalog.major < 16
    word = "grant" if grant else "revoke"
    if old and grantor is not None and grantor.oid != ctx.session.role:
        need_superuser(ctx, "must be superuser to set grantor")
    if role.superuser:
        help = "" if old else f"Only roles with the SUPERUSER attribute may {word} roles with the SUPERUSER attribute."
        message = "must be superuser to alter superusers" if old else f'permission denied to {word} role "{role.name}"'
        need_superuser(ctx, message, name=role.name, help=help)
        return
    admin = acl.is_admin(ctx.catalog, ctx.session.role, role.oid)
    if old:
        allowed = admin or has_attribute(ctx, "createrole")
        refuse_right(ctx, allowed, f'must have admin option on role "{role.name}"', "admin", _admin_help(ctx, role), role.name)
        return
    refuse_right(ctx, admin, f'permission denied to {word} role "{role.name}"', "admin", _admin_help(ctx, role), role.name)


def _admin_help(ctx: Context, role: Role) -> str:
    from lockgate.timeline.remedy import quoted

    return f"GRANT {quoted(role.name)} TO {quoted(ctx.catalog.role_name(ctx.session.role))} WITH ADMIN OPTION;"


def _grantor(ctx: Context, role: Role, given: Role | None) -> int:
    """Who is recorded as grantor: from 16 the bootstrap superuser for superusers, else a role with ADMIN OPTION (check_role_grantor)."""
    if given is not None:
        return given.oid
    if ctx.catalog.major < 16:
        return ctx.session.role
    if acl.is_superuser(ctx.catalog, ctx.session.role):
        return BOOTSTRAP_SUPERUSER
    mine = acl.roles_of(ctx.catalog, ctx.session.role)
    admins = [m.member for m in ctx.catalog.memberships if m.role == role.oid and m.admin and m.member in mine]
    return next((r for r in mine if r in admins), ctx.session.role)


def add_members(
    ctx: Context, role: Role, members: Iterable[Role], *, admin: bool = False, inherit: bool | None = None, set_role: bool | None = None,
    grantor: Role | None = None, creating: bool = False,
) -> None:  # fmt: skip
    """AddRoleMems. Refuses with 42501, 0LP01."""
    members = list(members)
    if not members:
        return
    if not (creating and acl.has_privileges_of(ctx.catalog, ctx.session.role, role.oid) and ctx.catalog.major >= 16):
        _authorize(ctx, role, grantor, True)
    if role.oid == DATABASE_OWNER_ROLE:
        raise ctx.refuse(
            "0A000" if ctx.catalog.major < 14 else "42501", f'role "{role.name}" cannot have explicit members', name=role.name, kind="role"
        )
    giver = _grantor(ctx, role, grantor)
    for member in members:
        if member.oid == role.oid or acl_member(ctx, role.oid, member.oid):
            raise ctx.refuse("0LP01", f'role "{role.name}" is a member of role "{member.name}"', name=role.name, object=role.name, kind="role")
        _add(ctx, role, member, giver, admin, inherit, set_role)


def acl_member(ctx: Context, role: int, member: int) -> bool:
    """Whether ``role`` belongs to ``member`` already: granting back would go in a circle."""
    return member in acl.roles_of(ctx.catalog, role, "member")


def _add(ctx: Context, role: Role, member: Role, giver: int, admin: bool, inherit: bool | None, set_role: bool | None) -> None:
    old = ctx.catalog.major < 16
    rows = ctx.catalog.memberships
    for number, row in enumerate(rows):
        if row.role == role.oid and row.member == member.oid and (old or row.grantor == giver):
            changed = replace(
                row, admin=row.admin or admin, inherit=row.inherit if inherit is None else inherit, set=row.set if set_role is None else set_role
            )
            if changed == row:
                by = "" if old else f' by role "{ctx.catalog.role_name(giver)}"'
                words = (
                    f'role "{member.name}" is already a member of role "{role.name}"'
                    if old
                    else (f'role "{member.name}" has already been granted membership in role "{role.name}"{by}')
                )
                ctx.warn(words, level="NOTICE", sqlstate="00000")
            ctx.catalog.memberships = (*rows[:number], changed, *rows[number + 1 :])
            return
    inherits = member.inherit if inherit is None else inherit
    row = Membership(role.oid, member.oid, giver, admin, inherits, True if set_role is None else set_role)
    ctx.catalog.memberships = (*rows, row)


def drop_members(ctx: Context, role: Role, members: Iterable[Role], *, option: str = "", grantor: Role | None = None, cascade: bool = False) -> None:
    """DelRoleMems. Refuses with 42501, 2BP01."""
    members = list(members)
    if not members:
        return
    _authorize(ctx, role, grantor, False)
    giver = _grantor(ctx, role, grantor)
    old = ctx.catalog.major < 16
    for member in members:
        rows = [m for m in ctx.catalog.memberships if m.role == role.oid and m.member == member.oid and (old or m.grantor == giver)]
        if not rows:
            words = (
                f'role "{member.name}" is not a member of role "{role.name}"'
                if old
                else (f'role "{member.name}" has not been granted membership in role "{role.name}" by role "{ctx.catalog.role_name(giver)}"')
            )
            ctx.warn(words, sqlstate="01000", object=role.name)
            continue
        _drop(ctx, role, member, rows[0], option, cascade)


def _drop(ctx: Context, role: Role, member: Role, row: Membership, option: str, cascade: bool) -> None:
    others = [m for m in ctx.catalog.memberships if m != row]
    loses_admin = row.admin and option in ("", "admin")
    if ctx.catalog.major >= 16 and loses_admin and not any(m.role == role.oid and m.member == member.oid and m.admin for m in others):
        below = [m for m in others if m.role == role.oid and m.grantor == member.oid]
        if below and not cascade and is_superuser(ctx, member.oid) != "yes":
            raise ctx.refuse("2BP01", "dependent privileges exist", name=member.name, kind="dependent", help="Use CASCADE to revoke them too.")
        others = [m for m in others if m not in below]
    if option:
        others.append(replace(row, **{option: False}))
    ctx.catalog.memberships = tuple(others)


HANDLERS = {"GrantRoleStmt": grant_role}
