"""FROM: relations, subqueries, joins (src/backend/parser/parse_clause.c transformFromClause)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import FIRST_USER_OID, Relation
from lockgate.timeline.binder.coercion import common_type, common_typmod, to_common
from lockgate.timeline.binder.from_item import Col, Item, relation_item
from lockgate.timeline.binder.names import did_you_mean, lookup_relation
from lockgate.timeline.binder.operators import make_op
from lockgate.timeline.binder.recurse import where
from lockgate.timeline.binder.scope import check_conflicts, column_term
from lockgate.timeline.binder.state import Cte, State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.context import Node
from lockgate.timeline.failure import Ambiguous, MissingColumn, Unsure


def from_clause(state: State, nodes: list[Any]) -> None:
    """Put the items of FROM into the namespace."""
    for node in nodes:
        items = from_item(state, node)
        check_conflicts(state, state.items, items)
        lateral(items, True, True)
        state.items = [*state.items, *items]
    lateral(state.items, False, True)


def lateral(items: list[Item], only: bool, ok: bool) -> None:
    """setNamespaceLateralState."""
    for item in items:
        item.lateral_only, item.lateral_ok = only, ok


def from_item(state: State, node: Node) -> list[Item]:
    """The namespace items of one FROM entry."""
    from lockgate.timeline.binder import from_function

    ((tag, body),) = node.items()
    if tag == "RangeVar":
        return [_added(state, range_var(state, body))]
    if tag == "RangeSubselect":
        return [_added(state, subselect(state, body))]
    if tag == "JoinExpr":
        return join(state, body)
    if tag == "RangeFunction":
        return [_added(state, from_function.range_function(state, body))]
    if tag == "RangeTableSample":
        items = from_item(state, body["relation"])
        from_function.table_sample(state, body)
        return items
    if tag == "RangeTableFunc":
        return [_added(state, from_function.xml_table(state, body))]
    if tag == "JsonTable":
        return [_added(state, from_function.json_table(state, body))]
    item = Item("tablefunc", body.get("alias", {}).get("aliasname", ""), [], state, open=True)
    return [_added(state, item)]


def _added(state: State, item: Item) -> Item:
    state.range.append(item)
    return item


# --- relations --------------------------------------------------------------------------------------------------------


def range_var(state: State, body: Node) -> Item:
    """A table, view, WITH query or transition table by name. Refuses with 42P01."""
    name, at = body.get("relname", ""), body.get("location", 0)
    alias = body.get("alias", {})
    if not body.get("schemaname"):
        cte = find_cte(state, name)
        if cte is not None:
            return renamed(state, cte_item(state, cte, alias.get("aliasname") or name, at), alias, at)
        if state.variables is not None and name in state.variables.tables:
            columns = state.variables.tables[name]
            cols = [Col(c.name, c.type, c.typmod, c.collation, n) for n, c in enumerate(columns, 1)]
            return renamed(
                state, Item("tablefunc", alias.get("aliasname") or name, cols, state, open=not columns), alias, at
            )
    relation = open_relation(state, body)
    if relation is None:
        item = Item("relation", alias.get("aliasname") or name, [], state, alias=bool(alias), open=True)
        item.rowtype = 0
        return renamed(state, item, alias, at)
    item = relation_item(state, relation, alias.get("aliasname") or name, at, alias=bool(alias))
    use = item.use
    if use is not None:
        use.privileges.add("SELECT")
        state.gathered.uses.append(use)
    if relation.oid >= FIRST_USER_OID:
        state.gathered.depends.add((relation.oid, 0))
    return renamed(state, item, alias, at)


def open_relation(state: State, body: Node) -> Any:
    """The relation, or None where the catalog does not tell whether it exists (parserOpenTable). Refuses with 42P01,
    42809."""
    ctx, at = state.ctx, body.get("location", 0)
    try:
        relation = lookup_relation(ctx, body.get("schemaname"), body.get("relname", ""), at, schema_missing_ok=True)
    except Unsure as unsure:
        ctx.tainted.append(unsure.reason)
        return None
    kind = relation.kind if isinstance(relation, Relation) else relation.relkind  # type: ignore[union-attr]
    if kind in "iIc":
        name = relation.name  # type: ignore[union-attr]
        if ctx.catalog.major < 16:
            word = {"c": "composite type"}.get(kind, "index")
            raise ctx.refuse("42809", f'"{name}" is {"a" if kind == "c" else "an"} {word}', at, name=name)
        qualified = ctx.catalog.qualified(relation)  # type: ignore[arg-type]
        raise ctx.refuse("42809", f'cannot open relation "{name}"', at, name=name, object=qualified)
    return relation


def renamed(state: State, item: Item, alias: Node, at: int) -> Item:
    """Apply an alias' column list. Refuses with 42P10."""
    names = [n["String"].get("sval", "") for n in alias.get("colnames", [])]
    if alias:
        item.alias = True
    if not names:
        return item
    if len(names) > len(item.cols) and not item.open:
        noun = f'table "{item.name}"' if item.kind != "join" else f'join expression "{item.name}"'
        message = f"{noun} has {len(item.cols)} columns available but {len(names)} columns specified"
        raise state.ctx.refuse("42P10", message, at)
    if item.open and len(names) > len(item.cols):
        item.cols += [Col(n, 0) for n in names[len(item.cols) :]]
    item.cols = [
        Col(names[n] if n < len(names) else c.name, c.type, c.typmod, c.coll, c.num, c.term)
        for n, c in enumerate(item.cols)
    ]
    return item


