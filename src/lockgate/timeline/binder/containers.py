"""Casts, arrays, subscripts, fields and collations (parse_expr.c, transformContainerSubscripts in parse_node.c)."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.catalog.objects import FIRST_USER_OID
from lockgate.catalog.typename import array_of, base_type, element_of, type_of
from lockgate.timeline.binder.coercion import (
    EXPLICIT,
    UNKNOWN,
    coerce_to_target,
    common_type,
    common_typmod,
    shown,
    to_common,
)
from lockgate.timeline.binder.names import find_collation
from lockgate.timeline.binder.recurse import expr
from lockgate.timeline.binder.rows import fields_of, is_row, missing_field
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.binder.types import resolve_type
from lockgate.timeline.context import Node

INT4, TEXT, JSONB = 23, 25, 3802
RAW_ELEMENTS = {19: 18, 600: 701, 601: 600, 603: 600, 628: 701}


def cast(state: State, body: Node) -> Term:
    """CAST, ::, and type 'literal'."""
    target = resolve_type(state.ctx, body["typeName"])
    arg = body["arg"]
    at = body.get("location", 0)
    if at < 0:
        at = body["typeName"].get("location", 0)
    element = 0
    if "A_ArrayExpr" in arg and target.oid:
        base, typmod = base_type(state.catalog, target.oid, target.typmod)
        element = element_of(state.catalog, base)
        if element:
            term = array(state, arg["A_ArrayExpr"], base, element, typmod)
    if not element:
        term = expr(state, arg)
    if not target.oid:
        return Term("doubt", 0, -1, (term,), None, at)
    return explicit(state, term, target.oid, target.typmod, at)


def explicit(state: State, term: Term, target: int, typmod: int, at: int) -> Term:
    """An explicit cast. Refuses with 42846."""
    if state.catalog.taints and state.catalog.taint_of(("object", target)) and target >= FIRST_USER_OID:
        return Term("doubt", target, typmod, (term,), None, at)
    result = coerce_to_target(state, term, target, typmod, EXPLICIT)
    if result is None:
        raise state.ctx.refuse(
            "42846", f"cannot cast type {shown(state, term.type)} to {shown(state, target)}", at, kind="cast"
        )
    return result


def array_literal(state: State, body: Node) -> Term:
    """ARRAY[...]."""
    return array(state, body, 0, 0, -1)


def array(state: State, body: Node, array_type: int, element: int, typmod: int) -> Term:
    """transformArrayExpr; nested ARRAY[...] share the target type."""
    at = body.get("location", 0)
    terms, multidimensional = [], False
    for item in body.get("elements", []):
        if "A_ArrayExpr" in item:
            term = array(state, item["A_ArrayExpr"], array_type, element, typmod)
            multidimensional = True
        else:
            term = expr(state, item)
            if term.type and element_of(state.catalog, term.type) and term.type not in (22, 30):
                multidimensional = True
        terms.append(term)
    if array_type:
        target = array_type if multidimensional else element
        out = tuple(explicit(state, t, target, typmod, t.loc) for t in terms)
        return Term("array", array_type, typmod, out, None, at)
    if not terms:
        raise state.ctx.refuse("42P18", "cannot determine type of empty array", at)
    common = common_type(state, terms, "ARRAY")
    if not common:
        return Term("doubt", 0, -1, tuple(terms), None, at)
    result = common if multidimensional else array_of(state.catalog, common)
    if not result:
        raise state.ctx.refuse(
            "42704", f"could not find array type for data type {shown(state, common)}", at, kind="type"
        )
    out = tuple(to_common(state, t, common, "ARRAY") for t in terms)
    return Term("array", result, common_typmod(out, common), out, None, at, next((t.coll for t in out if t.coll), 0))


def indirection(state: State, body: Node) -> Term:
    """Subscripts and field selection (transformIndirection)."""
    term = expr(state, body["arg"])
    subscripts: list[Node] = []
    for step in body["indirection"]:
        if "A_Indices" in step:
            subscripts.append(step["A_Indices"])
            continue
        if subscripts:
            term, subscripts = subscript(state, term, subscripts), []
        if "A_Star" in step:
            raise state.ctx.refuse("0A000", 'row expansion via "*" is not supported here', term.loc)
        term = select_field(state, term, step["String"].get("sval", ""), term.loc)
    return subscript(state, term, subscripts) if subscripts else term


def select_field(state: State, term: Term, name: str, at: int) -> Term:
    """A field of a composite value, or a function applied to it. Refuses with 42703, 42809."""
    from lockgate.timeline.binder.aggregates import apply
    from lockgate.timeline.binder.functions import Call

    if term.type and not is_row(state, term) and term.type == UNKNOWN:
        raise missing_field(state, term, name, at)
    if not term.type:
        return Term("doubt", 0, -1, (term,), name, at)
    found = apply(state, Call([name], [term], location=at, column=True))
    if found is not None:
        return found
    if is_row(state, term) and fields_of(state, term) is None:
        return Term("doubt", 0, -1, (term,), name, at)
    raise missing_field(state, term, name, at)


def subscript(state: State, term: Term, subscripts: Sequence[Node]) -> Term:
    """transformContainerSubscripts."""
    if not term.type:
        for one in subscripts:
            _bounds(state, one)
        return Term("doubt", 0, -1, (term,), None, term.loc)
    base, typmod = base_type(state.catalog, term.type, term.typmod)
    if base == JSONB:
        terms = tuple(b for one in subscripts for b in _bounds(state, one))
        return Term("subscript", JSONB, -1, (term, *terms), len(subscripts), term.loc)
    element = element_of(state.catalog, base) or RAW_ELEMENTS.get(base, 0)
    if not element:
        found = type_of(state.catalog, base)
        if found is not None and (found.extension or state.catalog.taint_of(("object", base))):
            terms = tuple(b for one in subscripts for b in _bounds(state, one))
            result = TEXT if found.name == "hstore" else 0
            return Term("subscript" if result else "doubt", result, -1, (term, *terms), None, term.loc)
        raise state.ctx.refuse(
            "42804",
            f"cannot subscript type {shown(state, term.type)} because it does not support subscripting",
            term.loc,
        )
    bounds: list[Term] = []
    for one in subscripts:
        for bound in _bounds(state, one):
            number = coerce_to_target(state, bound, INT4, -1, 1)
            if number is None:
                raise state.ctx.refuse("42804", "array subscript must have type integer", bound.loc)
            bounds.append(number)
    slices = any(one.get("is_slice") for one in subscripts)
    return Term("subscript", base if slices else element, typmod, (term, *bounds), slices, term.loc, term.coll)


def _bounds(state: State, one: Node) -> list[Term]:
    return [expr(state, one[field]) for field in ("lidx", "uidx") if one.get(field)]


def collate(state: State, body: Node) -> Term:
    """COLLATE. Refuses with 42804, 42704."""
    at = body.get("location", 0)
    term = expr(state, body["arg"])
    if term.type and term.type != UNKNOWN:
        found = type_of(state.catalog, term.type)
        if found is not None and not found.collation and not found.extension and found.kind != "d":
            raise state.ctx.refuse("42804", f"collations are not supported by type {shown(state, term.type)}", at)
    oid = find_collation(state.ctx, body["collname"], at)
    if oid >= FIRST_USER_OID:
        state.gathered.depends.add((oid, 0))
    return Term("collate", term.type, term.typmod, (term,), oid, at, oid)
