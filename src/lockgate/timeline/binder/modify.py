"""UPDATE, DELETE, MERGE and RETURNING (analyze.c, parse_merge.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import Relation, Rewrite
from lockgate.timeline.binder.assign import Goal, assign, check_generated, goal, target_item
from lockgate.timeline.binder.ctes import with_clause
from lockgate.timeline.binder.from_clause import from_clause, from_item, lateral
from lockgate.timeline.binder.from_item import Item
from lockgate.timeline.binder.insert import insert_goals, insert_row
from lockgate.timeline.binder.recurse import expr, transform, where
from lockgate.timeline.binder.scope import check_conflicts
from lockgate.timeline.binder.select import SelectResult, columns_of
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.targets import expand_list, resolve_unknowns, target_list
from lockgate.timeline.binder.term import Term
from lockgate.timeline.context import Node


def update(state: State, body: Node) -> SelectResult:
    """UPDATE ... SET ... FROM ... WHERE ... RETURNING."""
    item = _target(state, body, "UPDATE", body.get("fromClause", []))
    where(state, body.get("whereClause"), "where", "WHERE")
    result = returning(state, body, "UPDATE")
    update_targets(state, item, body.get("targetList", []))
    _read(item)
    return result


def delete(state: State, body: Node) -> SelectResult:
    """DELETE FROM ... USING ... WHERE ... RETURNING."""
    _target(state, body, "DELETE", body.get("usingClause", []))
    where(state, body.get("whereClause"), "where", "WHERE")
    return returning(state, body, "DELETE")


def _target(state: State, body: Node, privilege: str, sources: list[Any]) -> Item:
    with_clause(state, body.get("withClause"))
    item = target_item(state, body["relation"], privilege)
    state.items = [item]
    item.lateral_only, item.lateral_ok = True, False
    from_clause(state, sources)
    item.lateral_only, item.lateral_ok = False, True
    return item


def update_targets(state: State, item: Item, nodes: list[Any]) -> None:
    """SET: transformUpdateTargetList. Refuses with 42703, 42601, 42804."""
    seen: dict[str, bool] = {}
    source: list[Term] = []
    state.kind = "update"
    for node in nodes:
        target = node["ResTarget"]
        value = target["val"]
        at = target.get("location", 0)
        if "MultiAssignRef" in value:
            reference = value["MultiAssignRef"]
            if reference.get("colno", 1) == 1:
                source = _row_source(state, reference)
            number = reference.get("colno", 1) - 1
            term = source[number] if number < len(source) else Term("doubt", 0)
        elif "SetToDefault" in value:
            term = Term("default", 705, -1, (), None, at)
        else:
            term = expr(state, value)
        one = goal(state, item, target["name"], target.get("indirection", []), at)
        _check_twice(state, seen, one)
        assign(state, term, one)
        check_generated(state, one, term, "", update=True)
        if item.use is not None and one.num:
            item.use.updated.add(one.num)
            if term.op == "default":
                item.use.defaulted.add(one.num)
    state.kind = ""


def _check_twice(state: State, seen: dict[str, bool], one: Goal) -> None:
    whole = not one.indirection
    if one.name in seen and (whole or seen[one.name]):
        message = f'multiple assignments to same column "{one.name}"'
        raise state.ctx.refuse("42601", message, one.location, name=one.name, object=one.name, kind="column")
    seen[one.name] = whole


def _row_source(state: State, reference: Node) -> list[Term]:
    """The values of (a, b) = ROW(...) or (SELECT ...) (transformMultiAssignRef)."""
    source, count = reference["source"], reference.get("ncolumns", 0)
    if "SubLink" in source and source["SubLink"].get("subLinkType") == "EXPR_SUBLINK":
        from lockgate.timeline.binder.select import analyze_statement

        state.sublinks = True
        result = analyze_statement(state, source["SubLink"]["subselect"])
        if result.open:
            return [Term("doubt", 0) for _ in range(count)]
        if len(result.cols) != count:
            at = source["SubLink"].get("location", 0)
            raise state.ctx.refuse("42601", "number of columns does not match number of values", at)
        return [
            Term("param", c.type, c.typmod, (), n, source["SubLink"].get("location", 0), c.coll)
            for n, c in enumerate(result.cols)
        ]
    if "RowExpr" in source:
        terms = expand_list(state, source["RowExpr"].get("args", []), default_ok=True)
        if any(t.op == "open" for t in terms):
            return [Term("doubt", 0) for _ in range(count)]
        if len(terms) != count:
            at = source["RowExpr"].get("location", 0)
            raise state.ctx.refuse("42601", "number of columns does not match number of values", at)
        return terms
    message = "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression"
    raise state.ctx.refuse("0A000", message, None)


# --- RETURNING --------------------------------------------------------------------------------------------------------


def returning(state: State, body: Node, privilege: str) -> SelectResult:
    """The RETURNING list; from 18 on it may name old and new rows."""
    clause = body.get("returningClause")
    nodes = clause.get("exprs", []) if clause else body.get("returningList", [])
    item: Item = state.target
    if not nodes:
        _read(item)
        return SelectResult(state, [], returning=False)
    _rules_return(state, item, privilege, body)
    items = state.items
    if state.catalog.major >= 18:
        _old_and_new(state, item, clause or {})
    targets, is_open = target_list(state, nodes, "returning")
    state.items = items  # UPDATE's SET comes after it, without the two
    resolve_unknowns(state, targets)
    _read(item)
    return SelectResult(state, columns_of(targets), is_open)


def _rules_return(state: State, item: Item, privilege: str, body: Node) -> None:
    """RewriteQuery: an INSTEAD rule must tell what RETURNING gives (0A000)."""
    if not isinstance(item.rel, Relation):
        return
    rules = [r for r in state.catalog.of_relation(item.rel.oid, Rewrite) if r.event == privilege.lower()]
    if any(r.instead for r in rules) and not any(r.returning for r in rules):
        message = f'cannot perform {privilege} RETURNING on relation "{item.rel.name}"'
        at = body.get("relation", {}).get("location", 0)
        state.gathered.late.append(
            state.ctx.refuse(
                "0A000", message, at, name=item.rel.name, object=state.catalog.qualified(item.rel), kind="relation"
            )
        )


def _read(item: Item) -> None:
    if item.use is not None and item.use.selected:
        item.use.privileges.add("SELECT")


def _old_and_new(state: State, item: Item, clause: Node) -> None:
    names = {"old": "old", "new": "new"}
    for node in clause.get("options", []):
        option = node["ReturningOption"]
        names["new" if option.get("option") == "RETURNING_OPTION_NEW" else "old"] = option["value"]
    for name in names.values():
        if any(i.name == name for i in state.items):
            continue
        alias = Item("relation", name, item.cols, state, alias=True, open=item.open)
        alias.rel, alias.rowtype, alias.use, alias.cols_visible = item.rel, item.rowtype, item.use, False
        state.items = [*state.items, alias]
        state.range.append(alias)


# --- MERGE ------------------------------------------------------------------------------------------------------------


def merge(state: State, body: Node) -> SelectResult:
    """MERGE (transformMergeStmt)."""
    if state.catalog.major < 15:
        raise state.ctx.refuse("42601", 'syntax error at or near "MERGE"', None)
    with_clause(state, body.get("withClause"))
    item = target_item(state, body["relation"], "MERGE")
    _check_merge_target(state, item, body)
    state.items = [item]
    item.lateral_only, item.lateral_ok = True, False
    source = from_item(state, body["sourceRelation"])
    item.lateral_only, item.lateral_ok = False, True
    check_conflicts(state, [item], source)
    lateral(source, False, True)
    state.items = [item, *source]
    where(state, body.get("joinCondition"), "join", "JOIN/ON")
    for node in body.get("mergeWhenClauses", []):
        _when(state, item, source, node["MergeWhenClause"])
    state.items = [item, *source]
    if item.use is not None:
        item.use.privileges.add("SELECT")
    state.merge_when = "merge"
    return returning(state, body, "MERGE")


def _check_merge_target(state: State, item: Item, body: Node) -> None:
    kind = getattr(item.rel, "kind", "r")
    allowed = "rp" if state.catalog.major < 17 else "rpv"
    if item.rel is not None and kind not in allowed:
        message = f'cannot execute MERGE on relation "{item.rel.name}"'
        raise state.ctx.refuse("0A000", message, body["relation"].get("location", 0))
    if isinstance(item.rel, Relation) and state.catalog.of_relation(item.rel.oid, Rewrite):
        help = "MERGE is not supported for relations with rules."
        refusal = state.ctx.refuse(
            "0A000",
            f'cannot execute MERGE on relation "{item.rel.name}"',
            body["relation"].get("location", 0),
            help=help,
        )
        if state.catalog.major < 17:
            raise refusal
        state.gathered.late.append(refusal)


def _when(state: State, item: Item, source: list[Item], clause: Node) -> None:
    matched = clause.get("matchKind", "MERGE_WHEN_MATCHED")
    if matched == "MERGE_WHEN_NOT_MATCHED_BY_TARGET":
        _show(state, [item], source)
    elif matched == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE":
        _show(state, source, [item])
    else:
        state.items = [item, *source]
    command = clause.get("commandType")
    where(state, clause.get("condition"), "merge_when", "WHEN")
    if item.use is not None and command in ("CMD_INSERT", "CMD_UPDATE", "CMD_DELETE"):
        item.use.privileges.add(command.removeprefix("CMD_"))
    if command == "CMD_UPDATE":
        update_targets(state, item, clause.get("targetList", []))
    elif command == "CMD_INSERT":
        named = clause.get("targetList", [])
        state.kind = "values_single"
        row = expand_list(state, clause.get("values", []), default_ok=True)
        state.kind = ""
        goals = insert_goals(state, item, named)
        if row:
            insert_row(state, row, goals, named, clause.get("override", ""), -1)
        if item.use is not None:
            item.use.inserted.update(g.num for g in goals if g.num)
    state.items = [item, *source]
    state.kind = ""


def _show(state: State, hidden: list[Item], shown: list[Item]) -> None:
    """Only one side of the join is visible in a WHEN NOT MATCHED clause."""
    del hidden
    state.items = list(shown)


__all__ = ["delete", "merge", "returning", "transform", "update", "update_targets"]
