"""INSERT and ON CONFLICT (transformInsertStmt in src/backend/parser/analyze.c, infer_arbiter_indexes in plancat.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.catalog.objects import FIRST_USER_OID, Constraint, Relation, Rewrite
from lockgate.timeline.binder.assign import Goal, assign, check_generated, goal, target_item
from lockgate.timeline.binder.coercion import UNKNOWN
from lockgate.timeline.binder.ctes import with_clause
from lockgate.timeline.binder.from_clause import first_place
from lockgate.timeline.binder.from_item import Item, relation_cols
from lockgate.timeline.binder.recurse import transform, where
from lockgate.timeline.binder.scope import may_have, scan_item
from lockgate.timeline.binder.select import SelectResult, analyze_statement
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.targets import expand_list
from lockgate.timeline.binder.term import Term
from lockgate.timeline.context import Node


def insert(state: State, body: Node) -> SelectResult:
    """INSERT: the target's columns, the source, ON CONFLICT, RETURNING."""
    from lockgate.timeline.binder.modify import returning

    with_clause(state, body.get("withClause"))
    item = target_item(state, body["relation"], "INSERT")
    override = body.get("override", "")
    source = body.get("selectStmt")
    named = body.get("cols", [])
    if not source:
        goals, rows = [], []
    else:
        statement = source["SelectStmt"]
        plain = statement.get("valuesLists") and not any(
            statement.get(f) for f in ("sortClause", "limitOffset", "limitCount", "lockingClause", "withClause")
        )
        goals = insert_goals(state, item, named)
        rows = _rows(state, statement) if plain else [_query(state, source)]
        at = first_place(statement["valuesLists"][0] if plain else source)
        for row in rows:
            insert_row(state, row, goals, named, override, at)
    if item.use is not None:
        width = max(map(len, rows), default=0)
        item.use.inserted.update(g.num for g in goals[:width] if g.num)
        item.use.defaulted.update(
            g.num for row in rows for term, g in zip(row, goals, strict=False) if term.op == "default"
        )
    state.items = [item]
    conflict = body.get("onConflictClause")
    if conflict:
        state.items = []
        on_conflict(state, item, conflict)
        state.items = [item]
    return returning(state, body, "INSERT")


def insert_goals(state: State, item: Item, named: list[Any]) -> list[Goal]:
    """The columns of an INSERT, in order (checkInsertTargets). Refuses with 42703, 42701."""
    if not named:
        if item.rel is None or item.open:
            return []
        return [goal(state, item, c.name, [], -1) for c in relation_cols(state.catalog, item.rel)]
    out: list[Goal] = []
    for node in named:
        target = node["ResTarget"]
        one = goal(state, item, target["name"], target.get("indirection", []), target.get("location", 0))
        whole = not one.indirection
        if any(o.name == one.name and (whole or not o.indirection) for o in out):
            message = f'column "{one.name}" specified more than once'
            raise state.ctx.refuse("42701", message, one.location, name=one.name, object=one.name, kind="column")
        out.append(one)
    return out


def _rows(state: State, statement: Node) -> list[list[Term]]:
    """The expressions of VALUES; DEFAULT is allowed."""
    lists = statement["valuesLists"]
    state.kind = "values_single" if len(lists) == 1 else "values"
    rows: list[list[Term]] = []
    for node in lists:
        row = expand_list(state, node["List"].get("items", []), default_ok=True)
        if rows and len(row) != len(rows[0]):
            raise state.ctx.refuse("42601", "VALUES lists must all be the same length", first_place(node))
        rows.append(row)
    state.kind = ""
    return rows


def _query(state: State, source: Node) -> list[Term]:
    result = analyze_statement(state, source, unknowns=False)
    out = []
    for number, col in enumerate(result.cols):
        literal = result.literals[number] if number < len(result.literals) else None
        if literal is not None and literal.op == "const" and literal.type == UNKNOWN:
            out.append(literal)
        else:
            place = literal.loc if literal is not None else -1
            out.append(Term("column", 25 if col.type == UNKNOWN else col.type, col.typmod, (), number, place, col.coll))
    if result.open:
        out.append(Term("open", 0, -1))
    return out


def insert_row(state: State, row: list[Term], goals: list[Goal], named: list[Any], override: str, at: int) -> None:
    """One row against the columns (transformInsertRow). Refuses with 42601, 42804."""
    if any(t.op == "open" for t in row) or (not goals and state.target.open):
        return
    if len(row) > len(goals):
        extra = row[len(goals)]
        if state.target.open and not named:
            return
        raise state.ctx.refuse(
            "42601", "INSERT has more expressions than target columns", extra.loc if extra.loc >= 0 else at
        )
    if named and len(row) < len(goals):
        raise state.ctx.refuse("42601", "INSERT has more target columns than expressions", goals[len(row)].location)
    for term, one in zip(row, goals, strict=False):
        assign(state, term, one)
        check_generated(state, one, term, override, update=False)


# --- ON CONFLICT ------------------------------------------------------------------------------------------------------


