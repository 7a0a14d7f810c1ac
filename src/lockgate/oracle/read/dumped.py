"""The roles that a baseline's own statements make (pg_dumpall's CREATE and ALTER ROLE, GRANT role TO role), and the
database's owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from lockgate.oracle.apply.plan import PlannedMembership, ScratchRole
from lockgate.parse import Statement, SyntaxFailure

_ATTRIBUTES = {
    "superuser": "superuser",
    "createdb": "createdb",
    "createrole": "createrole",
    "bypassrls": "bypassrls",
    "canlogin": "login",
}


class Dumped(msgspec.Struct, frozen=True):
    """What a baseline says of the cluster."""

    roles: tuple[ScratchRole, ...] = ()
    memberships: tuple[PlannedMembership, ...] = ()
    database_owner: str = ""


def dumped(statements: Iterable[Statement | SyntaxFailure]) -> Dumped:
    """Read it off the statements; nothing is run."""
    attributes: dict[str, set[str]] = {}
    memberships: list[PlannedMembership] = []
    owner = ""
    for statement in statements:
        if isinstance(statement, SyntaxFailure):
            continue
        node = statement.node
        if statement.tag in ("CreateRoleStmt", "AlterRoleStmt"):
            name = node["role"] if statement.tag == "CreateRoleStmt" else node["role"].get("rolename", "")
            _change(attributes.setdefault(name, set()), node.get("options", ()))
        elif statement.tag == "GrantRoleStmt" and node.get("is_grant"):
            memberships += _memberships(node)
        elif statement.tag == "AlterOwnerStmt" and node.get("objectType") == "OBJECT_DATABASE":
            owner = node["newowner"].get("rolename", "")
    return Dumped(tuple(ScratchRole(n, frozenset(a)) for n, a in attributes.items() if n), tuple(memberships), owner)


def _change(attributes: set[str], options: Iterable[Any]) -> None:
    for item in options:
        element = item["DefElem"]
        on = _flag(element)
        if element["defname"] == "inherit":
            attributes.discard("noinherit") if on else attributes.add("noinherit")
        elif word := _ATTRIBUTES.get(element["defname"]):
            attributes.add(word) if on else attributes.discard(word)


def _flag(element: dict[str, Any]) -> bool:
    """A Boolean option: the grammar writes true as a Boolean, WITH ADMIN OPTION and WITH ADMIN TRUE as one too, else as
    a word."""
    argument = element.get("arg")
    if argument is None:
        return True
    if "Boolean" in argument:
        return bool(argument["Boolean"].get("boolval"))
    return str(argument.get("String", {}).get("sval", "")).lower() in ("true", "on", "option")


def _memberships(node: dict[str, Any]) -> Iterator[PlannedMembership]:
    options = {item["DefElem"]["defname"]: _flag(item["DefElem"]) for item in node.get("opt", ())}
    for granted in node.get("granted_roles", ()):
        for grantee in node.get("grantee_roles", ()):
            role, member = granted["AccessPriv"].get("priv_name", ""), grantee["RoleSpec"].get("rolename", "")
            if role and member:
                yield PlannedMembership(
                    role, member, options.get("admin", False), options.get("inherit"), options.get("set")
                )