# --- WITH queries -----------------------------------------------------------------------------------------------------


def find_cte(state: State, name: str) -> Cte | None:
    """The WITH query of that name in the nearest level that has one (scanNameSpaceForCTE)."""
    level: State | None = state
    while level is not None:
        if name in level.ctes:
            return level.ctes[name]
        level = level.parent
    return None


def cte_item(state: State, cte: Cte, name: str, at: int) -> Item:
    """A reference to a WITH query."""
    from lockgate.timeline.binder.ctes import ensure

    cte.references += 1
    ensure(state, cte, at)
    if not cte.has_returning:
        raise state.ctx.refuse("0A000", f'WITH query "{cte.name}" does not have a RETURNING clause', at, name=cte.name)
    cols = [Col(c.name, c.type, c.typmod, c.collation, n) for n, c in enumerate(cte.columns, 1)]
    return Item("cte", name, cols, state, open=cte.open)


# --- subqueries -------------------------------------------------------------------------------------------------------


def subselect(state: State, body: Node) -> Item:
    """A subquery in FROM. Before 16 it needs an alias (42601)."""
    from lockgate.timeline.binder.select import analyze_statement

    alias = body.get("alias", {})
    if not alias and state.catalog.major < 16:
        values = "valuesLists" in body["subquery"].get("SelectStmt", {})
        message = "VALUES in FROM must have an alias" if values else "subquery in FROM must have an alias"
        raise state.ctx.refuse("42601", message, first_place(body["subquery"]))
    saved = state.kind, state.lateral_active
    state.kind, state.lateral_active = "from_subselect", bool(body.get("lateral"))
    result = analyze_statement(state, body["subquery"])
    state.kind, state.lateral_active = saved
    cols = [Col(c.name, c.type, c.typmod, c.coll, n) for n, c in enumerate(result.cols, 1)]
    item = Item("subquery", alias.get("aliasname", ""), cols, state, alias=True, open=result.open)
    if not alias:
        item.rel_visible = False
    return renamed(state, item, alias, first_place(body["subquery"]) if "colnames" in alias else 0)


def first_place(node: Any) -> int:
    """The leftmost parse location below a node."""
    places, stack = [], [node]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            place = one.get("location")
            if isinstance(place, int) and place > 0:
                places.append(place)
            stack.extend(v for v in one.values() if isinstance(v, (dict, list)))
        elif isinstance(one, list):
            stack.extend(one)
    return min(places, default=0)


# --- joins ------------------------------------------------------------------------------------------------------------


def join(state: State, body: Node) -> list[Item]:
    """A join: both sides, USING or ON, and what becomes visible (transformFromClauseItem)."""
    kind = body.get("jointype", "JOIN_INNER")
    left = from_item(state, body["larg"])
    lateral(left, True, kind in ("JOIN_INNER", "JOIN_LEFT"))
    saved = state.items
    state.items = [*saved, *left]
    right = from_item(state, body["rarg"])
    state.items = saved
    check_conflicts(state, left, right)
    both = [*left, *right]
    lcols, lopen = _columns(left)
    rcols, ropen = _columns(right)
    using = _using(body, lcols, rcols)
    merged = [_merge(state, kind, name, lcols, rcols, lopen, ropen, body) for name in using]
    if body.get("quals"):
        _on(state, both, body["quals"])
    cols = [*merged, *(c for c in lcols if c.name not in using), *(c for c in rcols if c.name not in using)]
    return _visible(state, body, both, cols, merged, lopen or ropen)


