"""Access control lists and role memberships: who may what, as PostgreSQL's src/backend/utils/adt/acl.c reckons it.

An ``Acl`` is None (the kind's default, ``default_acl``) or a tuple of items (see ``objects.AclItem``). Superusers'
bypass of single checks is left to ``timeline/privileges.py``, but for the questions that acl.c itself answers so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lockgate.catalog.catalog import Catalog, Taint
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, DATABASE_OWNER_ROLE, Acl, AclItem, Role

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

Items = tuple[AclItem, ...]
PUBLIC = 0
ANYBODY = -1  # in a taint: whoever
_ORDER = "arwdDxtXUCTcsAm"  # of the bits (src/include/utils/acl.h)
LETTERS = {
    "INSERT": "a",
    "SELECT": "r",
    "UPDATE": "w",
    "DELETE": "d",
    "TRUNCATE": "D",
    "REFERENCES": "x",
    "TRIGGER": "t",
    "EXECUTE": "X",
    "USAGE": "U",
    "CREATE": "C",
    "TEMPORARY": "T",
    "TEMP": "T",
    "CONNECT": "c",
    "SET": "s",
    "ALTER SYSTEM": "A",
    "MAINTAIN": "m",
}
NAMES = {letter: name for name, letter in LETTERS.items() if name != "TEMP"}

# ACL_ALL_RIGHTS_xxx and what PUBLIC holds by default (acldefault)
_ALL = {
    "column": "arwx",
    "table": "arwdDxt",
    "sequence": "rwU",
    "database": "CTc",
    "function": "X",
    "language": "U",
    "large_object": "rw",
    "schema": "UC",
    "tablespace": "C",
    "fdw": "U",
    "foreign_server": "U",
    "type": "U",
    "parameter": "sA",
}
_PUBLIC = {"database": "Tc", "function": "X", "language": "U", "type": "U"}
KINDS = frozenset(_ALL)


def all_privileges(kind: str, major: int) -> str:
    """Every privilege letter that an object of that kind knows (one of KINDS); tables know MAINTAIN from 17."""
    return _ALL[kind] + ("m" if kind == "table" and major >= 17 else "")


def canonical(letters: Iterable[str]) -> str:
    """Letters once each, in PostgreSQL's order."""
    found = set(letters)
    return "".join(letter for letter in _ORDER if letter in found)


def default_acl(kind: str, owner: int, major: int) -> Items:
    """What a NULL acl means (acldefault): the owner's every right, and PUBLIC's on functions, types, languages and
    databases."""
    if kind == "column":
        return ()
    world = _PUBLIC.get(kind)
    items: list[AclItem] = [(PUBLIC, world, "", owner)] if world else []
    items.append((owner, canonical(all_privileges(kind, major)), "", owner))
    return tuple(items)


# --- roles ------------------------------------------------------------------------------------------------------------


def is_superuser(catalog: Catalog, role: int) -> bool:
    """superuser_arg."""
    if role == BOOTSTRAP_SUPERUSER:
        return True
    found = catalog.find(Role, role)
    return found is not None and found.superuser


def roles_of(catalog: Catalog, role: int, how: str = "inherit") -> list[int]:
    """The role and every role it belongs to, nearest first (roles_is_member_of).

    ``how``: "inherit" those whose privileges are inherited (before 16 the member's INHERIT decides, from 16 the grant's
    own option); "set" those that allow SET ROLE (all before 16); "member" all. The database's owner belongs to
    pg_database_owner.
    """
    found = [role]
    for member in found:
        if how == "inherit" and catalog.major < 16:
            attributes = catalog.find(Role, member)
            if attributes is not None and not attributes.inherit:
                continue
        for edge in catalog.memberships:
            if edge.member == member and edge.role not in found and _follows(catalog, edge.inherit, edge.set, how):
                found.append(edge.role)
        if member == catalog.database_owner and DATABASE_OWNER_ROLE not in found:
            found.append(DATABASE_OWNER_ROLE)
    return found


def ownership_doubt(catalog: Catalog, oid: int) -> Taint | None:
    """Why it is not certain whose an object is (oid 0: who is who)."""
    if not catalog.taints:
        return None
    return catalog.taint_of(
        ("any",), ("privileges",), *((("identity", oid), ("owner", oid), ("namespace", oid)) if oid else ())
    )


