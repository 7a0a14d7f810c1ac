"""SET ROLE and SET SESSION AUTHORIZATION (check_role, check_session_authorization in src/backend/commands/variable.c).

Called by the handler of SET and RESET for the settings ``role`` and ``session_authorization``.
"""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog import acl
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import NoPrivilege
from lockgate.timeline.privileges.remedy import member
from lockgate.timeline.transitions.object.creation import existing_role

SETTINGS = frozenset({"role", "session_authorization"})
_AUTHENTICATED = (
    "\0authenticated"  # the role that logged in, kept once SET SESSION AUTHORIZATION has changed the session's
)


def set_role(ctx: Context, node: Node) -> bool:
    """Carry out a VariableSetStmt if it is about roles; False where it is not. Refuses with 22023, 42501."""
    name = node.get("name", "")
    if name not in SETTINGS:
        return False
    args = node.get("args", [])
    value = args[0].get("A_Const", {}).get("sval", {}).get("sval", "") if args else ""
    location = args[0].get("A_Const", {}).get("location") if args else None
    if ctx.definers and ctx.session.known:
        raise ctx.refuse(
            "42501", f'cannot set parameter "{name}" within security-definer function', location, name=name, kind="role"
        )
    reset = node.get("kind") in ("VAR_SET_DEFAULT", "VAR_RESET")
    if name == "role":
        _set_role(ctx, "none" if reset else value, location)
    else:
        _set_login(ctx, "" if reset else value, location)
    return True


def reset_roles(ctx: Context) -> None:
    """What DISCARD ALL does to roles (RESET ALL leaves them)."""
    _set_login(ctx, "", None)


def _may(ctx: Context, yes: bool) -> bool:
    """Whether it is allowed, for all that is known."""
    unknown = not ctx.session.known or ctx.unchecked
    return yes or unknown or ctx.catalog.taint_of(("any",), ("privileges",)) is not None


def _set_role(ctx: Context, name: str, location: int | None) -> None:
    if name.lower() == "none":
        ctx.session = replace(ctx.session, role=ctx.session.login)
        return
    role = existing_role(ctx, name, location, "22023", (("privileges",),))
    test = acl.may_set_role if ctx.catalog.major >= 16 else acl.is_member
    if not _may(ctx, test(ctx.catalog, ctx.session.login, role.oid)):
        raise ctx.refuse(
            "42501",
            f'permission denied to set role "{name}"',
            location,
            name=name,
            object=name,
            help=member(ctx, role.oid),
            kind="member",
            subject=NoPrivilege(),
        )
    ctx.session = replace(ctx.session, role=role.oid)


def _set_login(ctx: Context, name: str, location: int | None) -> None:
    session = ctx.session
    authenticated = int(session.settings.get(_AUTHENTICATED, str(session.login)))
    if not name:
        ctx.session = replace(session, role=authenticated, login=authenticated)
        return
    role = existing_role(ctx, name, location, "22023", (("privileges",),))
    allowed = role.oid == authenticated or acl.is_superuser(ctx.catalog, authenticated)
    if not _may(ctx, allowed):
        message = "permission denied to set session authorization"
        if ctx.catalog.major >= 17:
            message += f' "{name}"'
        raise ctx.refuse(
            "42501",
            message,
            location,
            name=name,
            object=name,
            kind="superuser",
            help="only a superuser may act as another login role",
        )
    settings = session.settings.set(_AUTHENTICATED, str(authenticated))
    ctx.session = replace(session, role=role.oid, login=role.oid, settings=settings)
