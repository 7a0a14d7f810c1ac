"""System views over pg_class: pg_tables, pg_views, pg_indexes, pg_policies, pg_sequences
(src/backend/catalog/system_views.sql)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate.catalog.objects import Policy, Relation, Trigger
from lockgate.timeline.evaluate.pg_relations import doubted, maybe_named, perhaps, relations, shapes_in_doubt
from lockgate.timeline.evaluate.tables import Provider, Wanted, names_in
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Row, Value
from lockgate.timeline.evaluate.world import World

_COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "*": "ALL"}


def _named(world: World, wanted: Wanted, kinds: str, column: str) -> Iterator[tuple[Relation, bool, dict[str, Value]]]:
    """The user's relations of some kinds, with their schema's name and owner."""
    catalog = world.ctx.catalog
    for relation in relations(world, names_in(wanted, column)):
        if relation.kind in kinds:
            values: dict[str, Value] = {"schemaname": catalog.namespace_name(relation.namespace), column: relation.name}
            yield relation, not perhaps(world, relation.oid), values


def _maybe(world: World, wanted: Wanted, column: str) -> Iterator[Row]:
    for space, name in maybe_named(world, "relation", names_in(wanted, column)):
        yield Row({"schemaname": world.ctx.catalog.namespace_name(space), column: name}, False)


def _system(world: World, wanted: Wanted, kind: str, column: str) -> Iterator[Row]:
    builtins, names = world.ctx.catalog.builtins, names_in(wanted, column)
    for schema in ("pg_catalog", "information_schema"):
        for name in sorted(names) if names is not None else builtins.relation_names(schema):
            found = builtins.relation(schema, name)
            if found is not None and found.relkind == kind:
                yield Row({"schemaname": schema, column: name})


def _tables(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    for relation, certain, values in _named(world, wanted, "rp", "tablename"):
        more: dict[str, Value] = {
            "tableowner": catalog.role_name(relation.owner),
            "rowsecurity": UNKNOWN if doubted(world, relation.oid) else relation.rls,
            "tablespace": None,
            "hasindexes": True if catalog.of_relation(relation.oid, Relation) else UNKNOWN,
            "hastriggers": True if catalog.of_relation(relation.oid, Trigger) else UNKNOWN,
        }
        yield Row({**values, **more}, certain)
    yield from _maybe(world, wanted, "tablename")
    yield from _system(world, wanted, "r", "tablename")


def _views(world: World, wanted: Wanted) -> Iterable[Row]:
    for relation, certain, values in _named(world, wanted, "v", "viewname"):
        yield Row(
            {**values, "viewowner": world.ctx.catalog.role_name(relation.owner), "definition": SOMETHING}, certain
        )
    yield from _maybe(world, wanted, "viewname")
    yield from _system(world, wanted, "v", "viewname")


def _matviews(world: World, wanted: Wanted) -> Iterable[Row]:
    for relation, certain, values in _named(world, wanted, "m", "matviewname"):
        owner = world.ctx.catalog.role_name(relation.owner)
        yield Row(
            {**values, "matviewowner": owner, "definition": SOMETHING, "ispopulated": relation.populated}, certain
        )
    yield from _maybe(world, wanted, "matviewname")


def _sequences(world: World, wanted: Wanted) -> Iterable[Row]:
    for relation, certain, values in _named(world, wanted, "S", "sequencename"):
        yield Row({**values, "sequenceowner": world.ctx.catalog.role_name(relation.owner)}, certain)
    yield from _maybe(world, wanted, "sequencename")


def _indexes(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog, tables = world.ctx.catalog, names_in(wanted, "tablename")
    for relation, certain, values in _named(world, wanted, "iI", "indexname"):
        owner = catalog.find(Relation, relation.index.relation) if relation.index is not None else None
        if owner is None or (tables is not None and owner.name not in tables):
            continue
        yield Row(
            {**values, "tablename": owner.name, "indexdef": SOMETHING, "tablespace": None},
            certain and not doubted(world, owner.oid),
        )
    yield from _maybe(world, wanted, "indexname")
    for doubtful in shapes_in_doubt(world):
        yield Row({"schemaname": catalog.namespace_name(doubtful.namespace), "tablename": doubtful.name}, False)


def _policies(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog, names = world.ctx.catalog, names_in(wanted, "policyname")
    for policy in catalog.objects(Policy):
        owner = catalog.find(Relation, policy.relation)
        if owner is None or (names is not None and policy.name not in names):
            continue
        yield Row(
            {
                "schemaname": catalog.namespace_name(owner.namespace),
                "tablename": owner.name,
                "policyname": policy.name,
                "permissive": "PERMISSIVE" if policy.permissive else "RESTRICTIVE",
                "roles": [catalog.role_name(r) for r in policy.roles],
                "cmd": _COMMANDS[policy.command],
            },
            not doubted(world, policy.oid) and not doubted(world, owner.oid),
        )
    for doubtful in shapes_in_doubt(world):
        yield Row({"schemaname": catalog.namespace_name(doubtful.namespace), "tablename": doubtful.name}, False)


PROVIDERS: dict[str, Provider] = {
    "pg_tables": _tables,
    "pg_views": _views,
    "pg_matviews": _matviews,
    "pg_sequences": _sequences,
    "pg_indexes": _indexes,
    "pg_policies": _policies,
}
