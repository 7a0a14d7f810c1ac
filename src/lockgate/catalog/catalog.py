"""The catalog: an immutable value, and the draft in which a step writes the next one.

Reading is the same on both. All maps are persistent (``immutables``), so a copy costs a dozen references and a step
keeps only what it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import msgspec

from lockgate.base.lazy_imports import Map
from lockgate.catalog.builtin import Builtins, builtins
from lockgate.catalog.objects import (
    BOOTSTRAP_SUPERUSER,
    FIRST_USER_OID,
    INFORMATION_SCHEMA,
    PG_CATALOG,
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

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey
    from lockgate.catalog.draft import Draft

Address = tuple[int, int]  # (oid, attnum); attnum 0 is the whole object
T = TypeVar("T", bound=Object)
_FEW = 64  # entries of an index that nobody minds reading in vain


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


_NAME_KEYS: dict[type, Callable[[Any], NameKey]] = {
    Relation: lambda obj: ("relation", obj.namespace, obj.name),
    Type: lambda obj: ("type", obj.namespace, obj.name),
    Routine: lambda obj: ("routine", obj.namespace, obj.name),
    Operator: lambda obj: ("operator", obj.namespace, obj.name),
    Namespace: lambda obj: ("namespace", obj.name),
    Role: lambda obj: ("role", obj.name),
    Extension: lambda obj: ("extension", obj.name),
    Cast: lambda obj: ("cast", obj.source, obj.target),
    Constraint: lambda obj: ("constraint", obj.relation or obj.type, obj.name),
    Trigger: lambda obj: ("trigger", obj.relation, obj.name),
    Policy: lambda obj: ("policy", obj.relation, obj.name),
    Rewrite: lambda obj: ("rule", obj.relation, obj.name),
    Other: lambda obj: (obj.kind, obj.namespace, obj.name),
}


def name_key(obj: Object) -> NameKey:
    """Where an object's name is kept."""
    return _NAME_KEYS[type(obj)](obj)


_OF_RELATIONS = frozenset((Constraint, Trigger, Policy, Rewrite, Other))
_oid: Callable[[Any], int] = attrgetter("oid")


def owning_relation(obj: Any) -> int:
    """The relation that an index, constraint, trigger, policy, rule or statistics object belongs to; else 0."""
    kind = type(obj)
    if kind is Relation:
        return obj.index.relation if obj.index is not None else 0
    return obj.relation if kind in _OF_RELATIONS else 0


class Catalog:
    """What the database holds. Treat as immutable; ``draft()`` gives a writable copy.

    ``major`` is the PostgreSQL major version; built-in objects come from ``builtins`` and are found by every look-up
    too, as objects of the same classes.
    """

    __slots__ = (
        "_backward",
        "_forward",
        "_members",
        "_names",
        "_objects",
        "_of_columns",
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
        # Five indexes only grow, and all that came of one catalog share them: whoever reads one leaves out what is not
        # in his own objects or ``_forward``. That is a third of the work of making a table
        self._of_kind: dict[type | str, list[int]] = {}  # those of Other by their own kind
        self._of_namespace: dict[int, list[int]] = {}
        self._of_relation: dict[int, list[int]] = {}  # its indexes, constraints, triggers, policies, rules, statistics
        self._backward: dict[int, list[Depend]] = {}  # by referenced oid
        self._of_columns: dict[int, list[Depend]] = {}  # of those: the rows that refer to a column
        self._forward: Map[int, tuple[Depend, ...]] = Map()  # by dependent oid
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
        other._forward, other._backward, other._of_columns = self._forward, self._backward, self._of_columns
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
        from lockgate.catalog.draft import Draft  # which is made of this class

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
        if kind is Other:
            words = [word for word in self._of_kind if isinstance(word, str)]
            yield from cast("list[T]", sorted((o for word in words for o in self.others(word)), key=_oid))
        yield from cast("Iterable[T]", self._filed(self._of_kind, kind, lambda obj: type(obj) is kind))

    def others(self, kind: str) -> list[Other]:
        """The same of those that are no more than a kind and a name."""
        found = self._filed(self._of_kind, kind, lambda obj: isinstance(obj, Other) and obj.kind == kind)
        return cast("list[Other]", found)

    def _filed(self, index: dict[Any, list[int]], key: Any, fits: Callable[[Any], bool]) -> list[Object]:
        """What an index has under a key and this catalog, too, in creation order; an index of little else is cleaned up
        for those who come after."""
        filed, objects = index.get(key, ()), self._objects
        found = [obj for oid in sorted(set(filed)) if (obj := objects.get(oid)) is not None and fits(obj)]
        if len(filed) > 2 * len(found) + _FEW:
            name = "_of_kind" if index is self._of_kind else "_of_namespace"
            setattr(self, name, {**index, key: [obj.oid for obj in found]})
        return found

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
        objects = self._objects
        return tuple(
            obj
            for oid in self._of_relation.get(relation, ())
            if isinstance(obj := objects.get(oid), kind) and owning_relation(obj) == relation
        )

    def in_namespace(self, namespace: int) -> list[Object]:
        """Every object in a schema, in creation order."""
        return self._filed(self._of_namespace, namespace, lambda obj: getattr(obj, "namespace", 0) == namespace)

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
        forward = self._forward
        found = (self._of_columns if of_columns else self._backward).get(oid, ())
        if len(found) <= 4:  # as most have; what was cut and made anew counts where it was made last
            return tuple(
                e for n, e in enumerate(found) if e in forward.get(e.dependent[0], ()) and e not in found[n + 1 :]
            )
        kept = {other: frozenset(forward.get(other, ())) for other in {e.dependent[0] for e in found}}
        return tuple(reversed([e for e in dict.fromkeys(reversed(found)) if e in kept[e.dependent[0]]]))

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
