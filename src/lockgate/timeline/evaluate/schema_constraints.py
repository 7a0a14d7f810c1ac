"""The views of information_schema that tell of constraints (src/backend/catalog/information_schema.sql)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Constraint, Relation
from lockgate.timeline.evaluate.pg_relations import (
    constraints,
    doubted,
    relations,
    shapes_in_doubt,
)
from lockgate.timeline.evaluate.tables import Wanted, names_in
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Row, Value
from lockgate.timeline.evaluate.visibility import certain
from lockgate.timeline.evaluate.world import World

_CONSTRAINTS = {"c": "CHECK", "f": "FOREIGN KEY", "p": "PRIMARY KEY", "u": "UNIQUE", "n": "CHECK"}


WITHOUT_SELECT = "awdDxt"  # who may only read a table does not see its constraints and triggers


_RULES = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


def table_constraints(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog, names = world.ctx.catalog, names_in(wanted, "constraint_name")
    for constraint in constraints(world, names, _owners(world, wanted)):
        relation = catalog.find(Relation, constraint.relation)
        if relation is None or constraint.kind not in _CONSTRAINTS:
            continue
        yield Row(
            {
                **_constraint_names(catalog, constraint),
                "table_schema": catalog.namespace_name(relation.namespace),
                "table_name": relation.name,
                "constraint_type": _CONSTRAINTS[constraint.kind],
                "is_deferrable": "YES" if constraint.deferrable else "NO",
                "initially_deferred": "YES" if constraint.deferred else "NO",
                "enforced": "YES",
            },
            certain(world, relation, WITHOUT_SELECT) and not doubted(world, constraint.oid),
        )
    if names is None:
        yield from _not_nulls(world, wanted)
    yield from doubtful_tables(world)


def _owners(world: World, wanted: Wanted) -> frozenset[int] | None:
    names = names_in(wanted, "table_name")
    return None if names is None else frozenset(r.oid for r in relations(world, names))


def _constraint_names(catalog: Catalog, constraint: Constraint) -> dict[str, Value]:
    return {
        "constraint_schema": catalog.namespace_name(constraint.namespace),
        "constraint_name": constraint.name,
        "constraint_catalog": SOMETHING,
    }


def _not_nulls(world: World, wanted: Wanted) -> Iterator[Row]:
    """Up to 17 NOT NULL shows as CHECK constraints with made-up names."""
    catalog = world.ctx.catalog
    if catalog.major >= 18:
        return
    for relation in relations(world, names_in(wanted, "table_name")):
        for attribute in relation.attributes if relation.kind in "rp" else ():
            if attribute.notnull:
                schema = catalog.namespace_name(relation.namespace)
                name = f"{relation.namespace}_{relation.oid}_{attribute.num}_not_null"
                values: dict[str, Value] = {
                    "constraint_schema": schema,
                    "constraint_name": name,
                    "table_schema": schema,
                }
                yield Row(
                    {**values, "table_name": relation.name, "constraint_type": "CHECK"},
                    certain(world, relation, WITHOUT_SELECT),
                )


def doubtful_tables(world: World) -> Iterator[Row]:
    catalog = world.ctx.catalog
    for relation in shapes_in_doubt(world):
        yield Row({"table_schema": catalog.namespace_name(relation.namespace), "table_name": relation.name}, False)
    for key in catalog.taints:
        if key[0] == "name" and key[1] == "constraint":
            yield Row({"constraint_name": key[3]}, False)


def key_columns(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    for constraint in constraints(world, names_in(wanted, "constraint_name"), _owners(world, wanted)):
        relation = catalog.find(Relation, constraint.relation)
        if relation is None or constraint.kind not in "puf":
            continue
        for number, key in enumerate(constraint.keys, 1):
            attribute = relation.attribute_by_num(key)
            yield Row(
                {
                    **_constraint_names(catalog, constraint),
                    "table_schema": catalog.namespace_name(relation.namespace),
                    "table_name": relation.name,
                    "column_name": attribute.name if attribute else UNKNOWN,
                    "ordinal_position": number,
                },
                certain(world, relation, "rawx") and not doubted(world, constraint.oid),
            )
    yield from doubtful_tables(world)


def constraint_columns(world: World, wanted: Wanted) -> Iterable[Row]:
    """The columns that a constraint uses: those of the referenced table for a foreign key."""
    catalog = world.ctx.catalog
    for constraint in constraints(world, names_in(wanted, "constraint_name"), None):
        other = constraint.kind == "f"
        relation = catalog.find(Relation, constraint.foreign if other else constraint.relation)
        if relation is None or constraint.kind not in "pufc":
            continue
        for key in constraint.foreign_keys if other else constraint.keys:
            attribute = relation.attribute_by_num(key)
            yield Row(
                {
                    **_constraint_names(catalog, constraint),
                    "table_schema": catalog.namespace_name(relation.namespace),
                    "table_name": relation.name,
                    "column_name": attribute.name if attribute else UNKNOWN,
                },
                certain(world, relation, "") and not doubted(world, constraint.oid),
            )
    yield from doubtful_tables(world)


def referential(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    for constraint in constraints(world, names_in(wanted, "constraint_name"), None):
        if constraint.kind == "f":
            rules: dict[str, Value] = {
                "delete_rule": _RULES[constraint.on_delete],
                "update_rule": _RULES[constraint.on_update],
            }
            yield Row(
                {**_constraint_names(catalog, constraint), **rules},
                not doubted(world, constraint.oid) and not doubted(world, constraint.relation),
            )
    yield from (Row({}, False) for _ in shapes_in_doubt(world))


def checks(world: World, wanted: Wanted) -> Iterable[Row]:
    for constraint in constraints(world, names_in(wanted, "constraint_name"), None):
        if constraint.kind == "c" or (constraint.kind == "n" and world.ctx.catalog.major >= 18):
            yield Row(
                {**_constraint_names(world.ctx.catalog, constraint), "check_clause": SOMETHING},
                not doubted(world, constraint.oid),
            )
    if names_in(wanted, "constraint_name") is None:
        yield from (Row({**row.values, "check_clause": SOMETHING}, row.certain) for row in _not_nulls(world, {}))
    yield from (Row({}, False) for _ in shapes_in_doubt(world))
