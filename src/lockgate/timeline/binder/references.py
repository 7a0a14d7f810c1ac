"""Column references, variables and parameters (transformColumnRef in parse_expr.c, resolve_column_ref in pl_comp.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import Relation
from lockgate.timeline.binder.from_item import Item
from lockgate.timeline.binder.functions import Call
from lockgate.timeline.binder.rows import project
from lockgate.timeline.binder.scope import (
    find_column,
    find_item,
    may_have,
    missing_column,
    missing_item,
    scan_item,
    whole_row,
)
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.binder.values import Variable
from lockgate.timeline.context import Node
from lockgate.timeline.failure import Ambiguous, MissingField

_NO_COLUMNS = {"default": "DEFAULT expression", "partition_bound": "partition bound expression"}


def column_ref(state: State, node: Node) -> Term:
    """The term of a ColumnRef. Refuses with 42703, 42P01, 42702."""
    fields: list[Any] = node["fields"]
    location = node.get("location", 0)
    names = [f["String"].get("sval", "") if "String" in f else "*" for f in fields]
    if state.kind in _NO_COLUMNS:
        raise state.ctx.refuse("0A000", f"cannot use column reference in {_NO_COLUMNS[state.kind]}", location)
    if state.value is not None and names == ["value"]:
        return Term("value", state.value.type, state.value.typmod, (), "value", location, state.value.collation)
    variables = state.variables
    before = variables is not None and variables.conflict != "use_column"
    if variables is not None and variables.conflict == "use_variable":
        found = _variable(state, names, location)
        if found is not None:
            return found
    found, problem = _column(state, names, location)
    if variables is not None and (found is None or before):
        variable = _variable(state, names, location, column_wins=found is not None)
        if variable is not None:
            if found is not None and found.op != "doubt":
                raise state.ctx.refuse(
                    "42702",
                    f'column reference "{".".join(names)}" is ambiguous',
                    location,
                    name=names[-1],
                    kind="column",
                    subject=Ambiguous(names[-1]),
                )
            return variable
    if found is None:
        assert problem is not None
        raise problem
    return found


def _column(state: State, names: list[str], location: int) -> tuple[Term | None, Exception | None]:
    if len(names) == 1:
        found = find_column(state, names[0], location)
        if found is None:
            item = find_item(state, None, names[0], location)
            if item is not None:
                found = whole_row(state, item, location)
        return found, None if found is not None else missing_column(state, None, names[0], location)
    schema = names[-3] if len(names) > 2 else None
    if len(names) > 4:
        return None, state.ctx.refuse(
            "42601", f"improper qualified name (too many dotted names): {'.'.join(names)}", location
        )
    item = find_item(state, schema, names[-2], location)
    if item is None:
        return None, missing_item(state, schema, names[-2], location)
    if names[-1] == "*":
        return whole_row(state, item, location), None
    found = qualified(state, item, names[-1], location)
    if found is None:
        if isinstance(item.rel, Relation) and item.rel.kind == "S":  # makeWholeRowVar, for f(row)
            message = f'relation "{item.rel.name}" does not have a composite type'
            raise state.ctx.refuse("42809", message, location, name=item.rel.name, kind="relation")
        qualifier = ".".join(filter(None, (schema, names[-2])))
        return None, missing_column(state, names[-2] if schema is None else qualifier, names[-1], location)
    return found, None


def qualified(state: State, item: Item, name: str, location: int) -> Term | None:
    """A column of a known item, or a function applied to its row."""
    found = scan_item(state, item, name, location)
    if found is not None:
        return found
    if may_have(state, item, name):
        return Term("doubt", 0, -1, (), ("column", name, id(item)), location)
    saved = len(state.outer_vars)
    row = Term("var", item.rowtype, -1, (), (item, -1), location)
    if not item.rowtype:
        return None
    from lockgate.timeline.binder.aggregates import apply

    found = apply(state, Call([name], [row], location=location, column=True))
    if found is not None:
        whole_row(state, item, location)
    else:
        del state.outer_vars[saved:]
    return found


# --- variables --------------------------------------------------------------------------------------------------------


def _variable(state: State, names: list[str], location: int, *, column_wins: bool = False) -> Term | None:
    """A variable of PL/pgSQL or a parameter of an SQL function (plpgsql_ns_lookup)."""
    assert state.variables is not None
    if names[-1] == "*":
        names = names[:-1]
    for block in state.variables.blocks:
        found = block.names.get(names[0])
        if found is not None and (
            len(names) == 1 or found.fields is not None or found.open or not _is_scalar(state, found)
        ):
            return _value(state, found, names[1:], location, column_wins)
        if block.label and block.label == names[0] and len(names) > 1 and names[1] in block.names:
            return _value(state, block.names[names[1]], names[2:], location, column_wins)
    return None


def _is_scalar(state: State, variable: Variable) -> bool:
    from lockgate.timeline.binder.rows import composite_relation

    return variable.type != 2249 and bool(variable.type) and composite_relation(state.catalog, variable.type) is None


def _value(state: State, variable: Variable, rest: list[str], location: int, column_wins: bool) -> Term | None:
    fields = None if variable.open else variable.fields
    term = Term("variable", variable.type, variable.typmod, (), (variable.name, fields), location, variable.collation)
    if not rest:
        return term
    if variable.open:
        return Term("doubt", 0, -1, (), (variable.name, rest[0]), location)
    found = project(state, term, rest[0], location)
    if found is not None or column_wins:
        return found
    if fields is None and (not variable.type or variable.type == 2249):
        return Term("doubt", 0, -1, (), (variable.name, rest[0]), location)
    if not _is_scalar(state, variable) or fields is not None:
        raise state.ctx.refuse(
            "42703",
            f'record "{variable.name}" has no field "{rest[0]}"',
            location,
            name=rest[0],
            object=f"{variable.name}.{rest[0]}",
            kind="column",
            subject=MissingField(variable.name, rest[0]),
        )
    return None


def param_ref(state: State, node: Node) -> Term:
    """$n. Refuses with 42P02."""
    number, location = node.get("number", 0), node.get("location", 0)
    variables = state.variables
    if variables is not None:
        if 0 < number <= len(variables.positional):
            column = variables.positional[number - 1]
            return Term(
                "param", column.type if column.type != 705 else 0, column.typmod, (), number, location, column.collation
            )
        if variables.inferred:
            return Term("param", 0, -1, (), number, location)
    raise state.ctx.refuse("42P02", f"there is no parameter ${number}", location)
