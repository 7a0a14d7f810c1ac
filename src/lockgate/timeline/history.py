"""What the timeline remembers of names: what was dropped or renamed, where; and where each object was made."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.base.text import Span
from lockgate.catalog.catalog import Catalog, Event, EventKey, Place
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import (
    Attribute,
    Constraint,
    Namespace,
    Object,
    Other,
    Policy,
    Relation,
    Routine,
    Trigger,
    Type,
)
from lockgate.parse.tokens import find_name, token_end
from lockgate.timeline.step import Change


def net_changes(journal: Iterable[tuple[Object | None, Object | None]], catalog: Catalog) -> tuple[Change, ...]:
    """A journal's net effect: per object, its state at first and at last; what came and went again is left out."""
    first: dict[int, Object | None] = {}
    for before, after in journal:
        oid = (before or after).oid  # type: ignore[union-attr]
        first.setdefault(oid, before)
    out = []
    for oid, before in first.items():
        after = catalog.get(oid)
        if before is not after and before != after:
            out.append(Change(before, after))
    return tuple(out)


def record(draft: Draft, before: Catalog, changes: tuple[Change, ...], place: Place) -> None:
    """Write the events and places of a step's changes into the draft."""
    events, places = draft.events.mutate(), draft.places.mutate()
    for change in changes:
        old, new = change.before, change.after
        if old is None and new is not None:
            if (new.oid, 0) not in places:
                places[(new.oid, 0)] = place
        if isinstance(new, Relation):
            known = {a.num for a in old.attributes} if isinstance(old, Relation) else set()
            for attribute in new.attributes:
                if attribute.num not in known and old is not None:
                    places[(new.oid, attribute.num)] = place
        if old is not None:
            for key, event in _events(before, draft, old, new, place):
                events[key] = event
    draft.events, draft.places = events.finish(), places.finish()


def _events(
    before: Catalog, after: Catalog, old: Object, new: Object | None, place: Place
) -> Iterable[tuple[EventKey, Event]]:
    key = event_key(before, old)
    if key is not None:
        name = key[-1] if not isinstance(old, Routine) else old.name
        if new is None:
            yield key, Event("dropped", _narrow(place, name), clock=before.clock)
        else:
            renamed = event_key(after, new)
            if renamed is not None and renamed != key:
                yield key, Event("renamed", _narrow(place, name), ".".join(map(str, renamed[1:])), clock=before.clock)
                if isinstance(old, Relation):
                    yield from (
                        (("column", *renamed[1:], k[-1]), e)
                        for k, e in before.events.items()
                        if k[:-1] == ("column", *key[1:])
                    )
    if isinstance(old, Relation) and old.kind in "rpfvmc":
        left = {a.num: a for a in new.attributes} if isinstance(new, Relation) else {}
        if new is not None:
            schema = before.namespace_name(old.namespace)
            for attribute in old.attributes:
                yield from _column_event(schema, old.name, attribute, left.get(attribute.num), place, before.clock)


def _column_event(
    schema: str, table: str, old: Attribute, new: Attribute | None, place: Place, clock: int
) -> Iterable[tuple[EventKey, Event]]:
    key = ("column", schema, table, old.name)
    if new is None:
        yield key, Event("dropped", _narrow(place, old.name), clock=clock)
    elif new.name != old.name:
        yield key, Event("renamed", _narrow(place, old.name), new.name, clock=clock)


def event_key(catalog: Catalog, obj: Object) -> EventKey | None:
    """Where the fate of an object's name is remembered; None for kinds that nobody refers to by name."""
    match obj:
        case Namespace():
            return ("namespace", obj.name)
        case Relation():
            return ("relation", catalog.namespace_name(obj.namespace), obj.name)
        case Type():
            return ("type", catalog.namespace_name(obj.namespace), obj.name)
        case Routine():
            return ("routine", catalog.namespace_name(obj.namespace), obj.name)
        case Constraint() | Trigger() | Policy():
            relation = catalog.find(Relation, obj.relation)
            if relation is None:
                return None
            kind = type(obj).__name__.lower()
            return (kind, catalog.namespace_name(relation.namespace), relation.name, obj.name)
        case Other():
            return (obj.kind, catalog.namespace_name(obj.namespace), obj.name)
        case _:
            return None


def _narrow(place: Place, name: str) -> Place:
    """The token of a name in the statement that changed it, where it stands there."""
    text, span = place.source.text, place.span
    at = find_name(text, name, span.start, span.end)
    if at < 0:
        return place
    return Place(place.source, Span(at, token_end(text, at)), place.slot)
