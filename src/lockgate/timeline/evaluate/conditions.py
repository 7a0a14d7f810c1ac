"""Conditions as the planner takes them apart: what they set equal, what follows from that, whom NULL does not pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lockgate.parse.statement import Node

Columns = dict[str, list[str]]  # by alias


def split(node: Node | None) -> list[Node]:
    """The parts of a condition that AND joins."""
    if node is None:
        return []
    body = node.get("BoolExpr")
    if body is not None and body.get("boolop", "AND_EXPR") == "AND_EXPR":
        return [part for arg in body["args"] for part in split(arg)]
    return [node]


def pairs_of(conjuncts: list[Node], left: Columns, right: Columns) -> Iterator[tuple[Node, Node]]:
    """What a condition sets equal, of the one side and of the other."""
    both = {**left, **right}
    for conjunct in conjuncts:
        found = _equated(conjunct)
        if found is None:
            continue
        a, b = aliases(found[0], both), aliases(found[1], both)
        if a and b and a <= set(left) and b <= set(right):
            yield found
        elif a and b and b <= set(left) and a <= set(right):
            yield found[1], found[0]


def aliases(node: Any, columns: Mapping[str, list[str]]) -> set[str] | None:
    """The aliases that an expression refers to; None where it cannot be told (a subquery in it)."""
    found: set[str] = set()
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            if "SubLink" in item:
                return None
            reference = item.get("ColumnRef")
            if reference is not None:
                names = [f["String"].get("sval", "") for f in reference["fields"] if "String" in f]
                if len(names) != len(reference["fields"]):
                    return None
                owner = names[-2] if len(names) > 1 else next((a for a, c in columns.items() if names[0] in c), "")
                found.add(owner if owner in columns else "\0outer")
                if owner not in columns and len(names) > 1:
                    return None
            stack.extend(v for v in item.values() if isinstance(v, (dict, list)))
    if "\0outer" in found:
        found.discard("\0outer")  # a variable, or a column of an outer query
    return found


def own_column(node: Node | None, alias: str) -> str | None:
    """The column of a relation that an expression is, cast or not; one without a qualifier counts."""
    while node is not None and "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    if node is None or "ColumnRef" not in node:
        return None
    names: list[str] = [f["String"].get("sval", "") for f in node["ColumnRef"]["fields"] if "String" in f]
    if len(names) == 1 or (len(names) >= 2 and names[-2] == alias):
        return names[-1]
    return None


def same(name: str, left: Columns, right: Columns) -> Node:
    """A column of USING as a condition."""

    def column(columns: Columns) -> Node:
        alias = next((a for a, names in columns.items() if name in names), "")
        return {"ColumnRef": {"fields": [{"String": {"sval": alias}}, {"String": {"sval": name}}]}}

    return _equality(column(left), column(right))


def refuses_null(conjunct: Node, names: set[str]) -> bool:
    """Whether a condition sets a column of one of these relations equal to something: with NULL there it is not
    true."""
    found = _equated(conjunct)
    return found is not None and any(len(part := _fields(_uncast(side))) > 1 and part[-2] in names for side in found)


def implied(conjuncts: list[Node], quals: list[Node]) -> Iterator[Node]:
    """What follows of the one from the other: with a = b and b = c it is a = c (equivclass.c)."""
    known = [pair for conjunct in conjuncts if (pair := _equated(conjunct)) is not None]
    for qual in quals:
        found = _equated(qual)
        for this, that in (found, found[::-1]) if found is not None else ():
            for column, value in (way for pair in known for way in (pair, pair[::-1])):
                if len(_fields(this)) > 1 and _fields(this) == _fields(column):
                    yield _equality(that, value)


def _equated(conjunct: Node) -> tuple[Node, Node] | None:
    """The sides of ``a = b``."""
    body = conjunct.get("A_Expr")
    if (
        body is None
        or body.get("kind", "AEXPR_OP") != "AEXPR_OP"
        or body["name"][-1]["String"].get("sval") != "="
        or "lexpr" not in body
    ):
        return None
    return body["lexpr"], body["rexpr"]


def _equality(left: Node, right: Node) -> Node:
    operator = [{"String": {"sval": "="}}]
    return {"A_Expr": {"kind": "AEXPR_OP", "name": operator, "lexpr": left, "rexpr": right}}


def _uncast(node: Node) -> Node:
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    return node


def _fields(node: Node) -> list[str]:
    """The names of a column; none of anything else."""
    return [f["String"].get("sval", "") for f in node.get("ColumnRef", {}).get("fields", ()) if "String" in f]
