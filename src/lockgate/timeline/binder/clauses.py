"""ORDER BY, GROUP BY, DISTINCT, WINDOW, LIMIT (src/backend/parser/parse_clause.c)."""

from __future__ import annotations

from typing import Any

from lockgate.timeline.binder.coercion import UNKNOWN, coerce_specific, coerce_type
from lockgate.timeline.binder.names import words
from lockgate.timeline.binder.operators import resolve_operator
from lockgate.timeline.binder.ordering import check_groupable, check_sortable
from lockgate.timeline.binder.recurse import transform
from lockgate.timeline.binder.scope import find_column
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.targets import Target, target_list
from lockgate.timeline.binder.term import Term, key, strip_relabel, variables_of
from lockgate.timeline.context import Node
from lockgate.timeline.failure import Ambiguous, MissingRelation

TEXT, INT8 = 25, 20
_CLAUSES = {
    "order": "ORDER BY",
    "group": "GROUP BY",
    "distinct": "DISTINCT ON",
    "window_order": "ORDER BY",
    "window_partition": "PARTITION BY",
}


def find_target(state: State, node: Node, targets: list[Target], kind: str) -> Target:
    """The entry that a sort or group item means: by output name or position (SQL92), else by expression."""
    clause = _CLAUSES[kind]
    if "ColumnRef" in node:
        fields, at = node["ColumnRef"]["fields"], node["ColumnRef"].get("location", 0)
        if len(fields) == 1 and "String" in fields[0]:
            found = _by_name(state, fields[0]["String"].get("sval", ""), at, targets, kind, clause)
            if found is not None:
                return found
    elif "A_Const" in node:
        return _by_position(state, node["A_Const"], targets, clause)
    return by_expression(state, node, targets, kind)


def _by_name(state: State, name: str, at: int, targets: list[Target], kind: str, clause: str) -> Target | None:
    if kind == "group":
        saved = set(state.gathered.depends)
        column = find_column(state, name, at, local=True)
        if column is not None and column.op != "doubt":
            return None
        state.gathered.depends |= saved
    found: Target | None = None
    for target in targets:
        if target.junk or target.name != name:
            continue
        if found is not None and key(found.term) != key(target.term):
            raise state.ctx.refuse(
                "42702", f'{clause} "{name}" is ambiguous', at, name=name, kind="column", subject=Ambiguous(name)
            )
        found = found or target
    return found


def _by_position(state: State, const: Node, targets: list[Target], clause: str) -> Target:
    at = const.get("location", 0)
    if "ival" not in const:
        raise state.ctx.refuse("42601", f"non-integer constant in {clause}", at)
    position = int(const["ival"].get("ival", 0))
    shown = [t for t in targets if not t.junk]
    if not 1 <= position <= len(shown):
        if any(t.term.op == "open" for t in targets):
            return Target(Term("doubt", 0), "", True)
        raise state.ctx.refuse("42P10", f"{clause} position {position} is not in select list", at)
    return shown[position - 1]


def by_expression(state: State, node: Node, targets: list[Target], kind: str) -> Target:
    """An entry equal to an expression; appended as junk where there is none (findTargetlistEntrySQL99)."""
    term = transform(state, node, kind)
    wanted = key(strip_relabel(term))
    for target in targets:
        if key(strip_relabel(target.term)) == wanted:
            return target
    target = Target(term, "", True)
    targets.append(target)
    return target


def sort_clause(
    state: State, items: list[Any], targets: list[Target], kind: str, *, names_only: bool = False
) -> list[Target]:
    """ORDER BY; the entries in order."""
    out = []
    for item in items:
        sort = item["SortBy"]
        target = (
            by_expression(state, sort["node"], targets, kind)
            if kind.startswith("window")
            else find_target(state, sort["node"], targets, kind)
        )
        _settle(state, target)
        at = _place(sort["node"], target.term.loc)
        if sort.get("useOp"):
            resolve_operator(state.ctx, words(sort["useOp"]), target.term.type, target.term.type)
        else:
            check_sortable(state, target.term.type, at)
        out.append(target)
    return out


def _place(node: Node, fallback: int) -> int:
    ((_, body),) = node.items()
    place = body.get("location", fallback) if isinstance(body, dict) else fallback
    return int(place)


def _settle(state: State, target: Target) -> None:
    if target.term.type == UNKNOWN:
        target.term = coerce_type(state, target.term, TEXT, -1, 0)


def group_clause(state: State, items: list[Any], targets: list[Target]) -> tuple[list[Target], bool]:
    """GROUP BY, grouping sets flattened; whether there are sets."""
    out: list[Target] = []
    sets = False
    stack = list(items)
    while stack:
        item = stack.pop(0)
        if "GroupingSet" in item:
            sets = True
            stack = list(item["GroupingSet"].get("content", [])) + stack
            continue
        if "RowExpr" in item and item["RowExpr"].get("row_format") == "COERCE_IMPLICIT_CAST":
            stack = list(item["RowExpr"].get("args", [])) + stack
            continue
        target = find_target(state, item, targets, "group")
        _settle(state, target)
        check_groupable(state, target.term.type, _place(item, target.term.loc))
        out.append(target)
    return out, sets


