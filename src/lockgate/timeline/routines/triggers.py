"""Triggers that fire for certain: what their functions need of the current role (src/backend/commands/trigger.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.catalog.objects import Relation, Routine, Trigger
from lockgate.parse.facts import TRIGGER_EVENT
from lockgate.parse.statement import Node
from lockgate.parse.tokens import token_end
from lockgate.timeline.binder import AnalyzedQuery
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import Value, World
from lockgate.timeline.failure import Refused, Unsure
from lockgate.timeline.routines.new_rows import some

# what a trigger's function meets whatever the rows hold: no right, no such column, relation or function
_CERTAIN = frozenset({"42501", "42703", "42P01", "42883"})


def firing(world: World, query: AnalyzedQuery, tag: str, node: Node) -> list[Trigger]:
    """The triggers that a query fires for certain, looked for before it writes."""
    ctx = world.ctx
    relation = ctx.catalog.find(Relation, query.target) if query.target and tag in TRIGGER_EVENT else None
    if (
        relation is None
        or relation.kind not in "rv"
        or ctx.session.settings.get("session_replication_role", "origin") != "origin"
    ):
        return []
    found = _certain(world, relation, TRIGGER_EVENT[tag], node)
    if ctx.depth == 0 and TRIGGER_EVENT[tag] != "I":
        _foresee(ctx, relation, TRIGGER_EVENT[tag], {t.oid for t in found})
    return found


def _foresee(ctx: Context, relation: Relation, event: str, certain: set[int]) -> None:
    """What the functions of the triggers for each row would miss, were there rows: where this file took it away."""
    from lockgate.timeline.routines.missing import broken_of

    for trigger in ctx.catalog.of_relation(relation.oid, Trigger):
        function = ctx.catalog.find(Routine, trigger.function)
        fires = trigger.row and event in trigger.events and trigger.enabled in "OA" and not trigger.conditional
        if not fires or trigger.internal or trigger.columns or trigger.oid in certain or function is None:
            continue
        for broken in broken_of(ctx.catalog.freeze(), ctx.session, function):
            failure = broken.failure
            if broken.trigger == trigger.oid and not broken.guarded and failure.cause and failure.since == ctx.slot:
                span = Span(ctx.statement.span.start, token_end(ctx.text_source.text, ctx.statement.span.start))
                message = f"trigger {trigger.name} fails for every row that this meets: {failure.message}"
                help = f"replace {ctx.catalog.qualified(function)}() before this statement"
                ctx.latent.append(replace(failure, message=message, span=span, help=help, latent=True, kind="routine"))


def fire(world: World, query: AnalyzedQuery, triggers: list[Trigger], timings: str) -> None:
    """Run the functions of the triggers of these timings for what they may not do; nothing else that they do is kept.
    Refuses with 42501, 42703, 42P01, 42883."""
    ctx, relation = world.ctx, world.ctx.catalog.find(Relation, query.target)
    for trigger in triggers if relation is not None else ():
        function = ctx.catalog.find(Routine, trigger.function)
        if trigger.timing in timings and function is not None and relation is not None:
            attempt(ctx, function, [], relation=relation, trigger=trigger)


def _certain(world: World, relation: Relation, event: str, node: Node) -> list[Trigger]:
    """The triggers that fire: those for each statement, and for rows that are inserted unless a trigger before them may
    see to it that they are not."""
    found = [t for t in world.ctx.catalog.of_relation(relation.oid, Trigger) if event in t.events and not t.internal]
    before = sorted((t for t in found if t.row and t.timing in "BO"), key=lambda t: t.name)
    rows = before[:1] or [t for t in found if t.row]
    fires = [t for t in found if not t.row] + (rows if rows and _some(world, relation, event, node) else [])
    return [t for t in fires if t.enabled in "OA" and not t.conditional and not t.columns]


def _some(world: World, relation: Relation, event: str, node: Node) -> bool:
    """Whether the query writes a row for certain."""
    from lockgate.timeline.routines.writes import chosen_rows

    return some(world, node) if event == "I" else chosen_rows(world, relation, node)


def attempt(
    ctx: Context,
    function: Routine,
    args: list[Value],
    *,
    relation: Relation | None = None,
    trigger: Trigger | None = None,
) -> None:
    """Run a function for what it meets for certain; nothing else that it does is kept. Refuses with 42501, 42703,
    42P01, 42883."""
    from lockgate.timeline.routines.run import run_routine

    draft, session = ctx.catalog, ctx.session
    said: list[list[Any]] = [ctx.warnings, ctx.notes, ctx.tainted]
    lengths = [len(one) for one in said]
    ctx.catalog = draft.draft()
    try:
        run_routine(ctx, function, args, relation=relation, trigger=trigger)
    except Refused as refused:
        if refused.failure.sqlstate in _CERTAIN:
            raise
    except Unsure:
        pass
    finally:
        ctx.catalog, ctx.session = draft, session
        for one, length in zip(said, lengths, strict=True):
            del one[length:]
