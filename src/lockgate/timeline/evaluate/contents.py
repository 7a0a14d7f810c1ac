"""The rows that a table holds, where the migrations alone tell: made by them, and written by nothing since but what is
known.

Only a table that CREATE TABLE made on the timeline has known contents. A baseline, the hand-over (production has run in
between), a statement that is not followed, a trigger, a rule, a routine that writes end that.
"""

from __future__ import annotations

from decimal import Decimal

from lockgate.catalog.draft import Draft
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
    known,
    number,
    text_of,
    truth,
)

MOST = 500  # rows of one table
_LONGEST = 1_000  # characters of a value that is kept
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
    if isinstance(value, str) and len(value) > _LONGEST:
        return SOMETHING
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


class Keys:
    """The unique indexes of a table and the rows in it, so that a new one is compared with its like alone."""

    def __init__(self, catalog: Draft, relation: Relation, rows: list[Row]) -> None:
        self._rows: list[Row] = []
        self._indexes: list[tuple[Relation, list[str], bool]] = []
        for index in catalog.of_relation(relation.oid, Relation):
            keys = index.index
            if keys is None or not (keys.unique or keys.exclusion):
                continue
            names = [a.name for n in keys.keys if (a := relation.attribute_by_num(n)) is not None]
            plain = keys.unique and keys.immediate and not (keys.partial or keys.nulls_not_distinct)
            self._indexes.append((index, names, plain and len(names) == len(keys.keys)))
        self._known: list[set[tuple[Value, ...]]] = [set() for _ in self._indexes]
        self._loose: list[list[Row]] = [[] for _ in self._indexes]  # rows of which part of the key is not known
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """One more row."""
        self._rows.append(row)
        for (_, names, _), values, loose in zip(self._indexes, self._known, self._loose, strict=True):
            key = _values(row, names)
            if not known(*key):
                loose.append(row)
            elif None not in key:
                values.add(key)

    def clash(self, row: Row) -> Relation | Unknown | None:
        """The unique index that a row would violate; UNKNOWN where that cannot be told, None where it violates none."""
        doubt: Unknown | None = None
        if not self._rows:
            return None
        for (index, names, plain), values, loose in zip(self._indexes, self._known, self._loose, strict=True):
            key = _values(row, names)
            if not plain or all(isinstance(v, Unknown) for v in key):
                doubt = UNKNOWN
                continue
            if known(*key) and key in values:
                return index
            for other in loose if known(*key) else self._rows:
                if isinstance(conjunction(list(map(equal, key, _values(other, names)))), Unknown):
                    doubt = UNKNOWN
                    break
        return doubt


def _values(row: Row, names: list[str]) -> tuple[Value, ...]:
    return tuple(row.values.get(name, UNKNOWN) for name in names)
