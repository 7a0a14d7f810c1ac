"""SQL that makes one state of an object the other: a suggestion for a person to read, never run by Lockgate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from lockgate.base.sql import quote_identifier
from lockgate.difference import address
from lockgate.difference.address import PARTS
from lockgate.difference.alter import alter, said
from lockgate.difference.create import create, fresh
from lockgate.difference.deviation import Deviation
from lockgate.difference.drop import drop
from lockgate.oracle.read.definition import Definition

# what is made after what it rests on
_ORDER = (
    "schema",
    "type",
    "domain",
    "sequence",
    "table",
    "foreign table",
    "constraint",
    "index",
    "function",
    "procedure",
    "view",
    "materialized view",
)
_WITHIN = ("column", "attribute")


def reconciled(each: Deviation, owners: bool) -> Deviation:
    """The deviation with the SQL for either way out; ``owners``: it matters who owns what is made."""
    undo = tuple(_change(each.production, each.migrations, each.inside, owners))
    keep = tuple(_change(each.migrations, each.production, each.inside, owners))
    return replace(each, undo=undo, keep=keep)


def _change(
    was: Definition | None, now: Definition | None, inside: tuple[Definition, ...], owners: bool
) -> Iterator[str]:
    if was is None and now is not None:
        yield from _whole(now, inside, owners)
    elif was is not None:
        yield from alter(was, now) if now is not None else _drops(was, inside)


def _drops(one: Definition, inside: Iterable[Definition]) -> Iterator[str]:
    """The object after what is in it, where it does not take that along."""
    if one.kind == "schema":
        for each in reversed(_in_order(inside)):
            if each.kind not in PARTS and not each.properties.get("owned by"):
                yield from drop(each)
    yield from drop(one)


def _in_order(parts: Iterable[Definition]) -> list[Definition]:
    return sorted(parts, key=lambda d: _ORDER.index(d.kind) if d.kind in _ORDER else len(_ORDER))


def _whole(one: Definition, inside: Iterable[Definition], owners: bool) -> Iterator[str]:
    """An object with its parts, and all that is said of each. A sequence comes before the table whose default asks it,
    and is its own afterwards."""
    parts = _in_order((one, *inside))
    columns = [d for d in parts if d.kind in _WITHIN]
    identities = {f"{address.table(c)}.{quote_identifier(c.name[2])}" for c in columns if c.properties["identity"]}
    owned: list[Definition] = []
    for each in parts:
        if (each.kind in _WITHIN and each is not one) or each.properties.get("owned by") in identities:
            continue
        if each.kind == "sequence" and each.properties["owned by"] and each is not one:
            owned.append(each)
            each = replace(each, properties={k: v for k, v in each.properties.items() if k != "owned by"})
        yield from create(each, [c for c in columns if c.name[:2] == each.name[:2]])
        if each.kind not in ("default privileges", "membership", "extension", "role"):
            yield from said(fresh(each, "" if owners else each.owner), each)
    for column in (c for c in columns if c is not one):
        yield from said(fresh(column, column.owner), column)
    yield from (f"ALTER SEQUENCE {address.table(each)} OWNED BY {each.properties['owned by']};" for each in owned)
