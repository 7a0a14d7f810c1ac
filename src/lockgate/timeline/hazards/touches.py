"""What a statement does to relations, while it runs: the strongest lock and the heaviest work on each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate.base.effects import Lock, Work
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Relation

_KINDS = {"i": "index", "I": "index", "v": "view", "S": "sequence", "c": "type"}
STORED = "rm"  # relkinds with rows of their own


class Touch:
    """What is known so far of one relation."""

    __slots__ = ("exact", "lock", "relation", "why", "work")

    def __init__(self, relation: Relation) -> None:
        self.relation = relation
        self.lock: Lock | None = None
        self.work = Work.NONE
        self.why = ""
        self.exact = True


class Touches:
    """What one statement (and all that runs within it) does."""

    __slots__ = ("before", "exact", "found", "made")

    def __init__(self, before: Catalog) -> None:
        self.before = before  # the statement
        self.made: set[int] = set()  # relations that it makes
        self.found: dict[int, Touch] = {}
        self.exact = True

    def of(self, relation: Relation) -> Touch:
        """The entry of a relation, made where there is none yet."""
        touch = self.found.get(relation.oid)
        if touch is None:
            touch = self.found[relation.oid] = Touch(relation)
        return touch

    def locks(self) -> dict[int, Lock | None]:
        """The locks so far, for ``release``."""
        return {oid: touch.lock for oid, touch in self.found.items()}

    def release(self, locks: dict[int, Lock | None]) -> None:
        """A subtransaction is rolled back: the locks that it took are given back, and only what it read was done."""
        for oid, touch in self.found.items():
            touch.lock = locks.get(oid)
            if oid not in locks and touch.work > Work.SCAN:
                touch.work, touch.why = Work.NONE, ""

    def lock(self, relation: Relation | None, lock: Lock) -> None:
        """It takes a lock."""
        if relation is None:
            return
        touch = self.of(relation)
        if touch.lock is None or lock > touch.lock:
            touch.lock = lock

    def work(self, relation: Relation | None, work: Work, why: str, *, exact: bool = True) -> None:
        """It does work, for a reason; a relation without rows of its own has none to do it to."""
        if relation is None or relation.kind not in STORED:
            return
        touch = self.of(relation)
        if work > touch.work:
            touch.work, touch.why, touch.exact = work, why, touch.exact and exact

    def note(self, relation: Relation, why: str) -> None:
        """Why it does no work where one would expect some."""
        touch = self.of(relation)
        if touch.work is Work.NONE:
            touch.why = why


def kind_of(relation: Relation) -> str:
    """What an effect calls a relation: table, index, view, sequence or type (a composite one)."""
    return _KINDS.get(relation.kind, "table")


def lock_all(touches: Touches, relations: Iterable[Relation], lock: Lock) -> None:
    """The same lock on each."""
    for relation in relations:
        touches.lock(relation, lock)


def family(catalog: Catalog, relation: Relation) -> list[Relation]:
    """A relation and all that inherit from it or are its partitions, parents first (find_all_inheritors)."""
    found, at = [relation], 0
    known = {relation.oid}
    while at < len(found):
        for oid in catalog.children(found[at].oid):
            child = catalog.find(Relation, oid)
            if child is not None and oid not in known:
                known.add(oid)
                found.append(child)
        at += 1
    return found


def default_partition(catalog: Catalog, parent: Relation) -> Relation | None:
    """The default partition of a partitioned table."""
    if isinstance(catalog, Draft):
        from lockgate.timeline.transitions.table.bounds import bounds_of

        return catalog.find(Relation, bounds_of(catalog, parent.oid).default)
    children = (catalog.find(Relation, oid) for oid in catalog.children(parent.oid))
    return next((c for c in children if c is not None and c.default_partition), None)


def partition_parents(catalog: Catalog, relation: Relation) -> Iterator[Relation]:
    """The table that a relation is a partition of, and that table's default partition: taken when it goes."""
    for oid in relation.parents if relation.is_partition else ():
        parent = catalog.find(Relation, oid)
        if parent is not None:
            yield parent
            default = default_partition(catalog, parent)
            if default is not None and default.oid != relation.oid:
                yield default
