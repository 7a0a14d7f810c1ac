"""DROP: what goes along, what stands in the way (src/backend/catalog/dependency.c).

``drop`` is performMultipleDeletions over the simulated pg_depend. Addresses are (oid, attnum), attnum 0 for whole
objects. What the catalog keeps in place of pg_attrdef rows are objects Other(kind="default", relation=...,
details=ColumnDefault(attnum, ...)).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag

import msgspec
from msgspec.structs import replace

from lockgate.base.findings import Label
from lockgate.base.text import Span
from lockgate.catalog.catalog import Address, Catalog, Depend
from lockgate.catalog.details import ColumnDefault
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import (
    Constraint,
    Namespace,
    Object,
    Other,
    Policy,
    Relation,
    Rewrite,
    Trigger,
    Type,
)
from lockgate.timeline.context import Context
from lockgate.timeline.describe import describe


class Flag(IntFlag):
    """How an object was reached (DEPFLAG_*)."""

    ORIGINAL = 1
    NORMAL = 2
    AUTO = 4
    INTERNAL = 8
    PARTITION = 16
    EXTENSION = 32
    REVERSE = 64
    IS_PART = 128
    SUBOBJECT = 256


_REACHED = {
    "n": Flag.NORMAL,
    "a": Flag.AUTO,
    "x": Flag.AUTO,
    "i": Flag.INTERNAL,
    "P": Flag.PARTITION,
    "S": Flag.PARTITION,
    "e": Flag.EXTENSION,
}
_SILENT = Flag.AUTO | Flag.INTERNAL | Flag.PARTITION | Flag.EXTENSION


class _Item(msgspec.Struct):
    flags: Flag
    dependee: Address


class Requires(Exception):
    """The object is an internal part of another, which must be dropped instead."""

    def __init__(self, address: Address, owner: Address) -> None:
        super().__init__()
        self.address, self.owner = address, owner


class Search(msgspec.Struct):
    """findDependentObjects: ``targets`` gets every object to delete, dependents before what they depend on."""

    catalog: Catalog
    pending: frozenset[Address] = frozenset()
    skip_original_extension: bool = False
    targets: dict[Address, _Item] = msgspec.field(default_factory=dict)
    stack: list[tuple[Address, _Item]] = msgspec.field(default_factory=list)
    partial: set[int] = msgspec.field(default_factory=set)  # relations of which only columns are among the targets

    def visit(self, address: Address, flags: Flag) -> None:
        """Add an object and all that depends on it."""
        if self._seen(address, flags):
            return
        flags, proceed = self._owners(address, flags)
        if not proceed:
            return
        item = _Item(flags, self.stack[-1][0] if self.stack else address)
        self.stack.append((address, item))
        for edge in sorted(self._dependents(address), key=lambda e: (-e.dependent[0], e.dependent[1])):
            self.visit(edge.dependent, _REACHED.get(edge.kind, Flag.NORMAL))
        self.stack.pop()
        if not address[1] and address[0] in self.partial:  # a column was found before its whole table
            for there, known in self.targets.items():
                if there[0] == address[0]:
                    known.flags |= item.flags | Flag.SUBOBJECT
        if address[1]:
            self.partial.add(address[0])
        self.targets[address] = item

    def _seen(self, address: Address, flags: Flag) -> bool:
        # a column of a table that is being deleted counts as seen, and does not lend the table its flags
        for there, item in self.stack:
            if there == address:
                item.flags |= flags
                return True
            if there == (address[0], 0):
                return True
        known = self.targets.get(address)
        if known is not None:
            known.flags |= flags
            return True
        return (address[0], 0) in self.targets

    def _owners(self, address: Address, flags: Flag) -> tuple[Flag, bool]:
        """Follow internal and partition dependencies upwards; False where the object goes with its owner instead."""
        owning: Address | None = None
        part: Address | None = None
        for edge in self.catalog.dependencies(address[0]):
            if address[1] and edge.dependent[1] != address[1]:
                continue
            other = edge.referenced
            if other[0] == address[0]:
                if not (edge.kind == "i" and address[1] and not other[1]):
                    continue
            if edge.kind == "P":
                part, flags = other, flags | Flag.IS_PART
            elif edge.kind == "S":
                part = part if flags & Flag.IS_PART else other
                flags |= Flag.IS_PART
            elif edge.kind in "ie":
                if edge.kind == "e" and self.skip_original_extension:
                    continue
                if not self.stack:
                    if other in self.pending or (other[0], 0) in self.pending:
                        return flags, False
                    if owning is None or edge.kind == "e":
                        owning = other
                    continue
                if any(there == other or there == (other[0], 0) for there, _ in self.stack):
                    continue
                self.visit(other, Flag.REVERSE)
                known = self.targets.get(address) or self.targets.get((address[0], 0))
                if known is not None:
                    known.flags |= flags
                    return flags, False
        if owning is not None:
            raise Requires(address, part or owning)
        return flags, True

    def _dependents(self, address: Address) -> list[Depend]:
        oid, number = address
        return [
            edge
            for edge in self.catalog.dependents(oid)
            if (not number or edge.referenced[1] == number)
            and edge.dependent != address
            and (number or edge.dependent[0] != oid)
        ]


def drop(
    ctx: Context,
    addresses: Iterable[Address],
    *,
    cascade: bool = False,
    location: int | None = None,
    name: str | None = None,
    span: Span | None = None,
    internal: bool = False,
    beside: int = 0,
) -> tuple[Address, ...]:
    """performMultipleDeletions: delete objects (or columns) with what depends on them; returns every address that went.

    Refuses with 2BP01 where something else depends on them and ``cascade`` is False, or where they are part of
    something else. ``internal`` is PERFORM_DELETION_INTERNAL: extension membership does not stand in the way;
    ``beside``: how many more are dropped at once.
    """
    wanted = list(dict.fromkeys(addresses))
    span = span or ctx.span(location, name)
    search = Search(ctx.catalog, frozenset(wanted), internal)
    for address in wanted:
        try:
            search.visit(address, Flag.ORIGINAL)
        except Requires as requires:
            raise _required(ctx, requires.address, requires.owner, span) from None
    _report(ctx, search, wanted, cascade, span, len(wanted) + beside)
    _delete(ctx.catalog, search.targets)
    return tuple(search.targets)


def _required(ctx: Context, address: Address, owner: Address, span: Span) -> Exception:
    path = ctx.path()
    what, by = describe(ctx.catalog, address, path), describe(ctx.catalog, owner, path)
    return ctx.refuse(
        "2BP01",
        f"cannot drop {what} because {by} requires it",
        span=span,
        kind="dependent",
        object=_name(ctx.catalog, address),
        help=f"You can drop {by} instead.",
    )


def _name(catalog: Catalog, address: Address) -> str:
    obj = catalog.get(address[0])
    if obj is None:
        return ""
    name = catalog.qualified(obj)
    attribute = obj.attribute_by_num(address[1]) if address[1] and isinstance(obj, Relation) else None
    return f"{name}.{attribute.name}" if attribute else name


def _report(ctx: Context, search: Search, wanted: list[Address], cascade: bool, span: Span, count: int) -> None:
    """reportDependentObjects: refuse under RESTRICT, or where a part would go without its whole."""
    path = ctx.path()
    blocking: list[tuple[Address, Address]] = []
    for address, item in reversed(search.targets.items()):
        if item.flags & Flag.IS_PART and not item.flags & (Flag.PARTITION | Flag.SUBOBJECT):
            parents = [e.referenced for e in ctx.catalog.dependencies(address[0]) if e.kind in "PS"]
            raise _required(ctx, address, parents[0] if parents else item.dependee, span)
    for address, item in reversed(search.targets.items()):
        if item.flags & (Flag.ORIGINAL | Flag.SUBOBJECT | _SILENT):
            continue
        blocking.append((address, item.dependee))
    if not blocking:
        return
    lines = [f"{describe(ctx.catalog, a, path)} depends on {describe(ctx.catalog, d, path)}" for a, d in blocking]
    if cascade:
        return
    # what hangs on a relation in doubt may be gone, or stand in the way no more
    doubtful = [
        a
        for a, _ in blocking
        if ctx.catalog.taint_of(("any",), ("object", a[0]), ("object", getattr(ctx.catalog.get(a[0]), "relation", 0)))
        is not None
    ]
    if len(doubtful) == len(blocking):
        raise ctx.unsure("whether dependents stand in the way is not known", *(("object", a[0]) for a in wanted))
    what = (
        f"{describe(ctx.catalog, wanted[0], path)} because other objects depend on it"
        if count == 1
        else ("desired object(s) because other objects depend on them")
    )
    raise ctx.refuse(
        "2BP01",
        f"cannot drop {what}",
        span=span,
        kind="dependent",
        object=_name(ctx.catalog, wanted[0]),
        help="; ".join(lines),
        related=tuple(_labels(ctx, [a for a, _ in blocking])),
    )


def _labels(ctx: Context, addresses: list[Address]) -> Iterable[Label]:
    for address in addresses[:10]:
        place = ctx.catalog.places.get(address) or ctx.catalog.places.get((address[0], 0))
        if place is not None:
            where = f", in {place.slot}" if place.slot else ""
            yield Label(place.source, place.span, f"{describe(ctx.catalog, address, ctx.path())} depends on it{where}")


def _delete(catalog: Draft, targets: Iterable[Address]) -> None:
    for address in targets:
        obj = catalog.get(address[0])
        if obj is None:
            continue
        if address[1]:
            if isinstance(obj, Relation) and (address[0], 0) not in targets:
                remove_column(catalog, obj, address[1])
            continue
        remove_object(catalog, obj)


def remove_column(catalog: Draft, relation: Relation, number: int) -> None:
    """RemoveAttributeById: the column leaves, with its dependencies and comment."""
    catalog.put(replace(relation, attributes=tuple(a for a in relation.attributes if a.num != number)))
    for edge in (*catalog.dependencies(relation.oid), *catalog.dependents(relation.oid)):
        if edge.dependent == (relation.oid, number):
            catalog.undepend(edge.dependent, edge.kind, referenced=edge.referenced[0])
    if (relation.oid, number) in catalog.comments:
        catalog.comments = catalog.comments.delete((relation.oid, number))


def remove_object(catalog: Draft, obj: Object) -> None:
    """Delete one object, with what its going means to others: defaults leave their column, indexes their constraint,
    children their parent."""
    match obj:
        case Other(kind="default"):
            _clear_default(catalog, obj)
        case Relation():
            _leave_relatives(catalog, obj)
        case Constraint(kind="n"):
            _clear_not_null(catalog, obj)
        case Namespace():
            kept = {key: items for key, items in catalog.default_acls.items() if key[1] != obj.oid}
            if len(kept) != len(catalog.default_acls):
                catalog.default_acls = type(catalog.default_acls)(kept)
            for left in catalog.in_namespace(obj.oid):
                if catalog.get(left.oid) is not None:
                    remove_object(catalog, left)
    catalog.remove(obj.oid)


def _clear_default(catalog: Draft, default: Other) -> None:
    relation = catalog.find(Relation, default.relation)
    if relation is None or not isinstance(default.details, ColumnDefault):
        return
    attribute = relation.attribute_by_num(default.details.column)
    if attribute is not None:
        catalog.replace_attribute(relation, replace(attribute, has_default=False, generated=""))


def _clear_not_null(catalog: Draft, constraint: Constraint) -> None:
    relation = catalog.find(Relation, constraint.relation)
    attribute = relation.attribute_by_num(constraint.keys[0]) if relation is not None and constraint.keys else None
    if relation is not None and attribute is not None and attribute.notnull:
        catalog.replace_attribute(relation, replace(attribute, notnull=False))


def _leave_relatives(catalog: Draft, relation: Relation) -> None:
    """What hangs on a relation beside its dependencies; left-overs of handlers that record none go too."""
    oid = relation.oid
    for kind in (Constraint, Trigger, Policy, Rewrite, Relation, Other):
        for left in catalog.of_relation(oid, kind):
            if catalog.get(left.oid) is not None and left.oid != oid:
                catalog.remove(left.oid)
    for child in catalog.children(oid):
        found = catalog.find(Relation, child)
        if found is not None:
            catalog.put(replace(found, parents=tuple(p for p in found.parents if p != oid), is_partition=False))
    rowtype = catalog.find(Type, relation.rowtype)
    if rowtype is not None:
        if catalog.get(rowtype.array) is not None:
            catalog.remove(rowtype.array)
        catalog.remove(rowtype.oid)


def erase(catalog: Draft, oid: int) -> None:
    """Forget an object with whatever hangs on it, without a word: one whose existence was in doubt, or that ON COMMIT
    DROP ends."""
    search = Search(catalog, frozenset(), True)
    try:
        search.visit((oid, 0), Flag.ORIGINAL)
    except Requires:
        search.targets.setdefault((oid, 0), _Item(Flag.ORIGINAL, (oid, 0)))
    _delete(catalog, search.targets)
