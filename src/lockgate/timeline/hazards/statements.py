"""The locks and the work of each kind of statement but ALTER TABLE, before it runs (the commands in
src/backend/commands, each with the lock that it asks for)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate.base.effects import Lock, Work
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Constraint, Namespace, Relation, Trigger, Type
from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.hazards.find import by_list, items, named, rangevars
from lockgate.timeline.hazards.touches import Touches, family, lock_all

_RELATIONS = frozenset(
    {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"}
)
_ON_TABLES = frozenset({"OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"})
_MAINTAINED = "rmp"


def create_table(ctx: Context, touches: Touches, node: Node) -> None:
    """CREATE TABLE: what it inherits from, is a partition of, or is made like."""
    bound = node.get("partbound")
    own = node.get("relation", {})
    if node.get("if_not_exists") and named(ctx, own) is not None:
        return
    for rangevar in rangevars(node.get("inhRelations", ())):
        parent = named(ctx, rangevar)
        touches.lock(parent, Lock.ACCESS_EXCLUSIVE if bound else Lock.SHARE_UPDATE_EXCLUSIVE)
        if bound and parent is not None:
            from lockgate.timeline.hazards.partitions import check_default, referenced

            referenced(touches, ctx.catalog, parent)
            if not bound.get("is_default"):
                check_default(touches, ctx.catalog, parent, bound)
    for item in node.get("tableElts", ()):
        if "TableLikeClause" in item:
            touches.lock(named(ctx, item["TableLikeClause"].get("relation")), Lock.ACCESS_SHARE)


def create_index(ctx: Context, touches: Touches, node: Node) -> None:
    """CREATE INDEX (DefineIndex): the table, and its partitions where they get their part. The lock is taken before
    IF NOT EXISTS is asked."""
    table = named(ctx, node.get("relation"))
    lock = Lock.SHARE_UPDATE_EXCLUSIVE if node.get("concurrent") else Lock.SHARE
    touches.lock(table, lock)
    if table is not None and table.kind == "p" and node["relation"].get("inh"):
        lock_all(touches, family(ctx.catalog, table), lock)


def drop(ctx: Context, touches: Touches, node: Node) -> None:
    """DROP INDEX: its table too (RangeVarCallbackForDropRelation); the rest is what goes away."""
    if node.get("removeType") != "OBJECT_INDEX":
        return
    lock = Lock.SHARE_UPDATE_EXCLUSIVE if node.get("concurrent") else Lock.ACCESS_EXCLUSIVE
    for item in node.get("objects", ()):
        index = by_list(ctx, items(item))
        if index is None or index.index is None:
            continue
        table = ctx.catalog.find(Relation, index.index.relation)
        touches.lock(index, lock)
        touches.lock(table, lock)
        if index.kind == "I" and table is not None:
            lock_all(touches, family(ctx.catalog, table), lock)


def rename(ctx: Context, touches: Touches, node: Node) -> None:
    """ALTER ... RENAME (renameatt, RenameRelation, RenameConstraint, renametrig, ...)."""
    relation, kind = named(ctx, node.get("relation")), node.get("renameType", "")
    if relation is None:
        return
    if kind in ("OBJECT_COLUMN", "OBJECT_ATTRIBUTE"):
        from lockgate.timeline.hazards.alter import typed

        lock_all(touches, [*family(ctx.catalog, relation), *typed(ctx.catalog, relation)], Lock.ACCESS_EXCLUSIVE)
    elif kind in _RELATIONS:
        touches.lock(relation, Lock.SHARE_UPDATE_EXCLUSIVE if relation.kind in "iI" else Lock.ACCESS_EXCLUSIVE)
    elif kind in _ON_TABLES:
        touches.lock(relation, Lock.ACCESS_EXCLUSIVE)
        if _goes_down(ctx.catalog, relation, kind, node.get("subname", "")):
            lock_all(touches, family(ctx.catalog, relation), Lock.ACCESS_EXCLUSIVE)


def _goes_down(catalog: Catalog, relation: Relation, kind: str, name: str) -> bool:
    if kind == "OBJECT_TRIGGER":
        return relation.kind == "p" and any(
            t.row and t.name == name for t in catalog.of_relation(relation.oid, Trigger)
        )
    found = catalog.one(Constraint, ("constraint", relation.oid, name)) if kind == "OBJECT_TABCONSTRAINT" else None
    return found is not None and found.kind in "cn" and not found.no_inherit


def set_schema(ctx: Context, touches: Touches, node: Node) -> None:
    """ALTER ... SET SCHEMA."""
    if node.get("objectType") in _RELATIONS:
        touches.lock(named(ctx, node.get("relation")), Lock.ACCESS_EXCLUSIVE)


def comment(ctx: Context, touches: Touches, node: Node) -> None:
    """COMMENT and SECURITY LABEL (get_object_address): relations and columns; what hangs on a table asks for less."""
    kind, names = node.get("objtype", ""), items(node.get("object", {}))
    if kind in _RELATIONS:
        touches.lock(by_list(ctx, names), Lock.SHARE_UPDATE_EXCLUSIVE)
    elif kind == "OBJECT_COLUMN":
        touches.lock(by_list(ctx, names[:-1]), Lock.SHARE_UPDATE_EXCLUSIVE)
    elif kind in _ON_TABLES:
        touches.lock(by_list(ctx, names[:-1]), Lock.ACCESS_SHARE)


def trigger(ctx: Context, touches: Touches, node: Node) -> None:
    """CREATE TRIGGER: row triggers go to the partitions, too (CreateTriggerFiringOn)."""
    table = named(ctx, node.get("relation"))
    touches.lock(table, Lock.SHARE_ROW_EXCLUSIVE)
    touches.lock(named(ctx, node.get("constrrel")), Lock.ACCESS_SHARE)
    if table is not None and table.kind == "p" and node.get("row"):
        lock_all(touches, family(ctx.catalog, table), Lock.SHARE_ROW_EXCLUSIVE)


def on_table(ctx: Context, touches: Touches, node: Node) -> None:
    """CREATE and ALTER POLICY."""
    touches.lock(named(ctx, node.get("table")), Lock.ACCESS_EXCLUSIVE)


def on_relation(ctx: Context, touches: Touches, node: Node) -> None:
    """CREATE RULE."""
    touches.lock(named(ctx, node.get("relation")), Lock.ACCESS_EXCLUSIVE)


def statistics(ctx: Context, touches: Touches, node: Node) -> None:
    """CREATE STATISTICS."""
    for rangevar in rangevars(node.get("relations", ())):
        touches.lock(named(ctx, rangevar), Lock.SHARE_UPDATE_EXCLUSIVE)


def publication(ctx: Context, touches: Touches, node: Node) -> None:
    """CREATE and ALTER PUBLICATION (OpenTableList): tables with their children."""
    for item in node.get("pubobjects", ()):
        rangevar = item["PublicationObjSpec"].get("pubtable", {}).get("relation")
        table = named(ctx, rangevar)
        if table is not None and rangevar is not None:
            below = rangevar.get("inh") and table.kind != "p"
            lock_all(touches, family(ctx.catalog, table) if below else [table], Lock.SHARE_UPDATE_EXCLUSIVE)


# --- maintenance ------------------------------------------------------------------------------------------------------


def vacuum(ctx: Context, touches: Touches, node: Node) -> None:
    """VACUUM and ANALYZE; partitions with their table."""
    options = {o["DefElem"]["defname"]: o["DefElem"].get("arg", {}) for o in node.get("options", ())}
    full = bool(node.get("is_vacuumcmd")) and "full" in options and not _off(options["full"])
    lock = Lock.ACCESS_EXCLUSIVE if full else Lock.SHARE_UPDATE_EXCLUSIVE
    for table in _maintained(ctx, node):
        touches.lock(table, lock)
        if full:
            touches.work(table, Work.REWRITE, "vacuum full")


def _off(arg: Node) -> bool:
    """Whether an option's argument switches it off (defGetBoolean)."""
    word = str(arg.get("String", {}).get("sval", "")).lower()
    return word in ("false", "off") or arg.get("Boolean") == {} or arg.get("Integer") == {}


