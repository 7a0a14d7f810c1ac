"""The search path of maintenance: from 17 on CREATE INDEX, REFRESH and CREATE MATERIALIZED VIEW run the functions that
they call with pg_catalog and pg_temp alone (RestrictSearchPath in src/backend/utils/init/usercontext.c)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from lockgate.catalog.objects import Relation, Routine
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import UNKNOWN, Value
from lockgate.timeline.failure import Refused

_PATH = ("pg_catalog", "pg_temp")


def check_safe_path(ctx: Context, routines: Iterable[int], *, rows: bool) -> None:
    """What functions miss with the safe path: a plain SQL function is read by the planner, a PL/pgSQL one where there
    are ``rows`` for certain. Refuses as their bodies do (42P01, 42883, 42703)."""
    from lockgate.timeline.routines.effects import inline
    from lockgate.timeline.routines.triggers import attempt

    if ctx.catalog.major < 17:
        return
    saved, ctx.session = ctx.session, replace(ctx.session, search_path=_PATH)
    try:
        for routine in filter(None, (ctx.catalog.find(Routine, oid) for oid in routines)):
            try:
                inline(ctx, routine)
                if rows and routine.language == "plpgsql":
                    unknown: list[Value] = [UNKNOWN] * len(routine.args)
                    attempt(ctx, routine, unknown)
            except Refused as refused:
                # at the statement that runs it: the body may lie in an earlier one, which passes
                raise Refused(replace(refused.failure, span=ctx.span(None, None), instead="")) from None
    finally:
        ctx.session = saved


def routines_of(ctx: Context, relation: Relation) -> list[int]:
    """The user's functions in a view's query."""
    return [e.referenced[0] for e in ctx.catalog.dependencies(relation.oid)]