def privilege_doubt(catalog: Catalog, role: int, oid: int) -> Taint | None:
    """Why it is not certain that a role lacks a privilege on an object."""
    if not catalog.taints:
        return None
    grants: Iterator[TaintKey] = (("acls", grantee) for grantee in (PUBLIC, ANYBODY, *roles_of(catalog, role)))
    return ownership_doubt(catalog, oid) or catalog.taint_of(("acl", oid), *grants)


def _follows(catalog: Catalog, inherit: bool, set_role: bool, how: str) -> bool:
    if catalog.major < 16:
        return True
    return inherit if how == "inherit" else set_role if how == "set" else True


def has_privileges_of(catalog: Catalog, member: int, role: int) -> bool:
    """has_privs_of_role: what ``role`` owns or holds, ``member`` does too."""
    return member == role or is_superuser(catalog, member) or role in roles_of(catalog, member)


def is_member(catalog: Catalog, member: int, role: int) -> bool:
    """is_member_of_role: directly or not; superusers of every role."""
    return member == role or is_superuser(catalog, member) or role in roles_of(catalog, member, "member")


def may_set_role(catalog: Catalog, member: int, role: int) -> bool:
    """member_can_set_role (16 and later); before, membership is enough."""
    return member == role or is_superuser(catalog, member) or role in roles_of(catalog, member, "set")


def is_admin(catalog: Catalog, member: int, role: int) -> bool:
    """is_admin_of_role: a membership WITH ADMIN OPTION, held directly or through other memberships."""
    if is_superuser(catalog, member):
        return True
    if member == role:
        return False
    mine = set(roles_of(catalog, member, "member"))
    return any(edge.role == role and edge.admin and edge.member in mine for edge in catalog.memberships)


def best_admin(catalog: Catalog, member: int, role: int) -> int:
    """select_best_admin: the nearest role whose privileges ``member`` has and that holds ADMIN OPTION on ``role``; 0
    for none."""
    if member == role:
        return 0
    able = admins(catalog, role)
    return next((oid for oid in roles_of(catalog, member) if oid in able), 0)


def admins(catalog: Catalog, role: int) -> frozenset[int]:
    """The roles that hold ADMIN OPTION on a role directly."""
    return frozenset(edge.member for edge in catalog.memberships if edge.role == role and edge.admin)


# --- reading ----------------------------------------------------------------------------------------------------------


def held(catalog: Catalog, role: int, items: Items) -> str:
    """The privilege letters a role holds by an acl: its own, PUBLIC's, and those of roles it inherits from
    (aclmask)."""
    mine = set(roles_of(catalog, role))
    return canonical(
        letter for grantee, letters, _, _ in items if grantee == PUBLIC or grantee in mine for letter in letters
    )


def grantable(catalog: Catalog, role: int, owner: int, items: Items, rights: str) -> str:
    """The privileges that a role may grant on: all of ``rights`` for the owner and its members (aclmask with grant
    options)."""
    mine = set(roles_of(catalog, role))
    if owner in mine:
        return rights
    return canonical(
        letter for grantee, _, options, _ in items if grantee in mine for letter in options if letter in rights
    )


def best_grantor(catalog: Catalog, role: int, owner: int, items: Items, wanted: str) -> tuple[int, str]:
    """Who is recorded as grantor, and which of the wanted privileges it may grant (select_best_grantor)."""
    if role == owner or is_superuser(catalog, role):
        return owner, wanted
    best, most = role, ""
    for candidate in roles_of(catalog, role):
        if candidate == owner:
            return owner, wanted
        options = {letter for grantee, _, options, _ in items if grantee == candidate for letter in options}
        may = canonical(options & set(wanted))
        if may == canonical(wanted):
            return candidate, may
        if len(may) > len(most):
            best, most = candidate, may
    return best, most


# --- writing ----------------------------------------------------------------------------------------------------------


class DependentPrivileges(Exception):
    """Others hold what was granted on: REVOKE needs CASCADE (2BP01)."""


