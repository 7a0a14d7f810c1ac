"""FROM: relations, joins, subqueries and functions as combinations of rows; equalities narrow what is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lockgate.parse.statement import Node, nodes
from lockgate.timeline.evaluate.conditions import (
    Columns,
    aliases,
    implied,
    own_column,
    pairs_of,
    refuses_null,
    same,
    split,
)
from lockgate.timeline.evaluate.expression import expression
from lockgate.timeline.evaluate.hash_join import Combination, hashed
from lockgate.timeline.evaluate.tables import rows_of
from lockgate.timeline.evaluate.value import UNKNOWN, Row, Unknown, Value, known, truth
from lockgate.timeline.evaluate.world import Frame, Missing, World

Sources = tuple[list[Combination], Columns]
_MOST = 50_000  # combinations of rows
_SERIES = 10_000  # numbers of generate_series()
_LOOKED_UP = 100  # combinations whose values are looked up in the next relation, instead of reading all of it
_ROW, _PAIR = 10, 2  # what it costs to read a row, to combine two


def keep(world: World, combinations: list[Combination], conjuncts: list[Node]) -> list[Combination]:
    """The combinations that a condition lets through."""
    for conjunct in conjuncts:
        left = []
        for frame, certain in combinations:
            found = truth(expression(world.inside(frame), conjunct))
            if found is True:
                left.append((frame, certain))
            elif isinstance(found, Unknown):
                left.append((frame, False))
        combinations = left
    return combinations


def combine(world: World, items: Iterable[Node], conjuncts: list[Node]) -> Sources:
    """All combinations of some FROM items; ``conjuncts`` narrow early, and are to be applied again at the end."""
    found: Sources = ([({}, True)], {})
    for item in items:
        found = _product(world, found, item, conjuncts)
    return found


def _product(world: World, left: Sources, item: Node, conjuncts: list[Node]) -> Sources:
    combinations, columns = left
    if _lateral(item):
        out: list[Combination] = []
        shape: Columns = {}
        for frame, certain in combinations:
            inner, shape = _scan(world.inside(frame), item, conjuncts)
            out += [({**frame, **f}, certain and c) for f, c in inner]
            if len(out) > _MOST:
                return _any(columns, shape), {**columns, **shape}
        return out, {**columns, **shape}
    right, shape = _scan(world, item, conjuncts, left)
    joined = {**columns, **shape}
    pairs = _pairs(world, combinations, right, columns, shape, conjuncts)
    early = [c for c in conjuncts if (names := aliases(c, joined)) is not None and names and names <= set(joined)]
    return keep(world, pairs, early), joined


def _lateral(item: Node) -> bool:
    return "RangeFunction" in item or bool(item.get("RangeSubselect", {}).get("lateral"))


def _pairs(
    world: World,
    left: list[Combination],
    right: list[Combination],
    columns: Columns,
    shape: Columns,
    conjuncts: list[Node],
) -> list[Combination]:
    found = _matches(world, left, right, columns, shape, conjuncts)
    if found is None:
        return _any(columns, shape)
    return [({**a, **b}, x and y) for (a, x), matches in zip(left, found, strict=True) for b, y in matches]


def _any(columns: Columns, shape: Columns) -> list[Combination]:
    """Rows of which nothing is known, for more than are followed."""
    return [({alias: Row({}, False) for alias in (*columns, *shape)}, False)]


def _matches(
    world: World,
    left: list[Combination],
    right: list[Combination],
    columns: Columns,
    shape: Columns,
    conjuncts: list[Node],
) -> list[list[Combination]] | None:
    """For each combination on the left those on the right that it may go with, by hash where the condition compares the
    two; None where there are too many."""
    keys = list(pairs_of(conjuncts, columns, shape)) if left and len(right) > 1 else []
    if not keys:
        return None if _too_many(world, len(left) * len(right)) else [right] * len(left)
    found = hashed(world, left, right, keys)
    return None if _too_many(world, sum(map(len, found))) else found


def _too_many(world: World, combinations: int) -> bool:
    if combinations <= _MOST:
        world.ctx.budget.spend(combinations * _PAIR)
    return combinations > _MOST


# --- one item ---------------------------------------------------------------------------------------------------------


def _scan(world: World, item: Node, conjuncts: list[Node], left: Sources = ([], {})) -> Sources:
    """The rows of an item; ``left`` are those that it is joined with, whose values narrow what is read."""
    ((tag, body),) = item.items()
    match tag:
        case "RangeVar":
            return _relation(world, body, conjuncts, left)
        case "JoinExpr":
            return _join(world, body, conjuncts)
        case "RangeSubselect":
            from lockgate.timeline.evaluate.query import select

            columns, rows = select(world, body["subquery"]["SelectStmt"])
            return _aliased(body.get("alias"), "\0subquery", columns, rows)
        case "RangeFunction":
            return _function(world, body)
        case _:
            return [({}, False)], {}


def _aliased(alias: Node | None, default: str, columns: list[str], rows: list[Row]) -> Sources:
    from lockgate.timeline.evaluate.query import rename

    name = (alias or {}).get("aliasname", default)
    names = [n["String"].get("sval", "") for n in (alias or {}).get("colnames", ())]
    if names:
        columns, rows = rename(columns, rows, names)
    return [({name: row}, row.certain) for row in rows], {name: columns}


def _relation(world: World, body: Node, conjuncts: list[Node], left: Sources) -> Sources:
    name, schema = body.get("relname", ""), body.get("schemaname")
    if schema is None and name in world.derived:
        columns, rows = world.derived[name]
        return _aliased(body.get("alias"), name, columns, rows)
    alias = body.get("alias", {}).get("aliasname", name)
    wanted = _joined(world, alias, conjuncts, left) | _wanted(world, alias, conjuncts)
    columns, rows = rows_of(world, schema, name, wanted)
    world.ctx.budget.spend(len(rows) * _ROW)
    return _aliased(body.get("alias"), name, columns, rows)


def _joined(world: World, alias: str, conjuncts: list[Node], left: Sources) -> dict[str, frozenset[Any]]:
    """What columns of a relation are compared with in the rows that it is joined with."""
    wanted: dict[str, frozenset[Any]] = {}
    frames, columns = left
    if not 0 < len(frames) <= _LOOKED_UP:
        return wanted
    for theirs, own in pairs_of(conjuncts, columns, {alias: []}):
        column = own_column(own, alias)
        values = [expression(world.inside(frame), theirs) for frame, _ in frames] if column is not None else [UNKNOWN]
        if column is not None and known(*values) and not any(isinstance(v, (list, Row)) for v in values):
            wanted[column] = frozenset(v for v in values if v is not None)
    return wanted


def _wanted(world: World, alias: str, conjuncts: list[Node]) -> dict[str, frozenset[Any]]:
    """What columns of a relation are compared with, where that is known before its rows are read."""
    wanted: dict[str, frozenset[Any]] = {}
    for conjunct in conjuncts:
        body = conjunct.get("A_Expr")
        if (
            body is None
            or body.get("kind", "AEXPR_OP") not in ("AEXPR_OP", "AEXPR_IN")
            or body["name"][-1]["String"].get("sval") != "="
        ):
            continue
        for this, that in ((body.get("lexpr"), body.get("rexpr")), (body.get("rexpr"), body.get("lexpr"))):
            column = own_column(this, alias)
            if column is None or that is None:
                continue
            items = that["List"]["items"] if "List" in that else [that]
            if not all(_from_outside(world, each) for each in items):
                continue
            values = [expression(world, each) for each in items]
            if known(*values) and not any(isinstance(v, list) for v in values):
                wanted[column] = frozenset(values)
    return wanted


def _from_outside(world: World, node: Any) -> bool:
    """Whether an expression refers to nothing but rows and variables around the query, by qualified names or such as
    no column here can have."""
    for item in nodes(node):
        if "SubLink" in item:
            return False
        if "ColumnRef" in item:
            names = tuple(f["String"].get("sval", "") for f in item["ColumnRef"]["fields"] if "String" in f)
            if len(names) < 2:
                local = not names or world.hidden is None or names[0] in world.hidden
            else:
                local = names[-2] in world.local
            if local or isinstance(_outer(world, names), Missing):
                return False
    return True


def _outer(world: World, names: tuple[str, ...]) -> Value | Missing:
    found = world.column(names)
    return world.variable(names) if isinstance(found, Missing) else found


def named(items: Iterable[Node]) -> Iterator[str]:
    """The aliases that FROM items introduce."""
    for item in items:
        ((tag, body),) = item.items()
        if tag == "JoinExpr":
            yield from named([body["larg"], body["rarg"]])
        if "alias" in body or tag == "RangeVar":
            yield body.get("alias", {}).get("aliasname") or body["relname"]


def system_columns(world: World, items: Iterable[Node]) -> frozenset[str] | None:
    """The columns of FROM items that are relations of PostgreSQL's own; None where one is anything else."""
    found: set[str] = set()
    stack = list(items)
    while stack:
        ((tag, body),) = stack.pop().items()
        if tag == "JoinExpr":
            stack += [body["larg"], body["rarg"]]
            continue
        name, schema = body.get("relname", ""), body.get("schemaname", "pg_catalog")
        relation = world.ctx.catalog.builtins.relation(schema, name) if tag == "RangeVar" else None
        if relation is None or name in world.derived:
            return None
        found.update(column[0] for column in relation.columns)
    return frozenset(found)


