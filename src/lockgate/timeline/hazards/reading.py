"""Which tables a query reads from end to end, by its raw tree: as the planner does with tables that were never analysed
(its default selectivities, src/include/utils/selfuncs.h: a comparison for equality and a range with two ends find few
rows, with one end a third of them). Measured on 15 and 18.

What stands in an expression's subquery is planned on its own, with the outer query's columns for constants; EXISTS and
IN in the WHERE become joins (pull_up_sublinks in src/backend/optimizer/prep/prepjointree.c).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Index, Relation
from lockgate.parse.statement import Node

_FEW = 2  # values of a column that is not unique: more of them are looked for in the whole table
_MANY = 50  # the same, of a unique one
_RANGES = {"<": 1, "<=": 1, ">": -1, ">=": -1}
_ELSEWHERE = frozenset({"fromClause", "whereClause", "withClause", "larg", "rarg", "relation", "usingClause"})
_SORTED_ALONE = frozenset({"targetList", "fromClause", "whereClause", "sortClause", "limitCount", "limitOption", "op"})


# that are not read from an index's ends; another one that is missing here makes a scan look like none
_AGGREGATES = frozenset(
    [
        "array_agg",
        "avg",
        "bit_and",
        "bit_or",
        "bool_and",
        "bool_or",
        "count",
        "every",
        "json_agg",
        "json_object_agg",
        "jsonb_agg",
        "jsonb_object_agg",
        "max",
        "min",
        "mode",
        "percentile_cont",
        "percentile_disc",
        "range_agg",
        "stddev",
        "string_agg",
        "sum",
        "variance",
        "xmlagg",
    ]
)


class ReadTable(msgspec.Struct, frozen=True):
    """A relation in FROM: its RangeVar, the query that it is in, whether it is alone there, what is asked of the rows,
    and whether it is a part of the query around it (whose columns are no constants then)."""

    rangevar: Node
    query: Node
    alone: bool
    conditions: tuple[Node, ...]
    joined: bool

    @property
    def name(self) -> str:
        """What its columns are called by."""
        alias = self.rangevar.get("alias", {}).get("aliasname", "")
        return str(alias or self.rangevar.get("relname", ""))


def sources(tag: str, node: Node, *, joined: bool = False) -> Iterator[ReadTable]:
    """Every relation that a query or one within it reads, INSERT's target left out."""
    if "larg" in node:
        for side in ("larg", "rarg"):
            yield from sources("SelectStmt", node[side], joined=joined)
        return
    if tag == "InsertStmt":
        select = node.get("selectStmt", {}).get("SelectStmt")
        yield from sources("SelectStmt", select) if select else ()
    else:
        yield from _from(tag, node, joined)
    for item in node.get("withClause", {}).get("ctes", ()):
        for inner, query in item["CommonTableExpr"].get("ctequery", {}).items():
            yield from sources(inner, query)
    for key, value in node.items():
        if key not in _ELSEWHERE and key != "selectStmt":
            for link in _sublinks(value):
                yield from _of_link(link, joined=False)


def _from(tag: str, node: Node, joined: bool) -> Iterator[ReadTable]:
    listed = [*node.get("fromClause", ()), *node.get("usingClause", ())]
    if tag == "MergeStmt":
        listed.append(node.get("sourceRelation", {}))
    if tag in ("UpdateStmt", "DeleteStmt", "MergeStmt"):
        listed.insert(0, {"RangeVar": node.get("relation", {})})
    items: list[Node] = []
    conditions = list(_conjuncts(node.get("whereClause")))
    for item in listed:
        _flatten(item, items, conditions)
    for item in items:
        if "RangeVar" in item:
            yield ReadTable(item["RangeVar"], node, len(items) == 1, tuple(conditions), joined)
        elif "RangeSubselect" in item:
            yield from sources("SelectStmt", item["RangeSubselect"].get("subquery", {}).get("SelectStmt", {}))
    for condition in conditions:
        pulled = _pulled(condition)
        if pulled is not None:
            yield from _of_link(pulled, joined=True)
        else:
            for link in _sublinks(condition):
                yield from _of_link(link, joined=False)


def _flatten(item: Node, items: list[Node], conditions: list[Node]) -> None:
    join = item.get("JoinExpr")
    if join is None:
        items.append(item)
        return
    for side in ("larg", "rarg"):
        _flatten(join.get(side, {}), items, conditions)
    if join.get("jointype", "JOIN_INNER") == "JOIN_INNER":
        conditions += _conjuncts(join.get("quals"))


