"""Which names a migration's statements take away or change, so that only the bodies that use them are looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lockgate.live.plan import Parsed
from lockgate.live.routines import Routine
from lockgate.parse import Statement
from lockgate.parse.statement import nodes
from lockgate.values import dataclass

# nothing that a body refers to means anything else after these
_HARMLESS = frozenset({
    "AlterDatabaseSetStmt", "AlterDefaultPrivilegesStmt", "AlterPolicyStmt", "AlterRoleSetStmt", "AlterRoleStmt", "AlterSeqStmt", "AlterSystemStmt", "CallStmt",
    "ClosePortalStmt", "ClusterStmt", "CommentStmt", "CopyStmt", "CreatePolicyStmt", "CreateRoleStmt", "CreateSeqStmt", "CreateStatsStmt", "CreateStmt",
    "CreateEnumStmt", "CreateRangeStmt", "CreateSchemaStmt", "CreateTableAsStmt", "CompositeTypeStmt", "DeallocateStmt", "DeclareCursorStmt", "DeleteStmt",
    "ExplainStmt", "GrantRoleStmt", "GrantStmt", "IndexStmt", "InsertStmt", "LockStmt", "MergeStmt", "NotifyStmt", "RefreshMatViewStmt", "ReindexStmt",
    "SelectStmt", "TransactionStmt", "TruncateStmt", "UpdateStmt", "VacuumStmt", "VariableSetStmt", "VariableShowStmt",
})  # fmt: skip
# these may make a routine or a trigger; whether one is new, the catalog tells
_MAKERS = frozenset({"CreateFunctionStmt", "CreateTrigStmt", "AlterFunctionStmt"})
_RUNNERS = frozenset({"CallStmt", "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})


@dataclass(frozen=True, slots=True)
class Affected:
    """``words``: names in lower case; None: any body may be affected."""

    any: bool
    words: frozenset[str] | None


def affected(statements: Parsed, routines: Iterable[Routine]) -> Affected:
    """What a migration does to the bodies of ``routines`` and whether there is anything to look at."""
    found, words = False, set[str]()
    callable_names = frozenset(routine.name.lower() for routine in routines if routine.result != "trigger")
    for statement in statements:
        if not isinstance(statement, Statement) or (statement.tag in _HARMLESS and not _runs(statement, callable_names)):
            continue
        found = True
        names = _names(statement)
        if names is None:
            return Affected(True, None)
        words |= names
    return Affected(found, frozenset(words))


def _runs(statement: Statement, names: frozenset[str]) -> bool:
    """Whether a query calls a routine, which may do anything."""
    return bool(names) and statement.tag in _RUNNERS and any(name in names for name in _functions(statement.node))


def _functions(node: Any) -> Iterator[str]:
    for at in nodes(node):
        if "FuncCall" in at or "funccall" in at:
            called = (at.get("FuncCall") or at["funccall"]).get("funcname", ())
            yield called[-1]["String"]["sval"].lower() if called else ""


def _names(statement: Statement) -> set[str] | None:
    """The names that a statement changes; None: any."""
    tag, node = statement.tag, statement.node
    if tag in _MAKERS:
        return {item["String"]["sval"].lower() for item in node.get("funcname", ())[-1:]}
    if tag in ("DoStmt", "DropOwnedStmt", "CreateExtensionStmt", "AlterExtensionStmt", *_RUNNERS) or node.get("behavior") == "DROP_CASCADE":
        return None
    if tag == "AlterTableStmt":
        return _of_table(node)
    words = {value.lower() for at in nodes(node) for value in at.values() if isinstance(value, str)}
    if node.get("removeType") == "OBJECT_INDEX":
        words.add("conflict")  # ON CONFLICT (columns) finds its index by them
    return words


def _of_table(node: dict[str, Any]) -> set[str] | None:
    words = {node.get("relation", {}).get("relname", "").lower()}
    for item in node.get("cmds", ()):
        command = item.get("AlterTableCmd", {})
        if command.get("behavior") == "DROP_CASCADE":
            return None
        if command.get("subtype") != "AT_AddColumn":  # a new name changes only the table's own rows
            words.add(command.get("name", "").lower())
    return words - {""}