def distinct_clause(state: State, node: list[Any], targets: list[Target], order: list[Target]) -> None:
    """SELECT DISTINCT and DISTINCT ON. Refuses with 42P10."""
    on = [n for n in node if n]
    if not on:
        for target in order:
            if target.junk:
                message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list"
                raise state.ctx.refuse("42P10", message, target.term.loc)
        for target in targets:
            if not target.junk:
                _settle(state, target)
                check_groupable(state, target.term.type, target.term.loc)
        return
    chosen = [find_target(state, n, targets, "distinct") for n in on]
    for target in chosen:
        _settle(state, target)
        check_groupable(state, target.term.type, target.term.loc)
    matched = 0
    for target in order:
        if not any(target is c for c in chosen):
            break
        matched += 1
    distinct = {id(c) for c in chosen}
    if {id(o) for o in order[:matched]} != distinct and matched < len(order):
        message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions"
        raise state.ctx.refuse("42P10", message, order[matched].term.loc if matched < len(order) else -1)


def limit_clause(state: State, node: Node | None, kind: str) -> None:
    """LIMIT and OFFSET."""
    if not node or node.get("A_Const", {}).get("isnull"):
        return
    word = kind.upper()
    term = coerce_specific(state, transform(state, node, kind), INT8, -1, word)
    for one in variables_of(term):
        if one.data[0].state is state:
            raise state.ctx.refuse("42P10", f"argument of {word} must not contain variables", one.loc)


def window_clause(state: State, targets: list[Target]) -> None:
    """WINDOW definitions, named and inline (transformWindowDefinitions)."""
    seen: set[str] = set()
    for window in state.windows:
        name, at = window.get("name"), window.get("location", 0)
        if name and name in seen:
            raise state.ctx.refuse("42P20", f'window "{name}" is already defined', at, name=name)
        base = window.get("refname")
        if base and base not in seen:
            raise state.ctx.refuse("42704", f'window "{base}" does not exist', at, name=base, object=base, kind="other")
        sort_clause(state, window.get("orderClause", []), targets, "window_order")
        for item in window.get("partitionClause", []):
            target = by_expression(state, item, targets, "window_partition")
            _settle(state, target)
            check_groupable(state, target.term.type, target.term.loc)
        options = window.get("frameOptions", 0)
        for field in ("startOffset", "endOffset"):
            if window.get(field):
                word = "rows" if options & 4 else "groups" if options & 8 else "range"
                term = transform(state, window[field], f"window_frame_{word}")
                if word != "range":
                    coerce_specific(state, term, INT8, -1, word.upper())
        if name:
            seen.add(name)


# --- locking ----------------------------------------------------------------------------------------------------------

_STRENGTHS = {
    "LCS_FORKEYSHARE": "FOR KEY SHARE",
    "LCS_FORSHARE": "FOR SHARE",
    "LCS_FORNOKEYUPDATE": "FOR NO KEY UPDATE",
    "LCS_FORUPDATE": "FOR UPDATE",
}


def locking_clause(state: State, clauses: list[Any], problem: str) -> None:
    """FOR UPDATE and its kin (transformLockingClause); ``problem`` names what forbids them here."""
    for clause in clauses:
        body = clause["LockingClause"]
        word = _STRENGTHS.get(body.get("strength", ""), "FOR UPDATE")
        if problem:
            raise state.ctx.refuse("0A000", f"{word} is not allowed with {problem}", None)
        state.locked = True
        wanted = [r["RangeVar"] for r in body.get("lockedRels", [])]
        for rangevar in wanted:
            if rangevar.get("schemaname"):
                raise state.ctx.refuse(
                    "42601", f"{word} must specify unqualified relation names", rangevar.get("location", 0)
                )
            found = [i for i in state.range if i.name == rangevar["relname"]]
            if not found:
                message = f'relation "{rangevar["relname"]}" in {word} clause not found in FROM clause'
                raise state.ctx.refuse(
                    "42P01",
                    message,
                    rangevar.get("location", 0),
                    object=rangevar["relname"],
                    kind="relation",
                    subject=MissingRelation(rangevar["relname"]),
                )
            for item in found:
                _check_locked(state, item, word, rangevar.get("location", 0))
        for item in state.range if not wanted else [i for i in state.range if i.name in {r["relname"] for r in wanted}]:
            if item.use is not None:
                item.use.privileges.add("UPDATE")


def _check_locked(state: State, item: Any, word: str, at: int) -> None:
    nouns = {
        "join": "a join",
        "function": "a function",
        "tablefunc": "a table function",
        "values": "VALUES",
        "cte": "a WITH query",
    }
    if item.kind in nouns:
        raise state.ctx.refuse("0A000", f"{word} cannot be applied to {nouns[item.kind]}", at)


__all__ = [
    "distinct_clause",
    "group_clause",
    "limit_clause",
    "locking_clause",
    "sort_clause",
    "target_list",
    "window_clause",
]
