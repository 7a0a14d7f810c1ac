"""The references of a tree of sqlglot's whose relation is certain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from sqlglot import Expr, exp
from sqlglot.optimizer.scope import Scope, ScopeType, traverse_scope

from lockgate.queries.frames import HOLE_NAME

Brought = dict[int, frozenset[str] | None]  # by the level's node
_LEVELS = (exp.Select, exp.Insert, exp.Update, exp.Delete, exp.Merge)


class Reference(msgspec.Struct, frozen=True):
    """A column of a relation, under the name that it has there; None: the relation alone. ``bare``: written without a
    qualifier, so an outer level may mean it."""

    relation: exp.Table
    qualifier: exp.Identifier
    column: exp.Identifier | None = None
    bare: bool = False

    @property
    def start(self) -> int:
        """Where it stands in the text."""
        token = self.column or self.relation.this
        return int(token.meta["start"])


def references(tree: Expr, sound: bool) -> Iterator[Reference]:
    """What is certain. Not ``sound``: the parser passed over something, so only what stands on its own level is."""
    scopes = [scope for scope in traverse_scope(tree) if isinstance(scope.expression, exp.Select)]
    brought = {id(scope.expression): _brought(scope) for scope in scopes}
    for scope in scopes:
        yield from _of_select(scope, brought, sound)
    for node in tree.find_all(*_LEVELS[1:]):
        if isinstance(target := _target(node), exp.Table):
            yield from _of_change(node, target, brought, sound)


def _brought(scope: Scope) -> frozenset[str] | None:
    """The names that a level brings into sight; None where a fragment may bring others."""
    selected = scope.selected_sources
    return None if any(_is_hole(source) for _, source in selected.values()) else frozenset(selected)


def _of_select(scope: Scope, brought: Brought, sound: bool) -> Iterator[Reference]:
    select, selected = scope.expression, scope.selected_sources
    tables = {
        name: source for name, (_, source) in selected.items() if isinstance(source, exp.Table) and _plain(source)
    }
    yield from _relations(tables.values())
    alone = (
        next(iter(tables.values()))
        if sound and len(selected) == len(tables) == 1 and not select.args.get("laterals") and _closed(scope)
        else None
    )
    for column in scope.columns:
        table = tables.get(column.table)
        own = _level(column) is select
        if column.table and table is not None and (own or (sound and _reaches(column, select, brought))):
            yield from _qualified(table, column)
        elif not column.table and own and alone is not None and not _may_be_alias(column):
            yield from _named(alone, column.this, bare=True)
    for join in select.args.get("joins") or ():
        if isinstance(join.this, exp.Table) and join.this.alias_or_name in tables:
            for column in join.args.get("using") or ():
                yield from _named(join.this, column.this if isinstance(column, exp.Column) else column)


def _of_change(node: Expr, target: exp.Table, brought: Brought, sound: bool) -> Iterator[Reference]:
    """What INSERT, UPDATE, DELETE and MERGE write, and what they read on their own level."""
    others = [t for t in _others(node) if isinstance(t, exp.Table)]
    tables = {t.alias_or_name: t for t in (target, *others) if _plain(t)}
    if isinstance(node, exp.Insert):
        tables["excluded"] = target
    hidden = {cte.alias for cte in node.root().find_all(exp.CTE)}
    tables = {name: t for name, t in tables.items() if t is target or t.name not in hidden or t.db}
    if not _plain(target):
        return
    yield from _relations(tables.values())
    written = list(_written(node))
    for name in written:
        yield from _named(target, name)
    alone = sound and isinstance(node, exp.Update | exp.Delete) and not list(_others(node)) and node.parent is None
    for column in node.find_all(exp.Column):
        own = _owner(column) is node
        if column.table in tables and (own or (sound and _reaches(column, node, brought))):
            yield from _qualified(tables[column.table], column)
        elif own and alone and not column.table and not any(column.this is name for name in written):
            yield from _named(target, column.this, bare=True)


def _target(node: Expr) -> object:
    return node.this.this if isinstance(node.this, exp.Schema) else node.this


def _others(node: Expr) -> Iterator[Expr]:
    """The other relations of a change: FROM, USING and their joins."""
    using = node.args.get("using") or []
    found = [node.args["from_"].this] if node.args.get("from_") else []
    for one in (*found, *(using if isinstance(using, list) else [using])):
        yield one
        yield from (join.this for join in one.args.get("joins") or ())


def _written(node: Expr) -> Iterator[exp.Identifier]:
    """The columns that a change writes, or names as its conflict's target."""
    if isinstance(node.this, exp.Schema):
        yield from (c for c in node.this.expressions if isinstance(c, exp.Identifier))
    conflict = node.args.get("conflict")
    whens = node.args["whens"].expressions if node.args.get("whens") else ()
    inner = [when.args["then"] for when in whens if isinstance(when.args.get("then"), exp.Update | exp.Insert)]
    sets = [
        *(conflict.expressions if conflict else ()),
        *(e for n in (node, *inner) if isinstance(n, exp.Update) for e in n.expressions),
    ]
    goals = [e.this for e in sets if isinstance(e, exp.EQ)]
    goals += [
        key.this if isinstance(key, exp.Ordered) else key
        for key in (conflict.args.get("conflict_keys") or () if conflict else ())
    ]
    goals += [
        column
        for insert in inner
        if isinstance(insert, exp.Insert) and isinstance(insert.this, exp.Tuple)
        for column in insert.this.expressions
    ]
    for goal in goals:
        for one in goal.expressions if isinstance(goal, exp.Tuple) else (goal,):
            while isinstance(one, exp.Bracket | exp.Paren):
                one = one.this
            if isinstance(one, exp.Column) and not one.table:
                yield one.this


