"""What a query writes into tables whose rows are known (src/backend/executor/nodeModifyTable.c, ri_triggers.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from lockgate.catalog.objects import Attribute, Constraint, Relation, Rewrite, Routine, Trigger, Type
from lockgate.parse.facts import TRIGGER_EVENT
from lockgate.parse.statement import Node
from lockgate.timeline.binder import AnalyzedQuery, find_relation
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import UNKNOWN, Row, Unknown, Value, World, expression, select, truth
from lockgate.timeline.evaluate.contents import MOST, Keys, contents_of, held, store
from lockgate.timeline.failure import Unsure
from lockgate.timeline.privileges.query import check_constraints
from lockgate.timeline.routines.new_rows import check_new_rows
from lockgate.timeline.routines.pending import queue_events
from lockgate.timeline.routines.violations import check_keys, check_nulls

_WORK = 30_000  # units of work for the rows that one query writes
_WRITING = re.compile(r"\b(insert|update|delete|merge|truncate|copy|execute|call)\b", re.IGNORECASE)


def write(ctx: Context, tag: str, node: Node, query: AnalyzedQuery, world: World) -> None:
    """Follow the rows; what a query may write beside them is forgotten. Refuses with 23502, 23503, 23505."""
    catalog = ctx.catalog
    for inner_tag, inner in _inner(node) if query.modifies else ():
        found = find_relation(ctx, inner["relation"])
        _write(world, inner_tag, inner, found if isinstance(found, Relation) else None, follow=False)
    relation = catalog.find(Relation, query.target) if query.target else None
    if relation is not None:
        use = next((u for u in query.uses if u.relation == relation.oid and "INSERT" in u.privileges), None)
        if tag == "InsertStmt" and use is not None:
            check_new_rows(world, relation, node, use)
        _write(world, tag, node, relation, follow=True)


def _inner(node: Node) -> Iterator[tuple[str, Node]]:
    """The data-modifying queries of a WITH clause."""
    for item in node.get("withClause", {}).get("ctes", ()):
        ((tag, body),) = item["CommonTableExpr"]["ctequery"].items()
        yield from _inner(body)
        if tag != "SelectStmt":
            yield tag, body


def _write(world: World, tag: str, node: Node, relation: Relation | None, *, follow: bool) -> None:
    ctx, catalog, event = world.ctx, world.ctx.catalog, TRIGGER_EVENT.get(tag, "")
    if relation is None or relation.kind != "r" or not event or catalog.of_relation(relation.oid, Rewrite):
        catalog.forget()
        return
    before = contents_of(ctx, relation)
    changing = any(t.timing == "B" and t.row for t in _firing(ctx, relation, event, rows=True))
    after = _followed(world, tag, relation, node, before) if follow and not (changing and event == "I") else None
    if before is None or changing:
        after = None if before != [] or event == "I" else after
    triggers = _firing(ctx, relation, event, rows=after is None or after != before)
    if any(may_write(ctx, t.function) for t in triggers):
        catalog.forget()
        return
    if before is not None and after is not None:
        check_keys(ctx, relation, before, after)
        queue_events(ctx, relation, event, _written(event, before, after))
    elif event == "I" and follow and not changing and "onConflictClause" not in node:
        queue_events(ctx, relation, event, ((None, row) for row in _certain_rows(world, relation, node)))
    if event != "I" and (after is None or after != before):
        catalog.forget(*_cascaded(ctx, relation.oid, event, {relation.oid}))
    store(catalog, relation, after)


def _followed(world: World, tag: str, relation: Relation, node: Node, before: list[Row] | None) -> list[Row] | None:
    try:
        with world.ctx.budget.part(_WORK):
            return _FOLLOWED[tag](world, relation, node, before)
    except Unsure:  # too many rows: the catalog stays as certain as it was
        return None


def _firing(ctx: Context, relation: Relation, event: str, *, rows: bool) -> list[Trigger]:
    """The triggers that an event fires, those for each row where there may be ``rows``."""
    return [
        t
        for t in ctx.catalog.of_relation(relation.oid, Trigger)
        if not t.internal and event in t.events and (rows or not t.row)
    ]


def _written(event: str, before: list[Row], after: list[Row]) -> list[tuple[Row | None, Row | None]]:
    """The rows that an event has written, each as it was and as it is; what stays is the same row."""
    if event == "U":
        return [(old, new) for old, new in zip(before, after, strict=False) if old is not new]
    old_ids, new_ids = {id(row) for row in before}, {id(row) for row in after}
    fresh: list[tuple[Row | None, Row | None]] = [(None, row) for row in after if id(row) not in old_ids]
    return [*fresh, *((row, None) for row in before if id(row) not in new_ids)]


def _certain_rows(world: World, relation: Relation, node: Node) -> list[Row]:
    """The rows of an INSERT, where they are known, into a table whose other rows need not be."""
    try:
        with world.ctx.budget.part(_WORK):
            return _new_rows(world, relation, node) or []
    except Unsure:
        return []


# --- who else may write -----------------------------------------------------------------------------------------------


def may_write(ctx: Context, oid: int, seen: frozenset[int] = frozenset()) -> bool:
    """Whether a routine may write into tables whose rows are known, itself or through one that it calls."""
    from lockgate.timeline.routines.effects import called

    routine = ctx.catalog.find(Routine, oid) if ctx.catalog.contents else None
    if routine is None or oid in seen or routine.body is None:
        return False
    writes, words = _words(routine.body.text)
    return writes or any(may_write(ctx, other.oid, seen | {oid}) for other in called(ctx, words))


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[bool, frozenset[str]]:
    return _WRITING.search(text) is not None, frozenset(w.lower() for w in re.findall(r"([A-Za-z_]\w*)\s*\(", text))


def _cascaded(ctx: Context, relation: int, event: str, seen: set[int]) -> set[int]:
    """The tables whose rows a foreign key's ON DELETE or ON UPDATE action may change."""
    for edge in ctx.catalog.dependents(relation):
        key = ctx.catalog.find(Constraint, edge.dependent[0])
        if key is None or key.kind != "f" or key.foreign != relation or key.relation in seen:
            continue
        if (key.on_delete if event == "D" else key.on_update) not in "ar":
            seen.add(key.relation)
            _cascaded(ctx, key.relation, "D", seen)
            _cascaded(ctx, key.relation, "U", seen)
    return seen


