"""Running a routine, a DO block, a trigger's function over the simulated catalog."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from lockgate.base.findings import Label
from lockgate.base.text import Offsets, Source, Span
from lockgate.catalog.merge import merge
from lockgate.catalog.objects import Relation, Routine, Trigger
from lockgate.parse.facts import QUERIES
from lockgate.parse.routine import GrammarError, parse_statements
from lockgate.parse.tokens import token_end
from lockgate.timeline.budget import Exhausted
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import UNKNOWN, Value, World
from lockgate.timeline.failure import Failure, Refused, Unsure
from lockgate.timeline.plpgsql.compile import compile_body
from lockgate.timeline.plpgsql.declare import TRIGGER, outer_scope, trigger_variables
from lockgate.timeline.plpgsql.interpret import Interpreter
from lockgate.timeline.plpgsql.place import BodyPlace
from lockgate.timeline.plpgsql.scope import VariableScope
from lockgate.timeline.plpgsql.sentences import CHARACTER, STEP
from lockgate.timeline.routines.sql_body import check_atomic, parameters
from lockgate.timeline.routines.validate import settings_of

DEPTH = 12  # of calls within calls


def run_block(ctx: Context, text: str, place: BodyPlace) -> None:
    """Run a DO block. Refuses as its statements do."""
    body = compile_body(ctx, text, place)
    scope = outer_scope(ctx, None, body.conflict)
    Interpreter(ctx, place, scope).run(body.block)


def run_routine(
    ctx: Context,
    routine: Routine,
    args: Sequence[Value],
    *,
    relation: Relation | None = None,
    trigger: Trigger | None = None,
) -> Value:
    """Run a routine with these arguments; what it returns, UNKNOWN where that is not known. Refuses as its statements
    do."""
    if routine.body is None or routine.language not in ("sql", "plpgsql"):
        ctx.catalog.forget()
        return UNKNOWN
    if routine.strict and any(value is None for value in args):
        return None
    if ctx.depth >= DEPTH:
        raise ctx.unsure(f"{routine.name}() calls deeper than can be followed", ("any",), keep=True)
    session, place = ctx.session, BodyPlace.of(ctx, routine.body)
    ctx.depth += 1
    try:
        if routine.security_definer:
            ctx.session = replace(ctx.session, role=routine.owner)
            ctx.definers += 1
        with settings_of(ctx, routine):
            if routine.body.atomic:
                check_atomic(ctx, routine)
                return UNKNOWN
            if routine.language == "sql":
                return _run_sql(ctx, routine, args, place)
            return _run_plpgsql(ctx, routine, args, place, relation, trigger)
    except Refused as refused:
        refused.failure = _at_call(ctx, refused.failure, place.source, routine)
        raise
    finally:
        if routine.body.atomic:
            ctx.catalog.forget()
        ctx.depth -= 1
        if routine.security_definer:
            ctx.session = replace(ctx.session, role=session.role)
            ctx.definers -= 1


def _at_call(ctx: Context, failure: Failure, source: Source, routine: Routine) -> Failure:
    """It is the calling statement that fails; where in the body is related."""
    start = (ctx.bounds or ctx.statement.span).start
    inside = Label(source, failure.span, f"in {routine.name}()")
    return replace(
        failure, span=Span(start, token_end(ctx.text_source.text, start)), related=(inside, *failure.related)
    )


def _run_plpgsql(
    ctx: Context,
    routine: Routine,
    args: Sequence[Value],
    place: BodyPlace,
    relation: Relation | None,
    trigger: Trigger | None,
) -> Value:
    assert routine.body is not None
    body = compile_body(ctx, routine.body.text, place, routine)
    scope = _scope(ctx, routine, args, body.conflict)
    if routine.result == TRIGGER:
        scope.frames[0].names.update(trigger_variables(ctx, relation, trigger))
    return Interpreter(ctx, place, scope, routine).run(body.block)


def _scope(ctx: Context, routine: Routine, args: Sequence[Value], conflict: str) -> VariableScope:
    scope = outer_scope(ctx, routine, conflict)
    modes = routine.modes or "i" * len(routine.args)
    inputs = [var for var, mode in zip(scope.positional, modes, strict=False) if mode in "ibv"]
    for var, value in zip(inputs, args, strict=False):
        var.value = value
    return scope


def _run_sql(ctx: Context, routine: Routine, args: Sequence[Value], place: BodyPlace) -> Value:
    from lockgate.timeline.transitions import execute
    from lockgate.timeline.transitions.query.query import run_query

    assert routine.body is not None
    text = routine.body.text
    try:
        statements = parse_statements(text)
    except GrammarError:
        return UNKNOWN
    scope = _scope(ctx, routine, args, "use_column")
    variables, offsets, outer = parameters(ctx, routine), Offsets(text), ctx.variables
    for tag, node, start, end in statements:
        ctx.budget.spend(STEP + CHARACTER * (end - start))
        with place.enter_statement(ctx, offsets, start, end):
            try:
                if tag in QUERIES:
                    run_query(ctx, tag, node, variables=variables, world=World(ctx, scope.lookup, tuple(args)))
                else:
                    ctx.variables = variables
                    execute(ctx, tag, node)
            except Exhausted:
                raise
            except Unsure as unsure:
                ctx.catalog.forget()
                for key in unsure.taints:
                    ctx.taint(key, unsure.reason)
            finally:
                ctx.variables = outer
    return UNKNOWN


def maybe_run(
    ctx: Context,
    routine: Routine,
    args: Sequence[Value],
    reason: str,
    *,
    relation: Relation | None = None,
    trigger: Trigger | None = None,
) -> None:
    """Run a routine that may or may not run: what it would change is in doubt."""
    draft, session = ctx.catalog, ctx.session
    ctx.catalog = draft.draft()
    failed = False
    try:
        run_routine(ctx, routine, args, relation=relation, trigger=trigger)
    except Refused:
        failed = True
    except Unsure as unsure:
        ctx.catalog.forget()
        for key in unsure.taints:
            ctx.catalog.taint(key, unsure.reason, ctx.place)
    finally:
        copy, ctx.catalog, ctx.session = ctx.catalog, draft, session
    if not failed and merge(draft, copy, reason, ctx.place):
        ctx.tainted.append(reason)
