"""The recorder: it watches a replay and keeps each object's versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Membership, Namespace, Object, Other, Relation, Role, Routine, Trigger, Type
from lockgate.timeline.routines.missing import words_of
from lockgate.timeline.session import Session
from lockgate.timeline.step import Change, Step
from lockgate.walk.document import Life, Mark, Version
from lockgate.walk.reads import of_body
from lockgate.walk.shape import Aspect, shapes_of

_GONE = Version(0, gone=True)
_SUPPOSED = "postgres"  # whose the objects are where no role is named


class Recorder:
    """The lives so far. ``look`` is shown each step as it is taken, ``settle`` the catalog after each leg."""

    def __init__(self) -> None:
        self.lives: dict[Mark, Life] = {}
        self._parts: dict[int, set[int]] = {}  # the numbers of an object's columns, 0 for itself
        self._bodies: dict[int, tuple[Mark, ...]] = {}
        self._names: set[str] = set()  # that mean something else since the leg began
        self._memberships: tuple[Membership, ...] = ()
        self._sweep = False
        self.provided = 0
        self.known = True  # who runs the migrations

    def look(self, step: Step, moment: int) -> None:
        """Record what one statement changed."""
        line = step.statement.script.source.position(step.statement.span.start).line
        catalog, session = step.after, step.session
        self._sweep |= step.statement.tag == "TransactionStmt"
        for change in step.changes:
            self._names |= set(_renamed(change))
            if isinstance(change.after, Routine):
                self._bodies[change.after.oid] = of_body(catalog, session, change.after)
            for oid in self._touched(step, change):
                self._refresh(catalog, oid, moment, line)

    def settle(self, catalog: Catalog, session: Session, moment: int, *, whole: bool = False) -> None:
        """Record what a leg changed beside its statements: a rollback, grants of the handover, what bodies now read."""
        for routine in catalog.objects(Routine) if self._names else ():
            body = routine.body
            if body is not None and not routine.extension and self._names & words_of(body.text):
                self._bodies[routine.oid] = of_body(catalog, session, routine)
                self._refresh(catalog, routine.oid, moment, 0)
        if whole or self._sweep:
            for oid in {obj.oid for obj in catalog.every()} | self._parts.keys():
                self._refresh(catalog, oid, moment, 0)
        elif catalog.memberships != self._memberships:
            for role in catalog.objects(Role):
                self._refresh(catalog, role.oid, moment, 0)
        self._memberships = catalog.memberships
        self._sweep = False
        self._names.clear()

    def _touched(self, step: Step, change: Change) -> Iterable[int]:
        """The objects that are told otherwise because of a change: itself, and what its name stands in."""
        catalog, obj = step.after, change.after or change.before
        assert obj is not None
        yield obj.oid
        old, new = change.before, change.after
        renamed = old is not None and new is not None and getattr(old, "name", "") != getattr(new, "name", "")
        match obj:
            case Other(kind="default", relation=relation):
                yield relation
            case Trigger(function=function) if catalog.get(function) is not None:
                routine = catalog.find(Routine, function)
                if routine is not None:
                    self._bodies[function] = of_body(catalog, step.session, routine)
                    yield function
            case Type() if renamed:
                yield from (edge.dependent[0] for edge in catalog.dependents(obj.oid))
            case Namespace() if renamed:
                yield from (each.oid for each in catalog.in_namespace(obj.oid))
            case Role() if renamed:
                self._sweep = True

    def _refresh(self, catalog: Catalog, oid: int, moment: int, line: int) -> None:
        obj = catalog.get(oid)
        shapes = {shape.num: shape for shape in self._shapes(catalog, obj)} if obj is not None else {}
        parts = self._parts.setdefault(oid, set()) if shapes else self._parts.get(oid, set())
        for num in sorted(parts | shapes.keys()):
            shape = shapes.get(num)
            if shape is None:
                self._append(self.lives[(oid, num)], replace(_GONE, at=moment, line=line))
                continue
            parts.add(num)
            life = self.lives.get((oid, num))
            if life is None:
                life = self.lives[(oid, num)] = Life(oid, shape.kind, [], shape.of, num)
            self._append(life, replace(shape.version, at=moment, line=line))

    def _shapes(self, catalog: Catalog, obj: Object) -> Iterator[Aspect]:
        bodies = self._bodies.get(obj.oid)
        for shape in shapes_of(catalog, obj, self.provided):
            if bodies and not shape.num:
                reads = tuple(sorted({*shape.version.reads, *bodies}))
                shape = replace(shape, version=replace(shape.version, reads=reads))
            yield shape if self.known else _without_owner(shape)

    @staticmethod
    def _append(life: Life, version: Version) -> None:
        """Keep a version, if it is another one than the last; of several by one statement the last."""
        versions = life.versions
        while versions and versions[-1].line and (versions[-1].at, versions[-1].line) == (version.at, version.line):
            versions.pop()
        last = versions[-1] if versions else _GONE
        if replace(last, at=0, line=0) != replace(version, at=0, line=0):
            versions.append(version)


def _without_owner(shape: Aspect) -> Aspect:
    """Nobody says who runs the migrations: what the bootstrap superuser made belongs to whoever that is."""
    version = shape.version
    grants = tuple(grant for grant in version.grants if grant.role != _SUPPOSED)
    owner = "" if version.owner == _SUPPOSED else version.owner
    return replace(shape, version=replace(version, owner=owner, grants=grants))


def _renamed(change: Change) -> Iterator[str]:
    """The names that a change gives or takes a meaning."""
    old, new = change.before, change.after
    names = (getattr(old, "name", ""), getattr(new, "name", ""))
    if isinstance(old or new, Relation | Routine | Type) and names[0] != names[1]:
        yield from filter(None, names)
    if isinstance(old, Relation) and isinstance(new, Relation) and old.attributes is not new.attributes:
        was, now = ({a.num: a.name for a in each.attributes} for each in (old, new))
        for num in was.keys() | now.keys():
            if was.get(num) != now.get(num):
                yield from filter(None, (was.get(num), now.get(num)))
