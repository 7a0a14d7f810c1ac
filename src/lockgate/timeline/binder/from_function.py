"""Functions in FROM (transformRangeFunction, addRangeTableEntryForFunction), TABLESAMPLE, XMLTABLE, JSON_TABLE."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import Relation, Routine
from lockgate.catalog.typename import type_of
from lockgate.timeline.binder.coercion import POLYMORPHIC, coerce_specific, coerce_to_target, shown
from lockgate.timeline.binder.colname import figure
from lockgate.timeline.binder.from_clause import first_place, renamed
from lockgate.timeline.binder.from_item import Col, Item, relation_cols
from lockgate.timeline.binder.names import words
from lockgate.timeline.binder.polymorphic import Mismatch, enforce
from lockgate.timeline.binder.recurse import transform
from lockgate.timeline.binder.rows import composite_relation, out_columns
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.binder.types import resolve_type
from lockgate.timeline.context import Node

RECORD, INT8, VOID = 2249, 20, 2278


def range_function(state: State, body: Node) -> Item:
    """FROM f(...), ROWS FROM (...), WITH ORDINALITY, column definitions."""
    alias = body.get("alias", {})
    at = first_place(body)
    calls: list[tuple[Node, list[Any]]] = []
    for entry in body["functions"]:
        parts = entry["List"]["items"]
        definitions = parts[1].get("List", {}).get("items", []) if len(parts) > 1 and parts[1] else []
        calls += [(c, definitions) for c in _spread(parts[0], definitions)]
    saved, state.lateral_active = state.lateral_active, True
    terms = [transform(state, call, "from_function") for call, _ in calls]
    state.lateral_active = saved
    if body.get("coldeflist"):
        if len(calls) > 1:
            raise state.ctx.refuse(
                "42601", "ROWS FROM() with multiple functions cannot have a column definition list", at
            )
        if body.get("ordinality"):
            raise state.ctx.refuse("42601", "WITH ORDINALITY cannot be used with a column definition list", at)
        calls = [(calls[0][0], body["coldeflist"])]
    item = Item("function", alias.get("aliasname") or figure(calls[0][0])[1], [], state, alias=bool(alias))
    for (call, definitions), term in zip(calls, terms, strict=True):
        cols = _function_columns(state, item, call, term, definitions, alias if len(calls) == 1 else {}, at)
        if cols is None:
            item.open = True
        else:
            item.cols += cols
    if body.get("ordinality"):
        item.cols.append(Col("ordinality", INT8))
    if len(calls) > 1 or body.get("ordinality"):
        item.scalar, item.rowtype, item.composite = False, RECORD, 0
    return renamed(state, item, alias, at)


def _spread(call: Node, definitions: list[Any]) -> list[Node]:
    """unnest(a, b) stands for ROWS FROM (unnest(a), unnest(b))."""
    body = call.get("FuncCall")
    if body is None or definitions or len(body.get("args", [])) < 2 or len(body["funcname"]) != 1:
        return [call]
    decorated = any(
        body.get(f) for f in ("agg_order", "agg_filter", "over", "agg_star", "agg_distinct", "func_variadic")
    )
    if words(body["funcname"]) != ["unnest"] or decorated:
        return [call]
    name = [{"String": {"sval": "pg_catalog"}}, {"String": {"sval": "unnest"}}]
    return [{"FuncCall": {**body, "funcname": name, "args": [arg]}} for arg in body["args"]]


def _function_columns(
    state: State, item: Item, call: Node, term: Term, definitions: list[Any], alias: Node, at: int
) -> list[Col] | None:
    """The columns of one function; None where they are not known."""
    ctx, catalog = state.ctx, state.catalog
    routine = (
        term.data[1]
        if term.op == "func" and isinstance(term.data, tuple) and isinstance(term.data[1], Routine)
        else None
    )
    outs = out_columns(routine) if routine is not None and term.type == RECORD else None
    if not term.type:
        return _defined(state, definitions) if definitions else None
    relation = composite_relation(catalog, term.type)
    if outs is not None or relation is not None:
        if definitions:
            why = (
                "a function with OUT parameters" if outs is not None else "a function returning a named composite type"
            )
            raise ctx.refuse("42601", f"a column definition list is redundant for {why}", at)
        if outs is not None:
            return _real(state, term, routine, outs)
        item.rowtype = term.type
        item.composite = relation.oid
        if isinstance(relation, Relation) and catalog.taint_of(("object", relation.oid)):
            item.open = True
        return relation_cols(catalog, relation)
    if term.type == RECORD:
        if definitions:
            return _defined(state, definitions)
        if term.op == "variable" or (routine is not None and catalog.taint_of(("object", routine.oid))):
            return None
        raise ctx.refuse("42601", 'a column definition list is required for functions returning "record"', term.loc)
    if definitions:
        raise ctx.refuse("42601", 'a column definition list is only allowed for functions returning "record"', at)
    found = type_of(catalog, term.type)
    if found is not None and found.kind == "c":
        return None
    if found is not None and found.kind == "p" and term.type not in (VOID, 2275):
        raise ctx.refuse(
            "42804",
            f'function "{figure(call)[1]}" in FROM has unsupported return type {shown(state, term.type)}',
            term.loc,
        )
    item.scalar, item.rowtype = True, term.type
    return [Col(_scalar_name(call, routine, alias), term.type, term.typmod, term.coll)]


def _scalar_name(call: Node, routine: Routine | None, alias: Node) -> str:
    """chooseScalarFunctionAlias."""
    if routine is not None and routine.modes:
        outs = [n for n, m in zip(routine.names, routine.modes, strict=False) if m in "obt"]
        if len(outs) == 1 and outs[0]:
            return outs[0]
    return str(alias.get("aliasname") or figure(call)[1])


def _real(state: State, term: Term, routine: Routine | None, outs: list[Col]) -> list[Col]:
    """OUT columns with their polymorphic types resolved by the call's arguments."""
    assert routine is not None
    given = tuple(a.type for a in term.args)
    real = []
    for col in outs:
        oid = col.type
        if oid in POLYMORPHIC:
            try:
                _, oid = enforce(state.catalog, given, routine.args, oid)
            except Mismatch:
                oid = 0
        real.append(Col(col.name, oid, -1, 0, col.num))
    return real


