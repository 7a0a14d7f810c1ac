"""Where the rows of a body's queries go: RETURN QUERY gives what the function returns, and every other query has a
destination (exec_stmt_return_query and exec_stmt_execsql in src/pl/plpgsql/src/pl_exec.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Routine
from lockgate.catalog.typename import RECORD, TEXT, type_name
from lockgate.parse.plpgsql import tree
from lockgate.timeline.binder import AnalyzedQuery, Column
from lockgate.timeline.binder.coercion import POLYMORPHIC, UNKNOWN
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Failure
from lockgate.timeline.plpgsql.place import BodyPlace
from lockgate.timeline.plpgsql.scope import fields_of


def no_destination(ctx: Context, place: BodyPlace, statement: tree.Sql, query: AnalyzedQuery | None) -> Failure | None:
    """42601: rows that nothing takes."""
    if query is None or statement.into or statement.perform or not (query.columns or query.command == "select"):
        return None
    start = statement.query.start
    message = "query has no destination for result data"
    help = "PERFORM in place of SELECT where the result is not wanted, else INTO a variable"
    span = place.span(start, start + len(statement.query.text))
    return ctx.refuse("42601", message, span=span, kind="query", help=help).failure


def wrong_shape(
    ctx: Context, place: BodyPlace, routine: Routine, at: tree.Fragment, query: AnalyzedQuery | None
) -> Failure | None:
    """42804: RETURN QUERY of other columns than the function returns; types and their modifiers are those of the result
    or it is refused, whatever could be cast (build_attrmap_by_position in src/backend/access/common/attmap.c)."""
    wanted = _result(ctx, routine)
    if query is None or query.open or wanted is None:
        return None
    reason = _difference(ctx, list(query.columns), wanted)
    if not reason:
        return None
    message = "structure of query does not match function result type"
    span = place.span(at.start, at.start + len(at.text))
    return ctx.refuse("42804", message, span=span, kind="query", help=reason).failure


def _result(ctx: Context, routine: Routine) -> tuple[Column, ...] | None:
    """The columns of a set-returning function's rows; None where that is not known here."""
    if not routine.retset:
        return None
    found: tuple[Column, ...] | None = tuple(
        Column(name, type_)
        for name, type_, mode in zip(routine.names, routine.all_args, routine.modes, strict=False)
        if mode in "obt"
    )
    if not found:
        found = fields_of(ctx, routine.result) or (Column("", routine.result),)
    if any(c.type in (0, RECORD) or c.type in POLYMORPHIC for c in found):
        return None
    return found


def _difference(ctx: Context, given: list[Column], wanted: tuple[Column, ...]) -> str:
    for number, (one, other) in enumerate(zip(given, wanted, strict=False), 1):
        type_ = TEXT if one.type == UNKNOWN else one.type
        if not type_:
            return ""
        if type_ != other.type:
            return (
                f"Returned type {type_name(ctx.catalog, type_)} does not match expected type "
                f"{type_name(ctx.catalog, other.type)} in column {number}."
            )
    if len(given) != len(wanted):
        return f"Number of returned columns ({len(given)}) does not match expected column count ({len(wanted)})."
    return ""