def _columns(items: list[Item]) -> tuple[list[Col], bool]:
    """The columns that a side of a join shows, as references to what they stand for."""
    cols = []
    for item in items:
        if item.cols_visible:
            for n, col in enumerate(item.cols):
                term = col.term or Term("var", col.type, col.typmod, (), (item, n), -1, col.coll)
                cols.append(Col(col.name, col.type, col.typmod, col.coll, 0, term))
    return cols, any(i.open for i in items if i.cols_visible)


def _using(body: Node, left: list[Col], right: list[Col]) -> list[str]:
    if body.get("isNatural"):
        names = {c.name for c in right}
        return list(dict.fromkeys(c.name for c in left if c.name in names))
    return [n["String"].get("sval", "") for n in body.get("usingClause", [])]


def _merge(
    state: State, kind: str, name: str, left: list[Col], right: list[Col], left_open: bool, right_open: bool, body: Node
) -> Col:
    natural = bool(body.get("isNatural"))
    one = _side(state, name, left, "left", left_open, natural)
    other = _side(state, name, right, "right", right_open, natural)
    if sum(n["String"].get("sval", "") == name for n in body.get("usingClause", [])) > 1:
        raise state.ctx.refuse(
            "42701", f'column name "{name}" appears more than once in USING clause', None, name=name, kind="column"
        )
    if one is None or other is None:
        found = one or other
        return Col(name, 0, -1, 0, 0, found.term if found else Term("doubt", 0))
    _reference(state, one)
    _reference(state, other)
    assert one.term is not None and other.term is not None
    make_op(state, ["="], one.term, other.term, _using_place(state, body, name))
    target = common_type(state, [one.term, other.term], "JOIN/USING")
    typmod = common_typmod([one.term, other.term], target)
    if kind == "JOIN_FULL":
        pair = (to_common(state, one.term, target, "JOIN/USING"), to_common(state, other.term, target, "JOIN/USING"))
        return Col(name, target, typmod, one.coll, 0, Term("coalesce", target, typmod, pair, None, -1, one.coll))
    if kind == "JOIN_RIGHT" or (kind == "JOIN_INNER" and one.type != target and other.type == target):
        one = other
    assert one.term is not None
    term = to_common(state, one.term, target, "JOIN/USING") if target else one.term
    return Col(name, target, term.typmod, one.coll, 0, term)


def _using_place(state: State, body: Node, name: str) -> int:
    return first_place(body["rarg"])


def _side(state: State, name: str, cols: list[Col], side: str, open_side: bool, natural: bool) -> Col | None:
    found = [c for c in cols if c.name == name]
    if len(found) > 1:
        message = f'common column name "{name}" appears more than once in {side} table'
        raise state.ctx.refuse("42702", message, None, name=name, object=name, kind="column", subject=Ambiguous(name))
    if not found and not open_side:
        message = f'column "{name}" specified in USING clause does not exist in {side} table'
        help = did_you_mean(name, [c.name for c in cols])
        raise state.ctx.refuse(
            "42703",
            message,
            None,
            name=name,
            object=name,
            help=help,
            kind="column",
            event=_fate(state, cols, name),
            subject=MissingColumn(name),
        )
    return found[0] if found else None


def _fate(state: State, cols: list[Col], name: str) -> Any:
    for col in cols:
        if col.term is not None and col.term.op == "var" and isinstance(col.term.data[0].rel, Relation):
            relation = col.term.data[0].rel
            event = state.catalog.events.get(
                ("column", state.catalog.namespace_name(relation.namespace), relation.name, name)
            )
            if event is not None:
                return event
    return None


def _reference(state: State, col: Col) -> None:
    holder = Item("join", "", [col], state)
    column_term(state, holder, 0, -1)


def _on(state: State, both: list[Item], quals: Node) -> None:
    lateral(both, False, True)
    saved, state.items = state.items, both
    where(state, quals, "join", "JOIN/ON")
    state.items = saved


def _visible(
    state: State, body: Node, both: list[Item], cols: list[Col], merged: list[Col], is_open: bool
) -> list[Item]:
    alias = body.get("alias", {})
    item = Item("join", alias.get("aliasname", ""), cols, state, alias=bool(alias), open=is_open)
    state.joins += 1
    renamed(state, item, alias, first_place(body["larg"]) if "colnames" in alias else 0)
    item.rel_visible = bool(alias)
    state.range.append(item)
    out = [item]
    using_alias = body.get("join_using_alias")
    if using_alias:
        extra = Item("join", using_alias["aliasname"], merged, state, alias=True)
        extra.cols_visible = False
        check_conflicts(state, both, [extra])
        out.append(extra)
    if alias:
        for one in both:
            one.rel_visible = one.cols_visible = False
        return out
    for one in both:
        one.cols_visible = False
    return [*both, *out]
