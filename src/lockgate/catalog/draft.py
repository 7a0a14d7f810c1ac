"""The draft in which a step writes the next catalog."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from lockgate.base.lazy_imports import Map
from lockgate.catalog.catalog import (
    Address,
    Catalog,
    Contents,
    Depend,
    NameKey,
    Place,
    Taint,
    name_key,
    owning_relation,
)
from lockgate.catalog.objects import (
    Attribute,
    Constraint,
    Object,
    Other,
    Relation,
)

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey


_depend = partial(tuple.__new__, Depend)  # half of what its own constructor takes


def _kind_of(obj: Object) -> type | str:
    return obj.kind if isinstance(obj, Other) else type(obj)


def _constraint_name(obj: Object | None) -> NameKey | None:
    # generated names must differ from every constraint of the schema (ChooseConstraintName)
    return ("constraint name", obj.namespace, obj.name) if isinstance(obj, Constraint) else None


class Draft(Catalog):
    """A catalog being written. ``journal`` lists what changed: (before or None, after or None), in order, and
    ``tainted`` the keys that came in doubt; ``bounds`` is what the transitions have worked out of partitions
    (timeline/transitions/table/bounds.py)."""

    __slots__ = ("bounds", "journal", "tainted")

    def __init__(self, major: int) -> None:
        super().__init__(major)
        self.journal: list[tuple[Object | None, Object | None]] = []
        self.bounds: dict[int, Any] = {}
        self.tainted: list[TaintKey] = []

    def freeze(self) -> Catalog:
        """The catalog as it is now."""
        catalog = Catalog.__new__(Catalog)
        self._copy_to(catalog)
        return catalog

    def restore(self, catalog: Catalog) -> None:
        """Back to an earlier state (rollback); oids are not given out twice."""
        next_oid = self.next_oid
        catalog._copy_to(self)
        self.next_oid = max(next_oid, self.next_oid)

    def new_oid(self) -> int:
        """A fresh oid."""
        self.next_oid += 1
        return self.next_oid - 1

    def put(self, obj: Object) -> None:
        """Create or replace an object (same oid); its name index follows."""
        before = self._objects.get(obj.oid)
        if before is None:
            self._enter(obj)
            self.journal.append((None, obj))
            return
        if before == obj:
            return
        old_key, new_key = name_key(before), name_key(obj)
        if old_key != new_key:
            self._unname(old_key, obj.oid)
            self._names = self._names.set(new_key, (*self._names.get(new_key, ()), obj.oid))
        self._objects = self._objects.set(obj.oid, obj)
        self._refile(before, obj)
        self.journal.append((before, obj))

    def remove(self, oid: int) -> None:
        """Delete one object with its dependencies and comments; nothing else follows (see timeline/dependency.py for
        DROP)."""
        before = self._objects[oid]
        self._unname(name_key(before), oid)
        self._objects = self._objects.delete(oid)
        self.forget(oid)
        for number in (0, *(a.num for a in before.attributes)) if isinstance(before, Relation) else (0,):
            if (oid, number) in self.comments:
                self.comments = self.comments.delete((oid, number))
        self._refile(before, None)
        for edge in self.dependents(oid):
            self._cut(edge)
        if oid in self._forward:
            self._forward = self._forward.delete(oid)
        self.journal.append((before, None))

    def _enter(self, obj: Any) -> None:
        """File a new object."""
        oid, kind, namespace = obj.oid, _kind_of(obj), getattr(obj, "namespace", 0)
        self._objects = self._objects.set(oid, obj)
        key = name_key(obj)
        self._names = self._names.set(key, (*self._names.get(key, ()), oid))
        self._of_kind.setdefault(kind, []).append(oid)
        if namespace:
            self._of_namespace.setdefault(namespace, []).append(oid)
        if owning := owning_relation(obj):
            self._own(owning, oid)
        if (name := _constraint_name(obj)) is not None:
            self._names = self._names.set(name, (*self._names.get(name, ()), oid))
        for parent in obj.parents if isinstance(obj, Relation) else ():
            self._members = self._members.set(parent, (*self._members.get(parent, ()), oid))

    def _own(self, relation: int, oid: int) -> None:
        owned = self._of_relation.setdefault(relation, [])
        if oid not in owned:  # a draft that went another way may have given out the same oid
            owned.append(oid)

    def _unname(self, key: NameKey, oid: int) -> None:
        left = tuple(o for o in self._names.get(key, ()) if o != oid)
        self._names = self._names.set(key, left) if left else self._names.delete(key)

    def _refile(self, before: Object, after: Object | None) -> None:
        """What finds an object by name or parent follows its change, or forgets it."""
        oid = before.oid
        if after is not None:
            if (new := owning_relation(after)) and new != owning_relation(before):
                self._own(new, oid)
            if (new := getattr(after, "namespace", 0)) and new != getattr(before, "namespace", 0):
                self._of_namespace.setdefault(new, []).append(oid)
        old_name, new_name = _constraint_name(before), _constraint_name(after)
        if old_name != new_name:
            if old_name is not None:
                self._unname(old_name, oid)
            if new_name is not None:
                self._names = self._names.set(new_name, (*self._names.get(new_name, ()), oid))
        parents_before = before.parents if isinstance(before, Relation) else ()
        parents_after = after.parents if isinstance(after, Relation) else ()
        if parents_before != parents_after:
            for parent in parents_before:
                self._members = self._members.set(parent, tuple(o for o in self._members.get(parent, ()) if o != oid))
            for parent in parents_after:
                self._members = self._members.set(parent, (*self._members.get(parent, ()), oid))

    def depend(self, dependent: Address, referenced: Iterable[Address], kind: str = "n") -> None:
        """Record dependencies on user objects; pinned (built-in) ones are left out, as in PostgreSQL."""
        objects, forward = self._objects, self._forward.get(dependent[0], ())
        found: list[Depend] = []
        for target in dict.fromkeys(referenced):
            if target[0] in objects and (edge := _depend((dependent, target, kind))) not in forward:
                found.append(edge)
                self._backward.setdefault(target[0], []).append(edge)
                if target[1]:
                    self._of_columns.setdefault(target[0], []).append(edge)
        if found:
            self._forward = self._forward.set(dependent[0], (*forward, *found))

    def undepend(self, dependent: Address, kinds: str = "nai", *, referenced: int | None = None) -> None:
        """Forget the dependencies of one address (of one object on ``referenced`` only, if given) of these kinds."""
        for edge in self._forward.get(dependent[0], ()):
            if (
                edge.dependent == dependent
                and edge.kind in kinds
                and (referenced is None or edge.referenced[0] == referenced)
            ):
                self._cut(edge)

    def _cut(self, edge: Depend) -> None:
        oid = edge.dependent[0]
        left = tuple(e for e in self._forward.get(oid, ()) if e != edge)
        self._forward = self._forward.set(oid, left) if left else self._forward.delete(oid)

    def hold(self, relation: int, rows: Contents) -> None:
        """The rows that a table holds from now on."""
        self.contents = self.contents.set(relation, rows)

    def forget(self, *relations: int) -> None:
        """What these tables hold (any table, if none is given) is not known any more."""
        if not relations:
            self.contents = Map()
        for oid in relations:
            if oid in self.contents:
                self.contents = self.contents.delete(oid)

    def taint(self, key: TaintKey, reason: str, place: Place | None = None) -> None:
        """Mark a part as not known for certain; see ``Catalog.taint_of`` for the keys."""
        self.forget()  # what may have changed the catalog may have written rows
        prefixes: tuple[str, ...] = ("",)
        if key[0] == "name" and str(key[3]).endswith("*"):
            key, prefixes = (*key[:3], "*"), (str(key[3])[:-1],)
        first = self.taints.get(key)
        self.clock += 1
        if first is not None:
            prefixes = first.prefixes if prefixes[0].startswith(first.prefixes) else (*first.prefixes, *prefixes)
            reason, place = first.reason, first.place
        self.taints = self.taints.set(key, Taint(reason, place, self.clock, prefixes))
        self.tainted.append(key)

    def untaint(self, key: TaintKey) -> None:
        """Known again (dropped and made anew)."""
        if not self.taints:
            return
        for each in (key, ("shape", key[1])) if key[0] == "object" else (key,):
            if each in self.taints:
                self.taints = self.taints.delete(each)

    def replace_attribute(self, relation: Relation, attribute: Attribute) -> Relation:
        """Put a relation with one column replaced (same attnum)."""
        from msgspec.structs import replace

        changed = replace(
            relation, attributes=tuple(attribute if a.num == attribute.num else a for a in relation.attributes)
        )
        self.put(changed)
        return changed
