"""SELECT over rows: WITH, WHERE, grouping without keys, target lists, set operations, LIMIT."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from lockgate.parse.statement import Node
from lockgate.timeline.evaluate.aggregate import has_aggregate
from lockgate.timeline.evaluate.conditions import Columns, split
from lockgate.timeline.evaluate.expression import expression
from lockgate.timeline.evaluate.hash_join import Combination
from lockgate.timeline.evaluate.source import combine, keep, named, system_columns
from lockgate.timeline.evaluate.sql_function import called, result
from lockgate.timeline.evaluate.value import UNKNOWN, Row, Unknown, Value, known, number, truth
from lockgate.timeline.evaluate.world import World

Result = tuple[list[str], list[Row]]
_PLAIN = "[a-z]*"
# columns of the system catalogs of type name, which sorts by byte (collation "C")
_NAMES = frozenset(
    {
        "attname",
        "conname",
        "nspname",
        "proname",
        "relname",
        "tgname",
        "typname",
        "polname",
        "rolname",
        "column_name",
        "table_name",
        "table_schema",
        "constraint_name",
        "trigger_name",
        "schemaname",
        "tablename",
        "viewname",
        "indexname",
    }
)


def select(world: World, node: Node) -> Result:
    """The columns and rows of a SELECT or VALUES; rows that may be missing are not ``certain``."""
    world = _with(world, node)
    if node.get("op", "SETOP_NONE") != "SETOP_NONE":
        return _limit(world, node, _set_operation(world, node))
    if "valuesLists" in node:
        return _values(world, node)
    combinations, columns = rows_before_targets(world, node)
    result = _targets(world, node, combinations, columns)
    if node.get("distinctClause") is not None:
        result = _distinct(result)
    return _limit(world, node, result)


def _with(world: World, node: Node) -> World:
    clause = node.get("withClause")
    if clause is None:
        return world
    for item in clause.get("ctes", ()):
        cte = item["CommonTableExpr"]
        query = cte["ctequery"]
        if "SelectStmt" in query and not clause.get("recursive"):
            columns, rows = select(world, query["SelectStmt"])
        else:
            columns, rows = [], [Row({}, False)]
        names = [n["String"].get("sval", "") for n in cte.get("aliascolnames", ())]
        if names:
            columns, rows = rename(columns, rows, names)
        world = replace(world, derived={**world.derived, cte["ctename"]: (columns, rows)})
    return world


def rename(columns: list[str], rows: list[Row], names: Sequence[str]) -> Result:
    """The same rows with the first columns renamed."""
    new = [*names, *columns[len(names) :]]
    return new, [
        Row({b: row.values.get(a, UNKNOWN) for a, b in zip(columns, new, strict=False)}, row.certain) for row in rows
    ]


def _values(world: World, node: Node) -> Result:
    lists = [item["List"]["items"] for item in node["valuesLists"]]
    columns = [f"column{n + 1}" for n in range(len(lists[0]))]
    return columns, [Row(dict(zip(columns, [expression(world, v) for v in row], strict=False))) for row in lists]


def rows_before_targets(world: World, node: Node) -> tuple[list[Combination], Columns]:
    """FROM and WHERE: the combinations of rows for which the target list is evaluated."""
    conjuncts = split(node.get("whereClause"))
    items = node.get("fromClause", ())
    combinations, columns = combine(
        replace(world, local=frozenset(named(items)), hidden=system_columns(world, items)), items, conjuncts
    )
    return keep(world, combinations, conjuncts), columns


# --- target list ------------------------------------------------------------------------------------------------------


def _targets(world: World, node: Node, combinations: list[Combination], columns: Columns) -> Result:
    targets = [t["ResTarget"] for t in node.get("targetList", ())]
    if node.get("groupClause"):
        return _grouped(world, node, targets, combinations)
    if has_aggregate([t["val"] for t in targets]) or "havingClause" in node:
        return _aggregated(world, node, targets, combinations)
    names, rows = _names(targets, columns), []
    for frame, certain in combinations:
        inside = world.inside(frame)
        rows += _rows(inside, targets, names, columns, certain)
    return names, _ordered(world, node, combinations, rows)


def _rows(world: World, targets: list[Node], names: list[str], columns: Columns, certain: bool) -> list[Row]:
    values: list[Any] = []
    for target in targets:
        star = _star(target)
        if star is None:
            unnested = _unnested(world, target)
            if unnested is not None and len(targets) == 1:
                return (
                    [Row({names[0]: v}, certain) for v in unnested]
                    if isinstance(unnested, list)
                    else [Row({names[0]: UNKNOWN}, False)]
                )
            values.append(expression(world, target["val"]))
            continue
        for alias in columns if star == "" else [star]:
            values += [world.reference((alias, name)) for name in columns.get(alias, ())]
    return [Row(dict(zip(names, values, strict=False)), certain)]


def _unnested(world: World, target: Node) -> Any:
    call = target["val"].get("FuncCall")
    if call is None:
        return None
    if call.get("funcname", [{}])[-1].get("String", {}).get("sval") != "unnest":
        return _set_returned(world, call)
    found = expression(world, call["args"][0])
    return found if isinstance(found, Unknown) else found or []


def _set_returned(world: World, call: Node) -> Any:
    args = [expression(world, arg) for arg in call.get("args", ())]
    routine = called(world, call, args)
    if routine is None or not routine.retset:
        return None
    found = result(world, routine, args)
    if found is None or not all(row.certain for row in found[1]):
        return UNKNOWN
    return [row.values.get(found[0][0], UNKNOWN) for row in found[1]]


def _star(target: Node) -> str | None:
    fields = target["val"].get("ColumnRef", {}).get("fields", ())
    if not fields or "A_Star" not in fields[-1]:
        return None
    return fields[-2]["String"].get("sval", "") if len(fields) > 1 else ""


def _names(targets: list[Node], columns: Columns) -> list[str]:
    names: list[str] = []
    for target in targets:
        star = _star(target)
        if star is None:
            names.append(target.get("name") or column_name(target["val"]))
        else:
            for alias in columns if star == "" else [star]:
                names += columns.get(alias, ())
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        # two columns of one name: the first keeps it, as a reference to it would be ambiguous anyway
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            names[index] = f"{name}\0{seen[name]}"
    return names


def column_name(node: Node) -> str:
    """FigureColname (parse_target.c)."""
    ((tag, body),) = node.items()
    match tag:
        case "ColumnRef":
            last = body["fields"][-1]
            return str(last["String"].get("sval", "")) if "String" in last else "?column?"
        case "FuncCall":
            return str(body["funcname"][-1]["String"].get("sval", ""))
        case "TypeCast":
            inner = column_name(body["arg"])
            return inner if inner != "?column?" else str(body["typeName"]["names"][-1]["String"].get("sval", ""))
        case "SubLink" if body.get("subLinkType", "EXISTS_SUBLINK") == "EXISTS_SUBLINK":
            return "exists"
        case "SubLink" if body.get("subLinkType") == "EXPR_SUBLINK":
            target = body["subselect"]["SelectStmt"].get("targetList", [{}])[0].get("ResTarget", {})
            return str(target.get("name") or (column_name(target["val"]) if "val" in target else "?column?"))
        case "CaseExpr" | "CoalesceExpr" | "A_ArrayExpr" | "RowExpr":
            return {"CaseExpr": "case", "CoalesceExpr": "coalesce", "A_ArrayExpr": "array", "RowExpr": "row"}[tag]
        case "CollateClause" | "A_Indirection":
            return column_name(body["arg"])
        case _:
            return "?column?"


# --- groups -----------------------------------------------------------------------------------------------------------


def _aggregated(world: World, node: Node, targets: list[Node], combinations: list[Combination]) -> Result:
    names = _names(targets, {})
    inside = replace(world, grouped=tuple(combinations))
    having = truth(expression(inside, node["havingClause"])) if "havingClause" in node else True
    if having is False or having is None:
        return names, []
    values = [expression(inside, t["val"]) for t in targets]
    return names, [Row(dict(zip(names, values, strict=False)), having is True)]


def _grouped(world: World, node: Node, targets: list[Node], combinations: list[Combination]) -> Result:
    groups: dict[tuple[str, ...], list[Combination]] = {}
    for frame, certain in combinations:
        inside = world.inside(frame)
        keys = [expression(inside, key) for key in node["groupClause"]]
        if not known(*keys) or any("A_Const" in key for key in node["groupClause"]):
            return _names(targets, {}), [Row({}, False)]
        groups.setdefault(tuple(repr(k) for k in keys), []).append((frame, certain))
    names, rows = _names(targets, {}), []
    for group in groups.values():
        inside = replace(world.inside(group[0][0]), grouped=tuple(group))
        having = truth(expression(inside, node["havingClause"])) if "havingClause" in node else True
        if having is False or having is None:
            continue
        values = [expression(inside, t["val"]) for t in targets]
        rows.append(Row(dict(zip(names, values, strict=False)), having is True and any(c for _, c in group)))
    return names, rows


# --- after the target list --------------------------------------------------------------------------------------------


def _ordered(world: World, node: Node, combinations: list[Combination], rows: list[Row]) -> list[Row]:
    clause = node.get("sortClause")
    if not clause or len(rows) != len(combinations):
        return rows
    order = list(range(len(rows)))
    for item in reversed(clause):
        sort = item["SortBy"]
        values = [expression(world.inside(frame), sort["node"]) for frame, _ in combinations]
        ranks = _ranks(sort["node"], values)
        if ranks is None or "A_Const" in sort["node"]:
            return rows
        order.sort(key=ranks.__getitem__, reverse=sort.get("sortby_dir") == "SORTBY_DESC")
    return [rows[index] for index in order]


def _ranks(node: Node, values: list[Value]) -> list[Any] | None:
    """Keys in the order of ORDER BY: numbers, and texts whose order no collation changes; None where the order is not
    known."""
    if not known(*values):
        return None
    numbers = [number(v) for v in values]
    if all(n is not None for n in numbers) and not all(isinstance(v, str) for v in values):
        return numbers
    plain = _PLAIN if _column_named(node) not in _NAMES else ""
    if all(isinstance(v, str) and (not plain or re.fullmatch(plain, v)) for v in values):
        return values
    return None


def _column_named(node: Node) -> str:
    fields = node.get("ColumnRef", {}).get("fields", ({},))
    return str(fields[-1].get("String", {}).get("sval", ""))


def _distinct(result: Result) -> Result:
    columns, rows = result
    seen: dict[str, Row] = {}
    for row in rows:
        key = repr([row.values.get(c) for c in columns])
        if not known(*row.values.values()):
            key += str(id(row))
        kept = seen.get(key)
        seen[key] = row if kept is None or row.certain else kept
    return columns, list(seen.values())


def _set_operation(world: World, node: Node) -> Result:
    columns, left = select(world, node["larg"])
    others, right = select(world, node["rarg"])
    _, right = rename(others, right, columns)
    if node["op"] == "SETOP_UNION":
        joined = (columns, left + right)
        return joined if node.get("all") else _distinct(joined)
    if not all(row.certain and known(*row.values.values()) for row in left + right):
        return columns, [Row(dict.fromkeys(columns, UNKNOWN), False)]
    shown = {repr([row.values.get(c) for c in columns]) for row in right}
    wanted = node["op"] == "SETOP_INTERSECT"
    return _distinct(
        (columns, [row for row in left if (repr([row.values.get(c) for c in columns]) in shown) == wanted])
    )


def _limit(world: World, node: Node, result: Result) -> Result:
    columns, rows = result
    limit = expression(world, node["limitCount"]) if "limitCount" in node else None
    offset = expression(world, node["limitOffset"]) if "limitOffset" in node else None
    if limit is None and offset is None:
        return result
    if isinstance(limit, Unknown) or isinstance(offset, Unknown) or any(not row.certain for row in rows):
        certain = any(row.certain for row in rows) and not offset and isinstance(limit, int) and limit > 0
        if len(rows) == 1:
            return columns, [replace(rows[0], certain=rows[0].certain and certain)]
        return columns, [Row(dict.fromkeys(columns, UNKNOWN), certain)] if rows else []
    first = int(offset or 0)
    taken = rows[first:] if limit is None else rows[first : first + int(limit)]
    if len(taken) < len(rows) and not _sorted(node):
        same = {repr(row.values) for row in rows}
        if len(same) > 1:  # which rows come first is not known
            taken = [Row(dict.fromkeys(columns, UNKNOWN)) for _ in taken]
    return columns, taken


def _sorted(node: Node) -> bool:
    return bool(node.get("sortClause"))