def _maintained(ctx: Context, node: Node) -> Iterator[Relation]:
    listed = node.get("rels", ())
    for item in listed:
        rangevar = item["VacuumRelation"].get("relation", {})
        table = named(ctx, rangevar)
        if table is not None:  # from 18 on, ONLY is heard, and inheriting tables are children as well
            below = rangevar.get("inh") if ctx.catalog.major >= 18 else table.kind == "p"
            yield from family(ctx.catalog, table) if below else [table]
    if not listed:
        whole = _MAINTAINED.replace("p", "") if node.get("is_vacuumcmd") else _MAINTAINED
        yield from (r for r in ctx.catalog.objects(Relation) if r.kind in whole)


def cluster(ctx: Context, touches: Touches, node: Node) -> None:
    """CLUSTER: one table, or all that were clustered before."""
    catalog = ctx.catalog
    table = named(ctx, node.get("relation"))
    every = (catalog.objects(Relation) if "relation" not in node else ()) if table is None else family(catalog, table)
    for one in every:
        indexes = (i.index for i in catalog.of_relation(one.oid, Relation) if i.index is not None)
        if table is not None or any(i.clustered for i in indexes):
            touches.lock(one, Lock.ACCESS_EXCLUSIVE)
            touches.work(one, Work.REWRITE, "clustered")


