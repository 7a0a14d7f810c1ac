"""What running a query does to the catalog through the routines that it calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

from lockgate.base.lazy_imports import pattern
from lockgate.catalog.objects import Relation, Routine, Trigger
from lockgate.parse.facts import KEEPING_THE_CATALOG, TRIGGER_EVENT
from lockgate.parse.plpgsql import tree
from lockgate.parse.plpgsql.parser import parse_body
from lockgate.parse.plpgsql.scan import BodySyntax
from lockgate.parse.plpgsql.walk import every
from lockgate.parse.routine import GrammarError, parse_statements
from lockgate.parse.statement import Node, Statement
from lockgate.timeline.binder import AnalyzedQuery
from lockgate.timeline.binder.candidates import with_outputs
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import SOMETHING, UNKNOWN, Unknown, Value, World, expression, select
from lockgate.timeline.failure import Unsure
from lockgate.timeline.routines import large_objects
from lockgate.timeline.routines.sequences import check_call
from lockgate.timeline.routines.triggers import fire, firing
from lockgate.timeline.routines.writes import may_write, write

_TRIGGER, _EVENT_TRIGGER = 2279, 3838
_SAFE = KEEPING_THE_CATALOG | {"VariableSetStmt", "PrepareStmt", "ExecuteStmt", "DeallocateStmt", "TransactionStmt"}
_DML = pattern(
    r"\s*\(*\s*(select|insert|update|delete|merge|with|values|notify|set|copy|lock|analyze|vacuum|refresh)\b",
    re.IGNORECASE,
)


_CHANGING = ("groupClause", "havingClause", "distinctClause", "limitCount", "withClause", "valuesLists")


def query_effects(ctx: Context, tag: str, node: Node, query: AnalyzedQuery, world: World | None = None) -> None:
    """Carry out the routines that a query calls, and set_config(); what may happen an unknown number of times is a
    maybe."""
    for oid in query.routines:
        routine = ctx.catalog.find(Routine, oid)
        if routine is None:
            continue
        if (
            routine.result in (_TRIGGER, _EVENT_TRIGGER)
            and tag == "SelectStmt"
            and not node.get("fromClause")
            and routine.language == "plpgsql"
        ):
            raise ctx.refuse(
                "0A000",
                "trigger functions can only be called as triggers",
                name=routine.name,
                kind="function",
                object=ctx.catalog.qualified(routine),
            )
        inline(ctx, routine)
        if alters(ctx, routine) or may_write(ctx, oid):
            run_called(ctx, tag, node, routine, world)
        elif tag == "SelectStmt" and ctx.depth == 0:
            _try(ctx, node, routine, world or World(ctx))
    if tag == "SelectStmt" and any(call_name(c) == "set_config" for c, _ in calls(node)):
        _set_config(ctx, node, world or World(ctx))
    if tag == "SelectStmt":
        _sequences(ctx, node, world or World(ctx))
    if tag != "SelectStmt" or query.modifies:
        _triggers(ctx, query, tag)
    triggers = firing(world or World(ctx), query, tag, node)
    fire(world or World(ctx), query, triggers, "BO")
    write(ctx, tag, node, query, world or World(ctx))
    fire(world or World(ctx), query, triggers, "A")


def plan(ctx: Context, query: AnalyzedQuery) -> None:
    """What planning alone finds: EXPLAIN goes no further."""
    for routine in filter(None, (ctx.catalog.find(Routine, oid) for oid in query.routines)):
        inline(ctx, routine)


def inline(ctx: Context, routine: Routine) -> None:
    """inline_function: the planner reads a plain SQL function's only statement, whether or not it will ever run.
    Refuses as that does."""
    from lockgate.timeline.plpgsql.declare import is_polymorphic
    from lockgate.timeline.routines.sql_body import analysed
    from lockgate.timeline.routines.validate import settings_of

    body = routine.body
    plain = (
        routine.kind == "f"
        and routine.language == "sql"
        and not (routine.retset or routine.security_definer or routine.config)
    )
    if not plain or body is None or body.atomic or any(is_polymorphic(t) for t in (*routine.args, routine.result)):
        return
    with settings_of(ctx, routine), suppress(Unsure, GrammarError):
        if len(parse_statements(body.text)) == 1:
            list(analysed(ctx, routine))


# --- which routines matter --------------------------------------------------------------------------------------------


def alters(ctx: Context, routine: Routine, seen: frozenset[int] = frozenset()) -> bool:
    """Whether a routine may change the catalog: DDL, dynamic SQL that is not plainly DML, or a call of one that
    does."""
    if routine.oid in seen or routine.body is None or routine.language not in ("sql", "plpgsql"):
        return False
    if routine.body.atomic:
        return False
    direct, words = _facts(routine.language, routine.body.text)
    if direct:
        return True
    seen = seen | {routine.oid}
    return any(alters(ctx, other, seen) for other in called(ctx, words))


def called(ctx: Context, words: frozenset[str]) -> Iterator[Routine]:
    """The routines that words followed by a parenthesis may call."""
    for word in words:
        for space in ctx.path():
            yield from ctx.catalog.routines_named(space, word)


@lru_cache(maxsize=4096)
def _facts(language: str, text: str) -> tuple[bool, frozenset[str]]:
    words = frozenset(w.lower() for w in re.findall(r"([A-Za-z_]\w*)\s*\(", text))
    if language == "sql":
        try:
            return any(tag not in _SAFE for tag, _, _, _ in parse_statements(text)), words
        except GrammarError:
            return False, words
    try:
        body = parse_body(text)
    except BodySyntax:
        return False, words
    return any(_alters(s) for s in every(body.block)), words


def _alters(statement: tree.Statement) -> bool:
    match statement:
        case tree.Sql():
            try:
                found = parse_statements(statement.query.text)
            except GrammarError:
                return True
            return any(tag not in _SAFE or "intoClause" in node for tag, node, _, _ in found)
        case tree.Execute():
            return not dml_prefix(statement.text.text)
        case tree.ForQuery() | tree.ReturnQuery() | tree.Open():
            return statement.dynamic is not None and not dml_prefix(statement.dynamic.text)
        case _:
            return False


def dml_prefix(text: str) -> bool:
    """Whether dynamic SQL's text begins, for all that can be seen, with a statement that changes no catalog."""
    match = re.match(r"\s*(?:format\s*\(\s*)?(?:E?'|\$\w*\$)(.*)", text, re.IGNORECASE | re.DOTALL)
    return match is not None and _DML.match(match.group(1)) is not None


