"""Which names a migration's statements take away or change, so that only the bodies that use them are looked at
again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from lockgate.oracle.apply.plan import Parsed
from lockgate.oracle.apply.taint import targets
from lockgate.oracle.bodies.routines import ServerRoutine
from lockgate.parse import Statement
from lockgate.parse.facts import CODE, MAINTENANCE, PRIVILEGES, QUERIES, SIGNALS, WITH_A_QUERY
from lockgate.parse.statement import nodes

# nothing that a body refers to means anything else after these
_HARMLESS = (
    PRIVILEGES
    | MAINTENANCE
    | SIGNALS
    | WITH_A_QUERY
    | {
        "AlterDatabaseSetStmt",
        "AlterPolicyStmt",
        "AlterRoleSetStmt",
        "AlterRoleStmt",
        "AlterSeqStmt",
        "AlterSystemStmt",
        "ClosePortalStmt",
        "CommentStmt",
        "CompositeTypeStmt",
        "CopyStmt",
        "CreateDomainStmt",
        "CreateEnumStmt",
        "CreatePolicyStmt",
        "CreateRangeStmt",
        "CreateRoleStmt",
        "CreateSchemaStmt",
        "CreateSeqStmt",
        "CreateStatsStmt",
        "CreateStmt",
        "DeallocateStmt",
        "IndexStmt",
        "LockStmt",
        "RefreshMatViewStmt",
        "TransactionStmt",
        "TruncateStmt",
        "VariableSetStmt",
    }
)
_DDL = frozenset({"alter", "create", "drop", "execute", "import"})
_HARMLESS_DROPS = frozenset({"OBJECT_POLICY", "OBJECT_STATISTIC_EXT", "OBJECT_TRIGGER"})
_UNKNOWN = CODE | {"AlterExtensionStmt", "CreateExtensionStmt", "DropOwnedStmt"}
# of ALTER TABLE: what changes columns, their types, or the keys that ON CONFLICT and GROUP BY rest on
_CHANGES = frozenset(
    {
        "AT_AddColumn",
        "AT_AddIdentity",
        "AT_AddInherit",
        "AT_AlterColumnType",
        "AT_AttachPartition",
        "AT_DetachPartition",
        "AT_DropColumn",
        "AT_DropConstraint",
        "AT_DropInherit",
        "AT_SetExpression",
        "AT_SetIdentity",
    }
)


class Affected(msgspec.Struct, frozen=True):
    """``words``: names in lower case that mean something else now; None: any may. ``makes``: routines or triggers may
    be new."""

    words: frozenset[str] | None = frozenset()
    makes: bool = False


def affected(statements: Parsed, routines: Iterable[ServerRoutine]) -> Affected:
    """What a migration does to the bodies of ``routines``."""
    words, makes = set[str](), False
    runners = _runners(tuple(routines))
    for statement in statements:
        if not isinstance(statement, Statement) or statement.tag in _HARMLESS:
            continue
        if statement.tag in _UNKNOWN or (
            statement.tag in QUERIES and not runners.isdisjoint(_functions(statement.node))
        ):
            return Affected(None, True)
        names = _names(statement.tag, statement.node)
        if names is None:
            return Affected(None, True)
        words |= names
        makes = makes or _makes(statement.tag, statement.node)
    return Affected(frozenset(word.lower() for word in words), makes)


def _runners(routines: tuple[ServerRoutine, ...]) -> frozenset[str]:
    """Names of routines that change the schema, or call one that does."""
    found = {routine.name.lower() for routine in routines if not _DDL.isdisjoint(routine.words)}
    while found and (more := {r.name.lower() for r in routines if not found.isdisjoint(r.words)} - found):
        found |= more
    return frozenset(found)


def _functions(node: Any) -> Iterator[str]:
    for at in nodes(node):
        if "FuncCall" in at:
            called = at["FuncCall"].get("funcname", ())
            yield called[-1]["String"]["sval"].lower() if called else ""


def _makes(tag: str, node: dict[str, Any]) -> bool:
    routines = ("OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE")
    kind = node.get("renameType") or node.get("objectType") or node.get("removeType")
    return tag in ("CreateFunctionStmt", "CreateTrigStmt", "AlterFunctionStmt") or kind in routines


def _names(tag: str, node: dict[str, Any]) -> set[str] | None:
    """The names that a statement changes; None: any."""
    if tag in ("CreateTrigStmt", "AlterFunctionStmt", *QUERIES) or node.get("removeType") in _HARMLESS_DROPS:
        return set()
    if tag == "AlterTableStmt":
        return _of_table(node)
    if node.get("removeType") == "OBJECT_INDEX":
        return {"conflict"}  # ON CONFLICT (columns) finds its index by them
    if node.get("behavior") == "DROP_CASCADE":
        return None
    if tag == "AlterEnumStmt":
        return {node["oldVal"]} if "oldVal" in node else set()
    return set(targets(tag, node)) - {""}


def _of_table(node: dict[str, Any]) -> set[str] | None:
    words: set[str] = set()
    for item in node.get("cmds", ()):
        command = item.get("AlterTableCmd", {})
        subtype = command.get("subtype", "AT_AddColumn")  # the first of the enumeration is left out
        if subtype not in _CHANGES:
            continue
        if subtype == "AT_DropColumn" and command.get("behavior") == "DROP_CASCADE":
            return None
        words.add(node.get("relation", {}).get("relname", ""))
        if subtype != "AT_AddColumn":  # a new name changes only the table's own rows
            words.add(command.get("name", ""))
    return words - {""}