def reindex(ctx: Context, touches: Touches, node: Node) -> None:
    """REINDEX: SHARE on the table, ACCESS EXCLUSIVE on each index; CONCURRENTLY SHARE UPDATE EXCLUSIVE on both."""
    params = {p["DefElem"].get("defname") for p in node.get("params", ())}
    concurrent = "concurrently" in params
    lock = Lock.SHARE_UPDATE_EXCLUSIVE if concurrent else Lock.SHARE
    for table, indexes in _reindexed(ctx, node):
        touches.lock(table, lock)
        for index in indexes:
            touches.lock(index, lock if concurrent else Lock.ACCESS_EXCLUSIVE)
            touches.work(table, Work.BUILD, "index build")


def _reindexed(ctx: Context, node: Node) -> Iterator[tuple[Relation | None, list[Relation]]]:
    catalog = ctx.catalog
    target = named(ctx, node.get("relation"))
    if target is not None and target.index is not None:
        parts = family(catalog, target)
        yield from ((catalog.find(Relation, p.index.relation), [p] if p.kind == "i" else []) for p in parts if p.index)
        return
    space = catalog.namespace(node.get("name", "")) if node.get("kind") == "REINDEX_OBJECT_SCHEMA" else None
    tables: Iterable[Relation] = family(catalog, target) if target is not None else ()
    if target is None and node.get("kind") in ("REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_DATABASE"):
        tables = (r for r in catalog.objects(Relation) if r.kind in "rm" and _within(r, space))
    for table in tables:
        yield table, [i for i in catalog.of_relation(table.oid, Relation) if i.kind == "i"]


def _within(relation: Relation, space: Namespace | None) -> bool:
    return space is None or relation.namespace == space.oid


def refresh(ctx: Context, touches: Touches, node: Node) -> None:
    """REFRESH MATERIALIZED VIEW: written anew, or compared with what its query gives (CONCURRENTLY)."""
    from lockgate.timeline.hazards.queries import read_view

    view = named(ctx, node.get("relation"))
    if view is None or view.kind != "m":
        return
    concurrent = bool(node.get("concurrent"))
    touches.lock(view, Lock.EXCLUSIVE if concurrent else Lock.ACCESS_EXCLUSIVE)
    touches.work(view, Work.SCAN if concurrent else Work.REWRITE, "materialized view refreshed")
    read_view(ctx, touches, view, runs=not node.get("skipData"))


def lock(ctx: Context, touches: Touches, node: Node) -> None:
    """LOCK TABLE: children with their parents, and what stands behind a view (LockViewRecurse)."""
    mode = Lock(node.get("mode", 8))
    for rangevar in rangevars(node.get("relations", ())):
        relation = named(ctx, rangevar)
        if relation is not None:
            lock_all(touches, _locked(ctx, relation, bool(rangevar.get("inh"))), mode)


def _locked(ctx: Context, relation: Relation, below: bool) -> Iterator[Relation]:
    from lockgate.timeline.privileges.query import behind

    yield from family(ctx.catalog, relation) if below else [relation]
    for oid in behind(ctx, relation)[0] if relation.kind == "v" else ():
        found = ctx.catalog.the(Relation, oid)
        if found.kind in "rpv":
            yield from _locked(ctx, found, True)


