"""What a statement needs of the role that runs it, checked as PostgreSQL's src/backend/catalog/aclchk.c does.

Every function refuses with 42501, in the server's words, only where the need is certainly not
held. The callers keep PostgreSQL's order of checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lockgate.base.findings import Label
from lockgate.catalog import acl
from lockgate.catalog.catalog import Catalog, Taint
from lockgate.catalog.objects import (
    BOOTSTRAP_SUPERUSER,
    FIRST_USER_OID,
    INFORMATION_SCHEMA,
    PG_CATALOG,
    PUBLIC_NAMESPACE,
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
from lockgate.timeline.privileges import remedy
from lockgate.timeline.privileges.shipped import changed

CURRENT_DATABASE = 5  # the oid under which the database of the session is kept once its grants change
READ_ALL, WRITE_ALL, MAINTAIN_ALL = 6181, 6182, 6337  # pg_read_all_data, pg_write_all_data, pg_maintain
YES, NO, UNKNOWN = "yes", "no", "unknown"
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
        case _:
            return _builtin_word(obj)


def _builtin_word(obj: Any) -> str:
    kind = type(obj).__name__.removeprefix("Builtin").lower()
    if kind == "relation":
        return _RELATION_NOUNS.get(obj.relkind, "table")
    return {"function": "function", "database": "database"}.get(kind, kind)


def shown_name(ctx: Context, obj: Any) -> str:
    """The name in aclcheck_error's message: bare, but types as format_type prints them and triggers by their table."""
    if isinstance(obj, Type) or type(obj).__name__ == "BuiltinType":
        return type_name(ctx.catalog, _element(ctx.catalog, obj).oid, None, ctx.path())
    if isinstance(obj, (Trigger, Policy, Rewrite, Constraint)):
        relation = ctx.catalog.find(Relation, obj.relation)
        return relation.name if relation else obj.name
    return str(getattr(obj, "name", ""))


def _element(catalog: Catalog, obj: Any) -> Any:
    # an array type has no privileges of its own: its elements' count (aclcheck_error_type, pg_type_aclmask); a
    # multirange, its range's
    if getattr(obj, "elem", 0) and getattr(obj, "length", 0) == -1:
        return catalog.find(Type, obj.elem) or obj
    if getattr(obj, "kind", "") == "m":
        return next((t for t in catalog.objects(Type) if t.multirange == obj.oid), obj)
    return obj


# --- asking -----------------------------------------------------------------------------------------------------------


def current_role(ctx: Context) -> int:
    """The oid of the role that the statement runs as."""
    return ctx.session.role


def owner_of(catalog: Catalog, obj: Any) -> int:
    """The owner's oid; what PostgreSQL ships belongs to the bootstrap superuser, parts of a table to the table's
    owner."""
    match obj:
        case Trigger() | Policy() | Rewrite():
            return owner_of(catalog, catalog.find(Relation, obj.relation))
        case Constraint():
            return owner_of(
                catalog, catalog.find(Relation, obj.relation) if obj.relation else catalog.find(Type, obj.type)
            )
        case Other(kind="database", oid=oid) if oid == CURRENT_DATABASE:
            return catalog.database_owner
        case _:
            return int(getattr(obj, "owner", BOOTSTRAP_SUPERUSER) or BOOTSTRAP_SUPERUSER)


def _doubt(ctx: Context, obj: Any = None) -> Taint | None:
    return acl.ownership_doubt(ctx.catalog, getattr(obj, "oid", 0))


def _role_doubt(ctx: Context, role: int) -> Taint | None:
    """Why it is not certain what a role's attributes are."""
    return ctx.catalog.taint_of(("any",), ("privileges",), ("object", role)) if ctx.catalog.taints else None


def _sure(ctx: Context, yes: bool, doubt: Taint | None) -> str:
    if not ctx.session.known or ctx.unchecked:
        return UNKNOWN
    if yes:
        return YES
    return UNKNOWN if doubt is not None else NO


def has_owner(ctx: Context, obj: Any) -> str:
    """Whether the current role owns an object, or belongs to the role that does (object_ownercheck)."""
    return _sure(
        ctx, acl.has_privileges_of(ctx.catalog, ctx.session.role, owner_of(ctx.catalog, obj)), _doubt(ctx, obj)
    )


def has_privilege(
    ctx: Context, obj: Any, privilege: str, *, columns: Iterable[int] | None = None, role: int | None = None
) -> str:
    """Whether the current role (or ``role``) holds a privilege.

    ``columns``: attribute numbers of a relation; where the table's own privilege is lacking each must be covered by its
    own (0: every column); none named asks for the privilege on any column (ExecCheckOneRelPerms).
    """
    who = ctx.session.role if role is None else role
    return _sure(
        ctx, _holds(ctx, obj, privilege, who, columns), acl.privilege_doubt(ctx.catalog, who, getattr(obj, "oid", 0))
    )


def _holds(ctx: Context, obj: Any, privilege: str, role: int, columns: Iterable[int] | None) -> bool:
    catalog = ctx.catalog
    if acl.is_superuser(catalog, role):
        return True
    letter = acl.LETTERS[privilege]
    obj = _element(catalog, obj)
    if (
        getattr(obj, "oid", 0) < FIRST_USER_OID
        and not isinstance(obj, (Other, Role))
        and getattr(obj, "oid", 0) != PUBLIC_NAMESPACE
    ):
        return _holds_shipped(catalog, obj, privilege, role)
    if isinstance(obj, Namespace) and obj.name.startswith("pg_temp"):
        return True
    if letter in acl.held(catalog, role, items_of(catalog, obj)) or _predefined(catalog, obj, privilege, role):
        return True
    return (
        columns is not None and isinstance(obj, Relation) and _holds_columns(catalog, obj, letter, role, list(columns))
    )


