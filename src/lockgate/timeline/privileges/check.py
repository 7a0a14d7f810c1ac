"""What a statement needs of the role that runs it, checked as PostgreSQL's src/backend/catalog/aclchk.c does.

Every function refuses with 42501, in the server's words, only where the need is certainly not
held. The callers keep PostgreSQL's order of checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lockgate.base.findings import Label
from lockgate.catalog import acl
from lockgate.catalog.builtin_rows import BuiltinCast, BuiltinFunction, BuiltinOperator, BuiltinRelation, BuiltinType
from lockgate.catalog.catalog import Taint
from lockgate.catalog.objects import (
    INFORMATION_SCHEMA,
    PG_CATALOG,
    Acl,
    Cast,
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
from lockgate.catalog.typename import type_name
from lockgate.timeline.context import Context
from lockgate.timeline.failure import NoPrivilege, NotOwner
from lockgate.timeline.privileges import remedy
from lockgate.timeline.privileges.may import (
    CURRENT_DATABASE,
    NO,
    doubt_of,
    element_of,
    has_owner,
    has_privilege,
    owner_of,
    sure,
)

_RELATION_NOUNS = {
    "r": "table",
    "p": "table",
    "v": "view",
    "m": "materialized view",
    "S": "sequence",
    "f": "foreign table",
    "i": "index",
    "I": "index",
}
_OTHER_NOUNS = {
    "opclass": "operator class",
    "opfamily": "operator family",
    "event_trigger": "event trigger",
    "foreign_server": "foreign server",
    "fdw": "foreign-data wrapper",
    "statistics": "statistics object",
    "ts_config": "text search configuration",
    "large_object": "large object",
    "ts_dict": "text search dictionary",
    "access_method": "access method",
    "user_mapping": "user mapping",
}


# --- words ------------------------------------------------------------------------------------------------------------


def kind_word(obj: Any) -> str:
    """The kind of an object as aclcheck_error words it."""
    match obj:
        case Relation():
            return _RELATION_NOUNS.get(obj.kind, "table")
        case Namespace():
            return "schema"
        case Routine():
            return {"p": "procedure", "a": "aggregate"}.get(obj.kind, "function")
        case Other():
            return _OTHER_NOUNS.get(obj.kind, obj.kind)
        case Trigger() | Policy() | Rewrite() | Constraint():
            return "relation"
        case BuiltinRelation():
            return _RELATION_NOUNS.get(obj.relkind, "table")
        case BuiltinFunction():
            return "function"
        case Type() | BuiltinType():
            return "type"
        case Operator() | BuiltinOperator():
            return "operator"
        case Cast() | BuiltinCast():
            return "cast"
        case Extension():
            return "extension"
        case _:
            return "role"


def shown_name(ctx: Context, obj: Any) -> str:
    """The name in aclcheck_error's message: bare, but types as format_type prints them and triggers by their table."""
    if isinstance(obj, Type | BuiltinType):
        return type_name(ctx.catalog, element_of(ctx.catalog, obj).oid, None, ctx.path())
    if isinstance(obj, (Trigger, Policy, Rewrite, Constraint)):
        relation = ctx.catalog.find(Relation, obj.relation)
        return relation.name if relation else obj.name
    return str(getattr(obj, "name", ""))


# --- asking -----------------------------------------------------------------------------------------------------------


def _role_doubt(ctx: Context, role: int) -> Taint | None:
    """Why it is not certain what a role's attributes are."""
    return ctx.catalog.taint_of(("any",), ("privileges",), ("object", role)) if ctx.catalog.taints else None


# --- needing ----------------------------------------------------------------------------------------------------------


_OBJECTS = (
    Role,
    Namespace,
    Relation,
    Constraint,
    Type,
    Routine,
    Trigger,
    Policy,
    Rewrite,
    Operator,
    Cast,
    Extension,
    Other,
)


