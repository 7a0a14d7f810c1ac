"""The catalog: an immutable value, and the draft in which a step writes the next one.

Reading is the same on both. All maps are persistent (``immutables``), so a copy costs a dozen references and a step
keeps only what it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from lockgate.base.lazy_imports import Map
from lockgate.catalog.builtin import Builtins, builtins
from lockgate.catalog.doubt import TaintKey
from lockgate.catalog.objects import (
    BOOTSTRAP_SUPERUSER,
    FIRST_USER_OID,
    INFORMATION_SCHEMA,
    PG_CATALOG,
    Attribute,
    Cast,
    Constraint,
    Extension,
    Membership,
    Namespace,
    Object,
    Operator,
    Other,
    Policy,
    Relation,
    Rewrite,
    Role,
    Routine,
    Trigger,
    Type,
)

Address = tuple[int, int]  # (oid, attnum); attnum 0 is the whole object
T = TypeVar("T", bound=Object)
_NONE: Map[int, None] = Map()
_NO_EDGES: Map[Depend, int] = Map()


class Depend(NamedTuple):
    """A row of pg_depend. ``kind``: n normal, a auto, i internal, e extension, P S partition (see "pg_depend" in the
    manual)."""

    dependent: Address
    referenced: Address
    kind: str


class Place(msgspec.Struct, frozen=True):
    """Where something happened: a span of a source, and the slot of its migration."""

    source: Any  # text.Source
    span: Any  # text.Span
    slot: str


class Event(msgspec.Struct, frozen=True):
    """Why a name no longer means what it meant: ``what`` is "dropped" or "renamed" (``new_name`` then)."""

    what: str
    place: Place
    new_name: str = ""
    cascade: bool = False
    clock: int = 0  # ``Catalog.clock`` before the statement


class Taint(msgspec.Struct, frozen=True):
    """Why a part of the catalog is not known for certain; ``clock`` is that of the last time that it was said."""

    reason: str
    place: Place | None = None
    clock: int = 0
    prefixes: tuple[str, ...] = ("",)  # of a "*": how the names begin


# The rows of a table, each by column number and type: what a column held under an earlier type is not known.
Contents = tuple[dict[Address, Any], ...]

# Keys of the name index. Relations (indexes and sequences included) and types have a namespace of names each; so do
# routines, ...
NameKey = tuple[str, str] | tuple[str, int, str] | tuple[str, int, int]
EventKey = tuple[str, ...]  # ("relation", schema, name), ("column", schema, table, column), ...


def name_key(obj: Object) -> NameKey | None:
    """Where an object's name is kept; None for objects that are found through their relation or not by name."""
    match obj:
        case Relation():
            return ("relation", obj.namespace, obj.name)
        case Type():
            return ("type", obj.namespace, obj.name)
        case Routine():
            return ("routine", obj.namespace, obj.name)
        case Operator():
            return ("operator", obj.namespace, obj.name)
        case Namespace():
            return ("namespace", obj.name)
        case Role():
            return ("role", obj.name)
        case Extension():
            return ("extension", obj.name)
        case Cast():
            return ("cast", obj.source, obj.target)
        case Constraint():
            return ("constraint", obj.relation or obj.type, obj.name)
        case Trigger():
            return ("trigger", obj.relation, obj.name)
        case Policy():
            return ("policy", obj.relation, obj.name)
        case Rewrite():
            return ("rule", obj.relation, obj.name)
        case Other():
            return (obj.kind, obj.namespace, obj.name)


