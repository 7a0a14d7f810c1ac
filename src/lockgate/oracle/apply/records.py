"""Variables of type record whose columns depend on the way that led to a statement: of them nothing is certain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lockgate.parse.plpgsql import tree
from lockgate.parse.plpgsql.walk import every

_ANYTHING = "?"  # a shape that nobody knows before the routine runs


def loose_records(block: tree.Block, at_most: int = 1) -> frozenset[str]:
    """Names of records that are filled in more than ``at_most`` ways, or with what only a run shows."""
    records = {
        d.name
        for b in every(block)
        if isinstance(b, tree.Block)
        for d in b.declarations
        if d.type and d.type.text.lower() == "record"
    }
    shapes: dict[str, set[str]] = defaultdict(set)
    for statement in every(block):
        for target, shape in _fills(statement):
            if len(target.parts) == 1:
                shapes[target.parts[0]].add(" ".join(shape.split()))
    return frozenset(name for name in records if len(shapes[name]) > at_most or _ANYTHING in shapes[name])


def _fills(statement: tree.Statement) -> Iterator[tuple[tree.VariableTarget, str]]:
    """What a statement assigns to, and what gives the columns."""
    match statement:
        case tree.Assign():
            yield statement.target, _ANYTHING
        case tree.ForQuery():
            shape = statement.query.text if statement.query else statement.cursor or _ANYTHING
            yield from ((target, shape) for target in statement.targets)
        case tree.ForEach():
            yield from ((target, _ANYTHING) for target in statement.targets)
        case tree.Sql():
            yield from ((target, statement.query.text) for target in statement.into)
        case tree.Execute():
            yield from ((target, _ANYTHING) for target in statement.into)
        case tree.Fetch():
            yield from ((target, statement.cursor.parts[-1]) for target in statement.into)
        case _:
            return
