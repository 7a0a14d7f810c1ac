"""The slot that last touched an object, by the timeline; and the pending one that means to make it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lockgate.catalog.catalog import Catalog, Place
from lockgate.catalog.objects import Extension, Object, Other, Relation, Routine, Type
from lockgate.difference.deviation import Deviation, Key, LastTouch
from lockgate.oracle.apply.taint import targets
from lockgate.parse import Statement, parse_script
from lockgate.sources.migration import Migration
from lockgate.timeline.history import event_key
from lockgate.timeline.plan import Plan
from lockgate.timeline.replay import Replay
from lockgate.timeline.step import Change, Step

_CLASSES = {
    "table": "relation",
    "foreign table": "relation",
    "view": "relation",
    "materialized view": "relation",
    "index": "relation",
    "sequence": "relation",
    "function": "routine",
    "procedure": "routine",
    "aggregate": "routine",
    "type": "type",
    "domain": "type",
    "schema": "namespace",
    "attribute": "column",
}


def touches(plan: Plan) -> Callable[[Deviation], LastTouch | None]:
    """Replay the plan; the answer tells where an object was last made, altered or dropped, None where that is not
    known."""
    places: dict[Key, Place] = {}

    def look(step: Step) -> None:
        if step.migration.id != "environment":
            place = Place(step.statement.script.source, step.statement.span, step.migration.slot or step.migration.id)
            for change in step.changes:
                places.update(dict.fromkeys(_keys(step.before, step.after, change), place))

    replay = Replay(plan, look)
    for _ in replay.steps():
        pass
    events = replay.catalog.events

    def last(each: Deviation) -> LastTouch | None:
        kind, *name = each.key
        if kind in ("function", "procedure", "aggregate"):
            name = list(each.definition.name)
        if kind == "index":
            name = [name[0], name[-1]]
        key = (_CLASSES.get(kind, kind), *name)
        event, place = events.get(key), places.get(key)
        if event is not None and each.migrations is None:
            return _touch(event.place, dropped=True)
        return _touch(place) if place is not None else None

    return last


def _touch(place: Place, dropped: bool = False) -> LastTouch:
    return LastTouch(place.slot, place.source.path, place.source.position(place.span.start).line, dropped)


def _keys(before: Catalog, after: Catalog, change: Change) -> Iterable[Key]:
    for catalog, obj in ((before, change.before), (after, change.after)):
        if obj is None:
            continue
        key = (obj.kind, obj.name) if isinstance(obj, Other) and not obj.namespace else _key(catalog, obj)
        if key is not None:
            yield key
    old, new = change.before, change.after
    if isinstance(new, Relation):
        was = {a.num: a for a in old.attributes} if isinstance(old, Relation) else {}
        yield from (
            ("column", after.namespace_name(new.namespace), new.name, a.name)
            for a in new.attributes
            if was.get(a.num) != a
        )


def _key(catalog: Catalog, obj: Object) -> Key | None:
    if isinstance(obj, Extension):
        return ("extension", obj.name)
    if isinstance(obj, Relation | Routine | Type) and obj.extension:
        return None
    return event_key(catalog, obj)


def coming(pending: Iterable[Migration]) -> dict[str, LastTouch]:
    """Names that pending migrations mean to make, and where."""
    out: dict[str, LastTouch] = {}
    for migration in pending:
        for statement in parse_script(migration.up):
            if isinstance(statement, Statement) and statement.tag.startswith(("Create", "View", "Index")):
                line = statement.script.source.position(statement.span.start).line
                for name in targets(statement.tag, statement.node):
                    out.setdefault(
                        name,
                        LastTouch(migration.slot or migration.id, statement.script.source.path, line, pending=True),
                    )
    return out
