"""Target lists and the stars in them (src/backend/parser/parse_target.c)."""

from __future__ import annotations

from typing import Any

from lockgate.timeline.binder.coercion import UNKNOWN, coerce_type
from lockgate.timeline.binder.colname import column_name
from lockgate.timeline.binder.from_item import Item
from lockgate.timeline.binder.recurse import expr, transform
from lockgate.timeline.binder.rows import fields_of, is_row, missing_field
from lockgate.timeline.binder.scope import column_term, find_item, missing_item
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.context import Node

TEXT = 25


class Target:
    """An entry of a target list; ``junk`` ones are there for sorting and grouping only."""

    __slots__ = ("junk", "name", "term")

    def __init__(self, term: Term, name: str, junk: bool = False) -> None:
        self.term = term
        self.name = name
        self.junk = junk


def target_list(state: State, nodes: list[Any], kind: str) -> tuple[list[Target], bool]:
    """The entries of a SELECT or RETURNING list; whether a star in it may hide further ones."""
    out: list[Target] = []
    open_star = False
    saved, state.kind = state.kind, kind
    for node in nodes:
        target = node["ResTarget"]
        value = target["val"]
        star = starred(state, value)
        if star is not None:
            out += [Target(t, n) for t, n in star[0]]
            open_star |= star[1]
            continue
        out.append(Target(transform(state, value, kind), target.get("name") or column_name(value)))
    state.kind = saved
    return out, open_star


def starred(state: State, node: Node) -> tuple[list[tuple[Term, str]], bool] | None:
    """What a star stands for: terms with their names, and whether there may be more; None if the node is no star."""
    if "ColumnRef" in node:
        fields = node["ColumnRef"]["fields"]
        if "A_Star" in fields[-1]:
            return _column_star(state, fields, node["ColumnRef"].get("location", 0))
    elif "A_Indirection" in node:
        body = node["A_Indirection"]
        if "A_Star" in body["indirection"][-1]:
            inner: Node = body["arg"]
            if len(body["indirection"]) > 1:
                inner = {"A_Indirection": {**body, "indirection": body["indirection"][:-1]}}
            return row_star(state, expr(state, inner))
    return None


def _column_star(state: State, fields: list[Any], at: int) -> tuple[list[tuple[Term, str]], bool]:
    if len(fields) == 1:
        visible = [i for i in state.items if i.cols_visible and not i.lateral_only]
        if not visible:
            raise state.ctx.refuse("42601", "SELECT * with no tables specified is not valid", at)
        parts = [item_star(state, item, at) for item in visible]
        return [t for p in parts for t in p[0]], any(p[1] for p in parts)
    names = [f["String"].get("sval", "") for f in fields[:-1]]
    variables = state.variables
    if variables is not None and variables.conflict == "use_variable":
        from lockgate.timeline.binder.references import _variable

        found = _variable(state, names, at)
        if found is not None:
            return row_star(state, found)
    item = find_item(state, names[-2] if len(names) > 1 else None, names[-1], at)
    if item is None:
        if variables is not None:
            from lockgate.timeline.binder.references import _variable

            found = _variable(state, names, at)
            if found is not None:
                return row_star(state, found)
        raise missing_item(state, names[-2] if len(names) > 1 else None, names[-1], at)
    return item_star(state, item, at)


def item_star(state: State, item: Item, at: int) -> tuple[list[tuple[Term, str]], bool]:
    """Every column of an item."""
    if item.use is not None and not item.cols:
        item.use.selected.add(0)
    return [(column_term(state, item, n, at), col.name) for n, col in enumerate(item.cols)], item.open


def row_star(state: State, term: Term) -> tuple[list[tuple[Term, str]], bool]:
    """Every field of a composite value (ExpandRowReference)."""
    if term.op == "var" and term.data[1] == -1:
        return item_star(state, term.data[0], term.loc)
    fields = fields_of(state, term)
    if fields is None:
        if term.type and not is_row(state, term):
            raise missing_field(state, term, "*", term.loc)
        return [], True
    from lockgate.timeline.binder.rows import composite_relation

    relation = composite_relation(state.catalog, term.type)
    out = []
    for f in fields:
        if relation is not None and f.num:
            state.gathered.depends.add((relation.oid, f.num))
        out.append((Term("field", f.type, f.typmod, (term,), f.name, term.loc, f.coll), f.name))
    return out, False


def expand_list(state: State, nodes: list[Any], *, default_ok: bool = False) -> list[Term]:
    """Expressions with stars expanded (transformExpressionList)."""
    out: list[Term] = []
    for node in nodes:
        star = starred(state, node)
        if star is not None:
            out += [t for t, _ in star[0]]
            if star[1]:
                out.append(Term("open", 0, -1))
        elif default_ok and "SetToDefault" in node:
            out.append(Term("default", UNKNOWN, -1, (), None, node["SetToDefault"].get("location", 0)))
        else:
            out.append(expr(state, node))
    return out


def resolve_unknowns(state: State, targets: list[Target]) -> None:
    """Untyped literals become text (resolveTargetListUnknowns)."""
    for target in targets:
        if target.term.type == UNKNOWN:
            target.term = coerce_type(state, target.term, TEXT, -1, 0)
