"""Bodies of routines: expressions and PL/pgSQL."""

from __future__ import annotations

from typing import Any, cast

from lockgate.parse.grammar import GrammarError, parse_json, parse_plpgsql_json
from lockgate.parse.statement import Node


def parse_expression(text: str) -> Node:
    """The tree of one SQL expression (locations count from its first byte minus 7: it is parsed as ``SELECT expr``).

    Raises GrammarError.
    """
    tree = parse_json("SELECT " + text)
    return cast(Node, tree["stmts"][0]["stmt"])


def parse_plpgsql(create: str) -> list[dict[str, Any]]:
    """The ``PLpgSQL_function`` trees of a CREATE FUNCTION or DO statement's text. Raises GrammarError."""
    return [tree["PLpgSQL_function"] for tree in parse_plpgsql_json(create)]


__all__ = ["GrammarError", "parse_expression", "parse_plpgsql"]
