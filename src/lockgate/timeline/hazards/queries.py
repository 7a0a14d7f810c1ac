"""What queries lock and read (src/backend/parser/parse_relation.c, optimizer/util/inherit.c, utils/adt/ri_triggers.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lockgate.base.effects import Lock, Work
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Constraint, Relation, Rewrite
from lockgate.parse.statement import Node
from lockgate.timeline.binder import AnalyzedQuery, RelationUse
from lockgate.timeline.context import Context
from lockgate.timeline.hazards.reading import ReadTable, by_index, sources
from lockgate.timeline.hazards.touches import Touches, family

if TYPE_CHECKING:
    from lockgate.timeline.hazards.implied import Claim

_WRITING = frozenset({"INSERT", "UPDATE", "DELETE"})
_ORDERED = frozenset({"=", "<", "<=", ">", ">="})


def queried(ctx: Context, tag: str, node: Node | None, query: AnalyzedQuery, *, runs: bool = True) -> None:
    """Take note of a query that runs (or is only analysed). ``node`` is its raw tree, where it is at hand."""
    touches = ctx.touches
    if touches is None:
        return
    read = tuple(sources(tag, node)) if runs and node is not None and query.uses else ()
    for use in query.uses:
        relation = ctx.catalog.find(Relation, use.relation)
        if relation is not None:
            _used(ctx, touches, relation, use, tag, node, query, read, runs)


def _used(
    ctx: Context,
    touches: Touches,
    relation: Relation,
    use: RelationUse,
    tag: str,
    node: Node | None,
    query: AnalyzedQuery,
    own: tuple[ReadTable, ...],
    runs: bool,
) -> None:
    writes = use.privileges & _WRITING if query.command != "select" or query.modifies else frozenset[str]()
    lock = Lock.ROW_EXCLUSIVE if writes else (Lock.ROW_SHARE if query.locks_rows else Lock.ACCESS_SHARE)
    read = runs and ("INSERT" not in use.privileges or tag == "MergeStmt")
    how, where = _how(ctx, node, relation, own) if read else None, _condition(tag, node, relation)
    for one in family(ctx.catalog, relation) if "INSERT" not in use.privileges else [relation]:
        if where is not None and _pruned(ctx.catalog, relation, one, where):
            continue
        touches.lock(one, lock)
        if how is not None:
            touches.work(one, Work.SCAN, how[0], exact=how[1])
    if relation.kind == "v":
        _behind(ctx, touches, relation, lock, read)
    if writes and any(rule.event != "select" for rule in ctx.catalog.of_relation(relation.oid, Rewrite)):
        touches.exact = False  # a rule of the user's may do something else, or more
    if writes and runs:
        ctx.transaction.written.add(relation.oid)
        _referential(ctx, touches, relation, use)


def read_view(ctx: Context, touches: Touches, view: Relation, *, runs: bool = True) -> None:
    """Run a (materialized) view's query."""
    _behind(ctx, touches, view, Lock.ACCESS_SHARE, runs)


def _behind(
    ctx: Context, touches: Touches, view: Relation, lock: Lock, read: bool, seen: frozenset[int] = frozenset()
) -> None:
    from lockgate.timeline.privileges.query import behind

    for oid in behind(ctx, view)[0] if view.oid not in seen else ():
        relation = ctx.catalog.the(Relation, oid)
        if relation.kind == "v":
            touches.lock(relation, Lock.ACCESS_SHARE)
            _behind(ctx, touches, relation, lock, read, seen | {view.oid})
            continue
        for one in family(ctx.catalog, relation):
            touches.lock(one, lock if view.updatable[:1] == (oid,) else Lock.ACCESS_SHARE)
            if read:
                touches.work(one, Work.SCAN, "read by a query", exact=False)


# --- which rows -------------------------------------------------------------------------------------------------------


def _how(ctx: Context, node: Node | None, relation: Relation, read: tuple[ReadTable, ...]) -> tuple[str, bool] | None:
    """Why all of a relation is read, and whether that is certain; None where it is not (an index serves, or nothing is
    looked for)."""
    own = [one for one in read if one.rangevar.get("relname") == relation.name]
    if node is None or not own:
        return "read by a query", False
    found = [how for one in own if (how := _why(ctx, relation, one)) is not None]
    return max(found, key=lambda how: how[1]) if found else None


def _why(ctx: Context, relation: Relation, source: ReadTable) -> tuple[str, bool] | None:
    where = source.query.get("whereClause")
    if where is not None and source.alone:
        from lockgate.timeline.hazards.implied import claim

        if _never(ctx.catalog, relation, where, claim(where)):
            return None
    if by_index(ctx.catalog, relation, source):
        return None
    if where is not None and source.alone:
        return "condition without an index", False
    return ("whole table read" if source.alone else "read by a query"), not source.joined and not _limited(source.query)


