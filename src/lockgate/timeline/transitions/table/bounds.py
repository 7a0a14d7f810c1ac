"""Partition bounds by parent, in order: which of a thousand partitions a new one may overlap, without asking each
(partdesc.c, partbounds.c)."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

import msgspec

from lockgate.catalog.details import Form, PartitionBound
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Other


class Bounds(msgspec.Struct):
    """The bounds of some partitions. ``loose`` are those of which no order tells where they lie."""

    children: tuple[int, ...] = ()
    default: int = 0
    lows: list[tuple[Any, Any, int]] = msgspec.field(
        default_factory=list
    )  # of ranges that overlap none: low, high, partition
    kind: type | None = None  # of the values of the ranges
    values: dict[Any, list[int]] = msgspec.field(default_factory=dict)  # of lists
    moduli: dict[int, dict[int, list[int]]] = msgspec.field(default_factory=dict)  # of hashes: modulus, remainder
    loose: list[int] = msgspec.field(default_factory=list)

    def add(self, oid: int, form: Form) -> None:
        """One more partition."""
        kind, low, high = _range(form)
        if form[0] == "default":
            self.default = oid
        if form[0] == "list":
            for value in form[1]:
                self.values.setdefault(value, []).append(oid)
        elif form[0] == "hash":
            self.moduli.setdefault(form[1], {}).setdefault(form[2], []).append(oid)
        elif kind is None or self.kind not in (None, kind) or self._within(low, high):
            self.loose.append(oid)
        else:
            self.kind = kind
            insort(self.lows, (low, high, oid))

    def near(self, form: Form) -> list[int]:
        """The partitions that a bound may overlap, and perhaps some that it does not, in the order of their making."""
        kind, low, high = _range(form)
        found = list(self.loose)
        if form[0] == "list":
            found += [oid for value in form[1] for oid in self.values.get(value, ())]
        elif form[0] == "hash":
            found += self._congruent(form[1], form[2])
        elif kind is not None and kind is self.kind:
            found += self._within(low, high)
        return sorted(set(found), key=self.children.index) if len(found) > 1 else found

    def _within(self, low: Any, high: Any) -> list[int]:
        at = max(bisect_left(self.lows, (low,)) - 1, 0)
        found = []
        while at < len(self.lows) and self.lows[at][0] < high:
            if self.lows[at][1] > low:
                found.append(self.lows[at][2])
            at += 1
        return found

    def _congruent(self, modulus: int, remainder: int) -> list[int]:
        found: list[int] = []
        for other, partitions in self.moduli.items():
            if other <= modulus:
                found += partitions.get(remainder % other, ())
            else:
                found += [oid for r, oids in partitions.items() if r % modulus == remainder for oid in oids]
        return found


def _range(form: Form) -> tuple[type | None, Any, Any]:
    """A range over one column between two values: of which type, from, to."""
    if form[0] == "range" and len(form[1]) == 1 and type(form[1][0]) is type(form[2][0]) in (int, str):
        return type(form[1][0]), form[1][0], form[2][0]
    return None, None, None


def bounds_of(catalog: Draft, parent: int) -> Bounds:
    """The bounds of a table's partitions."""
    children = catalog.children(parent)
    if children and bound_of(catalog, children[-1]) is None:  # the one that is being made
        children = children[:-1]
    known: Bounds | None = catalog.bounds.get(parent)
    if known is None or known.children != children:
        known = Bounds(children)
        for oid in children:
            form = bound_of(catalog, oid)
            if form is not None:
                known.add(oid, form)
        catalog.bounds[parent] = known
    return known


def bound_of(catalog: Draft, partition: int) -> Form | None:
    """The bound of one partition, where it is known."""
    found = catalog.one(Other, ("partition_bound", 0, str(partition)))
    return found.details.form if found is not None and isinstance(found.details, PartitionBound) else None


def note_bound(catalog: Draft, parent: int, partition: int, form: Form) -> None:
    """A partition has got its bound: what is known of the others' stays so."""
    known: Bounds | None = catalog.bounds.get(parent)
    if known is None or (*known.children, partition) != catalog.children(parent):
        catalog.bounds.pop(parent, None)
        return
    known.children = catalog.children(parent)
    known.add(partition, form)
