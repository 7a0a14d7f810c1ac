"""Dynamic SQL of which only a part is known: what it may touch."""

from __future__ import annotations

import re
from typing import Any

from lockgate.catalog.catalog import NameKey
from lockgate.catalog.objects import PG_CATALOG, Relation
from lockgate.catalog.typename import quote_identifier
from lockgate.lean import pattern
from lockgate.parse.routine import GrammarError, parse_statements
from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import Unknown, World, expression, text_of
from lockgate.timeline.targets import HARMLESS, HOLE, taints_of

_FILLINGS = (HOLE, "1", f"'{HOLE}'")  # a name, else a number (RESTART WITH), else a string
_WHY = "dynamic SQL of which only a part is known"
_HARMLESS = pattern(r"\s*\(*\s*(select|insert|update|delete|merge|with|values|notify|set|copy|lock|analyze|vacuum|refresh|comment|explain|show|reset)\b", re.I)
_GRANTS = pattern(r"\s*(grant|revoke|alter\s+default)\b", re.I)


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
    return HOLE if isinstance(value, Unknown) or value is None else value


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
    return "'" + template(world, node).replace("'", "''") + "'"


def only_values(text: str) -> list[tuple[str, Node]]:
    """The ALTER TABLE statements of a text whose holes are whole constants, as in DEFAULT %L: nothing else that they do rests on the value."""
    try:
        statements = parse_statements(text)
    except GrammarError:
        return []
    known = all(tag == "AlterTableStmt" and _in_constants(node) for tag, node, _, _ in statements)
    return [(tag, node) for tag, node, _, _ in statements] if known else []


def _in_constants(item: Any) -> bool:
    if isinstance(item, dict):
        return item.get("sval") == {"sval": HOLE} or ("bound" not in item and all(_in_constants(value) for value in item.values()))
    return all(_in_constants(each) for each in item) if isinstance(item, list) else HOLE not in str(item)


def taint_template(ctx: Context, text: str) -> None:
    """Put in doubt what the statement may touch, as far as its known parts tell."""
    if _HARMLESS.match(text):
        return
    if _GRANTS.match(text):
        ctx.taint(("privileges",), _WHY)
        return
    for filling in _FILLINGS:
        try:
            statements = parse_statements(text.replace(HOLE, filling))
        except GrammarError:
            continue
        break
    else:
        _taint_prefix(ctx, text)
        return
    for tag, node, _, _ in statements:
        if tag in HARMLESS:
            continue
        _taint_statement(ctx, tag, node)


def _taint_statement(ctx: Context, tag: str, node: Node) -> None:
    """A statement with holes in it: its known targets, and every object that a hole may name."""
    keys = [key for key in taints_of(ctx, tag, node) if not (key[0] == "name" and HOLE in str(key[-1]))]
    for schema in _holes(node):
        keys += _any_of(ctx, schema, tag)
    for key in dict.fromkeys(keys or [("any",)]):
        ctx.taint(key, _WHY)


def _holes(node: Any) -> list[str | None]:
    """The schemas (None: not given, HOLE: not known) of the relations whose name is a hole."""
    found: list[str | None] = []
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
            words = [i["String"].get("sval", "") for i in item if isinstance(i, dict) and "String" in i]
            if words and len(words) == len(item) and HOLE in words[-1]:
                found.append(words[-2] if len(words) > 1 else None)
        elif isinstance(item, dict):
            if HOLE in str(item.get("relname", "")) or (HOLE in str(item.get("idxname", ""))):
                found.append(item.get("schemaname") or item.get("relation", {}).get("schemaname"))
            stack.extend(v for v in item.values() if isinstance(v, (dict, list)))
    return found


def _any_of(ctx: Context, schema: str | None, tag: str) -> list[NameKey]:
    """Every relation of a schema (or of the search path's), and any that may be new in it."""
    if schema is not None and HOLE in schema:
        return [("any",)]
    named = ctx.catalog.namespace(schema) if schema is not None else None
    spaces = [named.oid] if named is not None else [oid for oid in ctx.path() if oid != PG_CATALOG]
    keys: list[NameKey] = [("namespace", oid) for oid in spaces]
    if not tag.startswith("Create") and tag not in ("ViewStmt", "IndexStmt"):
        keys += [("object", o.oid) for oid in spaces for o in ctx.catalog.in_namespace(oid) if isinstance(o, Relation) and o.kind in "rpvmfS"]
    return keys


def _taint_prefix(ctx: Context, text: str) -> None:
    match = re.match(r"\s*alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?([\w.\"]+)\s", text, re.I)
    if match is not None and HOLE not in match.group(1):
        try:
            ((tag, node, _, _),) = parse_statements(f"ALTER TABLE {match.group(1)} ADD COLUMN {HOLE} int")
        except (GrammarError, ValueError):
            ctx.taint(("any",), _WHY)
            return
        for key in taints_of(ctx, tag, node):
            ctx.taint(key, _WHY)
        return
    ctx.taint(("any",), _WHY)
