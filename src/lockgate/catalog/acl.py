"""Access control lists and role membership as questions over a catalog (src/backend/utils/adt/acl.c, catalog/aclchk.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import DATABASE_OWNER_ROLE, Acl, AclItem, Namespace, Other, Relation, Role, Routine, Type

LETTERS = {
    "INSERT": "a", "SELECT": "r", "UPDATE": "w", "DELETE": "d", "TRUNCATE": "D", "REFERENCES": "x", "TRIGGER": "t", "EXECUTE": "X",
    "USAGE": "U", "CREATE": "C", "TEMPORARY": "T", "TEMP": "T", "CONNECT": "c", "SET": "s", "ALTER SYSTEM": "A", "MAINTAIN": "m",
}  # fmt: skip
_TABLE = "arwdDxt"


def all_privileges(kind: str, major: int) -> str:
    """Every privilege of a kind of object (ACL_ALL_RIGHTS_*): table column sequence schema database function type language fdw server."""
    return {
        "table": _TABLE + ("m" if major >= 17 else ""), "column": "arwx", "sequence": "rwU", "schema": "UC", "database": "CTc", "function": "X",
        "type": "U", "language": "U", "fdw": "U", "server": "U", "large_object": "rw", "parameter": "sA", "tablespace": "C",
    }.get(kind, "")  # fmt: skip


def public_default(kind: str) -> str:
    """What PUBLIC holds of a new object (acldefault)."""
    return {"database": "Tc", "function": "X", "language": "U", "type": "U"}.get(kind, "")


def acl_kind(obj: Any) -> str:
    """The kind whose privileges an object has."""
    match obj:
        case Relation(kind="S"):
            return "sequence"
        case Relation():
            return "table"
        case Namespace():
            return "schema"
        case Routine():
            return "function"
        case Type():
            return "type"
        case Other(kind=kind):
            return {"foreign_server": "server"}.get(kind, kind)
        case _:
            return ""


def effective(catalog: Catalog, obj: Any) -> tuple[AclItem, ...]:
    """An object's acl, the built-in default where it has none."""
    acl: Acl = obj.acl
    if acl is not None:
        return acl
    kind = acl_kind(obj)
    items: list[AclItem] = []
    public = public_default(kind)
    if public:
        items.append((0, public, "", obj.owner))
    items.append((obj.owner, all_privileges(kind, catalog.major), "", obj.owner))
    return tuple(items)


def roles_of(catalog: Catalog, role: int, *, settable: bool = False) -> frozenset[int]:
    """The roles whose privileges a role has (roles_is_member_of with ROLERECURSE_PRIVS); with ``settable`` those it may become."""
    seen, queue = {role}, [role]
    while queue:
        member = queue.pop()
        held = catalog.find(Role, member)
        inherits = held.inherit if held is not None else True
        for grant in catalog.memberships:
            if grant.member != member or grant.role in seen:
                continue
            if settable:
                follows = grant.set if catalog.major >= 16 else True
            else:
                follows = grant.inherit if catalog.major >= 16 else inherits
            if follows:
                seen.add(grant.role)
                queue.append(grant.role)
        if member == catalog.database_owner and DATABASE_OWNER_ROLE not in seen:
            seen.add(DATABASE_OWNER_ROLE)
            queue.append(DATABASE_OWNER_ROLE)
    return frozenset(seen)


def is_superuser(catalog: Catalog, role: int) -> bool:
    """Whether a role is a superuser."""
    found = catalog.find(Role, role)
    return found is not None and found.superuser


def holds(catalog: Catalog, role: int, obj: Any, privilege: str, *, attribute: int = 0) -> bool:
    """Whether a role holds a privilege on an object (or on one of its columns), by acl alone or as its owner."""
    if is_superuser(catalog, role):
        return True
    roles = roles_of(catalog, role)
    letter = LETTERS[privilege]
    if any(letter in letters and (grantee == 0 or grantee in roles) for grantee, letters, _, _ in effective(catalog, obj)):
        return True
    if isinstance(obj, Relation):
        column = obj.attribute_by_num(attribute) if attribute else None
        if column is not None and column.acl:
            return any(letter in letters and (grantee == 0 or grantee in roles) for grantee, letters, _, _ in column.acl)
    return _predefined(catalog, roles, obj, privilege)


def _predefined(catalog: Catalog, roles: frozenset[int], obj: Any, privilege: str) -> bool:
    names = {catalog.role_name(oid) for oid in roles}
    if "pg_read_all_data" in names and ((isinstance(obj, Relation) and privilege == "SELECT") or (isinstance(obj, Namespace) and privilege == "USAGE")):
        return True
    if "pg_write_all_data" in names and (
        (isinstance(obj, Relation) and privilege in ("INSERT", "UPDATE", "DELETE")) or (isinstance(obj, Namespace) and privilege == "USAGE")
    ):
        return True
    return "pg_maintain" in names and privilege == "MAINTAIN"