class Catalog:
    """What the database holds. Treat as immutable; ``draft()`` gives a writable copy.

    ``major`` is the PostgreSQL major version; built-in objects come from ``builtins`` and are found by every look-up
    too, as objects of the same classes.
    """

    __slots__ = (
        "_backward",
        "_edges",
        "_forward",
        "_members",
        "_names",
        "_objects",
        "_of_kind",
        "_of_namespace",
        "_of_relation",
        "builtins",
        "clock",
        "comments",
        "contents",
        "database_owner",
        "default_acls",
        "events",
        "major",
        "memberships",
        "next_oid",
        "places",
        "settings",
        "taints",
    )

    def __init__(self, major: int) -> None:
        self.major = major
        self.builtins: Builtins = builtins(major)
        self._objects: Map[int, Object] = Map()
        self._names: Map[NameKey, tuple[int, ...]] = Map()
        self._of_kind: Map[type, Map[int, None]] = Map()
        self._forward: Map[int, tuple[Depend, ...]] = Map()  # by dependent oid
        self._backward: Map[int, Map[Depend, int]] = (
            Map()
        )  # by referenced oid, numbered: a schema has as many as there are objects
        self._edges = 0
        self._of_relation: Map[int, tuple[int, ...]] = (
            Map()
        )  # relation oid -> its indexes, constraints, triggers, policies, rules, statistics
        self._of_namespace: Map[int, Map[int, None]] = Map()  # namespace oid -> objects in it
        self._members: Map[int, tuple[int, ...]] = Map()  # parent relation oid -> children (inheritance and partitions)
        self.memberships: tuple[Membership, ...] = ()
        self.default_acls: Map[tuple[int, int, str], tuple[Any, ...]] = (
            Map()
        )  # (role, namespace or 0, objtype) -> acl items
        self.comments: Map[Address, str] = Map()
        self.settings: Map[tuple[str, str], str] = Map()  # (scope, setting): scope "database" (ALTER DATABASE SET)
        self.taints: Map[TaintKey, Taint] = Map()
        self.clock = 0  # how many times something was tainted
        self.events: Map[EventKey, Event] = (
            Map()
        )  # ("relation", schema, name) / ("column", schema, table, column) / ... -> Event
        self.places: Map[Address, Place] = Map()  # where an object or column was created
        self.contents: Map[int, Contents] = (
            Map()
        )  # the rows of a table, where they are known (timeline/evaluate/contents.py)
        self.database_owner = BOOTSTRAP_SUPERUSER
        self.next_oid = FIRST_USER_OID

    def _copy_to(self, other: Catalog) -> None:
        # twice for every statement: spelled out, that is half as long as a loop over __slots__
        other.major, other.builtins, other.database_owner, other.next_oid = (
            self.major,
            self.builtins,
            self.database_owner,
            self.next_oid,
        )
        other._objects, other._names, other._of_kind = self._objects, self._names, self._of_kind
        other._forward, other._backward, other._edges = self._forward, self._backward, self._edges
        other._of_relation, other._of_namespace, other._members = self._of_relation, self._of_namespace, self._members
        other.memberships, other.default_acls, other.comments, other.settings = (
            self.memberships,
            self.default_acls,
            self.comments,
            self.settings,
        )
        other.taints, other.clock, other.events, other.places, other.contents = (
            self.taints,
            self.clock,
            self.events,
            self.places,
            self.contents,
        )

    def draft(self) -> Draft:
        """A writable copy."""
        draft = Draft.__new__(Draft)
        self._copy_to(draft)
        draft.journal, draft.bounds, draft.tainted = [], {}, []
        return draft

    # --- objects ------------------------------------------------------------------------------------------------------

    def get(self, oid: int) -> Object | None:
        """The user (or extension) object of that oid; built-in ones are asked of ``builtins``."""
        return self._objects.get(oid)

    def find(self, kind: type[T], oid: int) -> T | None:
        """The object of that oid if it is of that kind."""
        obj = self._objects.get(oid)
        return obj if isinstance(obj, kind) else None

    def the(self, kind: type[T], oid: int) -> T:
        """The object of that oid, which must exist and be of that kind."""
        return cast(T, self._objects[oid])

    def objects(self, kind: type[T]) -> Iterator[T]:
        """Every object of a kind, in creation order."""
        found = self._of_kind.get(kind)
        if found is not None:
            objects = self._objects
            for oid in sorted(found):
                yield cast(T, objects[oid])

    def every(self) -> Iterator[Object]:
        """Every object, in creation order."""
        for oid in sorted(self._objects):
            yield self._objects[oid]

    def oids(self, key: NameKey) -> tuple[int, ...]:
        """The objects under a name key (see ``name_key``)."""
        return self._names.get(key, ())

    def one(self, kind: type[T], key: NameKey) -> T | None:
        """The only object under a name key."""
        oids = self._names.get(key, ())
        return cast(T, self._objects[oids[0]]) if oids else None

    def namespace(self, name: str) -> Namespace | None:
        """The schema of that name, built-in ones included."""
        if name == "pg_catalog":
            return Namespace(PG_CATALOG, name, BOOTSTRAP_SUPERUSER)
        if name == "information_schema":
            return Namespace(INFORMATION_SCHEMA, name, BOOTSTRAP_SUPERUSER)
        return self.one(Namespace, ("namespace", name))

    def namespace_name(self, oid: int) -> str:
        """The name of a schema, built-in ones included; "" if it is gone."""
        if oid == PG_CATALOG:
            return "pg_catalog"
        if oid == INFORMATION_SCHEMA:
            return "information_schema"
        found = self.find(Namespace, oid)
        return found.name if found else ""

    def relation_named(self, namespace: int, name: str) -> Relation | None:
        """A user relation by schema and name (any relkind)."""
        return self.one(Relation, ("relation", namespace, name))

    def type_named(self, namespace: int, name: str) -> Type | None:
        """A user type by schema and name."""
        return self.one(Type, ("type", namespace, name))

    def routines_named(self, namespace: int, name: str) -> tuple[Routine, ...]:
        """The user routines of that name, all overloads."""
        return tuple(cast(Routine, self._objects[oid]) for oid in self._names.get(("routine", namespace, name), ()))

    def of_relation(self, relation: int, kind: type[T]) -> tuple[T, ...]:
        """A relation's indexes (as Relation), constraints, triggers, policies, rules or statistics (as Other), in
        creation order."""
        return tuple(obj for oid in self._of_relation.get(relation, ()) if isinstance(obj := self._objects[oid], kind))

    def in_namespace(self, namespace: int) -> list[Object]:
        """Every object in a schema, in creation order."""
        return [self._objects[oid] for oid in sorted(self._of_namespace.get(namespace, _NONE))]

    def children(self, relation: int) -> tuple[int, ...]:
        """The relations that inherit from one or are its partitions, directly."""
        return self._members.get(relation, ())

    def role(self, name: str) -> Role | None:
        """The role of that name, predefined ones included (they are put in at the start)."""
        return self.one(Role, ("role", name))

    def role_name(self, oid: int) -> str:
        """A role's name; "public" for 0."""
        if oid == 0:
            return "public"
        found = self.find(Role, oid)
        return found.name if found else str(oid)

    # --- dependencies -------------------------------------------------------------------------------------------------

    def dependents(self, oid: int, of_columns: bool = False) -> tuple[Depend, ...]:
        """The rows of pg_depend that refer to an object or its columns; to its columns alone with ``of_columns``."""
        found = self._backward.get(oid)
        if of_columns and found is not None:  # a table has as many others as it has partitions
            return tuple(sorted([e for e in found if e.referenced[1]], key=found.__getitem__))
        return tuple(sorted(found, key=found.__getitem__)) if found is not None else ()

    def dependencies(self, oid: int) -> tuple[Depend, ...]:
        """The rows of pg_depend of an object or its columns."""
        return self._forward.get(oid, ())

    # --- certainty ----------------------------------------------------------------------------------------------------

    def taint_of(self, *keys: TaintKey) -> Taint | None:
        """The first taint under any of these keys (see catalog/doubt.py).

        To ask for ("object", oid) is to ask for its shape, too; ("identity", oid) asks whether it is there under its
        name, and no more.
        """
        if self.taints:
            for key in keys:
                found = self.taints.get(key if key[0] != "identity" else ("object", key[1]))
                if found is None and key[0] == "name":
                    found = self.taints.get((*key[:3], "*"))
                    if found is not None and not str(key[3]).startswith(found.prefixes):
                        found = None
                elif found is None and key[0] == "object":
                    found = self.taints.get(("shape", key[1]))
                if found is not None:
                    return found
        return None

    def qualified(self, obj: Object) -> str:
        """schema.name of an object, relation-bound ones with their relation, for messages and reports."""
        match obj:
            case Constraint() | Trigger() | Policy() | Rewrite():
                relation = self.find(Relation, obj.relation)
                return f"{self.qualified(relation)}.{obj.name}" if relation else obj.name
            case Cast():
                return f"cast {obj.source} as {obj.target}"
            case Role() | Namespace() | Extension():
                return obj.name
            case _:
                schema = self.namespace_name(obj.namespace)
                return f"{schema}.{obj.name}" if schema else obj.name