def _join(world: World, body: Node, conjuncts: list[Node]) -> Sources:
    kind = body.get("jointype", "JOIN_INNER")
    quals = split(body.get("quals"))
    if kind == "JOIN_LEFT" and any(refuses_null(c, set(named([body["rarg"]]))) for c in conjuncts):
        kind = "JOIN_INNER"  # what finds no match is let through by no WHERE (reduce_outer_joins in prepjointree.c)
    inner = kind == "JOIN_INNER"
    if inner:
        conjuncts = [*conjuncts, *implied(conjuncts, quals)]
    left = combine(world, [body["larg"]], conjuncts + quals if inner else conjuncts)
    if kind not in ("JOIN_INNER", "JOIN_LEFT") or body.get("isNatural") or "RangeFunction" in body["rarg"]:
        found = _product(world, left, body["rarg"], quals if inner else [])
        if kind in ("JOIN_INNER",) and not body.get("isNatural"):
            return keep(world, found[0], quals), found[1]
        return [(frame, False) for frame, _ in found[0]] or [({}, False)], found[1]
    alias, using = next(named([body["rarg"]]), ""), [n["String"].get("sval", "") for n in body.get("usingClause", ())]
    shared = [same(name, left[1], {alias: [name]}) for name in using]
    right = _scan(world, body["rarg"], [*(conjuncts if inner else ()), *quals, *shared], left)
    quals = quals + [same(name, left[1], right[1]) for name in using]
    columns = {**left[1], **right[1]}
    if inner:
        pairs = _pairs(world, left[0], right[0], left[1], right[1], quals)
        return keep(world, pairs, quals), columns
    return _left_join(world, left, right, quals), columns


