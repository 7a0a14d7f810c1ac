"""Roles as commands of our own: CREATE ROLE, GRANT of a role, ALTER ROLE SET, rebuilt of names that were looked up."""

from __future__ import annotations

from typing import Any

from lockgate.base.sql import literal, quote
from lockgate.oracle.apply.roles import REACHING, commented
from lockgate.oracle.server.backend import Backend, ask

ROLE_OPTIONS = {"canlogin": "LOGIN", "createdb": "CREATEDB", "inherit": "INHERIT"}
# settings by which a session would be another's, or load code; every other that any user may set for himself is
# harmless
_NOT_HARMLESS = (
    "role",
    "session_authorization",
    "local_preload_libraries",
    "session_preload_libraries",
    "dynamic_library_path",
)


def ordinary(backend: Backend, role: str, made: bool = False) -> bool:
    """A role that is none of the server's own, and neither is nor may become one that reaches further than the scratch
    database. ``made``: it must be a role of this run, which goes with it. Raises CannotCheck, Lost."""
    if not role or role.startswith("pg_"):
        return False
    of_the_run = ""
    if made and backend.mark:
        of_the_run = (
            " AND EXISTS (SELECT FROM pg_catalog.pg_shdescription d WHERE d.objoid = r.oid AND"
            f" d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.description = {literal(backend.mark)})"
        )
    found = ask(
        backend.control,
        f"SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = {literal(role)} AND NOT {REACHING}{of_the_run}",
    )
    return bool(found)


def created(backend: Backend, node: dict[str, Any]) -> str | None:
    """CREATE ROLE with harmless attributes only; groups are left out."""
    name = node.get("role", "")
    if not name or name.startswith("pg_"):
        return None
    options = ["LOGIN"] if node.get("stmt_type") == "ROLESTMT_USER" else []
    for item in node.get("options", ()):
        element = item["DefElem"]
        if word := ROLE_OPTIONS.get(element["defname"]):
            options.append(word if element.get("arg", {}).get("Boolean", {}).get("boolval") else f"NO{word}")
    return ";".join((f"CREATE ROLE {quote(name)} {' '.join(options)}", *commented(backend, name)))


def granted(backend: Backend, node: dict[str, Any]) -> str | None:
    """GRANT of roles to roles of this run."""
    roles = [item["AccessPriv"].get("priv_name", "") for item in node.get("granted_roles", ())]
    members = [item["RoleSpec"].get("rolename", "") for item in node.get("grantee_roles", ())]
    allowed = all(ordinary(backend, role) for role in roles) and all(ordinary(backend, m, made=True) for m in members)
    if not node.get("is_grant") or not roles or not members or not allowed:
        return None
    return f"GRANT {', '.join(map(quote, roles))} TO {', '.join(map(quote, members))}"


def set_for(backend: Backend, node: dict[str, Any]) -> str | None:
    """ALTER ROLE ... SET of what the role could set itself; its own database is the scratch database."""
    role, setting = node.get("role", {}).get("rolename", ""), node.get("setstmt", {})
    name = _harmless(backend, setting.get("name", ""))
    if not name or not ordinary(backend, role, made=True):
        return None
    within = f" IN DATABASE {quote(backend.database)}" if "database" in node else ""
    head = f"ALTER ROLE {quote(role)}{within}"
    if setting.get("kind") in ("VAR_RESET", "VAR_SET_DEFAULT"):
        return f"{head} RESET {name}"
    values = [_constant(item.get("A_Const", {})) for item in setting.get("args", ())]
    if setting.get("kind") != "VAR_SET_VALUE" or not values or not all(values):
        return None
    return f"{head} SET {name} TO {', '.join(map(str, values))}"


def _constant(node: dict[str, Any]) -> str | None:
    """A value of SET as a constant of its own."""
    match node:
        case {"sval": held}:
            return literal(str(held.get("sval", "")))
        case {"ival": held}:
            return str(int(held.get("ival", 0)))
        case {"fval": held}:
            return literal(str(held.get("fval", "")))
        case {"boolval": held}:
            return "true" if held.get("boolval") else "false"
    return None


def _harmless(backend: Backend, name: str) -> str:
    """The name of a setting that the role could make itself; empty where it is none."""
    found = ask(
        backend.control,
        f"SELECT name FROM pg_catalog.pg_settings WHERE context = 'user' AND pg_catalog.lower(name) = {literal(name.lower())}",
    )
    known = (found[0][0] or "") if found else ""
    return quote(known) if known not in _NOT_HARMLESS and "." not in known else ""