def _owning_relation(obj: Object) -> int:
    match obj:
        case Relation(index=index) if index is not None:
            return index.relation
        case Constraint() | Trigger() | Policy() | Rewrite() | Other():
            return obj.relation
        case _:
            return 0


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
        if before == obj:
            return
        old_key, new_key = (name_key(before) if before is not None else None), name_key(obj)
        if old_key != new_key:
            if old_key is not None:
                self._unname(old_key, obj.oid)
            if new_key is not None:
                self._names = self._names.set(new_key, (*self._names.get(new_key, ()), obj.oid))
        self._objects = self._objects.set(obj.oid, obj)
        self._file(before, obj)
        self.journal.append((before, obj))

    def remove(self, oid: int) -> None:
        """Delete one object with its dependencies and comments; nothing else follows (see timeline/dependency.py for
        DROP)."""
        before = self._objects[oid]
        key = name_key(before)
        if key is not None:
            self._unname(key, oid)
        self._objects = self._objects.delete(oid)
        self.forget(oid)
        for number in (0, *(a.num for a in before.attributes)) if isinstance(before, Relation) else (0,):
            if (oid, number) in self.comments:
                self.comments = self.comments.delete((oid, number))
        self._file(before, None)
        for edge in self._forward.get(oid, ()):
            self._cut(edge)
        for edge in self.dependents(oid):
            self._cut(edge)
        self.journal.append((before, None))

    def _unname(self, key: NameKey, oid: int) -> None:
        left = tuple(o for o in self._names.get(key, ()) if o != oid)
        self._names = self._names.set(key, left) if left else self._names.delete(key)

    def _file(self, before: Object | None, after: Object | None) -> None:
        oid = (before or after).oid  # type: ignore[union-attr]
        if before is None or after is None:
            kind = type(before or after)
            kin = self._of_kind.get(kind, _NONE)
            self._of_kind = self._of_kind.set(kind, kin.delete(oid) if after is None else kin.set(oid, None))
        old, new = (
            _owning_relation(before) if before is not None else 0,
            _owning_relation(after) if after is not None else 0,
        )
        if old != new:
            if old:
                self._of_relation = self._of_relation.set(
                    old, tuple(o for o in self._of_relation.get(old, ()) if o != oid)
                )
            if new:
                self._of_relation = self._of_relation.set(new, (*self._of_relation.get(new, ()), oid))
        old, new = getattr(before, "namespace", 0), getattr(after, "namespace", 0)
        if old != new:
            if old and oid in self._of_namespace.get(old, _NONE):
                self._of_namespace = self._of_namespace.set(old, self._of_namespace[old].delete(oid))
            if new:
                self._of_namespace = self._of_namespace.set(new, self._of_namespace.get(new, _NONE).set(oid, None))
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
        for target in dict.fromkeys(referenced):
            if target[0] not in self._objects:
                continue
            edge = Depend(dependent, target, kind)
            forward = self._forward.get(dependent[0], ())
            if edge in forward:
                continue
            self._forward = self._forward.set(dependent[0], (*forward, edge))
            self._edges += 1
            self._backward = self._backward.set(
                target[0], self._backward.get(target[0], _NO_EDGES).set(edge, self._edges)
            )

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
        oid = edge.referenced[0]
        known = self._backward.get(oid, _NO_EDGES)
        if edge in known:
            rest = known.delete(edge)
            self._backward = self._backward.set(oid, rest) if rest else self._backward.delete(oid)

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