def _conjuncts(node: Node | None) -> Iterator[Node]:
    if not node:
        return
    parts = node.get("BoolExpr", {})
    if parts.get("boolop") == "AND_EXPR":
        for part in parts.get("args", ()):
            yield from _conjuncts(part)
    else:
        yield node


def _pulled(condition: Node) -> Node | None:
    """The subquery of a condition that becomes a join."""
    inner = condition
    if inner.get("BoolExpr", {}).get("boolop") == "NOT_EXPR":
        inner = inner["BoolExpr"]["args"][0]
        if inner.get("SubLink", {}).get("subLinkType") != "EXISTS_SUBLINK":
            return None
    link: Node | None = inner.get("SubLink")
    return link if link and link.get("subLinkType") in ("EXISTS_SUBLINK", "ANY_SUBLINK") else None


def _sublinks(value: Any) -> Iterator[Node]:
    stack = [value]
    while stack:  # a seed of thousands of rows is walked for nothing
        one = stack.pop()
        if type(one) is list:
            stack.extend(reversed(one))
        elif type(one) is dict:
            if "SubLink" in one:
                yield one["SubLink"]
            elif parts := [part for part in one.values() if type(part) is dict or type(part) is list]:
                stack.extend(reversed(parts))


def _of_link(link: Node, *, joined: bool) -> Iterator[ReadTable]:
    yield from sources("SelectStmt", link.get("subselect", {}).get("SelectStmt", {}), joined=joined)
    yield from (found for inner in _sublinks(link.get("testexpr")) for found in _of_link(inner, joined=False))


# --- by an index or not -----------------------------------------------------------------------------------------------


def by_index(catalog: Catalog, relation: Relation, source: ReadTable) -> bool:
    """Whether an index serves: for one of the conditions, for the order of the first few rows, or for the ends."""
    first = _leading(catalog, relation)
    if not first:
        return False
    column = _Columns(relation, source, first)
    if source.alone and (column.first_rows() or (not source.conditions and column.ends())):
        return True
    return any(map(column.finds, source.conditions)) or column.between(source.conditions)


def _leading(catalog: Catalog, relation: Relation) -> dict[int, list[Index]]:
    """The indexes that can find rows, by their first column."""
    found: dict[int, list[Index]] = {}
    for one in catalog.of_relation(relation.oid, Relation):
        index = one.index
        if index is not None and index.valid and not index.partial and index.keys and index.method in ("btree", "hash"):
            found.setdefault(index.keys[0], []).append(index)
    return found


