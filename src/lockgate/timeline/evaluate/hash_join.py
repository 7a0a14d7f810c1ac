"""Joins by hash (src/backend/executor/nodeHashjoin.c), where some values of a key may not be known."""

from __future__ import annotations

from lockgate.parse.statement import Node
from lockgate.timeline.evaluate.expression import expression
from lockgate.timeline.evaluate.value import UNKNOWN, Row, Unknown, Value
from lockgate.timeline.evaluate.world import Frame, World

Combination = tuple[Frame, bool]  # the rows by alias; whether they are certain to be there
_Key = tuple[Value, ...]
_Holes = tuple[bool, ...]  # which values of a key are not known


def hashed(
    world: World, left: list[Combination], right: list[Combination], keys: list[tuple[Node, Node]]
) -> list[list[Combination]]:
    """For each combination on the left those on the right whose keys are equal as far as both are known. ``keys``: what
    is compared on either side."""
    sides: dict[_Holes, list[tuple[_Key, Combination]]] = {}
    for each in right:
        key = _key(world, each[0], [k[1] for k in keys])
        if None not in key:  # NULL equals nothing
            sides.setdefault(_holes(key), []).append((key, each))
    tables: dict[_Holes, list[tuple[_Holes, dict[_Key, list[Combination]]]]] = {}  # by the holes on the left
    found: list[list[Combination]] = []
    for frame, _ in left:
        key = _key(world, frame, [k[0] for k in keys])
        if None in key:
            found.append([])
            continue
        holes = _holes(key)
        if holes not in tables:
            tables[holes] = [_table(rows, holes, theirs) for theirs, rows in sides.items()]
        found.append([pair for mask, table in tables[holes] for pair in table.get(_masked(key, mask), ())])
    return found


def _table(
    rows: list[tuple[_Key, Combination]], left: _Holes, right: _Holes
) -> tuple[_Holes, dict[_Key, list[Combination]]]:
    """The rows by what both sides know of a key."""
    mask = tuple(a or b for a, b in zip(left, right, strict=True))
    table: dict[_Key, list[Combination]] = {}
    for key, each in rows:
        table.setdefault(_masked(key, mask), []).append(each)
    return mask, table


def _masked(key: _Key, mask: _Holes) -> _Key:
    return tuple(UNKNOWN if hole else value for hole, value in zip(mask, key, strict=True))


def _holes(key: _Key) -> _Holes:
    return tuple(value is UNKNOWN for value in key)


def _key(world: World, frame: Frame, parts: list[Node]) -> _Key:
    """The values of a key, UNKNOWN for what is not known or cannot be hashed."""
    inside = world.inside(frame)
    values = (expression(inside, part) for part in parts)
    return tuple(UNKNOWN if isinstance(v, (Unknown, list, Row)) else v for v in values)