def _holds_columns(catalog: Catalog, relation: Relation, letter: str, role: int, columns: list[int]) -> bool:
    covered = {a.num for a in relation.attributes if a.acl is not None and letter in acl.held(catalog, role, a.acl)}
    covered |= {
        n for n in columns if n < 0 and letter in acl.held(catalog, role, system_column(catalog, relation, n).acl or ())
    }
    if not columns:
        return bool(covered)
    wanted = {a.num for a in relation.attributes} | {n for n in columns if n < 0} if 0 in columns else set(columns)
    return wanted <= covered


def system_column(catalog: Catalog, relation: Relation, number: int) -> Other:
    """A system column (tableoid, ctid, ...), which is kept apart: with the privileges that were granted on it."""
    name = f"{relation.oid}.{number}"
    found = catalog.one(Other, ("system_column", 0, name))
    return found or Other(0, "system_column", name, 0, relation.owner, relation.oid, data=(number,))


def _predefined(catalog: Catalog, obj: Any, privilege: str, role: int) -> bool:
    mine = acl.roles_of(catalog, role)
    if isinstance(obj, Namespace):
        return privilege == "USAGE" and (READ_ALL in mine or WRITE_ALL in mine)
    if isinstance(obj, Relation):
        if privilege == "SELECT":
            return READ_ALL in mine
        if privilege in ("INSERT", "UPDATE", "DELETE"):
            return WRITE_ALL in mine
        return privilege == "MAINTAIN" and MAINTAIN_ALL in mine
    return False


def _holds_shipped(catalog: Catalog, obj: Any, privilege: str, role: int) -> bool:
    now = changed(catalog, obj.oid)
    if privilege == "MAINTAIN" and MAINTAIN_ALL in acl.roles_of(catalog, role):
        return True
    if now is not None:
        read = privilege == "SELECT" and READ_ALL in acl.roles_of(catalog, role)
        return read or acl.LETTERS[privilege] in acl.held(catalog, role, now.acl or ())
    if isinstance(obj, Namespace):
        return privilege == "USAGE"
    return _holds_builtin(catalog, obj, privilege, role)


def _holds_builtin(catalog: Catalog, obj: Any, privilege: str, role: int) -> bool:
    """What PostgreSQL ships: PUBLIC may read and execute it, but for what initdb revokes."""
    mine = acl.roles_of(catalog, role)
    if privilege == "SELECT":
        return bool(getattr(obj, "public_select", True)) or READ_ALL in mine
    if privilege == "EXECUTE":
        execute = getattr(obj, "execute", None)
        return execute is None or any(catalog.role_name(oid) in execute for oid in mine)
    return privilege == "USAGE" or (privilege == "UPDATE" and getattr(obj, "name", "") == "pg_settings")


def kind_of(obj: Any) -> str:
    """The acl kind of an object: a key of acl.KINDS."""
    match obj:
        case Relation():
            return "sequence" if obj.kind == "S" else "table"
        case Namespace():
            return "schema"
        case Routine():
            return "function"
        case Type():
            return "type"
        case Other():
            return obj.kind
        case _:
            name = type(obj).__name__.removeprefix("Builtin").lower()
            return {"relation": "table", "function": "function", "type": "type"}.get(name, "type")


def items_of(catalog: Catalog, obj: Any) -> acl.Items:
    """An object's acl with NULL resolved to its kind's default."""
    found: Acl = getattr(obj, "acl", None)
    if found is not None:
        return found
    kind = kind_of(obj)
    return acl.default_acl(kind, owner_of(catalog, obj), catalog.major) if kind in acl.KINDS else ()


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
    word = kind or kind_word(_element(ctx.catalog, obj))
    text = " ".join(f"permission denied for {word} {shown or shown_name(ctx, obj)}".split())
    return ctx.refuse(
        "42501",
        text,
        location,
        name=name or getattr(obj, "name", None),
        object=_qualified(ctx, obj),
        help=remedy.privilege(ctx, obj, privilege, role),
        kind="privilege",
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
    held = _sure(ctx, test(ctx.catalog, ctx.session.role, found.oid), _doubt(ctx, found))
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
    return _sure(
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
) -> None:
    """Only superusers may, or who has the privileges of one of these (predefined) ``roles``; ``message`` as the server
    words it."""
    mine = {ctx.catalog.role_name(oid) for oid in acl.roles_of(ctx.catalog, ctx.session.role)}
    held = _sure(
        ctx,
        acl.is_superuser(ctx.catalog, ctx.session.role) or not mine.isdisjoint(roles),
        _role_doubt(ctx, ctx.session.role),
    )
    if held == NO:
        help = help or "have a superuser run this once, outside the migrations"
        raise ctx.refuse("42501", message, location, name=name, help=help, kind="superuser")


def need_attribute(
    ctx: Context, attribute: str, message: str, location: int | None = None, *, name: str | None = None
) -> None:
    """A role attribute (createrole, createdb, ...), which superusers need not have."""
    role = ctx.catalog.find(Role, ctx.session.role)
    has = acl.is_superuser(ctx.catalog, ctx.session.role) or bool(role is not None and getattr(role, attribute))
    held = _sure(ctx, has, _role_doubt(ctx, ctx.session.role))
    if held == NO:
        raise ctx.refuse("42501", message, location, name=name, help=remedy.attribute(ctx, attribute), kind="privilege")


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