# --- running them -----------------------------------------------------------------------------------------------------


def calls(node: Any) -> Iterator[tuple[Node, bool]]:
    """Every function call in a tree, and whether it stands directly in the top target list (and so runs once for each
    row)."""
    top = {
        id(t["ResTarget"]["val"].get("FuncCall"))
        for t in node.get("targetList", ())
        if "ResTarget" in t and "val" in t["ResTarget"]
    }
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            found = item.get("FuncCall")
            if isinstance(found, dict):
                yield found, id(found) in top
            stack.extend(v for v in item.values() if isinstance(v, (dict, list)))


def call_name(call: Node) -> str:
    """The unqualified name of a function call."""
    return str(call.get("funcname", [{}])[-1].get("String", {}).get("sval", ""))


def run_called(ctx: Context, tag: str, node: Node, routine: Routine, world: World | None) -> None:
    """Run a routine for every call of it in a query whose rows and arguments are known; as a maybe otherwise."""
    from lockgate.timeline.routines.run import maybe_run, run_routine

    outer = world or World(ctx)
    for call, top in calls(node):
        if call_name(call) != routine.name:
            continue
        rows = _times(outer, node) if top and tag == "SelectStmt" else None
        if _in_from(node, call):
            rows = [outer]
        if rows is None:
            maybe_run(ctx, routine, [UNKNOWN] * len(routine.args), f"{routine.name}() may run any number of times")
            continue
        for each in rows[:1000]:
            run_routine(ctx, routine, arguments(each, routine, call))


def _try(ctx: Context, node: Node, routine: Routine, world: World) -> None:
    """Run a routine that alters nothing for its refusals alone, where it is certain to be called."""
    from lockgate.timeline.routines.run import run_routine

    for call, top in calls(node):
        rows = _times(world, node) if top and call_name(call) == routine.name else None
        for each in (rows or [])[:1]:
            run_routine(ctx, routine, arguments(each, routine, call))


