"""What a role may, as far as it is known (src/backend/catalog/aclchk.c): asks, and refuses nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lockgate.catalog import acl
from lockgate.catalog.builtin_rows import BuiltinFunction, BuiltinRelation
from lockgate.catalog.catalog import Catalog, Taint
from lockgate.catalog.objects import (
    BOOTSTRAP_SUPERUSER,
    FIRST_USER_OID,
    PUBLIC_NAMESPACE,
    Acl,
    Constraint,
    Namespace,
    Other,
    Policy,
    Relation,
    Rewrite,
    Role,
    Routine,
    Trigger,
    Type,
)
from lockgate.timeline.context import Context
from lockgate.timeline.privileges.shipped import changed

CURRENT_DATABASE = 5  # the oid under which the database of the session is kept once its grants change


READ_ALL, WRITE_ALL, MAINTAIN_ALL = 6181, 6182, 6337  # pg_read_all_data, pg_write_all_data, pg_maintain


YES, NO, UNKNOWN = "yes", "no", "unknown"


def element_of(catalog: Catalog, obj: Any) -> Any:
    # an array type has no privileges of its own: its elements' count (aclcheck_error_type, pg_type_aclmask); a
    # multirange, its range's
    if getattr(obj, "elem", 0) and getattr(obj, "length", 0) == -1:
        return catalog.find(Type, obj.elem) or obj
    if getattr(obj, "kind", "") == "m":
        return next((t for t in catalog.objects(Type) if t.multirange == obj.oid), obj)
    return obj


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


def doubt_of(ctx: Context, obj: Any = None) -> Taint | None:
    return acl.ownership_doubt(ctx.catalog, getattr(obj, "oid", 0))


def sure(ctx: Context, yes: bool, doubt: Taint | None) -> str:
    if not ctx.session.known or ctx.unchecked:
        return UNKNOWN
    if yes:
        return YES
    return UNKNOWN if doubt is not None else NO


def has_owner(ctx: Context, obj: Any) -> str:
    """Whether the current role owns an object, or belongs to the role that does (object_ownercheck)."""
    return sure(
        ctx, acl.has_privileges_of(ctx.catalog, ctx.session.role, owner_of(ctx.catalog, obj)), doubt_of(ctx, obj)
    )


def has_privilege(
    ctx: Context, obj: Any, privilege: str, *, columns: Iterable[int] | None = None, role: int | None = None
) -> str:
    """Whether the current role (or ``role``) holds a privilege.

    ``columns``: attribute numbers of a relation; where the table's own privilege is lacking each must be covered by its
    own (0: every column); none named asks for the privilege on any column (ExecCheckOneRelPerms).
    """
    who = ctx.session.role if role is None else role
    return sure(
        ctx, _holds(ctx, obj, privilege, who, columns), acl.privilege_doubt(ctx.catalog, who, getattr(obj, "oid", 0))
    )


def _holds(ctx: Context, obj: Any, privilege: str, role: int, columns: Iterable[int] | None) -> bool:
    catalog = ctx.catalog
    if acl.is_superuser(catalog, role):
        return True
    letter = acl.LETTERS[privilege]
    obj = element_of(catalog, obj)
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
    return found or Other(0, "system_column", name, 0, relation.owner, relation.oid)


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
        case Routine() | BuiltinFunction():
            return "function"
        case BuiltinRelation():
            return "table"
        case Other():
            return obj.kind
        case _:
            return "type"


def items_of(catalog: Catalog, obj: Any) -> acl.Items:
    """An object's acl with NULL resolved to its kind's default."""
    found: Acl = getattr(obj, "acl", None)
    if found is not None:
        return found
    kind = kind_of(obj)
    return acl.default_acl(kind, owner_of(catalog, obj), catalog.major) if kind in acl.KINDS else ()