def truncate(ctx: Context, touches: Touches, node: Node) -> None:
    """TRUNCATE: new files for the tables, their children, and with CASCADE for what refers to them."""
    from lockgate.timeline.hazards.partitions import foreign_keys_to

    tables: dict[int, Relation] = {}
    for rangevar in rangevars(node.get("relations", ())):
        found = named(ctx, rangevar)
        if found is not None:
            tables |= {t.oid: t for t in (family(ctx.catalog, found) if rangevar.get("inh") else [found])}
    waiting = list(tables.values()) if node.get("behavior") == "DROP_CASCADE" else []
    while waiting:
        for key in foreign_keys_to(ctx.catalog, waiting.pop()):
            source = ctx.catalog.find(Relation, key.relation)
            if source is not None and source.oid not in tables:
                tables[source.oid] = source
                waiting.append(source)
    for table in tables.values():
        touches.lock(table, Lock.ACCESS_EXCLUSIVE)
        touches.work(table, Work.REWRITE, "truncated")


def copy(ctx: Context, touches: Touches, node: Node) -> None:
    """COPY of a table (of a query: see queries.py)."""
    table = named(ctx, node.get("relation"))
    if table is None:
        return
    if not node.get("is_from"):
        touches.lock(table, Lock.ACCESS_SHARE)
        touches.work(table, Work.SCAN, "whole table read")
        return
    touches.lock(table, Lock.ROW_EXCLUSIVE)
    ctx.transaction.written.add(table.oid)
    for key in ctx.catalog.of_relation(table.oid, Constraint):
        if key.kind == "f":
            touches.lock(ctx.catalog.find(Relation, key.foreign), Lock.ROW_SHARE)


# --- other objects ----------------------------------------------------------------------------------------------------


def grant(ctx: Context, touches: Touches, node: Node) -> None:
    """GRANT and REVOKE on tables: ACCESS SHARE from 18 on."""
    if ctx.catalog.major < 18 or node.get("targtype") != "ACL_TARGET_OBJECT":
        return
    for rangevar in rangevars(node.get("objects", ())):
        touches.lock(named(ctx, rangevar), Lock.ACCESS_SHARE)


def alter_sequence(ctx: Context, touches: Touches, node: Node) -> None:
    """ALTER SEQUENCE, and the table that is to own it (process_owned_by)."""
    touches.lock(named(ctx, node.get("sequence")), Lock.SHARE_ROW_EXCLUSIVE)
    create_sequence(ctx, touches, node)


def create_sequence(ctx: Context, touches: Touches, node: Node) -> None:
    """CREATE SEQUENCE ... OWNED BY."""
    for item in node.get("options", ()):
        if item["DefElem"].get("defname") == "owned_by":
            touches.lock(by_list(ctx, items(item["DefElem"].get("arg", {}))[:-1]), Lock.ACCESS_SHARE)


def alter_domain(ctx: Context, touches: Touches, node: Node) -> None:
    """ALTER DOMAIN: a new condition is held against every row of every table that uses it (validateDomainCheckConstraint,
    get_rels_with_domain)."""
    domain = _domain(ctx, items(node.get("typeName", ())))
    from lockgate.timeline.transitions.type.stored import held_against_rows

    if domain is None or not held_against_rows(ctx.catalog, domain, node):
        return
    for table in users_of(ctx.catalog, domain):
        touches.lock(table, Lock.SHARE)
        touches.work(table, Work.SCAN, f"domain {domain.name} verified")


def _domain(ctx: Context, names: Iterable[Node]) -> Type | None:
    parts = [str(n.get("String", {}).get("sval", "")) for n in names]
    if len(parts) > 1:
        space = ctx.catalog.namespace(parts[-2])
        return ctx.catalog.type_named(space.oid, parts[-1]) if space is not None else None
    found = (ctx.catalog.type_named(oid, parts[-1]) for oid in ctx.path()) if parts else iter(())
    return next((t for t in found if t is not None), None)


def users_of(catalog: Catalog, domain: Type) -> Iterator[Relation]:
    """The tables and materialized views with a column of a domain, or of one over it."""
    seen: set[int] = set()
    for edge in catalog.dependents(domain.oid):
        oid, number = edge.dependent
        found = catalog.get(oid)
        if isinstance(found, Type) and found.kind == "d":
            yield from users_of(catalog, found)
        elif isinstance(found, Relation) and number and found.kind in "rm" and oid not in seen:
            seen.add(oid)
            yield found