def _condition(tag: str, node: Node | None, relation: Relation) -> Node | None:
    """The WHERE that decides which partitions of a table are read."""
    if node is None or relation.kind != "p":
        return None
    target, where, alone = _shape(tag, node)
    return where if alone and target.get("relname") == relation.name else None


def _pruned(catalog: Catalog, root: Relation, part: Relation, where: Node) -> bool:
    """Whether the planner leaves a partition out: its bound, or with the default one another's, decides."""
    from lockgate.timeline.hazards.bounds import excludes
    from lockgate.timeline.hazards.implied import claim

    return part.oid != root.oid and root.oid in part.parents and excludes(catalog, root, part, claim(where))


def _limited(node: Node) -> bool:
    return "limitCount" in node or "whereClause" in node or "withClause" in node


def _shape(tag: str, node: Node) -> tuple[Node, Node | None, bool]:
    """The only relation that a query reads by its WHERE, the WHERE, and whether it is so simple a query."""
    if tag == "InsertStmt":
        inner = node.get("selectStmt", {}).get("SelectStmt", {})
        return _shape("SelectStmt", inner) if inner else ({}, None, False)
    where: Node | None = node.get("whereClause")
    if tag in ("UpdateStmt", "DeleteStmt"):
        alone = not node.get("fromClause") and not node.get("usingClause") and "withClause" not in node
        return node.get("relation", {}), where, alone
    sources = node.get("fromClause", [])
    plain = len(sources) == 1 and "RangeVar" in sources[0] and "withClause" not in node and "larg" not in node
    return (sources[0]["RangeVar"] if plain else {}), where, plain


def _never(catalog: Catalog, relation: Relation, where: Node, wanted: Claim) -> bool:
    """A condition that holds for no row: FALSE, and from 17 on IS NULL of a NOT NULL column."""
    const = where.get("A_Const", {})
    if "boolval" in const and not const["boolval"].get("boolval"):
        return True
    nulls = [one[1] for one in _conjuncts(wanted) if one[0] == "null"]
    columns = (relation.attribute(name) for name in nulls)
    return catalog.major >= 17 and any(c is not None and c.notnull for c in columns)


def _conjuncts(one: Claim) -> Iterator[Claim]:
    if one[0] == "and":
        for part in one[1]:
            yield from _conjuncts(part)
    else:
        yield one


def served(catalog: Catalog, relation: Relation, wanted: Claim) -> bool:
    """Whether an index finds the rows: a condition on the first column of one (which the planner may still pass over)."""
    firsts = {
        index.index.keys[0]
        for index in catalog.of_relation(relation.oid, Relation)
        if index.index is not None and index.index.valid and not index.index.partial and index.index.keys
    }
    for one in _conjuncts(wanted):
        names = {part[1] for part in one[1]} if one[0] == "or" and all(p[0] == "=" for p in one[1]) else set()
        if one[0] in _ORDERED or one[0] == "null":
            names = {one[1]}
        column = relation.attribute(names.pop()) if len(names) == 1 else None
        if column is not None and column.num in firsts:
            return True
    return False


# --- foreign keys -----------------------------------------------------------------------------------------------------


def _referential(ctx: Context, touches: Touches, relation: Relation, use: Any) -> None:
    """The queries of foreign keys' triggers: the referenced row is locked, the referring rows are looked for."""
    from lockgate.timeline.hazards.partitions import foreign_keys_to

    catalog = ctx.catalog
    for key in catalog.of_relation(relation.oid, Constraint):
        touched = "INSERT" in use.privileges or ("UPDATE" in use.privileges and use.updated & set(key.keys))
        if key.kind == "f" and touched:
            touches.lock(catalog.find(Relation, key.foreign), Lock.ROW_SHARE)
    for key in foreign_keys_to(catalog, relation):
        touched = "DELETE" in use.privileges or ("UPDATE" in use.privileges and use.updated & set(key.foreign_keys))
        source = catalog.find(Relation, key.relation)
        if not touched or source is None:
            continue
        action = key.on_delete if "DELETE" in use.privileges else key.on_update
        touches.lock(source, Lock.ROW_SHARE if action in ("a", "r") else Lock.ROW_EXCLUSIVE)
        own = [a.name for n in key.keys if (a := source.attribute_by_num(n)) is not None]
        if not served(catalog, source, ("and", tuple(("=", name, "") for name in own))):
            touches.work(source, Work.SCAN, "foreign key without an index", exact=False)