def need_owner(
    ctx: Context, obj: Any, location: int | None = None, *, name: str | None = None, shown: str = "", kind: str = ""
) -> None:
    """The current role must own the object (ACLCHECK_NOT_OWNER).

    ``name`` is the token to mark, ``shown`` and ``kind`` the message's words where they differ from the object's own.
    """
    held = has_owner(ctx, obj)
    if held == NO:
        text = f"must be owner of {kind or kind_word(obj)} {shown or shown_name(ctx, obj)}"
        raise ctx.refuse(
            "42501",
            text,
            location,
            name=name or getattr(obj, "name", None),
            object=_qualified(ctx, obj),
            help=remedy.ownership(ctx, obj, owner_of(ctx.catalog, obj)),
            kind="owner",
            subject=NotOwner(),
            related=_made(ctx, obj),
        )


def _made(ctx: Context, obj: Any) -> tuple[Label, ...]:
    place = ctx.catalog.places.get((getattr(obj, "oid", 0), 0))
    if place is None:
        return ()
    owner = ctx.catalog.role_name(owner_of(ctx.catalog, obj))
    return (
        Label(
            place.source, place.span, "made here" + (f", in {place.slot}" if place.slot else "") + f", now {owner}'s"
        ),
    )


def need_privilege(
    ctx: Context,
    obj: Any,
    privilege: str,
    location: int | None = None,
    *,
    columns: Iterable[int] | None = None,
    name: str | None = None,
    shown: str = "",
    kind: str = "",
) -> None:
    """The current role must hold a privilege on the object (ACLCHECK_NO_PRIV)."""
    if not ctx.session.known or ctx.unchecked:  # ``sure`` would say so of each
        return
    columns = None if columns is None else tuple(columns)
    held = has_privilege(ctx, obj, privilege, columns=columns)
    if held == NO:
        raise denied(ctx, obj, privilege, location, name=name, shown=shown, kind=kind)


def denied(
    ctx: Context,
    obj: Any,
    privilege: str,
    location: int | None = None,
    *,
    name: str | None = None,
    shown: str = "",
    kind: str = "",
    role: int | None = None,
) -> Exception:
    """The refusal ``permission denied for table x``; ``role`` where another than the current one lacks the privilege (a
    view's owner)."""
    word = kind or kind_word(element_of(ctx.catalog, obj))
    text = " ".join(f"permission denied for {word} {shown or shown_name(ctx, obj)}".split())
    return ctx.refuse(
        "42501",
        text,
        location,
        name=name or getattr(obj, "name", None),
        object=_qualified(ctx, obj),
        help=remedy.privilege(ctx, obj, privilege, role),
        kind="privilege",
        subject=NoPrivilege(),
        related=_made(ctx, obj),
    )


def need_create(ctx: Context, namespace: Namespace, location: int | None = None, *, name: str | None = None) -> None:
    """CREATE on a schema."""
    need_privilege(ctx, namespace, "CREATE", location, name=name)


def need_usage(ctx: Context, namespace: Namespace, location: int | None = None, *, name: str | None = None) -> None:
    """USAGE on a schema."""
    if namespace.oid not in (PG_CATALOG, INFORMATION_SCHEMA):
        need_privilege(ctx, namespace, "USAGE", location, name=name or namespace.name)


def need_create_on_database(ctx: Context, location: int | None = None) -> None:
    """CREATE on the current database (schemas, trusted extensions, publications)."""
    need_privilege(ctx, database(ctx), "CREATE", location, shown="")


def need_temporary(ctx: Context) -> None:
    """TEMPORARY on the current database, which a session's first temporary object asks (InitTempTableNamespace)."""
    held = has_privilege(ctx, database(ctx), "TEMPORARY")
    if held == NO:
        message = f'permission denied to create temporary tables in database "{database(ctx).name}"'
        raise ctx.refuse(
            "42501",
            message,
            None,
            object="database",
            kind="privilege",
            subject=NoPrivilege(),
            help=remedy.privilege(ctx, database(ctx), "TEMPORARY", None),
        )


def database(ctx: Context) -> Other:
    """The current database; its name is not known to migrations."""
    found = ctx.catalog.find(Other, CURRENT_DATABASE)
    return found or Other(CURRENT_DATABASE, "database", "this one", 0, ctx.catalog.database_owner)