# --- rows -------------------------------------------------------------------------------------------------------------


def _insert(world: World, relation: Relation, node: Node, before: list[Row] | None) -> list[Row] | None:
    fresh = _new_rows(world, relation, node)
    action = node.get("onConflictClause", {}).get("action", "")
    for row in fresh or ():
        check_nulls(world.ctx, relation, row)
        check_constraints(world.ctx, relation)
    if fresh is None or before is None:
        return None
    after = list(before)
    keys = Keys(world.ctx.catalog, relation, before)
    for row in fresh:
        found = keys.clash(row)
        if action and (isinstance(found, Unknown) or (found is not None and action != "ONCONFLICT_NOTHING")):
            return None
        if isinstance(found, Relation):
            if action:
                continue
            raise world.ctx.refuse(
                "23505",
                f'duplicate key value violates unique constraint "{found.name}"',
                object=found.name,
                kind="other",
            )
        after.append(row)
        keys.add(row)
    return after


def _new_rows(world: World, relation: Relation, node: Node) -> list[Row] | None:
    targets = [c["ResTarget"] for c in node.get("cols", ())]
    body = node.get("selectStmt", {}).get("SelectStmt", {})
    if "withClause" in node or any("indirection" in t for t in targets) or len(body.get("valuesLists", ())) > MOST:
        return None
    columns, rows = select(world, body) if body else ([], [Row({})])
    if len(rows) > MOST or not all(row.certain for row in rows):
        return None
    names = [t["name"] for t in targets] or [a.name for a in relation.attributes]
    return [
        _made(world, relation, dict(zip(names, (row.values.get(c, UNKNOWN) for c in columns), strict=False)))
        for row in rows
    ]


def _made(world: World, relation: Relation, given: dict[str, Value]) -> Row:
    values: dict[str, Value] = {}
    for column in relation.attributes:
        if column.generated or column.name not in given:
            values |= {column.name: None} if _without_default(world.ctx, column) else {}
        else:
            values[column.name] = held(world.ctx.catalog, column, given[column.name])
    return Row(values)


def _without_default(ctx: Context, column: Attribute) -> bool:
    own = ctx.catalog.find(Type, column.type)
    domain = own is not None and own.kind == "d"  # which may have a default of its own
    return bool(column.type) and not (column.generated or column.has_default or column.identity or domain)


def _update(world: World, relation: Relation, node: Node, before: list[Row] | None) -> list[Row] | None:
    if before is None:
        return None
    targets = [t["ResTarget"] for t in node.get("targetList", ())]
    if (
        "fromClause" in node
        or "withClause" in node
        or any("indirection" in t or "MultiAssignRef" in t["val"] for t in targets)
    ):
        return [] if not before else None
    after: list[Row] = []
    for row, chosen in _chosen(world, node, before):
        if isinstance(chosen, Unknown):
            return None
        if chosen is not True:
            after.append(row)
            continue
        values = dict(row.values)
        for target in targets:
            column = relation.attribute(target["name"])
            found = expression(world.inside(_frame(node, row)), target["val"])
            values |= {target["name"]: held(world.ctx.catalog, column, found)} if column is not None else {}
        after.append(Row(values))
    return after


def _delete(world: World, relation: Relation, node: Node, before: list[Row] | None) -> list[Row] | None:
    if before is None:
        return None
    if "usingClause" in node or "withClause" in node:
        return [] if not before else None
    found = _chosen(world, node, before)
    return (
        None
        if any(isinstance(chosen, Unknown) for _, chosen in found)
        else [row for row, chosen in found if chosen is not True]
    )


def _frame(node: Node, row: Row) -> dict[str, Row]:
    rangevar = node["relation"]
    return {rangevar.get("alias", {}).get("aliasname", rangevar["relname"]): row}


def _chosen(world: World, node: Node, rows: list[Row]) -> list[tuple[Row, bool | Unknown | None]]:
    where = node.get("whereClause")
    return [(row, True if where is None else truth(expression(world.inside(_frame(node, row)), where))) for row in rows]


def chosen_rows(world: World, relation: Relation, node: Node) -> bool:
    """Whether an UPDATE or DELETE meets a row for certain."""
    rows = contents_of(world.ctx, relation)
    if not rows or any(clause in node for clause in ("fromClause", "usingClause", "withClause")):
        return False
    try:
        with world.ctx.budget.part(_WORK):
            return any(chosen is True for _, chosen in _chosen(world, node, rows))
    except Unsure:
        return False


_FOLLOWED: dict[str, Callable[[World, Relation, Node, list[Row] | None], list[Row] | None]] = {
    "InsertStmt": _insert,
    "UpdateStmt": _update,
    "DeleteStmt": _delete,
}
