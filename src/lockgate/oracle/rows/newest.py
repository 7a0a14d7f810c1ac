"""What a refused statement looked at: the columns on which it depends, where its tree tells them all."""

from __future__ import annotations

from lockgate.oracle.apply.taint import words
from lockgate.parse import Statement, SyntaxFailure
from lockgate.parse.facts import CHANGING_ROWS, CODE
from lockgate.parse.statement import Node, nodes

_FILLING = frozenset({"CONSTR_DEFAULT", "CONSTR_GENERATED", "CONSTR_IDENTITY"})


def writes(statement: Statement | SyntaxFailure, table: str) -> bool:
    """Whether a statement may have written rows of a table, by its bare name, that were there."""
    if not isinstance(statement, Statement):
        return False
    tag, spoken = statement.tag, words(statement.text)
    if tag == "SelectStmt":
        return not _functions(statement.node) <= _HARMLESS
    code = tag in CODE and (table in spoken or "execute" in spoken or tag == "CallStmt")
    return code or (tag in CHANGING_ROWS - {"InsertStmt", "CopyStmt"} and table in spoken)


_HARMLESS = frozenset({"count", "max", "min", "nextval", "set_config", "setval", "coalesce", "now"})


def _functions(node: Node) -> set[str]:
    calls = (at["FuncCall"].get("funcname", ()) for at in nodes(node) if "FuncCall" in at)
    return {names[-1]["String"]["sval"] for names in calls if names}


def constant(statement: Statement, sqlstate: str, column: str) -> frozenset[str]:
    """The columns that a refusal was decided by; none where more may have had a say."""
    if statement.tag != "AlterTableStmt":
        return frozenset()
    commands = [item.get("AlterTableCmd", {}) for item in statement.node.get("cmds", ())]
    if sqlstate == "23502" and column:
        return frozenset({column}) if any(_demands(one, column) for one in commands) else frozenset()
    if sqlstate == "23514" and len(commands) == 1:
        return _of_check(commands[0])
    return frozenset()


def _demands(command: Node, column: str) -> bool:
    """ADD COLUMN with no default, or SET NOT NULL, of that column."""
    kind = command.get("subtype", "")
    if kind == "AT_SetNotNull":
        return command.get("name") == column
    made = command.get("def", {}).get("ColumnDef", {})
    filled = {item.get("Constraint", {}).get("contype") for item in made.get("constraints", ())} & _FILLING
    return kind == "AT_AddColumn" and made.get("colname") == column and not filled


def _of_check(command: Node) -> frozenset[str]:
    """The columns of ADD CHECK's expression; none where it calls a function, which may look at anything."""
    made = command.get("def", {}).get("Constraint", {})
    if command.get("subtype", "") != "AT_AddConstraint" or made.get("contype") != "CONSTR_CHECK":
        return frozenset()
    found = set()
    for node in nodes(made.get("raw_expr", {})):
        if "FuncCall" in node or "SubLink" in node or "A_Star" in node:
            return frozenset()
        if "ColumnRef" in node:
            found.add(node["ColumnRef"]["fields"][-1].get("String", {}).get("sval", ""))
    return frozenset(found - {""})
