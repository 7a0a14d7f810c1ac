"""Dynamic SQL of which only a part is known: what it may touch."""

from __future__ import annotations

import re
from typing import Any

from lockgate.base.lazy_imports import pattern
from lockgate.base.sql import literal, quote_identifier
from lockgate.parse.facts import KEEPING_THE_CATALOG
from lockgate.parse.routine import GrammarError, parse_statements
from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import Unknown, World, expression, text_of
from lockgate.timeline.targets import HOLE, taints_of

# a name, else a number (RESTART WITH), a string, a query (AS pg_get_viewdef()), a constraint (pg_get_constraintdef()),
# a column, some options
_FILLINGS = (HOLE, "1", f"'{HOLE}'", "SELECT 1", "CHECK (true)", f"{HOLE} int", "")
_WHY = "dynamic SQL of which only a part is known"
_HARMLESS = pattern(
    r"\s*\(*\s*(select|insert|update|delete|merge|with|values|notify|set|copy|lock|analyze|vacuum|refresh|comment|explain|show|reset)\b",
    re.I,
)
_SETTINGS = pattern(r"\s*set\s+(local\s+|session\s+)?(search_path|role|session)\b", re.I)  # whose names, and who asks
_VIEWS = pattern(r"\s*create\s+(or\s+replace\s+)?view\b", re.I)
_VERB = pattern(rf"(^|;)\s*{HOLE}")  # a statement of which not even the verb is known
_ALONE = rf'(?<![\w".]){HOLE}(?![\w".])'  # a hole that is no part of a name


def template(world: World, node: Node) -> str:
    """The text of an expression with ``HOLE`` for each part that is not known."""
    ((tag, body),) = node.items()
    if tag == "A_Expr" and body.get("name", [{}])[-1].get("String", {}).get("sval") == "||":
        return template(world, body["lexpr"]) + template(world, body["rexpr"])
    if tag == "FuncCall":
        name = body["funcname"][-1]["String"].get("sval", "")
        if name == "format" and body.get("args") and not body.get("func_variadic"):
            return _format(world, body["args"])
        if name == "quote_literal" and body.get("args"):
            return _literal(world, body["args"][0])
        if name == "concat":
            return "".join(template(world, arg) for arg in body.get("args", ()))
    if tag == "TypeCast":
        return template(world, body["arg"])
    value = text_of(expression(world, node))
    if isinstance(value, Unknown):
        return value.spelled or HOLE
    return HOLE if value is None else value


def _format(world: World, args: list[Node]) -> str:
    pattern = template(world, args[0])
    used = 0

    def put(match: re.Match[str]) -> str:
        nonlocal used
        if match.group(3) == "%":
            return "%"
        index = int(match.group(1)[:-1]) if match.group(1) else used + 1
        used = index
        if match.group(3) == "L" and index < len(args):
            return _literal(world, args[index])
        value = template(world, args[index]) if index < len(args) else HOLE
        return quote_identifier(value) if match.group(3) == "I" and HOLE not in value else value

    return re.sub(r"%(\d+\$)?(-?\d*)([sIL%])", put, pattern)


def _literal(world: World, node: Node) -> str:
    """quote_literal() and %L: a constant, though not known which."""
    return literal(template(world, node))


def only_values(text: str) -> list[tuple[str, Node]]:
    """The ALTER TABLE statements of a text whose holes are whole constants, as in DEFAULT %L: nothing else that they do
    rests on the value."""
    try:
        statements = parse_statements(text)
    except GrammarError:
        return []
    known = all(tag == "AlterTableStmt" and _in_constants(node) for tag, node, _, _ in statements)
    return [(tag, node) for tag, node, _, _ in statements] if known else []


def unknown_views(text: str) -> list[Node]:
    """CREATE VIEW of known names, each AS a query that is not known."""
    if not _VIEWS.match(text):
        return []
    try:
        statements = parse_statements(re.sub(_ALONE, "SELECT 1", text))
    except GrammarError:
        return []
    nodes = [node for tag, node, _, _ in statements if tag == "ViewStmt" and HOLE not in str(node)]
    return nodes if len(nodes) == len(statements) else []


def _in_constants(item: Any) -> bool:
    if isinstance(item, dict):
        return item.get("sval") == {"sval": HOLE} or (
            "bound" not in item and all(_in_constants(value) for value in item.values())
        )
    return all(_in_constants(each) for each in item) if isinstance(item, list) else HOLE not in str(item)


def taint_template(ctx: Context, text: str) -> None:
    """Put in doubt what the statement may touch, as far as its known parts tell."""
    if _SETTINGS.match(text) or _VERB.search(text):
        ctx.taint(("any",), _WHY)
        return
    if _HARMLESS.match(text):
        return
    for filling in _FILLINGS:
        try:
            statements = parse_statements(re.sub(_ALONE, filling, text))
        except GrammarError:
            continue
        break
    else:
        _taint_prefix(ctx, text)
        return
    for tag, node, _, _ in statements:
        for key in taints_of(ctx, tag, node) or [("any",)] if tag not in KEEPING_THE_CATALOG else ():
            ctx.taint(key, _WHY)


def _taint_prefix(ctx: Context, text: str) -> None:
    match = re.match(r"\s*alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?([\w.\"]+)\s", text, re.I)
    if match is not None and HOLE not in match.group(1):
        try:
            ((tag, node, _, _),) = parse_statements(f"ALTER TABLE {match.group(1)} RENAME TO {HOLE}")
        except (GrammarError, ValueError):
            ctx.taint(("any",), _WHY)
            return
        for key in taints_of(ctx, tag, node):
            ctx.taint(key, _WHY)
        return
    ctx.taint(("any",), _WHY)
