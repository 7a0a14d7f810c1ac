"""Aggregates over the rows of a group."""

from __future__ import annotations

from lockgate.parse.statement import Node
from lockgate.timeline.budget import TEXT
from lockgate.timeline.evaluate.value import (
    SOMETHING,
    UNKNOWN,
    Unknown,
    Value,
    conjunction,
    disjunction,
    known,
    number,
    text_of,
    weigh,
)
from lockgate.timeline.evaluate.world import World

AGGREGATES = frozenset(
    {
        "count",
        "max",
        "min",
        "sum",
        "avg",
        "string_agg",
        "array_agg",
        "bool_and",
        "bool_or",
        "every",
        "json_agg",
        "jsonb_agg",
    }
)


def aggregate(world: World, name: str, body: Node) -> Value:
    """An aggregate call; UNKNOWN as soon as a row is not certain and matters."""
    from lockgate.timeline.evaluate.expression import expression

    rows = world.grouped or ()
    if body.get("agg_filter") or body.get("agg_within_group"):
        return UNKNOWN
    if any(not certain for _, certain in rows):
        return UNKNOWN
    if body.get("agg_star"):
        return len(rows)
    inside = [world.inside(frame) for frame, _ in rows]
    values = [expression(each, body["args"][0]) for each in inside]
    if name == "count":
        return _count(values, bool(body.get("agg_distinct")))
    present = [v for v in values if v is not None]
    if not present:
        return None
    if name in ("bool_and", "every"):
        return conjunction(present)
    if name == "bool_or":
        return disjunction(present)
    if name in ("max", "min", "sum") and not known(*values):
        return SOMETHING if any(not isinstance(v, Unknown) or v.notnull for v in present) else UNKNOWN
    if not known(*values) or body.get("agg_distinct") or (body.get("agg_order") and len(present) > 1):
        return UNKNOWN
    return _known(world, name, body, values, present, inside)


def _count(values: list[Value], distinct: bool) -> Value:
    if any(isinstance(v, Unknown) and not v.notnull for v in values) or (distinct and not known(*values)):
        return UNKNOWN
    present = [v for v in values if v is not None]
    return len({repr(v) for v in present}) if distinct else len(present)


def _known(
    world: World, name: str, body: Node, values: list[Value], present: list[Value], inside: list[World]
) -> Value:
    from lockgate.timeline.evaluate.expression import expression

    if name == "array_agg":
        return values
    if name == "string_agg":
        separator = expression(inside[0], body["args"][1])
        texts = [text_of(v) for v in present]
        if not known(separator, *texts) or weigh(texts) + len(texts) * weigh(separator) > TEXT:
            return UNKNOWN
        return str(separator).join(str(t) for t in texts)
    numbers = [number(v) for v in present]
    if any(n is None or isinstance(n, float) for n in numbers) or any(isinstance(v, str) for v in present):
        return UNKNOWN
    if name == "max":
        return max(n for n in numbers if n is not None)
    if name == "min":
        return min(n for n in numbers if n is not None)
    return sum(n for n in numbers if n is not None) if name == "sum" else UNKNOWN


def has_aggregate(nodes: list[Node]) -> bool:
    """Whether an aggregate is called in some expressions, outside their subqueries."""
    stack: list[object] = list(nodes)
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            function = item.get("FuncCall")
            if isinstance(function, dict) and not function.get("over") and _name(function) in AGGREGATES:
                return True
            stack.extend(v for k, v in item.items() if k != "SubLink" and isinstance(v, (dict, list)))
    return False


def _name(function: Node) -> str:
    return str(function.get("funcname", [{}])[-1].get("String", {}).get("sval", ""))
