"""Looking at one routine: what its body refers to that is certainly not there."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lockgate.base.lazy_imports import pattern
from lockgate.catalog.catalog import Address, Catalog
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Namespace, Relation, Routine, Trigger
from lockgate.parse.statement import Statement
from lockgate.timeline.context import Context
from lockgate.timeline.failure import (
    Failure,
    MissingField,
    MissingRelation,
    MissingRoutine,
    MissingType,
    Refused,
    Subject,
    Unsure,
)
from lockgate.timeline.session import Session

if TYPE_CHECKING:
    from lockgate.timeline.plpgsql.analyse import BrokenReference

# bodies are read late (and PL/pgSQL imported then): few migrations touch what a routine refers to


# references that are missing; everything else may depend on values and types that are not known as well
_MISSING = frozenset({"42P01", "42703", "42883", "42704", "3F000", "42702", "42725"})
_MAKING = pattern(r"\b(?:create|into)\b([^;]*)", re.IGNORECASE)
_WORD = pattern(r'"((?:[^"]|"")+)"|([^\W\d][\w$]*)')


@lru_cache(maxsize=8192)
def words_of(text: str) -> frozenset[str]:
    """Every word of a body, in lower case, and every quoted name."""
    return frozenset(a.replace('""', '"') if a else b.lower() for a, b in _WORD.findall(text))


Missed = tuple[str, Subject | str]  # what tells a routine's breakages apart: the SQLSTATE and what it is about


def missed(failure: Failure) -> Missed:
    """What tells a breakage from others of its routine."""
    return failure.sqlstate, failure.subject or failure.object


def broken_of(catalog: Catalog, session: Session, routine: Routine) -> list[BrokenReference]:
    """What a routine refers to that is certainly not there."""
    from lockgate.timeline.routines.validate import settings_of

    body = routine.body
    if body is None or not isinstance(body.statement, Statement):
        return []
    found: list[BrokenReference] = []
    firings = _firings(catalog, routine)
    for relation, trigger, event in firings:
        ctx = Context(
            catalog.draft(), replace(session, local=type(session.local)()), body.statement, unchecked=True, depth=1
        )
        try:
            with settings_of(ctx, routine):
                some = _read(ctx, routine, relation, trigger, event)
                sure = [_placed(ctx, b, relation) for b in some if _certain(ctx, routine, b)]
                found += [replace(b, trigger=trigger.oid if trigger is not None else 0) for b in sure]
        except (Refused, Unsure):
            continue
        except Exception:  # a hole in the simulator neither stops the run nor breaks a routine
            if os.environ.get("LOCKGATE_DEBUG"):
                import traceback

                traceback.print_exc()
    if len({r.oid for r, _, _ in firings if r is not None}) > 1:
        # what a function of several tables does under a condition may be meant for the others
        found = [b for b in found if not (b.guarded and isinstance(b.failure.subject, MissingField))]
    return list({(missed(b.failure), b.failure.span): b for b in found}.values())


def read_by(catalog: Catalog, session: Session, routine: Routine) -> frozenset[Address]:
    """The relations and columns that a routine's body reads and writes, as far as the binder can follow it."""
    from lockgate.timeline.routines.validate import settings_of

    body = routine.body
    if body is None or not isinstance(body.statement, Statement):
        return frozenset()
    read: set[Address] = set()
    for relation, trigger, event in _firings(catalog, routine):
        ctx = Context(
            catalog.draft(), replace(session, local=type(session.local)()), body.statement, unchecked=True, depth=1
        )
        try:
            with settings_of(ctx, routine):
                _read(ctx, routine, relation, trigger, event, read)
        except (Refused, Unsure):
            continue
        except Exception:  # as above
            if os.environ.get("LOCKGATE_DEBUG"):
                import traceback

                traceback.print_exc()
    return frozenset(read)


def _placed(ctx: Context, broken: BrokenReference, relation: Relation | None) -> BrokenReference:
    """A missing field of NEW or OLD is a column of the trigger's table, and has its fate."""
    subject = broken.failure.subject
    if not isinstance(subject, MissingField) or subject.record not in ("new", "old") or relation is None:
        return broken
    schema = ctx.catalog.namespace_name(relation.namespace)
    event = ctx.catalog.events.get(("column", schema, relation.name, subject.name))
    shown = f"{schema}.{relation.name}.{subject.name}"
    failure = ctx.refuse(
        "42703",
        broken.failure.message,
        object=shown,
        kind="column",
        event=event,
        span=broken.failure.span,
        related=broken.failure.related,
        subject=subject,
    ).failure
    return replace(broken, failure=replace(failure, caught=broken.failure.caught))


