"""The rows of a body's query, and the one value of an expression's."""

from __future__ import annotations

from lockgate.parse.statement import Node
from lockgate.timeline.budget import Exhausted
from lockgate.timeline.evaluate import UNKNOWN, Row, Value, World, select
from lockgate.timeline.failure import Unsure

MANY = [Row({}, False)]


def selected(world: World, node: Node) -> tuple[list[str], list[Row]]:
    """A query's columns and rows; any rows where there are too many to be followed."""
    try:
        return select(world, node)
    except Exhausted:
        raise
    except Unsure:
        return [], MANY


def single(columns: list[str], rows: list[Row]) -> Value:
    """The one value of an expression's result."""
    if not rows:
        return None
    if len(rows) > 1 or not rows[0].certain or not columns:
        return UNKNOWN
    return rows[0].values.get(columns[0], UNKNOWN)