class _Columns:
    """The columns of one source that an index begins with."""

    def __init__(self, relation: Relation, source: ReadTable, first: dict[int, list[Index]]) -> None:
        self.relation = relation
        self.source = source
        self.first = first

    def of(self, node: Node, *, ordered: bool = False) -> list[Index]:
        """The indexes that begin with a column (in order, where it must be so)."""
        while "TypeCast" in node and "ColumnRef" in node["TypeCast"].get("arg", {}):
            node = node["TypeCast"]["arg"]
        name = self._own(node.get("ColumnRef", {}))
        column = self.relation.attribute(name) if name else None
        found = self.first.get(column.num, []) if column is not None else []
        return [i for i in found if not ordered or i.method == "btree"]

    def _own(self, reference: Node) -> str:
        words = [str(f["String"].get("sval", "")) for f in reference.get("fields", ()) if "String" in f]
        if len(words) > 1 and words[-2] != self.source.name:
            return ""
        return words[-1] if words else ""

    def fixed(self, value: Any) -> bool:
        """Whether an expression has one value for all rows."""
        if isinstance(value, list):
            return all(map(self.fixed, value))
        if not isinstance(value, dict):
            return True
        if "ColumnRef" in value:
            name = self._own(value["ColumnRef"])
            mine = bool(name) and self.relation.attribute(name) is not None
            return not mine and self.source.alone and not self.source.joined
        if "SubLink" in value:
            return bool(value["SubLink"].get("subLinkType") == "EXPR_SUBLINK")
        return all(map(self.fixed, value.values()))

    def finds(self, node: Node) -> bool:
        """Whether an index finds the rows of a condition."""
        if "NullTest" in node:
            test = node["NullTest"]
            return test.get("nulltesttype") == "IS_NULL" and bool(self.of(test.get("arg", {}), ordered=True))
        parts = node.get("BoolExpr", {})
        if parts.get("boolop") == "OR_EXPR":
            args = parts.get("args", ())
            found = all(any(map(self.finds, _conjuncts(arg))) for arg in args)
            return found and (len(args) <= _FEW or self._all_unique(args))
        return self._compared(node.get("A_Expr", {}))

    def _all_unique(self, args: Iterable[Node]) -> bool:
        """Whether each of some comparisons finds one row at most."""
        found = [
            [*self.of(a.get("lexpr", {})), *self.of(a.get("rexpr", {}))]
            for a in (arg.get("A_Expr", {}) for arg in args)
        ]
        return all(any(i.unique and len(i.keys) == 1 for i in indexes) for indexes in found)

    def _compared(self, node: Node) -> bool:
        operator = _operator(node)
        left, right = node.get("lexpr", {}), node.get("rexpr", {})
        match node.get("kind", "AEXPR_OP"):
            case "AEXPR_OP" if operator == "=":
                return any(self.of(a) and self.fixed(b) for a, b in ((left, right), (right, left)))
            case "AEXPR_IN" | "AEXPR_OP_ANY" if operator == "=":
                found = self.of(left)
                unique = any(i.unique and len(i.keys) == 1 for i in found)
                return bool(found) and self.fixed(right) and _count(right) <= (_MANY if unique else _FEW)
            case "AEXPR_BETWEEN":
                return bool(self.of(left, ordered=True)) and self.fixed(right)
        return False

    def between(self, conditions: Iterable[Node]) -> bool:
        """Whether two conditions are both ends of a range."""
        ends: dict[int, set[int]] = {}
        for condition in conditions:
            node = condition.get("A_Expr", {})
            way = _RANGES.get(_operator(node), 0) if node.get("kind", "AEXPR_OP") == "AEXPR_OP" else 0
            for a, b, sign in ((node.get("lexpr", {}), node.get("rexpr", {}), way),
                               (node.get("rexpr", {}), node.get("lexpr", {}), -way)):  # fmt: skip
                found = self.of(a, ordered=True) if way else []
                if found and self.fixed(b):
                    ends.setdefault(found[0].keys[0], set()).add(sign)
        return any(len(signs) > 1 for signs in ends.values())

    def first_rows(self) -> bool:
        """ORDER BY an index, and only the first rows are wanted."""
        query = self.source.query
        limited = "A_Const" in query.get("limitCount", {}) and query.keys() <= _SORTED_ALONE
        order = query.get("sortClause", ())
        return limited and bool(order) and bool(self.of(order[0]["SortBy"].get("node", {}), ordered=True))

    def ends(self) -> bool:
        """Nothing but min() and max() of indexed columns (preprocess_minmax_aggregates)."""
        query = self.source.query
        if query.keys() & {"groupClause", "havingClause", "distinctClause", "windowClause"}:
            return False
        found = [self._end(value) for value in query.get("targetList", ())]
        return bool(found) and all(e is not None for e in found) and any(found)

    def _end(self, value: Any) -> bool | None:
        """Whether there is one in an expression; None where there is something else that needs the rows."""
        if isinstance(value, dict) and "FuncCall" in value:
            call = value["FuncCall"]
            name = call.get("funcname", [{}])[-1].get("String", {}).get("sval", "")
            args = call.get("args", ())
            if name in ("min", "max") and len(args) == 1 and "agg_filter" not in call:
                return True if self.of(args[0], ordered=True) else None
            if name in _AGGREGATES or "over" in call or "agg_star" in call:
                return None
        if isinstance(value, dict) and ("ColumnRef" in value or "SubLink" in value):
            return None
        parts = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        found = [self._end(part) for part in parts]
        return None if None in found else any(found)


def _operator(node: Node) -> str:
    names = node.get("name", ())
    return str(names[-1].get("String", {}).get("sval", "")) if names else ""


def _count(node: Node) -> int:
    """How many values a list or an array has."""
    while "TypeCast" in node:
        node = node["TypeCast"].get("arg", {})
    items = node.get("List", {}).get("items") or node.get("A_ArrayExpr", {}).get("elements")
    return len(items) if items else 10  # ScalarArrayOpExpr's guess
