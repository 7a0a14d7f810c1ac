"""Which tables' rows a statement may meet, by its tree: only those need rows before it."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.oracle.apply.plan import Parsed
from lockgate.oracle.apply.taint import words
from lockgate.parse import Statement
from lockgate.parse.facts import PRIVILEGES, REMARKS, SIGNALS, makes
from lockgate.parse.statement import Node

_OWN = frozenset({"AlterTableStmt", "IndexStmt"})  # they meet the rows of the table that they name first
_ROWS = frozenset(
    {"UpdateStmt", "DeleteStmt", "MergeStmt", "InsertStmt", "CreateTableAsStmt", "TruncateStmt", "RefreshMatViewStmt"}
)
_NONE = (
    PRIVILEGES
    | REMARKS
    | SIGNALS
    | frozenset(
        {
            "AlterFunctionStmt",
            "AlterSeqStmt",
            "DropStmt",
            "RenameStmt",
            "TransactionStmt",
            "VariableSetStmt",
            "ViewStmt",
        }
    )
)


def met(statements: Parsed) -> set[str] | None:
    """The bare names of tables that a migration may meet rows of, and does not make itself; None: of any."""
    made, out = set(new_tables(statements)), set[str]()
    for one in statements:
        found = _met(one, made) if isinstance(one, Statement) else set[str]()
        if found is None:
            return None
        out |= found
    return out


def _met(statement: Statement, made: set[str]) -> set[str] | None:
    tag, node = statement.tag, statement.node
    if tag in _OWN:
        return {_name(node)} - made
    if tag == "InsertStmt" and "valuesLists" in node.get("selectStmt", {}).get("SelectStmt", {}):
        return {_name(node)} - made
    if tag == "CreateStmt":
        return words(statement.text) - made if "partbound" in node else set()
    if tag in _ROWS:
        return words(statement.text) - made
    return set() if tag in _NONE or makes(tag) else None


def new_tables(statements: Iterable[object]) -> list[str]:
    """The bare names of the tables that statements say they make."""
    return [_name(one.node) for one in statements if isinstance(one, Statement) and one.tag == "CreateStmt"]


def hidden(statements: Iterable[object]) -> bool:
    """Whether statements may make or rename tables without saying so."""
    tags = frozenset({"CreateTableAsStmt", "CallStmt", "DoStmt", "SelectStmt", "RenameStmt"})
    return any(isinstance(one, Statement) and one.tag in tags for one in statements)


def _name(node: Node) -> str:
    found = node.get("relation", {}).get("relname", "")
    return found if isinstance(found, str) else ""
