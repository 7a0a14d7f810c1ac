"""How volatile an expression is once it is planned (contain_volatile_functions after expression_planner): a plain SQL
function stands for its body by then (inline_function in src/backend/optimizer/util/clauses.c)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from lockgate.catalog.builtin import BuiltinFunction
from lockgate.catalog.objects import Routine
from lockgate.parse.routine import GrammarError, parse_statements
from lockgate.parse.statement import Node
from lockgate.timeline.binder import AnalyzedQuery, Expr, analyze_query
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Refused, Unsure

_PLAIN = frozenset({"targetList", "limitOption", "op"})
_LENIENT = frozenset(
    {
        "BoolExpr",
        "BooleanTest",
        "CaseExpr",
        "CoalesceExpr",
        "MinMaxExpr",
        "NullTest",
        "RowExpr",
        "SubLink",
        "A_ArrayExpr",
    }
)
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
    from lockgate.timeline.routines.sql_body import analysed, atomic_statements, parameters

    body = routine.body
    special = routine.retset or routine.security_definer or routine.config
    if routine.kind != "f" or routine.language != "sql" or special or body is None:
        return "v"
    with suppress(GrammarError, Refused, Unsure):
        found = atomic_statements(body.tree) if body.atomic else (s[:2] for s in parse_statements(body.text))
        statements = list(found)
        plain = len(statements) == 1 and statements[0][0] == "SelectStmt" and statements[0][1].keys() <= _PLAIN
        if not plain or (routine.strict and routine.args and not _strict(routine, statements[0][1])):
            return "v"
        if body.atomic:
            query: AnalyzedQuery | None = analyze_query(ctx, *statements[0], variables=parameters(ctx, routine))
        else:
            query = next(iter(analysed(ctx, routine)), ("", None))[1]
        if query is not None and not query.uses and (not routine.strict or _all_strict(ctx, query.routines)):
            return planned(ctx, query, depth + 1)
    return "v"


def _strict(routine: Routine, node: Node) -> bool:
    """Whether a query uses every argument, and all that it is made of gives NULL for NULL (contain_nonstrict_functions;
    its functions left out)."""
    nodes = list(_nodes(node))
    words = {str(f["String"].get("sval", "")) for n in nodes for f in n.get("fields", ()) if "String" in f}
    words |= {f"${n['ParamRef'].get('number', 0)}" for n in nodes if "ParamRef" in n}
    names = dict(enumerate(routine.names or ()))
    used = all(f"${i + 1}" in words or names.get(i, "") in words for i in range(len(routine.args)))
    return used and not any(n.keys() & _LENIENT for n in nodes)


def _nodes(value: Any) -> Iterator[Node]:
    """Every node of a raw tree."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nodes(item)


def _all_strict(ctx: Context, oids: Iterable[int]) -> bool:
    found = [_routine(ctx, oid) for oid in oids]
    return all(r is not None and r.strict for r in found)