def _in_from(node: Node, call: Node) -> bool:
    items = node.get("fromClause", ())
    return (
        len(items) == 1
        and "RangeFunction" in items[0]
        and any(c is call for c, _ in calls(items[0]))
        and "whereClause" not in node
    )


def _times(world: World, node: Node) -> list[World] | None:
    """The worlds of the rows for which a SELECT's target list runs; None where they are not known."""
    if not node.get("fromClause") and not node.get("whereClause"):
        return [world]
    if node.get("op", "SETOP_NONE") != "SETOP_NONE" or any(key in node for key in _CHANGING):
        return None
    from lockgate.timeline.evaluate.query import rows_before_targets

    combinations, _ = rows_before_targets(world, node)
    if any(not certain for _, certain in combinations):
        return None
    return [world.inside(frame) for frame, _ in combinations]


def arguments(world: World, routine: Routine, call: Node) -> list[Value]:
    """The values of a call's arguments, in the order of the routine's input parameters, with the defaults of those left
    out."""
    called = with_outputs(routine)
    values: list[Value] = [UNKNOWN] * len(called.args)
    if called is routine:
        for index, default in defaults(routine):
            values[index] = expression(World(world.ctx), default)
    modes = called.modes or "i" * len(called.args)
    names = [n for n, m in zip(called.names, modes, strict=False) if m in "ibv"]
    for index, arg in enumerate(call.get("args", ())):
        named = arg.get("NamedArgExpr")
        if named is not None:
            if named["name"] in names:
                values[names.index(named["name"])] = expression(world, named["arg"])
        elif index < len(values):
            values[index] = expression(world, arg)
    if routine.variadic:
        values[-1] = SOMETHING
    if called is not routine:
        values = [v for v, m in zip(values, routine.modes, strict=False) if m in "ibv"]
    return values


def defaults(routine: Routine) -> Iterator[tuple[int, Node]]:
    """The input parameters that have a default, by their place among the inputs, as CREATE FUNCTION spells it."""
    statement = routine.body.statement if routine.body is not None else None
    if not isinstance(statement, Statement) or statement.tag != "CreateFunctionStmt":
        return
    parameters = [p["FunctionParameter"] for p in statement.node.get("parameters", ())]
    inputs = [p for p in parameters if p.get("mode") not in ("FUNC_PARAM_OUT", "FUNC_PARAM_TABLE")]
    if len(inputs) == len(routine.args):
        yield from ((index, p["defexpr"]) for index, p in enumerate(inputs) if "defexpr" in p)


def _set_config(ctx: Context, node: Node, world: World) -> None:
    from lockgate.timeline.transitions.session.session import set_config

    for call, _ in calls(node):
        if call_name(call) != "set_config":
            continue
        args = [expression(world, arg) for arg in call.get("args", ())]
        if len(args) == 3 and isinstance(args[0], str) and isinstance(args[1], str) and isinstance(args[2], bool):
            set_config(ctx, args[0], args[1], args[2])
        elif not args or isinstance(args[0], Unknown) or args[0] == "search_path":
            ctx.taint(("any",), "set_config() with a value that is not known")


def _sequences(ctx: Context, node: Node, world: World) -> None:
    for call, top in calls(node):
        name = call_name(call)
        if top and name in ("nextval", "currval", "setval") and (rows := _times(world, node)):
            check_call(ctx, name, [expression(rows[0], arg) for arg in call.get("args", ())], call, rows[0])
        if top and name in large_objects.CALLS:
            for each in _times(world, node) or ():
                large_objects.call(ctx, name, [expression(each, arg) for arg in call.get("args", ())])


def _triggers(ctx: Context, query: AnalyzedQuery, tag: str) -> None:
    """Triggers whose functions alter the catalog run an unknown number of times."""
    from lockgate.timeline.routines.run import maybe_run

    event = TRIGGER_EVENT.get(tag, "IUD")
    relation = ctx.catalog.find(Relation, query.target) if query.target else None
    for trigger in ctx.catalog.of_relation(relation.oid, Trigger) if relation is not None else ():
        function = ctx.catalog.find(Routine, trigger.function)
        if function is not None and set(trigger.events) & set(event) and alters(ctx, function):
            maybe_run(ctx, function, [], f"trigger {trigger.name} may run", relation=relation, trigger=trigger)


__all__ = ["alters", "arguments", "call_name", "called", "calls", "dml_prefix", "query_effects", "select"]
