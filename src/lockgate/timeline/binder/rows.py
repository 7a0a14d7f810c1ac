"""Composite values: their fields, and selection of one (ParseComplexProjection, expandRecordVariable,
get_expr_result_tupdesc)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import FIRST_USER_OID, Relation, Routine
from lockgate.catalog.typename import base_type, type_of
from lockgate.timeline.binder.coercion import shown
from lockgate.timeline.binder.from_item import WHOLE_ROW, Col, Item, relation_cols
from lockgate.timeline.binder.scope import column_term, system_column
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.failure import MissingColumn

RECORD = 2249


def composite_relation(catalog: Catalog, oid: int) -> Any:
    """The relation of a composite type, or of a domain over one."""
    found = type_of(catalog, base_type(catalog, oid)[0])
    if found is None or found.kind != "c" or not found.relation:
        return None
    return catalog.find(Relation, found.relation) or catalog.builtins.relation_by_oid(found.relation)


def out_columns(routine: Routine) -> list[Col] | None:
    """The columns of a function's OUT parameters (build_function_result_tupdesc_t); None without them."""
    if not routine.modes or routine.result not in (RECORD, 0):
        outs = [i for i, m in enumerate(routine.modes) if m in "obt"]
        if len(outs) != 1 or routine.result in (RECORD, 0):
            return None
    cols: list[Col] = []
    for number, mode in enumerate(routine.modes):
        if mode in "obt":
            name = routine.names[number] if number < len(routine.names) else ""
            cols.append(Col(name or f"column{len(cols) + 1}", routine.all_args[number], -1, 0, len(cols) + 1))
    return cols or None


def fields_of(state: State, term: Term) -> list[Col] | None:
    """The fields of a composite value; None where they are not known."""
    if term.op == "var" and term.data[1] == WHOLE_ROW:
        item: Item = term.data[0]
        return None if item.open else item.cols
    if term.op == "row":
        return [Col(f"f{n}", a.type, a.typmod, a.coll, n) for n, a in enumerate(term.args, 1)]
    if term.op == "variable":
        fields = term.data[1]
        return (
            None if fields is None else [Col(c.name, c.type, c.typmod, c.collation, n) for n, c in enumerate(fields, 1)]
        )
    if term.op == "func" and term.type == RECORD:
        routine = term.data[1]
        return out_columns(routine) if isinstance(routine, Routine) else None
    if term.type == RECORD or not term.type:
        return None
    relation = composite_relation(state.catalog, term.type)
    if relation is None or (isinstance(relation, Relation) and state.catalog.taint_of(("object", relation.oid))):
        return None
    return relation_cols(state.catalog, relation)


def project(state: State, term: Term, name: str, location: int) -> Term | None:
    """A field of a composite value; None if it has no such field (ParseComplexProjection)."""
    if term.op == "var" and term.data[1] == WHOLE_ROW:
        item: Item = term.data[0]
        places = item.positions(name)
        if len(places) == 1:
            return column_term(state, item, places[0], location)
        return system_column(state, item, name, location)
    fields = fields_of(state, term)
    if fields is None:
        return None
    for field in fields:
        if field.name == name:
            relation = composite_relation(state.catalog, term.type)
            if isinstance(relation, Relation) and relation.oid >= FIRST_USER_OID and field.num:
                state.gathered.depends.add((relation.oid, field.num))
            return Term("field", field.type, field.typmod, (term,), name, location, field.coll)
    return None


def is_row(state: State, term: Term) -> bool:
    """Whether fields can be selected from it (RECORD or ISCOMPLEX)."""
    return term.type == RECORD or composite_relation(state.catalog, term.type) is not None


def missing_field(state: State, term: Term, name: str, location: int) -> Exception:
    """unknown_attribute."""
    if term.op == "var" and term.data[1] == WHOLE_ROW:
        from lockgate.timeline.binder.scope import missing_column

        return missing_column(state, term.data[0].name, name, location)
    of = shown(state, term.type)
    if composite_relation(state.catalog, term.type) is not None:
        message = f'column "{name}" not found in data type {shown(state, term.type)}'
        return state.ctx.refuse(
            "42703", message, location, name=name, object=name, kind="column", subject=MissingColumn(name, of)
        )
    if term.type == RECORD:
        message = f'could not identify column "{name}" in record data type'
        return state.ctx.refuse(
            "42703", message, location, name=name, object=name, kind="column", subject=MissingColumn(name, of)
        )
    message = f"column notation .{name} applied to type {shown(state, term.type)}, which is not a composite type"
    return state.ctx.refuse("42809", message, location, name=name, object=name, kind="column")
