"""What may stand where: aggregates, window functions, set-returning functions and subqueries by kind of expression
(ParseExprKind)."""

from __future__ import annotations

from lockgate.timeline.binder.state import State

# kind -> (noun in "... are not allowed in", noun in "cannot use subquery in"; "" where subqueries are allowed)
NOUNS = {
    "join": ("JOIN conditions", ""),
    "from_function": ("functions in FROM", ""),
    "where": ("WHERE", ""),
    "policy": ("policy expressions", ""),
    "having": ("HAVING", ""),
    "filter": ("FILTER", ""),
    "window_partition": ("window definitions", ""),
    "window_order": ("window definitions", ""),
    "window_frame_range": ("window RANGE", ""),
    "window_frame_rows": ("window ROWS", ""),
    "window_frame_groups": ("window GROUPS", ""),
    "select": ("SELECT", ""),
    "insert": ("INSERT", ""),
    "update": ("UPDATE", ""),
    "merge_when": ("MERGE WHEN conditions", ""),
    "group": ("GROUP BY", ""),
    "order": ("ORDER BY", ""),
    "distinct": ("DISTINCT ON", ""),
    "limit": ("LIMIT", ""),
    "offset": ("OFFSET", ""),
    "returning": ("RETURNING", ""),
    "values": ("VALUES", ""),
    "values_single": ("VALUES", ""),
    "check": ("check constraints", "check constraint"),
    "domain_check": ("check constraints", "check constraint"),
    "default": ("DEFAULT expressions", "DEFAULT expression"),
    "function_default": ("DEFAULT expressions", "DEFAULT expression"),
    "index": ("index expressions", "index expression"),
    "index_predicate": ("index predicates", "index predicate"),
    "statistics": ("statistics expressions", "statistics expression"),
    "alter_column": ("transform expressions", "transform expression"),
    "execute": ("EXECUTE parameters", "EXECUTE parameter"),
    "trigger_when": ("trigger WHEN conditions", "trigger WHEN condition"),
    "partition_bound": ("partition bound", "partition bound"),
    "partition_key": ("partition key expressions", "partition key expression"),
    "generated": ("column generation expressions", "column generation expression"),
    "call": ("CALL arguments", "CALL argument"),
    "copy_where": ("COPY FROM WHERE conditions", "COPY FROM WHERE condition"),
    "cycle": ("CYCLE", "CYCLE"),
}
_AGGREGATES = frozenset({"", "other", "having", "window_partition", "window_order", "select", "order", "distinct"})
_WINDOWS = frozenset({"", "other", "select", "order", "distinct"})
_SETS = frozenset(
    {
        "",
        "other",
        "from_function",
        "window_partition",
        "window_order",
        "select",
        "insert",
        "group",
        "order",
        "distinct",
        "values_single",
    }
)


def check_aggregate(state: State, kind: str, location: int, word: str = "aggregate functions") -> None:
    """42803 (check_agglevels_and_constraints)."""
    if kind in _AGGREGATES:
        return
    if kind == "from_subselect":
        noun = "FROM clause of their own query level"
    else:
        noun = NOUNS[kind][0]
    raise state.ctx.refuse("42803", f"{word} are not allowed in {noun}", location)


def check_window(state: State, location: int) -> None:
    """42P20 (transformWindowFuncCall)."""
    if state.kind not in _WINDOWS:
        noun = "window definitions" if state.kind.startswith("window_") else NOUNS[state.kind][0]
        raise state.ctx.refuse("42P20", f"window functions are not allowed in {noun}", location)


def check_set_returning(state: State, location: int) -> None:
    """0A000 (check_srf_call_placement)."""
    if state.kind not in _SETS:
        noun = "window definitions" if state.kind.startswith("window_") else NOUNS[state.kind][0]
        raise state.ctx.refuse("0A000", f"set-returning functions are not allowed in {noun}", location)


def check_subquery(state: State, location: int) -> None:
    """0A000 (transformSubLink)."""
    noun = NOUNS.get(state.kind, ("", ""))[1]
    if noun:
        raise state.ctx.refuse("0A000", f"cannot use subquery in {noun}", location)