def _left_join(world: World, left: Sources, right: Sources, quals: list[Node]) -> list[Combination]:
    empty: Frame = {alias: Row(dict.fromkeys(names)) for alias, names in right[1].items()}
    found = _matches(world, left[0], right[0], left[1], right[1], quals)
    if found is None:
        return [({alias: Row({}, False) for alias in (*left[1], *right[1])}, False)]
    out: list[Combination] = []
    for (frame, certain), candidates in zip(left[0], found, strict=True):
        matches = keep(world, [({**frame, **b}, certain and y) for b, y in candidates], quals)
        out += matches
        if not any(sure for _, sure in matches) or not certain:
            out.append(({**frame, **empty}, certain and not matches))
    return out


def _function(world: World, body: Node) -> Sources:
    call = body["functions"][0]["List"]["items"][0].get("FuncCall", {})
    name = call.get("funcname", [{}])[-1].get("String", {}).get("sval", "")
    alias = body.get("alias")
    column = (alias or {}).get("aliasname", name)
    args = [expression(world, arg) for arg in call.get("args", ())]
    values: Any = UNKNOWN
    if name == "unnest" and len(args) == 1:
        values = args[0] if args[0] is not None else []
    elif (
        name == "generate_series"
        and len(args) in (2, 3)
        and all(isinstance(a, int) for a in args)
        and (len(args) < 3 or args[2])
    ):
        step = args[2] if len(args) == 3 else 1
        series = range(args[0], args[1] + (1 if step > 0 else -1), step)
        values = list(series) if not series[_SERIES:] else UNKNOWN
    if body.get("ordinality") or not isinstance(values, list):
        return _aliased(alias, name, [column], [Row({column: UNKNOWN}, False)])
    return _aliased(alias, name, [column], [Row({column: v}) for v in values])