def _defined(state: State, definitions: list[Any]) -> list[Col]:
    cols: list[Col] = []
    for node in definitions:
        column = node["ColumnDef"]
        target = resolve_type(state.ctx, column["typeName"])
        if target.setof:
            message = f'column "{column["colname"]}" cannot be declared SETOF'
            raise state.ctx.refuse("42P16", message, column.get("location", 0), name=column["colname"])
        if target.oid >= 16384:
            state.gathered.depends.add((target.oid, 0))
        if any(c.name == column["colname"] for c in cols):
            raise state.ctx.refuse(
                "42701", f'column "{column["colname"]}" specified more than once', column.get("location", 0)
            )
        cols.append(Col(column["colname"], target.oid, target.typmod))
    return cols


def table_sample(state: State, body: Node) -> None:
    """TABLESAMPLE method (args) REPEATABLE (seed)."""
    names = words(body["method"])
    at = body.get("location", 0)
    if names[-1] not in ("bernoulli", "system", "system_rows", "system_time") and not state.catalog.taints:
        raise state.ctx.refuse(
            "42704", f"tablesample method {'.'.join(names)} does not exist", at, object=names[-1], kind="other"
        )
    for arg in body.get("args", []):
        coerce_to_target(state, transform(state, arg, "from_function"), 701, -1, 1)
    if body.get("repeatable"):
        coerce_specific(state, transform(state, body["repeatable"], "from_function"), 701, -1, "REPEATABLE")


def xml_table(state: State, body: Node) -> Item:
    """XMLTABLE."""
    saved, state.lateral_active = state.lateral_active, True
    for space in body.get("namespaces", []):
        transform(state, space["ResTarget"]["val"], "from_function")
    coerce_specific(state, transform(state, body["rowexpr"], "from_function"), 25, -1, "XMLTABLE")
    coerce_specific(state, transform(state, body["docexpr"], "from_function"), 142, -1, "XMLTABLE")
    cols = []
    for node in body.get("columns", []):
        column = node["RangeTableFuncCol"]
        if column.get("for_ordinality"):
            cols.append(Col(column["colname"], 23))
            continue
        target = resolve_type(state.ctx, column["typeName"])
        cols.append(Col(column["colname"], target.oid, target.typmod))
        for field in ("colexpr", "coldefexpr"):
            if column.get(field):
                transform(state, column[field], "from_function")
    state.lateral_active = saved
    alias = body.get("alias", {})
    item = Item("tablefunc", alias.get("aliasname") or "xmltable", cols, state, alias=bool(alias))
    return renamed(state, item, alias, body.get("location", 0))


def json_table(state: State, body: Node) -> Item:
    """JSON_TABLE."""
    saved, state.lateral_active = state.lateral_active, True
    context = body["context_item"]
    transform(state, context["raw_expr"], "from_function")
    for passed in body.get("passing", []):
        transform(state, passed["JsonArgument"]["val"]["raw_expr"], "from_function")
    cols = _json_columns(state, body.get("columns", []))
    state.lateral_active = saved
    alias = body.get("alias", {})
    item = Item("tablefunc", alias.get("aliasname") or "json_table", cols, state, alias=bool(alias))
    return renamed(state, item, alias, body.get("location", 0))


def _json_columns(state: State, nodes: list[Any]) -> list[Col]:
    cols: list[Col] = []
    for node in nodes:
        column = node["JsonTableColumn"]
        kind = column.get("coltype", "JTC_FOR_ORDINALITY")
        if kind == "JTC_NESTED":
            cols += _json_columns(state, column.get("columns", []))
        elif kind == "JTC_FOR_ORDINALITY":
            cols.append(Col(column["name"], 23))
        else:
            target = resolve_type(state.ctx, column["typeName"])
            cols.append(Col(column["name"], target.oid, target.typmod))
    return cols
