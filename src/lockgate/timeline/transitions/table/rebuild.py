"""CHECKs and index expressions are read anew after a change of type (ATPostAlterTypeParse in
src/backend/commands/tablecmds.c).

The server reads what it deparses: the column's constants with the type that they were given, and a varchar as the text
that it was compared as.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lockgate.base.text import Span
from lockgate.catalog.objects import Attribute, Constraint, Relation
from lockgate.timeline.binder import analyze_expression, relation_scope
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import Refused, Unsure

_VARCHAR, _TEXT = 1043, 25
_KEYS = frozenset({"?", "?|", "?&", "->", "->>", "#>", "#>>"})  # of jsonb: they take a text beside it
_AS_TEXT: Node = {"names": [{"String": {"sval": "pg_catalog"}}, {"String": {"sval": "text"}}], "typemod": -1}


def read_anew(ctx: Context, relation: Relation, attribute: Attribute, before: int, span: Span) -> None:
    """Refuse with 42883 where an operator or function does not take the new type. ``before`` is the column's type until
    now."""
    for text in _expressions(ctx, relation, attribute.num):
        node = _deparsed(
            msgspec.json.decode(text),
            attribute.name,
            _type_name(ctx, _TEXT if before == _VARCHAR else before),
            before == _VARCHAR,
        )
        try:
            analyze_expression(ctx, node, relation_scope(ctx, relation), "check")
        except Unsure:
            continue
        except Refused as refused:
            if refused.failure.sqlstate == "42883":
                failure = refused.failure
                raise ctx.refuse(
                    "42883",
                    failure.message,
                    span=span,
                    kind="operator",
                    object=failure.object,
                    help=failure.help,
                    subject=failure.subject,
                ) from None


def _expressions(ctx: Context, relation: Relation, number: int) -> Iterator[str]:
    for constraint in ctx.catalog.of_relation(relation.oid, Constraint):
        if constraint.kind == "c" and number in constraint.keys and constraint.expression:
            yield constraint.expression
    for edge in ctx.catalog.dependents(relation.oid):
        index = ctx.catalog.find(Relation, edge.dependent[0])
        if edge.referenced == (relation.oid, number) and index is not None and index.index is not None:
            for part in index.index.definition.split("\n"):
                word, _, text = part.partition(" ")
                if word in ("expr", "where"):
                    yield text


def _type_name(ctx: Context, oid: int) -> Node | None:
    found = ctx.catalog.builtins.type_by_oid(oid)
    return (
        {"names": [{"String": {"sval": found.schema}}, {"String": {"sval": found.name}}], "typemod": -1}
        if found is not None
        else None
    )


def _is_column(node: Any, name: str) -> bool:
    fields = node.get("ColumnRef", {}).get("fields", []) if isinstance(node, dict) else []
    return bool(fields) and fields[-1].get("String", {}).get("sval") == name


def _deparsed(node: Any, name: str, kind: Node | None, text: bool) -> Any:
    """An expression as pg_get_expr prints it, as far as the column and the constants beside it go."""
    if isinstance(node, list):
        return [_deparsed(item, name, kind, text) for item in node]
    if not isinstance(node, dict):
        return node
    if _is_column(node, name):
        return {"TypeCast": {"arg": node, "typeName": kind}} if text else node
    operands = node.get("A_Expr", {})
    beside = _is_column(operands.get("lexpr"), name) or _is_column(operands.get("rexpr"), name)
    made = {key: _deparsed(value, name, kind, text) for key, value in node.items()}
    if beside and kind is not None:
        operator = operands.get("name", [{}])[-1].get("String", {}).get("sval", "")
        kind = _AS_TEXT if operator in _KEYS else kind
        made["A_Expr"] = {
            key: _typed(value, kind) if key in ("lexpr", "rexpr") else value for key, value in made["A_Expr"].items()
        }
    return made


def _typed(node: Any, kind: Node) -> Any:
    if "List" in node:
        return {"List": node["List"] | {"items": [_typed(item, kind) for item in node["List"].get("items", [])]}}
    return {"TypeCast": {"arg": node, "typeName": kind}} if "sval" in node.get("A_Const", {}) else node
