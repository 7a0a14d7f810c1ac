"""SQL function bodies, analysed and validated (fmgr_sql_validator, check_sql_fn_retval of
src/backend/executor/functions.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.base.text import Offsets
from lockgate.catalog.objects import FIRST_USER_OID, Routine
from lockgate.catalog.typename import RECORD, VOID, type_name, type_of
from lockgate.parse.facts import QUERIES, WITH_A_QUERY
from lockgate.parse.routine import GrammarError, parse_statements
from lockgate.parse.statement import Node
from lockgate.timeline.binder import (
    AnalyzedQuery,
    Column,
    Expr,
    VariableBlock,
    Variables,
    analyze_query,
    check_rewriting,
    coerce,
)
from lockgate.timeline.context import Context
from lockgate.timeline.failure import Refused, Unsure
from lockgate.timeline.plpgsql.declare import is_polymorphic, outer_scope
from lockgate.timeline.plpgsql.place import BodyPlace
from lockgate.timeline.plpgsql.scope import fields_of
from lockgate.timeline.privileges.query import check_query


def validate_sql(ctx: Context, routine: Routine) -> None:
    """Analyse every statement of an SQL body, and compare what it returns with the declared type. Refuses; Unsure where
    not certain."""
    assert routine.body is not None
    polymorphic = any(is_polymorphic(t) for t in (*routine.args, routine.result))
    if routine.body.atomic:
        _validate_atomic(ctx, routine, polymorphic)
        return
    queries = [
        (tag, query)
        for tag, query in analysed(ctx, routine, skip=polymorphic)
        if query is not None or tag not in QUERIES
    ]
    if not polymorphic:
        check_result(ctx, routine, queries)


def analysed(ctx: Context, routine: Routine, *, skip: bool = False) -> Iterator[tuple[str, AnalyzedQuery | None]]:
    """The statements of a string body, analysed: tag and query (None for utility statements, and what could not be
    followed)."""
    assert routine.body is not None
    text, place = routine.body.text, BodyPlace.of(ctx, routine.body)
    try:
        statements = parse_statements(text)
    except GrammarError as error:
        if not error.sqlstate:
            return
        raise ctx.refuse("42601", error.message, span=place.span(error.offset), kind="other") from error
    offsets = Offsets(text)
    variables = parameters(ctx, routine)
    for tag, node, start, end in statements:
        if skip:
            continue
        with place.enter_statement(ctx, offsets, start, end):
            yield tag, _statement(ctx, tag, node, variables)


def _statement(ctx: Context, tag: str, node: Node, variables: Variables) -> AnalyzedQuery | None:
    if tag in WITH_A_QUERY and "query" in node:
        ((tag, node),) = node["query"].items()
        if tag in QUERIES:
            analyze_query(ctx, tag, node, variables=variables)
        return None
    if tag not in QUERIES:
        return None
    try:
        query = analyze_query(ctx, tag, node, variables=variables)
    except Unsure:
        return None
    check_rewriting(ctx, query)
    return query


def parameters(ctx: Context, routine: Routine) -> Variables:
    """The names and $n of an SQL function's parameters: its inputs."""
    scope = outer_scope(ctx, routine, "use_column")
    modes = routine.modes or "i" * len(routine.args)
    inputs = [var for var, mode in zip(scope.positional, modes, strict=False) if mode in "ibv"]
    names = {var.name: var.variable() for var in inputs if var.name and not var.name.startswith("$")}
    positional = tuple(Column(var.name, var.type, var.typmod, var.collation) for var in inputs)
    return Variables((VariableBlock(names, routine.name),), positional, "use_column")


# --- BEGIN ATOMIC -----------------------------------------------------------------------------------------------------


def _validate_atomic(ctx: Context, routine: Routine, polymorphic: bool) -> None:
    """interpret_AS_clause: the body is analysed now, and depended upon."""
    assert routine.body is not None
    if polymorphic:
        raise ctx.refuse(
            "42P13",
            "SQL function with unquoted function body cannot have polymorphic arguments",
            name=routine.name,
            kind="function",
        )
    variables = parameters(ctx, routine)
    queries: list[tuple[str, AnalyzedQuery | None]] = []
    for tag, node in atomic_statements(routine.body.tree):
        if tag not in QUERIES:
            raise ctx.refuse("0A000", f"{_word(tag)} is not yet supported in unquoted SQL function body", kind="other")
        query = analyze_query(ctx, tag, node, variables=variables)
        queries.append((tag, query))
        ctx.catalog.depend((routine.oid, 0), [d for d in query.depends if d[0] != routine.oid])
    check_result(ctx, routine, queries)


