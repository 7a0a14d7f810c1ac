"""Needs: what the current role must own, hold or be, asked where PostgreSQL asks it (aclchk.c), recorded on the step.

Every check records a ``Need``. It refuses with 42501 only where the answer is certainly no.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lockgate.catalog import acl
from lockgate.catalog.objects import (
    Constraint,
    Extension,
    Namespace,
    Operator,
    Other,
    Policy,
    Relation,
    Rewrite,
    Role,
    Routine,
    Trigger,
    Type,
)
from lockgate.catalog.typename import quote_identifier, type_name
from lockgate.timeline.context import Context, Need

_RELKIND = {"v": "view", "m": "materialized view", "S": "sequence", "i": "index", "I": "index", "f": "foreign table", "c": "type"}
_OTHER = {
    "foreign_server": "foreign server", "fdw": "foreign-data wrapper", "opclass": "operator class", "opfamily": "operator family",
    "event_trigger": "event trigger", "statistics": "statistics object", "ts_config": "text search configuration",
    "ts_dict": "text search dictionary", "large_object": "large object", "access_method": "access method", "user_mapping": "user mapping",
}  # fmt: skip


def kind_word(obj: Any) -> str:
    """The kind of an object in the words of aclcheck_error."""
    match obj:
        case Relation(kind=kind):
            return _RELKIND.get(kind, "table")
        case Routine(kind=kind):
            return {"p": "procedure", "a": "aggregate"}.get(kind, "function")
        case Type():
            return "type"
        case Namespace():
            return "schema"
        case Extension():
            return "extension"
        case Operator():
            return "operator"
        case Other(kind=kind):
            return _OTHER.get(kind, kind.replace("_", " "))
        case _:
            return type(obj).__name__.lower().removeprefix("builtin")


def _target(ctx: Context, obj: Any) -> Any:
    if isinstance(obj, Constraint | Trigger | Policy | Rewrite):
        return ctx.catalog.find(Relation, obj.relation) or obj
    if isinstance(obj, Relation) and obj.index is not None:
        return obj
    return obj


def _plain_name(ctx: Context, obj: Any) -> str:
    if isinstance(obj, Type):
        return type_name(ctx.catalog, obj.oid, None, ctx.path())
    return str(getattr(obj, "name", ""))


def _unknown(ctx: Context) -> bool:
    return ctx.unchecked or not ctx.session.known


def _note(ctx: Context, kind: str, name: str, held: str, privilege: str = "", location: int | None = None) -> None:
    ctx.needs.append(Need(kind, name, ctx.catalog.role_name(ctx.session.role), held, privilege, ctx.span(location) if held == "no" else None))


def has_owner(ctx: Context, obj: Any) -> str:
    """Whether the current role is (a member of) the owner: yes, no or unknown (object_ownercheck)."""
    if _unknown(ctx):
        return "unknown"
    owner = getattr(_target(ctx, obj), "owner", None)
    if acl.is_superuser(ctx.catalog, ctx.session.role):
        return "yes"
    if owner is None:
        return "no"
    return "yes" if owner in acl.roles_of(ctx.catalog, ctx.session.role) else "no"


def need_owner(ctx: Context, obj: Any, location: int | None = None, *, name: str | None = None) -> None:
    """The current role must own an object (ACLCHECK_NOT_OWNER)."""
    target = _target(ctx, obj)
    shown = _plain_name(ctx, target)
    held = has_owner(ctx, target)
    qualified = ctx.catalog.qualified(target) if target.__class__.__module__.endswith("objects") else shown
    if held == "no" and ctx.catalog.taint_of(("any",), ("object", getattr(target, "oid", 0))):
        held = "unknown"
    _note(ctx, "owner", qualified, held, "", location)
    if held == "no":
        word = kind_word(target)
        if isinstance(obj, Constraint | Trigger | Policy | Rewrite):
            word = "relation" if not isinstance(target, Relation) else kind_word(target)
        raise ctx.refuse(
            "42501", f"must be owner of {word} {shown}", location, name=name, object=qualified, kind="owner",
            help=_mend_owner(ctx, target, word, qualified), related=_made(ctx, target),
        )  # fmt: skip


def _made(ctx: Context, obj: Any) -> tuple[Any, ...]:
    from lockgate.findings import Label

    place = ctx.catalog.places.get((getattr(obj, "oid", 0), 0))
    if place is None:
        return ()
    owner = ctx.catalog.role_name(obj.owner)
    return (Label(place.source, place.span, f"made here, in {place.slot}; owned by {owner}"),)


def _mend_owner(ctx: Context, obj: Any, word: str, qualified: str) -> str:
    role, owner = ctx.catalog.role_name(ctx.session.role), ctx.catalog.role_name(getattr(obj, "owner", 0))
    who = quote_identifier(role)
    lines = [f"{qualified} belongs to {owner}, the migration runs as {role}; as {owner} or a superuser, once:"]
    if word not in ("schema",):
        lines.append(f"ALTER {word.upper()} {qualified} OWNER TO {who};")
    lines.append(f"or: GRANT {quote_identifier(owner)} TO {who};")
    return "\n".join(lines)


def has_privilege(ctx: Context, obj: Any, privilege: str, *, attribute: int = 0) -> str:
    """Whether the current role holds a privilege: yes, no or unknown."""
    if _unknown(ctx):
        return "unknown"
    if not obj.__class__.__module__.endswith("catalog.objects"):
        return _builtin(ctx, obj, privilege)
    return "yes" if acl.holds(ctx.catalog, ctx.session.role, obj, privilege, attribute=attribute) else "no"


def _builtin(ctx: Context, obj: Any, privilege: str) -> str:
    if acl.is_superuser(ctx.catalog, ctx.session.role):
        return "yes"
    execute = getattr(obj, "execute", None)
    if privilege == "EXECUTE":
        if execute is None:
            return "yes"
        names = {ctx.catalog.role_name(oid) for oid in acl.roles_of(ctx.catalog, ctx.session.role)}
        return "yes" if names & set(execute) else "no"
    if privilege == "SELECT":
        return "yes" if getattr(obj, "public_select", True) else "unknown"
    if privilege in ("USAGE",):
        return "yes"
    return "unknown"


def need_privilege(
    ctx: Context, obj: Any, privilege: str, location: int | None = None, *, columns: Iterable[int] = (), name: str | None = None
) -> None:
    """The current role must hold a privilege on an object, or on every one of these columns (ACLCHECK_NO_PRIV)."""
    numbers = tuple(columns)
    held = has_privilege(ctx, obj, privilege)
    if held == "no" and numbers:
        held = "yes" if all(has_privilege(ctx, obj, privilege, attribute=n) == "yes" for n in numbers) else "no"
    if held == "no" and ctx.catalog.taint_of(("any",), ("object", getattr(obj, "oid", 0))):
        held = "unknown"
    shown = _plain_name(ctx, obj)
    own = obj.__class__.__module__.endswith("catalog.objects")
    qualified = ctx.catalog.qualified(obj) if own else shown
    _note(ctx, "privilege", qualified, held, privilege, location)
    if held == "no":
        word = kind_word(obj)
        keyword = {"view": "TABLE", "materialized view": "TABLE", "foreign table": "TABLE"}.get(word, word.upper())
        role = quote_identifier(ctx.catalog.role_name(ctx.session.role))
        raise ctx.refuse(
            "42501", f"permission denied for {word} {shown}", location, name=name, object=qualified, kind="privilege",
            help=f"GRANT {privilege} ON {keyword} {qualified} TO {role};",
        )  # fmt: skip


def need_create(ctx: Context, namespace: Namespace, location: int | None = None) -> None:
    """CREATE on the schema in which an object goes."""
    if namespace.oid == ctx.session.temp_namespace and namespace.oid:
        return
    need_privilege(ctx, namespace, "CREATE", location)


def need_usage(ctx: Context, namespace: Namespace, location: int | None = None) -> None:
    """USAGE on an explicitly named schema."""
    if namespace.name in ("pg_catalog", "information_schema") or namespace.oid == ctx.session.temp_namespace:
        return
    need_privilege(ctx, namespace, "USAGE", location)


def need_member(ctx: Context, role: Role, location: int | None = None) -> None:
    """The current role must be able to SET ROLE to another (check_can_set_role in 16, check_is_member_of_role before)."""
    if _unknown(ctx) or acl.is_superuser(ctx.catalog, ctx.session.role):
        held = "unknown" if _unknown(ctx) else "yes"
    else:
        held = "yes" if role.oid in acl.roles_of(ctx.catalog, ctx.session.role, settable=True) else "no"
    _note(ctx, "member", role.name, held, "", location)
    if held == "no":
        message = f'must be able to SET ROLE "{role.name}"' if ctx.catalog.major >= 16 else f'must be member of role "{role.name}"'
        me = quote_identifier(ctx.catalog.role_name(ctx.session.role))
        raise ctx.refuse("42501", message, location, object=role.name, kind="role", help=f"GRANT {quote_identifier(role.name)} TO {me};")


def need_superuser(ctx: Context, message: str, location: int | None = None, *, roles: tuple[str, ...] = ()) -> None:
    """The current role must be a superuser, or belong to one of these predefined roles."""
    if _unknown(ctx):
        held = "unknown"
    elif acl.is_superuser(ctx.catalog, ctx.session.role):
        held = "yes"
    else:
        names = {ctx.catalog.role_name(oid) for oid in acl.roles_of(ctx.catalog, ctx.session.role)}
        held = "yes" if names & set(roles) else "no"
    _note(ctx, "superuser", "", held, "", location)
    if held == "no":
        raise ctx.refuse("42501", message, location, kind="superuser", help="have a superuser run this once, outside the migrations")


def need_attribute(ctx: Context, attribute: str, message: str, location: int | None = None) -> None:
    """The current role must have an attribute: createrole, createdb, replication, bypassrls."""
    role = ctx.catalog.find(Role, ctx.session.role)
    if _unknown(ctx) or role is None:
        held = "unknown"
    else:
        held = "yes" if role.superuser or getattr(role, attribute) else "no"
    _note(ctx, attribute, "", held, "", location)
    if held == "no":
        raise ctx.refuse("42501", message, location, kind=attribute, help=f"have a role with {attribute.upper()} run this once, outside the migrations")


def check_uses(ctx: Context, query: Any) -> None:
    """Privileges that running a query needs on its relations (ExecCheckPermissions in execMain.c)."""
    for use in query.uses:
        relation = ctx.catalog.find(Relation, use.relation)
        if relation is None:
            continue
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            if privilege in use.privileges:
                columns = {"SELECT": use.selected, "INSERT": use.inserted, "UPDATE": use.updated}.get(privilege, frozenset())
                need_privilege(ctx, relation, privilege, use.location, columns=columns)


def initial_acl(ctx: Context, kind: str, namespace: int, owner: int) -> Any:
    """The acl of a new object by ALTER DEFAULT PRIVILEGES; None for the built-in default (get_user_default_acl).

    ``kind``: table sequence function type schema.
    """
    everywhere = ctx.catalog.default_acls.get((owner, 0, kind))
    here = ctx.catalog.default_acls.get((owner, namespace, kind)) if namespace else None
    if everywhere is None and here is None:
        return None
    public = acl.public_default(kind)
    base: list[Any] = list(everywhere) if everywhere is not None else [
        *([(0, public, "", owner)] if public else []), (owner, acl.all_privileges(kind, ctx.catalog.major), "", owner),
    ]
    return tuple(base + list(here or ()))


__all__ = [
    "check_uses", "has_owner", "has_privilege", "initial_acl", "kind_word", "need_attribute", "need_create", "need_member", "need_owner",
    "need_privilege", "need_superuser", "need_usage",
]  # fmt: skip
