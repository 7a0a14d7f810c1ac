"""The roles that SQL names: whoever knows nothing of the cluster must take them for existing ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lockgate.base.lazy_imports import pattern
from lockgate.parse.script import read_script
from lockgate.parse.statement import Statement, SyntaxFailure, nodes
from lockgate.sources.migration import Script

_SPECIAL = frozenset({"public", "current_user", "session_user", "current_role", "none"})
_IN_BODY = pattern(
    r"\b(?:OWNER\s+TO|FOR\s+(?:USER|ROLE)|(?:GRANT|REVOKE)\b[^;']*?\b(?:TO|FROM))\s+(\"[^\"]+\"|[a-z_][\w$]*)",
    re.IGNORECASE,
)
_NAMING = pattern(
    r"\b(?:grant|revoke|owner\s+to|authorization|set\s+(?:local\s+|session\s+)?role|policy|privileges|owned\s+by|user\s+mapping|role)\b",
    re.IGNORECASE,
)


def roles_named_in(scripts: Iterable[Script]) -> set[str]:
    """Roles that scripts name and do not themselves create; only what may name one is parsed."""
    return named_roles(
        statement for script in scripts if _NAMING.search(script.source.text) for statement in read_script(script)
    )


def named_roles(statements: Iterable[Statement | SyntaxFailure]) -> set[str]:
    """Roles that the SQL names and does not itself create."""
    named: set[str] = set()
    created: set[str] = set()
    for statement in statements:
        if isinstance(statement, SyntaxFailure):
            continue
        if statement.tag == "CreateRoleStmt":
            created.add(statement.node.get("role", ""))
        elif statement.tag == "DropRoleStmt":
            continue
        elif statement.tag == "DoStmt":
            named.update(_unquoted(name) for name in _IN_BODY.findall(statement.text))
        elif _may_name_a_role(statement):
            named.update(_roles_in(statement.node))
    return {name for name in named if name not in created and name not in _SPECIAL and not name.startswith("pg_")}


_WITH_ROLES = frozenset(
    {
        "AlterDefaultPrivilegesStmt",
        "AlterOwnerStmt",
        "AlterPolicyStmt",
        "AlterRoleSetStmt",
        "AlterRoleStmt",
        "AlterTableStmt",
        "CreatePolicyStmt",
        "CreateRoleStmt",
        "CreateSchemaStmt",
        "CreateUserMappingStmt",
        "CreatedbStmt",
        "DropOwnedStmt",
        "GrantRoleStmt",
        "GrantStmt",
        "ReassignOwnedStmt",
        "VariableSetStmt",
    }
)


def _may_name_a_role(statement: Statement) -> bool:
    return statement.tag in _WITH_ROLES


def _roles_in(node: Any) -> Iterator[str]:
    """Role specifications anywhere in a tree, and the arguments of SET ROLE and its kin."""
    for at in nodes(node):
        if at.get("roletype") == "ROLESPEC_CSTRING" and "rolename" in at:
            yield at["rolename"]
        if at.get("name") in ("role", "session_authorization"):
            yield from _constants(at.get("args", ()))
        if "granted_roles" in at:
            yield from (item["AccessPriv"].get("priv_name", "") for item in at["granted_roles"])


def _constants(arguments: Iterable[Any]) -> Iterator[str]:
    for argument in arguments:
        value = argument.get("A_Const", {}).get("sval", {}).get("sval")
        if value:
            yield value


def _unquoted(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.lower()
