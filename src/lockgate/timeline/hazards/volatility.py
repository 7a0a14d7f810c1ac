"""How volatile an expression is once it is planned (contain_volatile_functions after expression_planner): a plain SQL
function stands for its body by then (inline_function in src/backend/optimizer/util/clauses.c)."""

from __future__ import annotations

from contextlib import suppress

from lockgate.catalog.builtin import BuiltinFunction
from lockgate.catalog.objects import Routine
from lockgate.parse.routine import GrammarError, parse_statements
from lockgate.timeline.binder import AnalyzedQuery, Expr
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Refused, Unsure

_PLAIN = frozenset({"targetList", "limitOption", "op"})
_DEPTH = 8


def planned(ctx: Context, expr: Expr | AnalyzedQuery, depth: int = 0) -> str:
    """i, s or v; "" where a function is not known. The binder gives "" for an expression with an SQL function in it."""
    if expr.volatility in ("i", "s") or depth > _DEPTH:
        return expr.volatility
    found = [r for oid in expr.routines if (r := _routine(ctx, oid)) is not None]
    if len(found) < len(expr.routines):
        return "v" if expr.volatility == "v" else ""
    if any(r.volatile == "v" and (not isinstance(r, Routine) or _inlined(ctx, r, depth) == "v") for r in found):
        return "v"
    return "s" if expr.volatility == "" else "v"


def _routine(ctx: Context, oid: int) -> Routine | BuiltinFunction | None:
    return ctx.catalog.find(Routine, oid) or ctx.catalog.builtins.function_by_oid(oid)


def _inlined(ctx: Context, routine: Routine, depth: int) -> str:
    """The volatility of what stands in a volatile function's place."""
    from lockgate.timeline.routines.sql_body import analysed

    body = routine.body
    special = routine.retset or routine.security_definer or routine.config or (routine.strict and routine.args)
    if routine.kind != "f" or routine.language != "sql" or special or body is None or body.atomic:
        return "v"
    with suppress(GrammarError, Refused, Unsure):
        statements = parse_statements(body.text)
        plain = len(statements) == 1 and statements[0][0] == "SelectStmt" and statements[0][1].keys() <= _PLAIN
        query = next(iter(analysed(ctx, routine)), ("", None))[1] if plain else None
        if query is not None and not query.uses:
            return planned(ctx, query, depth + 1)
    return "v"
