"""GRANT role TO role and REVOKE role FROM role (GrantRole, AddRoleMems, DelRoleMems in src/backend/commands/user.c)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from msgspec.structs import replace

from lockgate.catalog import acl
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, DATABASE_OWNER_ROLE, Membership, Role
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import NoPrivilege
from lockgate.timeline.privileges.check import need_superuser
from lockgate.timeline.transitions.object.creation import find_role, flag_of, named_role, once

OPTIONS = ("admin", "inherit", "set")


def grant_role(ctx: Context, node: Node) -> None:
    """GrantRole."""
    options = once(ctx, node.get("opt", []))
    members = [found for n in node["grantee_roles"] if (found := find_role(ctx, n["RoleSpec"])) is not None]
    counts = "grantor" in node and (
        node.get("is_grant") or ctx.catalog.major >= 16
    )  # before 16, REVOKE reads GRANTED BY and forgets it
    grantor = find_role(ctx, node["grantor"]) if counts else None
    for item in node["granted_roles"]:
        name = item["AccessPriv"].get("priv_name", "")
        role = named_role(ctx, name)
        assert role is not None
        if node.get("is_grant"):
            authorize(ctx, role, grantor, members)
            add_members(
                ctx, role, members, {name: flag_of(options[name]) for name in OPTIONS if name in options}, grantor
            )
        else:
            revoked = next((o for o in OPTIONS if o in options), "")
            drop_members(
                ctx, role, members, option=revoked, grantor=grantor, cascade=node.get("behavior") == "DROP_CASCADE"
            )


def authorize(ctx: Context, role: Role, grantor: Role | None, members: Iterable[Role], *, grant: bool = True) -> None:
    """Whether the current role may change who belongs to a role (check_role_membership_authorization; AddRoleMems
    before 16)."""
    if not list(members):
        return
    old = ctx.catalog.major < 16
    if not old and grant:
        _refuse_owner(ctx, role)
    if role.superuser:
        word = "grant" if grant else "revoke"
        help = "" if old else f"Only roles with the SUPERUSER attribute may {word} roles with the SUPERUSER attribute."
        need_superuser(
            ctx,
            "must be superuser to alter superusers" if old else f'permission denied to {word} role "{role.name}"',
            name=role.name,
            help=help,
            subject=None if old else NoPrivilege(),
        )
    else:
        _need_admin(ctx, role, grantor if grant else None, grant)
    if old and grant:
        _refuse_owner(ctx, role)
        if grantor is not None and grantor.oid != ctx.session.role:
            need_superuser(ctx, "must be superuser to set grantor")


def _state(ctx: Context) -> str:
    return "XX000" if ctx.catalog.major < 18 else "0A000"


def _refuse_owner(ctx: Context, role: Role) -> None:
    if role.oid == DATABASE_OWNER_ROLE:
        raise ctx.refuse(_state(ctx), f'role "{role.name}" cannot have explicit members', name=role.name, kind="role")


def _need_admin(ctx: Context, role: Role, grantor: Role | None, grant: bool) -> None:
    from lockgate.timeline.transitions.role.role import has_attribute, refuse_right

    if ctx.catalog.major < 16:
        who = grantor.oid if grantor is not None else ctx.session.role
        allowed = has_attribute(ctx, "createrole") or acl.is_admin(ctx.catalog, who, role.oid)
        message = f'must have admin option on role "{role.name}"'
    else:
        allowed = acl.is_admin(ctx.catalog, ctx.session.role, role.oid)
        message = f'permission denied to {"grant" if grant else "revoke"} role "{role.name}"'
    refuse_right(ctx, allowed, message, _admin_help(ctx, role), role.name)


def _admin_help(ctx: Context, role: Role) -> str:
    from lockgate.timeline.privileges.remedy import quoted

    return f"GRANT {quoted(role.name)} TO {quoted(ctx.catalog.role_name(ctx.session.role))} WITH ADMIN OPTION;"


def _grantor(ctx: Context, role: Role, given: Role | None, grant: bool) -> int:
    """Who is recorded as grantor: from 16 the bootstrap superuser for superusers, else a role with ADMIN OPTION
    (check_role_grantor)."""
    known = ctx.session.known and not ctx.unchecked
    if ctx.catalog.major < 16:
        return given.oid if given is not None else ctx.session.role
    if given is None:
        if not known or acl.is_superuser(ctx.catalog, ctx.session.role):
            return BOOTSTRAP_SUPERUSER
        found = acl.best_admin(ctx.catalog, ctx.session.role, role.oid)
        if not found:
            raise ctx.refuse("XX000", "no possible grantors", name=role.name, kind="role")
        return found
    word = "grant privileges as" if grant else "revoke privileges granted by"
    able = not grant or given.oid == BOOTSTRAP_SUPERUSER or given.oid in acl.admins(ctx.catalog, role.oid)
    if known and not (able and acl.has_privileges_of(ctx.catalog, ctx.session.role, given.oid)):
        raise ctx.refuse(
            "42501",
            f'permission denied to {word} role "{given.name}"',
            name=given.name,
            object=given.name,
            kind="privilege",
            subject=NoPrivilege(),
            help=f'The grantor must have the ADMIN option on role "{role.name}", and its privileges must be yours.',
        )
    return given.oid


def add_members(
    ctx: Context, role: Role, members: Iterable[Role], options: Mapping[str, bool], grantor: Role | None = None
) -> None:
    """AddRoleMems, once it is clear that one may; ``options``: those of OPTIONS that are given. Refuses with 42501,
    0LP01, XX000."""
    members = list(members)
    if not members:
        return
    giver = _grantor(ctx, role, grantor, True)
    old = ctx.catalog.major < 16
    if not old:
        for member in members:
            _refuse_circle(ctx, role, member)
        if options.get("admin") and giver != BOOTSTRAP_SUPERUSER:
            _refuse_back(ctx, role, members, giver)
    for member in members:
        if old:
            _refuse_circle(ctx, role, member)
        _add(ctx, role, member, giver, options)


def _refuse_circle(ctx: Context, role: Role, member: Role) -> None:
    if member.oid == DATABASE_OWNER_ROLE:
        raise ctx.refuse(
            _state(ctx), f'role "{member.name}" cannot be a member of any role', name=member.name, kind="role"
        )
    if member.oid in acl.roles_of(ctx.catalog, role.oid, "member"):
        raise ctx.refuse(
            "0LP01",
            f'role "{role.name}" is a member of role "{member.name}"',
            name=role.name,
            object=role.name,
            kind="role",
        )


def _refuse_back(ctx: Context, role: Role, members: list[Role], giver: int) -> None:
    """Without what the members hold now, could the grantor still grant?"""
    plan = Revocation(ctx, role.oid)
    for member in members:
        for number, row in enumerate(plan.rows):
            if row.member == member.oid:
                plan.revoke(number, admin_only=False, cascade=True)
    if not any(
        row.member == giver and row.admin and number not in plan.actions for number, row in enumerate(plan.rows)
    ):
        raise ctx.refuse(
            "0LP01", "ADMIN option cannot be granted back to your own grantor", name=role.name, kind="role"
        )


def _add(ctx: Context, role: Role, member: Role, giver: int, options: Mapping[str, bool]) -> None:
    old = ctx.catalog.major < 16
    rows = ctx.catalog.memberships
    for number, row in enumerate(rows):
        if row.role == role.oid and row.member == member.oid and (old or row.grantor == giver):
            changed = replace(row, **cast(Any, dict(options)))
            if old:
                changed = replace(row, admin=True, grantor=giver) if options.get("admin") and not row.admin else row
            if changed == row:
                by = f' by role "{ctx.catalog.role_name(giver)}"'
                words = (
                    f'is already a member of role "{role.name}"'
                    if old
                    else f'has already been granted membership in role "{role.name}"{by}'
                )
                ctx.warn(f'role "{member.name}" {words}', level="NOTICE", sqlstate="00000")
            ctx.catalog.memberships = (*rows[:number], changed, *rows[number + 1 :])
            return
    row = Membership(
        role.oid,
        member.oid,
        giver,
        options.get("admin", False),
        options.get("inherit", member.inherit),
        options.get("set", True),
    )
    ctx.catalog.memberships = (*rows, row)


# --- revoking ---------------------------------------------------------------------------------------------------------


class Revocation:
    """What becomes of a role's memberships (initialize_revoke_actions): ``actions`` by number of the row, the option to
    take away or "all"."""

    def __init__(self, ctx: Context, role: int) -> None:
        self.ctx = ctx
        self.rows = [m for m in ctx.catalog.memberships if m.role == role]
        self.actions: dict[int, str] = {}

    def revoke(self, number: int, *, admin_only: bool, cascade: bool) -> None:
        """plan_recursive_revoke: with what the member granted, unless it may still do so. Refuses with 2BP01."""
        row, done = self.rows[number], self.actions.get(number)
        if done == "all" or (done == "admin" and admin_only):
            return
        if not admin_only:
            self.actions[number] = "all"
        if not row.admin:
            return
        self.actions[number] = "admin" if admin_only else "all"
        if any(m.member == row.member and m.admin and i not in self.actions for i, m in enumerate(self.rows)):
            return
        for below, one in enumerate(self.rows):
            if one.grantor == row.member and self.actions.get(below) != "all":
                if not cascade:
                    name = self.ctx.catalog.role_name(row.member)
                    raise self.ctx.refuse(
                        "2BP01",
                        "dependent privileges exist",
                        name=name,
                        kind="dependent",
                        help="Use CASCADE to revoke them too.",
                    )
                self.revoke(below, admin_only=False, cascade=cascade)

    def carry_out(self) -> None:
        """Write the memberships that are left."""
        changed = {self.rows[number]: action for number, action in self.actions.items()}
        left = []
        for row in self.ctx.catalog.memberships:
            action = changed.get(row)
            if action != "all":
                left.append(row if action is None else replace(row, **cast(Any, {action: False})))
        self.ctx.catalog.memberships = tuple(left)


def drop_members(
    ctx: Context,
    role: Role,
    members: Iterable[Role],
    *,
    option: str = "",
    grantor: Role | None = None,
    cascade: bool = False,
) -> None:
    """DelRoleMems. Refuses with 42501, 2BP01."""
    members = list(members)
    if not members:
        return
    authorize(ctx, role, grantor, members, grant=False)
    old = ctx.catalog.major < 16
    giver = 0 if old else _grantor(ctx, role, grantor, False)
    plan = Revocation(ctx, role.oid)
    for member in members:
        number = next(
            (i for i, m in enumerate(plan.rows) if m.member == member.oid and (old or m.grantor == giver)), None
        )
        if number is None:
            by = f'has not been granted membership in role "{role.name}" by role "{ctx.catalog.role_name(giver)}"'
            ctx.warn(
                f'role "{member.name}" ' + (f'is not a member of role "{role.name}"' if old else by),
                sqlstate="01000",
                object=role.name,
            )
        elif old or option in ("inherit", "set"):
            plan.actions[number] = option or "all"
        else:
            plan.revoke(number, admin_only=option == "admin", cascade=cascade)
    plan.carry_out()


HANDLERS = {"GrantRoleStmt": grant_role}