def need_member(ctx: Context, role: Role | int, location: int | None = None, *, name: str | None = None) -> None:
    """The current role must be able to act as another (check_can_set_role; before 16, check_is_member_of_role)."""
    found = ctx.catalog.the(Role, role) if isinstance(role, int) else role
    test = acl.may_set_role if ctx.catalog.major >= 16 else acl.is_member
    held = sure(ctx, test(ctx.catalog, ctx.session.role, found.oid), doubt_of(ctx, found))
    if held == NO:
        words = "must be able to SET ROLE" if ctx.catalog.major >= 16 else "must be member of role"
        raise ctx.refuse(
            "42501",
            f'{words} "{found.name}"',
            location,
            name=name or found.name,
            object=found.name,
            help=remedy.member(ctx, found.oid),
            kind="member",
        )


def is_superuser(ctx: Context, role: int | None = None) -> str:
    """Whether the current role (or ``role``) is a superuser."""
    return sure(
        ctx,
        acl.is_superuser(ctx.catalog, role if role is not None else ctx.session.role),
        _role_doubt(ctx, role or ctx.session.role),
    )


def need_superuser(
    ctx: Context,
    message: str,
    location: int | None = None,
    *,
    name: str | None = None,
    roles: Iterable[str] = (),
    help: str = "",
    subject: NotOwner | NoPrivilege | None = None,
) -> None:
    """Only superusers may, or who has the privileges of one of these (predefined) ``roles``; ``message`` as the server
    words it, ``subject`` what would do in place of a superuser."""
    mine = {ctx.catalog.role_name(oid) for oid in acl.roles_of(ctx.catalog, ctx.session.role)}
    held = sure(
        ctx,
        acl.is_superuser(ctx.catalog, ctx.session.role) or not mine.isdisjoint(roles),
        _role_doubt(ctx, ctx.session.role),
    )
    if held == NO:
        help = help or "have a superuser run this once, outside the migrations"
        raise ctx.refuse("42501", message, location, name=name, help=help, kind="superuser", subject=subject)


def need_attribute(
    ctx: Context, attribute: str, message: str, location: int | None = None, *, name: str | None = None
) -> None:
    """A role attribute (createrole, createdb, ...), which superusers need not have."""
    role = ctx.catalog.find(Role, ctx.session.role)
    has = acl.is_superuser(ctx.catalog, ctx.session.role) or bool(role is not None and getattr(role, attribute))
    held = sure(ctx, has, _role_doubt(ctx, ctx.session.role))
    if held == NO:
        raise ctx.refuse(
            "42501",
            message,
            location,
            name=name,
            help=remedy.attribute(ctx, attribute),
            kind="privilege",
            subject=NoPrivilege(),
        )


def _qualified(ctx: Context, obj: Any) -> str:
    return ctx.catalog.qualified(obj) if isinstance(obj, _OBJECTS) else str(getattr(obj, "name", ""))


# --- what new objects start with --------------------------------------------------------------------------------------


def initial_acl(ctx: Context, kind: str, namespace: int, owner: int | None = None) -> Acl:
    """The acl of a new object by ALTER DEFAULT PRIVILEGES (get_user_default_acl); None where that is the built-in
    default.

    ``kind``: table, sequence, function, type, schema, large_object (keys of acl.KINDS).
    """
    catalog = ctx.catalog
    owner = ctx.session.role if owner is None else owner
    everywhere = catalog.default_acls.get((owner, 0, kind))
    here = catalog.default_acls.get((owner, namespace, kind)) if namespace else None
    if everywhere is None and here is None:
        return None
    default = acl.default_acl(kind, owner, catalog.major)
    items = acl.merge(catalog, default if everywhere is None else everywhere, here or (), owner)
    return None if acl.same(items, default) else items


def check_uses(ctx: Context, query: Any) -> None:
    """What running a query (binder.Query) needs of the current role; see ``query_privileges.py``."""
    from lockgate.timeline.privileges.query import check_query

    check_query(ctx, query)