class CircularGrant(Exception):
    """Grant options cannot be granted back to one's own grantor (0LP01)."""


def _set(items: list[AclItem], grantee: int, grantor: int, letters: str, options: str) -> None:
    for number, item in enumerate(items):
        if item[0] == grantee and item[3] == grantor:
            if letters or options:
                items[number] = (grantee, letters, options, grantor)
            else:
                del items[number]
            return
    if letters or options:
        items.append((grantee, letters, options, grantor))


def _item(items: Iterable[AclItem], grantee: int, grantor: int) -> AclItem:
    return next((i for i in items if i[0] == grantee and i[3] == grantor), (grantee, "", "", grantor))


def add(
    catalog: Catalog, items: Items, owner: int, grantee: int, grantor: int, letters: str, options: str = ""
) -> Items:
    """Grant (aclupdate with ACL_MODECHG_ADD). Raises CircularGrant."""
    if options and grantor != owner:
        _check_circular(catalog, items, owner, grantee, grantor, options)
    before = _item(items, grantee, grantor)
    changed = list(items)
    _set(changed, grantee, grantor, canonical(before[1] + letters), canonical(before[2] + options))
    return tuple(changed)


def _check_circular(catalog: Catalog, items: Items, owner: int, grantee: int, grantor: int, options: str) -> None:
    # check_circularity: without what the grantee grants, would the grantor still hold the options?
    left = items
    for item in [i for i in items if i[0] == grantee and i[2]]:
        left = revoke(catalog, left, owner, grantee, item[3], "", item[2], cascade=True)
    mine = {letter for g, _, o, _ in left if g == grantor for letter in o}
    if not set(options) <= mine:
        raise CircularGrant


def revoke(
    catalog: Catalog, items: Items, owner: int, grantee: int, grantor: int, letters: str, options: str, *, cascade: bool
) -> Items:
    """Take away privileges and grant options (aclupdate with ACL_MODECHG_DEL, recursive_revoke). Raises
    DependentPrivileges."""
    before = _item(items, grantee, grantor)
    changed = list(items)
    _set(changed, grantee, grantor, canonical(set(before[1]) - set(letters)), canonical(set(before[2]) - set(options)))
    lost = canonical(set(before[2]) & set(options))
    result = tuple(changed)
    return _revoke_from(catalog, result, owner, grantee, lost, cascade) if lost else result


def _revoke_from(catalog: Catalog, items: Items, owner: int, grantor: int, lost: str, cascade: bool) -> Items:
    if grantor == owner:
        return items
    gone = set(lost) - set(grantable(catalog, grantor, owner, items, lost))
    for item in items:
        below = gone & set(item[1])
        if item[3] != grantor or not below:
            continue
        if not cascade:
            raise DependentPrivileges
        letters = canonical(below)
        items = revoke(catalog, items, owner, item[0], grantor, letters, letters, cascade=True)
        return _revoke_from(catalog, items, owner, grantor, lost, cascade)
    return items


def merge(catalog: Catalog, items: Items, more: Items, owner: int) -> Items:
    """Both lists' privileges (aclmerge)."""
    for grantee, letters, options, grantor in more:
        items = add(catalog, items, owner, grantee, grantor, letters, options)
    return items


def new_owner(acl: Acl, old: int, new: int) -> Acl:
    """An acl after OWNER TO (aclnewowner): the new owner takes the old one's place as grantee and grantor."""
    if acl is None:
        return None
    items: list[AclItem] = []
    for grantee, letters, options, grantor in acl:
        to, by = (new if grantee == old else grantee), (new if grantor == old else grantor)
        before = _item(items, to, by)
        _set(items, to, by, canonical(before[1] + letters), canonical(before[2] + options))
    return tuple(items)


def mentions(acl: Acl, role: int) -> bool:
    """Whether an acl has the role as grantee or grantor (pg_shdepend's SHARED_DEPENDENCY_ACL)."""
    return acl is not None and any(role in (grantee, grantor) for grantee, _, _, grantor in acl)


def same(one: Items, other: Items) -> bool:
    """Whether two lists grant the same, whatever their order (aclequal after aclitemsort)."""
    return sorted(one) == sorted(other)
