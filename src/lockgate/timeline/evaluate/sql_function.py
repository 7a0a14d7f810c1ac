"""User functions in SQL whose body is one query, evaluated like a subquery (inline_function, fmgr_sql of
src/backend/executor/functions.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Routine
from lockgate.parse.routine import GrammarError, parse_statements
from lockgate.parse.statement import Node
from lockgate.timeline.evaluate.value import UNKNOWN, Row, Value
from lockgate.timeline.evaluate.world import MISSING, Missing, World

_DEPTH = 8  # of calls within calls


def called(world: World, body: Node, args: list[Value]) -> Routine | None:
    """The only user function that a FuncCall can mean; None where there is none, or a choice."""
    names = [n["String"].get("sval", "") for n in body.get("funcname", ())]
    catalog = world.ctx.catalog
    space = catalog.namespace(names[-2]) if len(names) > 1 else None
    spaces = world.ctx.path() if len(names) == 1 else (space.oid,) if space is not None else ()
    found = [r for oid in spaces for r in catalog.routines_named(oid, names[-1])]
    if len(found) != 1 or len(found[0].args) != len(args) or catalog.taint_of(("any",), ("object", found[0].oid)):
        return None
    return found[0]


def result(world: World, routine: Routine, args: list[Value]) -> tuple[list[str], list[Row]] | None:
    """The columns and rows that its query yields; None where it is no such function."""
    from lockgate.timeline.evaluate.query import select

    query = _query(routine)
    if query is None or world.ctx.depth >= _DEPTH:
        return None
    if routine.strict and any(value is None for value in args):
        return [""], []
    modes = routine.modes or "i" * len(args)
    inputs = [name for name, mode in zip(routine.names, modes, strict=False) if mode in "ibv"]
    given = {name: value for name, value in zip(inputs, args, strict=False) if name}

    def lookup(names: tuple[str, ...]) -> Value | Missing:
        return given.get(names[-1], MISSING) if len(names) == 1 or names[0] == routine.name else MISSING

    world.ctx.depth += 1
    try:
        return select(World(world.ctx, lookup, tuple(args)), query)
    finally:
        world.ctx.depth -= 1


def value(world: World, routine: Routine, args: list[Value]) -> Value:
    """What a call yields where one value is wanted; UNKNOWN where that is not known."""
    found = result(world, routine, args) if not routine.retset else None
    if found is None or not all(row.certain for row in found[1]):
        return UNKNOWN
    columns, rows = found
    return rows[0].values.get(columns[0], UNKNOWN) if rows and columns else None


def _query(routine: Routine) -> Node | None:
    if routine.language != "sql" or routine.body is None or routine.body.atomic or routine.config:
        return None
    try:
        statements = parse_statements(routine.body.text)
    except GrammarError:
        return None
    if len(statements) != 1 or statements[0][0] != "SelectStmt" or "intoClause" in statements[0][1]:
        return None
    return statements[0][1]
