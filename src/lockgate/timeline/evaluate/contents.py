"""The rows that a table holds, where the migrations alone tell: made by them, and written by nothing since but what is
known.

Only a table that CREATE TABLE made on the timeline has known contents. A baseline, the hand-over (production has run in
between), a statement that is not followed, a trigger, a rule, a routine that writes end that.
"""

from __future__ import annotations

from decimal import Decimal

from lockgate.catalog.catalog import Draft
from lockgate.catalog.objects import Attribute, Relation, Type
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate.value import (
    SOMETHING,
    UNKNOWN,
    Row,
    Unknown,
    Value,
    conjunction,
    equal,
    number,
    text_of,
    truth,
)

MOST = 500  # rows of one table
_INTEGERS, _TEXTS, _BOOL, _NUMERIC, _UUID = (20, 21, 23), (25, 1043), 16, 1700, 2950


def contents_of(ctx: Context, relation: Relation) -> list[Row] | None:
    """The rows that a query sees in a table, in the order of their making; None where they are not known."""
    found = ctx.catalog.contents.get(relation.oid)
    if found is None or relation.rls or relation.parents or ctx.catalog.children(relation.oid):
        return None
    return [Row({a.name: row.get((a.num, a.type), _absent(a)) for a in relation.attributes}) for row in found]


def store(catalog: Draft, relation: Relation, rows: list[Row] | None) -> None:
    """The rows that a table holds from now on; None where they are not known."""
    if rows is None or len(rows) > MOST:
        catalog.forget(relation.oid)
    else:
        catalog.hold(
            relation.oid,
            tuple({(a.num, a.type): row.values.get(a.name, _absent(a)) for a in relation.attributes} for row in rows),
        )


def _absent(attribute: Attribute) -> Value:
    return SOMETHING if attribute.notnull else UNKNOWN


def held(catalog: Draft, attribute: Attribute, value: Value) -> Value:
    """A value as a column keeps it; unknown where its type may change how it compares."""
    if value is None or isinstance(value, Unknown):
        return value
    kind = _base(catalog, attribute.type)
    found: Value = None
    if kind in _INTEGERS:
        found = number(value)
        found = found if isinstance(found, int) else None
    elif kind == _BOOL:
        found = truth(value)
    elif kind == _NUMERIC and attribute.typmod < 0:
        found = number(value)
        found = found if isinstance(found, (int, Decimal)) else None
    elif kind in _TEXTS or (catalog.find(Type, kind) is not None and catalog.the(Type, kind).kind == "e"):
        found = text_of(value)
    elif kind == _UUID and isinstance(value, str):
        found = value.lower() if len(value) == 36 else None
    return SOMETHING if found is None else found


def _base(catalog: Draft, oid: int) -> int:
    found = catalog.find(Type, oid)
    while found is not None and found.kind == "d":
        oid = found.base
        found = catalog.find(Type, oid)
    return oid


def clash(catalog: Draft, relation: Relation, row: Row, others: list[Row]) -> Relation | Unknown | None:
    """The unique index that a row would violate; UNKNOWN where that cannot be told, None where it violates none."""
    doubt: Unknown | None = None
    for index in catalog.of_relation(relation.oid, Relation) if others else ():
        keys = index.index
        if keys is None or not (keys.unique or keys.exclusion):
            continue
        names = [a.name for n in keys.keys if (a := relation.attribute_by_num(n)) is not None]
        if (
            keys.partial
            or len(names) < len(keys.keys)
            or not keys.unique
            or not keys.immediate
            or keys.nulls_not_distinct
        ):
            doubt = UNKNOWN
            continue
        for other in others:
            same = conjunction([equal(row.values.get(n, UNKNOWN), other.values.get(n, UNKNOWN)) for n in names])
            if same is True:
                return index
            doubt = UNKNOWN if isinstance(same, Unknown) else doubt
    return doubt