def _firings(catalog: Catalog, routine: Routine) -> list[tuple[Relation | None, Trigger | None, str]]:
    """The ways in which a trigger function is called (none: nobody can call it); one for anything else."""
    from lockgate.timeline.plpgsql.declare import TRIGGER

    if routine.result != TRIGGER:
        return [(None, None, "")]
    found: list[tuple[Relation | None, Trigger | None, str]] = []
    for edge in catalog.dependents(routine.oid):
        trigger = catalog.find(Trigger, edge.dependent[0])
        relation = catalog.find(Relation, trigger.relation) if trigger is not None else None
        if trigger is not None and relation is not None:
            found += [(relation, trigger, event) for event in trigger.events]
    return found


def _read(
    ctx: Context,
    routine: Routine,
    relation: Relation | None,
    trigger: Trigger | None,
    event: str,
    read: set[Address] | None = None,
) -> list[BrokenReference]:
    """What is missing; into ``read`` goes what is there."""
    from lockgate.timeline.plpgsql.analyse import Analyser, BrokenReference
    from lockgate.timeline.plpgsql.compile import parsed
    from lockgate.timeline.plpgsql.declare import (
        EVENT_TRIGGER,
        TRIGGER,
        event_trigger_variables,
        outer_scope,
        trigger_variables,
    )
    from lockgate.timeline.plpgsql.place import BodyPlace
    from lockgate.timeline.routines.sql_body import analysed

    assert routine.body is not None
    place = BodyPlace.of(ctx, routine.body)
    if routine.language == "sql":
        try:
            for _, query in analysed(ctx, routine):
                if read is not None and query is not None:
                    read |= query.touched
        except Refused as refused:
            return [BrokenReference(refused.failure, False)]
        return []
    body = parsed(ctx, routine.body.text, place)
    scope = outer_scope(ctx, routine, body.conflict)
    if routine.result == TRIGGER:
        scope.frames[0].names.update(trigger_variables(ctx, relation, trigger, event))
    elif routine.result == EVENT_TRIGGER:
        scope.frames[0].names.update(event_trigger_variables())
    analyser = Analyser(ctx, place, scope, routine)
    _transition_tables(ctx, relation, trigger)
    analyser.block(body.block)
    if read is not None:
        from lockgate.timeline.routines.fields import fields_read

        read |= analyser.read
        read |= set(fields_read(body.block, relation)) if relation is not None else set()
    return [
        b for b in analyser.found if not (analyser.dynamic and b.failure.sqlstate == "42P01" and not b.failure.cause)
    ]


def _transition_tables(ctx: Context, relation: Relation | None, trigger: Trigger | None) -> None:
    """REFERENCING tables are relations of the trigger's body."""
    from lockgate.timeline.binder.names import temp_namespace

    if relation is None or trigger is None:
        return
    for name in (trigger.old_table, trigger.new_table):
        if name:
            space = temp_namespace(ctx, ask=False)
            oid = ctx.catalog.new_oid()
            ctx.catalog.put(
                Relation(
                    oid,
                    name,
                    space.oid,
                    "r",
                    relation.owner,
                    relation.attributes,
                    relation.next_attnum,
                    "t",
                    rowtype=relation.rowtype,
                )
            )


def _certain(ctx: Context, routine: Routine, broken: BrokenReference) -> bool:
    """Whether the failure does not hang on the caller's search_path, or on what the body itself or another may make."""
    failure = broken.failure
    if broken.certain:
        return True
    if failure.sqlstate not in _MISSING:
        return False
    if failure.sqlstate == "42725" and failure.kind != "function":
        return False
    catalog: Draft = ctx.catalog
    match failure.subject:
        case MissingRelation(name=name, schema=schema):
            if not schema and _elsewhere(catalog, routine, "relation", name):
                return False
            # a table that nobody has ever made: perhaps a temporary one of the caller's
            bodies = (r.body.text for r in catalog.objects(Routine) if r.body is not None)
            return bool(failure.cause) or not any(name.lower() in _makings(text) for text in bodies)
        case MissingRoutine(name=name, schema=schema):
            if schema:
                return bool(failure.cause) or not _foreign(catalog, schema)
            return not _elsewhere(catalog, routine, "routine", name)
        case MissingType(name=name, schema=""):
            return not _elsewhere(catalog, routine, "type", name)
        case _:
            return True


def _elsewhere(catalog: Draft, routine: Routine, kind: str, name: str) -> bool:
    """Whether a schema holds what the search_path of a routine's caller may lead to."""
    if any(setting == "search_path" for setting, _ in routine.config):
        return False
    return any(catalog.oids((kind, space.oid, name)) for space in catalog.objects(Namespace))


@lru_cache(maxsize=8192)
def _makings(text: str) -> frozenset[str]:
    """The words that follow CREATE or INTO in the statements of a body: what it may make is among them."""
    return frozenset(word.lower() for part in _MAKING.findall(text) for word in words_of(part))


def _foreign(catalog: Catalog, schema: str) -> bool:
    """Whether a function is looked for in a ``schema`` that holds none here: somebody else fills it (an extension's
    schema of a hosting service)."""
    space = catalog.namespace(schema)
    return (
        space is not None
        and space.oid >= 2200
        and not any(isinstance(o, Routine) for o in catalog.in_namespace(space.oid))
    )
