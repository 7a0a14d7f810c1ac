"""The columns that a trigger function reads and writes as fields of NEW and OLD."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Relation
from lockgate.parse.plpgsql import tree
from lockgate.parse.plpgsql.walk import every, fragments
from lockgate.parse.routine import EXPRESSION_PREFIX, GrammarError, parse_query

_RECORDS = frozenset({"new", "old"})


def fields_read(block: tree.Block, relation: Relation) -> Iterator[Address]:
    """Every column of the trigger's table that the body names with NEW or OLD before it."""
    names = {attribute.name: attribute.num for attribute in relation.attributes}
    for parts in _qualified(block):
        if len(parts) > 1 and parts[0] in _RECORDS and parts[1] in names:
            yield relation.oid, names[parts[1]]


def _qualified(block: tree.Block) -> Iterator[tuple[str, ...]]:
    for statement in every(block):
        if isinstance(statement, tree.Assign):
            yield statement.target.parts
        for fragment in fragments(statement):
            prefix = EXPRESSION_PREFIX if fragment.mode == "expression" else ""
            try:
                yield from _references(parse_query(prefix + fragment.text)[1])
            except GrammarError:
                continue


def _references(node: Any) -> Iterator[tuple[str, ...]]:
    stack = [node]
    while stack:
        found = stack.pop()
        if isinstance(found, list):
            stack.extend(found)
        elif isinstance(found, dict):
            if "ColumnRef" in found:
                fields = found["ColumnRef"].get("fields", ())
                yield tuple(field["String"].get("sval", "") for field in fields if "String" in field)
            stack.extend(found.values())