def on_conflict(state: State, item: Item, body: Node) -> None:
    """The arbiter, then what DO UPDATE sets; it sees the target and ``excluded``."""
    from lockgate.timeline.binder.modify import update_targets

    action = body.get("action", "ONCONFLICT_NOTHING")
    infer = body.get("infer")
    if action == "ONCONFLICT_UPDATE" and not infer:
        message = "ON CONFLICT DO UPDATE requires inference specification or constraint name"
        raise state.ctx.refuse("42601", message, body.get("location", 0))
    if item.rel is not None and not isinstance(item.rel, Relation) and infer:
        raise state.ctx.refuse(
            "0A000", "ON CONFLICT is not supported with system catalog tables", body.get("location", 0)
        )
    rules = (
        [r for oid in _standing_for(state, item.rel) for r in state.catalog.of_relation(oid, Rewrite)]
        if isinstance(item.rel, Relation)
        else []
    )
    if any(r.event == "update" or (r.event == "insert" and not r.nothing) for r in rules):
        message = "INSERT with ON CONFLICT clause cannot be used with table that has INSERT or UPDATE rules"
        state.gathered.late.append(state.ctx.refuse("0A000", message, body.get("location", 0), kind="other"))
    if infer:
        _arbiter(state, item, infer, action)
    if action != "ONCONFLICT_UPDATE":
        return
    excluded = Item("relation", "excluded", item.cols, state, alias=True, open=item.open)
    excluded.rel, excluded.rowtype, excluded.use = item.rel, item.rowtype, item.use
    state.range.append(excluded)
    state.items = [item, excluded]
    if item.use is not None:
        item.use.privileges.add("UPDATE")
    update_targets(state, item, body.get("targetList", []))
    where(state, body.get("whereClause"), "where", "WHERE")
    if item.use is not None and item.use.selected:
        item.use.privileges.add("SELECT")
    state.items = []


def _arbiter(state: State, item: Item, infer: Node, action: str) -> None:
    """transformOnConflictArbiter: 42703, 42704; 42P10 when it is planned."""
    relation = item.rel
    state.items = [item]
    named, expressions = set(), 0
    for node in infer.get("indexElems", []):
        element = node["IndexElem"]
        name = element.get("name")
        if name is None:
            transform(state, element["expr"], "index")
            expressions += 1
            continue
        column = scan_item(state, item, name, infer.get("location", 0))
        if column is None:
            if may_have(state, item, name):
                state.items = []
                return
            from lockgate.timeline.binder.scope import missing_column

            raise missing_column(state, None, name, infer.get("location", 0))
        if column.op == "var" and column.data[1] >= 0:
            named.add(item.cols[column.data[1]].num)
    where(state, infer.get("whereClause"), "index_predicate", "WHERE")
    state.items = []
    if item.use is not None:
        item.use.privileges.add("SELECT")
    if not isinstance(relation, Relation) or state.catalog.taint_of(("object", relation.oid), ("any",)):
        return
    if infer.get("conname"):
        _by_constraint(state, relation, infer, action)
    elif not _infers(state, relation, named, expressions, bool(infer.get("whereClause"))):
        message = "there is no unique or exclusion constraint matching the ON CONFLICT specification"
        state.gathered.late.append(
            state.ctx.refuse(
                "42P10", message, infer.get("location", 0), object=state.catalog.qualified(relation), kind="constraint"
            )
        )


def _by_constraint(state: State, relation: Relation, infer: Node, action: str) -> None:
    name = infer["conname"]
    for constraint in state.catalog.of_relation(relation.oid, Constraint):
        if constraint.name == name:
            index = state.catalog.find(Relation, constraint.index)
            if action == "ONCONFLICT_UPDATE" and index is not None and index.index and index.index.exclusion:
                message = "ON CONFLICT DO UPDATE not supported with exclusion constraints"
                state.gathered.late.append(state.ctx.refuse("42809", message, infer.get("location", 0)))
            if constraint.oid >= FIRST_USER_OID:
                state.gathered.depends.add((constraint.oid, 0))
            return
    schema = state.catalog.namespace_name(relation.namespace)
    raise state.ctx.refuse(
        "42704",
        f'constraint "{name}" for table "{relation.name}" does not exist',
        infer.get("location", 0),
        name=name,
        kind="constraint",
        object=f"{schema}.{relation.name}.{name}",
        event=state.catalog.events.get(("constraint", schema, relation.name, name)),
    )


def _standing_for(state: State, relation: Relation | None) -> Iterator[int]:
    """A relation, and what stands behind it as far as it is an automatically updatable view."""
    while relation is not None:
        yield relation.oid
        relation = (
            state.catalog.find(Relation, relation.updatable[0]) if relation.kind == "v" and relation.updatable else None
        )


def _infers(state: State, relation: Relation, named: set[int], expressions: int, predicate: bool) -> bool:
    """Whether a unique index can be inferred, behind an automatically updatable view in the table that it stands
    for."""
    if relation.kind == "v" and relation.updatable:
        below, columns = state.catalog.find(Relation, relation.updatable[0]), relation.updatable
        if (
            below is None
            or state.catalog.taint_of(("object", below.oid))
            or any(n >= len(columns) or not columns[n] for n in named)
        ):
            return True
        return _infers(state, below, {columns[n] for n in named}, expressions, predicate)
    return relation.kind not in "rpSm" or _has_arbiter(state, relation, named, expressions, predicate)


def _has_arbiter(state: State, relation: Relation, named: set[int], expressions: int, predicate: bool) -> bool:
    """Whether a unique index of exactly these columns can be inferred; expressions and predicates are taken to
    match."""
    for found in state.catalog.of_relation(relation.oid, Relation):
        index = found.index
        if index is None or not index.unique or index.exclusion or not index.valid:
            continue
        if index.partial and not predicate:
            continue
        plain = {k for k in index.keys if k}
        if (
            plain == named
            and sum(k == 0 for k in index.keys) <= max(expressions, 0) + 0
            and (expressions > 0) == (0 in index.keys)
        ):
            return True
    return False