def _relations(tables: Iterable[exp.Table]) -> Iterator[Reference]:
    for table in tables:
        yield Reference(table, table.this)


def _qualified(table: exp.Table, column: exp.Column) -> Iterator[Reference]:
    qualifier = column.args["table"]
    if column.args.get("db") is None and _placed(qualifier) and _placed(column.this):
        yield Reference(table, qualifier, column.this)


def _named(table: exp.Table, column: Expr, bare: bool = False) -> Iterator[Reference]:
    if _placed(column) and not column.name.startswith(HOLE_NAME):
        yield Reference(table, table.this, column, bare)  # type: ignore[arg-type]


def _plain(table: exp.Table) -> bool:
    """Whether it is a relation by its name, with its own columns' names; not a function, nor a fragment."""
    alias = table.args.get("alias")
    columns = alias is not None and alias.args.get("columns")
    return (
        _placed(table.this)
        and not columns
        and not table.args.get("catalog")
        and not _is_hole(table)
        and not table.args.get("pivots")
    )


def _placed(name: object) -> bool:
    return isinstance(name, exp.Identifier) and "start" in name.meta


def _is_hole(source: object) -> bool:
    return isinstance(source, exp.Table) and (source.name.startswith(HOLE_NAME) or source.db.startswith(HOLE_NAME))


def _closed(scope: Scope | None) -> bool:
    """Whether no outer level can be seen from there."""
    while scope is not None:
        if scope.scope_type in (ScopeType.SUBQUERY, ScopeType.UDTF):
            return False
        scope = scope.parent
    return True


def _level(node: Expr) -> Expr | None:
    level: Expr | None = node.find_ancestor(*_LEVELS)
    return level


def _owner(node: Expr) -> Expr | None:
    """The statement on whose own level a column stands; MERGE's actions are part of it."""
    level = _level(node)
    while level is not None and not isinstance(level, exp.Select) and not isinstance(_target(level), exp.Table):
        level = _level(level)
    return level


def _reaches(column: exp.Column, top: Expr, brought: Brought) -> bool:
    """Whether a qualifier in a subquery means what the level ``top`` has under that name: it sees that level, and none
    between brings the name."""
    node: Expr = column
    while (parent := node.parent) is not None and parent is not top:
        if isinstance(parent, exp.Select):
            names = brought.get(id(parent))
            if names is None or column.table in names:
                return False
        elif isinstance(parent, exp.CTE) or (isinstance(parent, _LEVELS) and isinstance(_target(parent), exp.Table)):
            return False
        node = parent
    return isinstance(top, exp.Select) or node.arg_key in (
        "where",
        "expressions",
        "returning",
        "conflict",
        "on",
        "whens",
    )


def _may_be_alias(column: exp.Column) -> bool:
    """Names of output columns can be meant there."""
    return column.find_ancestor(exp.Order, exp.Group, exp.Distinct, exp.Select) is not column.find_ancestor(exp.Select)
