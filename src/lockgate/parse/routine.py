"""Expressions and SQL fragments in the bodies of routines."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from lockgate.parse.grammar import GrammarError, parse_json, spoken
from lockgate.parse.statement import Node

EXPRESSION_PREFIX = "SELECT "
TYPE_PREFIX = "SELECT NULL::"


def parse_expression(text: str) -> Node:
    """The tree of one SQL expression (locations count from its first byte minus 7: it is parsed as ``SELECT expr``).

    Raises GrammarError.
    """
    tree = parse_json(EXPRESSION_PREFIX + text)
    return cast(Node, tree["stmts"][0]["stmt"])


def parse_query(text: str) -> tuple[str, Node]:
    """Tag and node of the one statement of a text; ("", {}) where there is none. The node is shared: leave it as it is.
    Raises GrammarError."""
    return _query(text, spoken())


@lru_cache(maxsize=8192)
def _query(text: str, _: int) -> tuple[str, Node]:
    statements = parse_json(text).get("stmts", [])
    if not statements:
        return "", {}
    if len(statements) > 1:
        raise GrammarError(
            "cannot insert multiple commands into a prepared statement", statements[1].get("stmt_location", 0)
        )
    ((tag, node),) = statements[0]["stmt"].items()
    return tag, node


def parse_statements(text: str) -> tuple[tuple[str, Node, int, int], ...]:
    """Every statement of a text: tag, node, and its first and last byte. Shared nodes. Raises GrammarError."""
    return _all(text, spoken())


@lru_cache(maxsize=4096)
def _all(text: str, _: int) -> tuple[tuple[str, Node, int, int], ...]:
    size = len(text.encode("utf-8", "surrogatepass"))
    found = []
    for raw in parse_json(text).get("stmts", []):
        ((tag, node),) = raw["stmt"].items()
        start = raw.get("stmt_location", 0)
        found.append((tag, node, start, start + raw["stmt_len"] if raw.get("stmt_len") else size))
    return tuple(found)


def parse_type(text: str) -> Node:
    """The TypeName of a type as it is written (locations count from 13 bytes before it). Raises GrammarError."""
    return _type(text, spoken())


@lru_cache(maxsize=2048)
def _type(text: str, _: int) -> Node:
    tag, node = parse_query(TYPE_PREFIX + text)
    targets = node.get("targetList", [])
    value = targets[0]["ResTarget"].get("val", {}) if tag == "SelectStmt" and len(targets) == 1 else {}
    if "TypeCast" not in value or set(node) - {"targetList", "limitOption", "op"}:
        raise GrammarError(f'invalid type name "{text}"', len(TYPE_PREFIX))
    return cast(Node, value["TypeCast"]["typeName"])


__all__ = [
    "EXPRESSION_PREFIX",
    "TYPE_PREFIX",
    "GrammarError",
    "parse_expression",
    "parse_query",
    "parse_statements",
    "parse_type",
]