def check_atomic(ctx: Context, routine: Routine) -> None:
    """The privileges that running a body needs, as far as its names still mean what they meant when it was made."""
    assert routine.body is not None
    known = {e.referenced[0] for e in ctx.catalog.dependencies(routine.oid)}
    place, variables = BodyPlace.of(ctx, routine.body), parameters(ctx, routine)
    for tag, node in atomic_statements(routine.body.tree):
        with place.enter_statement(ctx, Offsets(""), 0, 0):
            try:
                query = analyze_query(ctx, tag, node, variables=variables)
            except (Refused, Unsure):
                return
            if all(use.relation in known for use in query.uses if use.relation >= FIRST_USER_OID):
                check_query(ctx, query)


def atomic_statements(tree: Any) -> Iterator[tuple[str, Node]]:
    """The statements of a body that is no string: tag and raw tree; RETURN as the SELECT that it stands for."""
    if "ReturnStmt" in tree:
        yield (
            "SelectStmt",
            {
                "targetList": [{"ResTarget": {"val": tree["ReturnStmt"]["returnval"]}}],
                "limitOption": "LIMIT_OPTION_DEFAULT",
            },
        )
    for item in tree.get("List", {}).get("items", ()):
        for statement in item.get("List", {}).get("items", ()):
            if not statement:
                continue
            if "ReturnStmt" in statement:
                yield from atomic_statements(statement)
            else:
                yield from statement.items()


def _word(tag: str) -> str:
    words = {"CreateStmt": "CreateTable", "CreateTableAsStmt": "CreateTableAs", "ViewStmt": "CreateView"}.get(
        tag
    ) or tag.removesuffix("Stmt")
    return "".join(" " + c if c.isupper() and i else c for i, c in enumerate(words)).upper()


# --- the result -------------------------------------------------------------------------------------------------------


def check_result(ctx: Context, routine: Routine, queries: list[tuple[str, AnalyzedQuery | None]]) -> None:
    """check_sql_fn_retval: 42P13."""
    if routine.result in (VOID, 0):
        return
    last = queries[-1] if queries else ("", None)
    query = last[1]
    if query is None and last[0] in QUERIES:
        return
    if query is None or (query.command != "select" and not query.columns and not query.open):
        detail = "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING."
        if ctx.catalog.major >= 17:
            detail = "Function's final statement must be SELECT or INSERT/UPDATE/DELETE/MERGE RETURNING."
        raise _mismatch(ctx, routine, detail)
    if query.open:
        return
    outs = [
        Column(n, t)
        for t, m, n in zip(routine.all_args, routine.modes, routine.names or ("",) * len(routine.modes), strict=False)
        if m in "obt"
    ]
    found = type_of(ctx.catalog, routine.result)
    kind = getattr(found, "kind", "") or getattr(found, "typtype", "")
    if routine.result == RECORD or kind == "c":
        wanted = tuple(outs) if routine.result == RECORD else fields_of(ctx, routine.result)
        if wanted and not (len(query.columns) == 1 and query.columns[0].type == routine.result):
            _check_columns(ctx, routine, query, wanted, kind == "c")
    elif kind in ("b", "d", "e", "r", "m"):
        if len(query.columns) != 1:
            raise _mismatch(ctx, routine, "Final statement must return exactly one column.")
        shown = type_name(ctx.catalog, query.columns[0].type, None, ctx.path())
        _check_column(ctx, routine, query.columns[0], routine.result, f"Actual return type is {shown}.")


def _check_columns(
    ctx: Context, routine: Routine, query: AnalyzedQuery, wanted: tuple[Column, ...], composite: bool
) -> None:
    if composite and len(query.columns) == 1 and query.columns[0].type in (0, RECORD):
        return
    if len(query.columns) > len(wanted):
        raise _mismatch(ctx, routine, "Final statement returns too many columns.")
    for number, (column, target) in enumerate(zip(query.columns, wanted, strict=False), 1):
        names = [type_name(ctx.catalog, t, None, ctx.path()) for t in (column.type, target.type)]
        _check_column(
            ctx,
            routine,
            column,
            target.type,
            f"Final statement returns {names[0]} instead of {names[1]} at column {number}.",
        )
    if len(query.columns) < len(wanted):
        raise _mismatch(ctx, routine, "Final statement returns too few columns.")


def _check_column(ctx: Context, routine: Routine, column: Column, target: int, detail: str) -> None:
    if not column.type or not target or column.type == target:
        return
    try:
        coerce(ctx, Expr(column.type, column.typmod, column.collation), target, -1, "assignment", 0, detail)
    except Refused as refused:
        raise _mismatch(ctx, routine, detail) from refused


def _mismatch(ctx: Context, routine: Routine, detail: str) -> Exception:
    shown = type_name(ctx.catalog, routine.result, None, ctx.path())
    message = f"return type mismatch in function declared to return {shown}"
    return ctx.refuse(
        "42P13", message, name=routine.name, object=ctx.catalog.qualified(routine), help=detail, kind="function"
    )
