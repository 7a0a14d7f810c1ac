"""The views of information_schema (src/backend/catalog/information_schema.sql)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Attribute, Namespace, Relation
from lockgate.catalog.typename import base_type, element_of, type_name, type_of
from lockgate.timeline.evaluate.deparse import default_text
from lockgate.timeline.evaluate.pg_objects import user_routines, user_types
from lockgate.timeline.evaluate.pg_relations import (
    doubted,
    maybe_named,
    perhaps,
    relations,
    triggers,
)
from lockgate.timeline.evaluate.schema_constraints import (
    WITHOUT_SELECT,
    checks,
    constraint_columns,
    doubtful_tables,
    key_columns,
    referential,
    table_constraints,
)
from lockgate.timeline.evaluate.tables import Provider, Wanted, names_in
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Row, Value
from lockgate.timeline.evaluate.visibility import certain, hidden, visible
from lockgate.timeline.evaluate.world import World

_KINDS = {"r": "BASE TABLE", "p": "BASE TABLE", "v": "VIEW", "f": "FOREIGN"}
_EVENTS = {"I": "INSERT", "U": "UPDATE", "D": "DELETE"}
_TIMINGS = {"B": "BEFORE", "A": "AFTER", "O": "INSTEAD OF"}
# length, precision, radix and scale of numbers
_NUMBERS: dict[int, tuple[int | None, int | None, int | None]] = {
    21: (16, 2, 0),
    23: (32, 2, 0),
    20: (64, 2, 0),
    700: (24, 2, None),
    701: (53, 2, None),
}


def _tables(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    names = names_in(wanted, "table_name")
    for relation in relations(world, names):
        if relation.kind in _KINDS and not hidden(world, relation):
            kind = "LOCAL TEMPORARY" if relation.persistence == "t" else _KINDS[relation.kind]
            schema = catalog.namespace_name(relation.namespace)
            yield Row(
                {"table_catalog": SOMETHING, "table_schema": schema, "table_name": relation.name, "table_type": kind},
                not perhaps(world, relation.oid) and visible(world, relation, "arwdDxt"),
            )
    yield from maybe(world, names)
    for schema in ("pg_catalog", "information_schema"):
        for name in sorted(names) if names is not None else catalog.builtins.relation_names(schema):
            found = catalog.builtins.relation(schema, name)
            if found is not None and found.relkind in _KINDS:
                yield Row(
                    {"table_schema": schema, "table_name": name, "table_type": _KINDS[found.relkind]},
                    found.public_select,
                )


def maybe(
    world: World, names: frozenset[str] | None, column: str = "table_name", schema: str = "table_schema"
) -> Iterator[Row]:
    for space, name in maybe_named(world, "relation", names):
        yield Row({schema: world.ctx.catalog.namespace_name(space), column: name}, False)


def _views(world: World, wanted: Wanted) -> Iterable[Row]:
    for row in _tables(world, wanted):
        if row.values.get("table_type", UNKNOWN) in ("VIEW", UNKNOWN):
            yield Row({"table_schema": row.values["table_schema"], "table_name": row.values["table_name"]}, row.certain)


def _columns(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    names, columns = names_in(wanted, "table_name"), names_in(wanted, "column_name")
    for relation in relations(world, names):
        if relation.kind not in _KINDS or hidden(world, relation):
            continue
        schema = catalog.namespace_name(relation.namespace)
        for attribute in relation.attributes:
            if columns is None or attribute.name in columns:
                doubt = bool(catalog.taints) and catalog.taint_of(("column", relation.oid, attribute.name)) is not None
                yield Row(_column(catalog, schema, relation, attribute), certain(world, relation) and not doubt)
        if catalog.taints:
            if doubted(world, relation.oid):
                yield Row({"table_schema": schema, "table_name": relation.name}, False)
            for key in catalog.taints:
                if key[0] == "column" and key[1] == relation.oid and (columns is None or key[2] in columns):
                    yield Row({"table_schema": schema, "table_name": relation.name, "column_name": key[2]}, False)
    yield from maybe(world, names)
    for schema in ("pg_catalog", "information_schema"):
        for name in sorted(names) if names is not None else ():
            found = catalog.builtins.relation(schema, name)
            for number, column in enumerate(found.columns if found is not None and found.relkind in _KINDS else (), 1):
                yield Row(
                    {"table_schema": schema, "table_name": name, "column_name": column[0], "ordinal_position": number}
                )


def _column(catalog: Catalog, schema: str, relation: Relation, attribute: Attribute) -> dict[str, Value]:
    values: dict[str, Value] = {
        "table_catalog": SOMETHING,
        "table_schema": schema,
        "table_name": relation.name,
        "column_name": attribute.name,
        "ordinal_position": attribute.num,
        "column_default": default_text(catalog, relation, attribute),
        "is_identity": "YES" if attribute.identity else "NO",
        "identity_generation": {"a": "ALWAYS", "d": "BY DEFAULT"}.get(attribute.identity),
        "is_generated": "ALWAYS" if attribute.generated else "NEVER",
    }
    found = type_of(catalog, attribute.type)
    domain = found is not None and getattr(found, "kind", getattr(found, "typtype", "")) == "d"
    notnull = attribute.notnull or (domain and bool(getattr(found, "notnull", False)))
    values["is_nullable"] = "NO" if notnull else "YES"
    return {**values, **_type(catalog, attribute.type, attribute.typmod)} if attribute.type else values


def _type(catalog: Catalog, oid: int, typmod: int) -> dict[str, Value]:
    base, base_typmod = base_type(catalog, oid, typmod)
    found = type_of(catalog, base)
    if found is None:
        return {}
    schema = getattr(found, "schema", "") or catalog.namespace_name(getattr(found, "namespace", 0))
    values: dict[str, Value] = {"udt_schema": schema, "udt_name": found.name}
    if element_of(catalog, base):
        data = "ARRAY"
    elif schema == "pg_catalog":
        data = type_name(catalog, base, None)
    else:
        data = "USER-DEFINED"
    length = (
        base_typmod - 4
        if base in (1042, 1043) and base_typmod >= 4
        else base_typmod
        if base in (1560, 1562) and base_typmod > 0
        else None
    )
    values.update({"data_type": data, "character_maximum_length": length, "domain_name": None})
    precision: tuple[int | None, int | None, int | None] = _NUMBERS.get(base, (None, None, None))
    if base == 1700:
        bits = base_typmod - 4
        precision = (None, 10, None) if base_typmod < 4 else (bits >> 16 & 0xFFFF, 10, (bits & 0x7FF ^ 1024) - 1024)
    values.update(zip(("numeric_precision", "numeric_precision_radix", "numeric_scale"), precision, strict=True))
    if base in (1083, 1114, 1184, 1266):
        values["datetime_precision"] = base_typmod if base_typmod >= 0 else 6
    if base != oid:
        domain = type_of(catalog, oid)
        values["domain_name"] = domain.name if domain is not None else UNKNOWN
    return values


def _routines(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    names = names_in(wanted, "routine_name")
    for found in user_routines(world, names):
        if found.kind in "fp":
            yield Row(
                {
                    "routine_schema": catalog.namespace_name(found.namespace),
                    "routine_name": found.name,
                    "specific_name": f"{found.name}_{found.oid}",
                    "specific_schema": catalog.namespace_name(found.namespace),
                    "routine_type": "PROCEDURE" if found.kind == "p" else "FUNCTION",
                },
                visible(world, found, "X") and not doubted(world, found.oid),
            )
    for space, name in maybe_named(world, "routine", names):
        yield Row({"routine_schema": catalog.namespace_name(space), "routine_name": name}, False)
    for name in sorted(names) if names is not None else ():
        for builtin in catalog.builtins.functions("pg_catalog", name):
            yield Row({"routine_schema": "pg_catalog", "routine_name": builtin.name, "routine_type": "FUNCTION"})
    if names is None:
        yield Row({"routine_schema": "pg_catalog"}, False)


def _triggers(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    for trigger in triggers(world, names_in(wanted, "trigger_name"), None):
        relation = catalog.find(Relation, trigger.relation)
        if relation is None or trigger.internal:
            continue
        schema = catalog.namespace_name(relation.namespace)
        for event in trigger.events:
            if event in _EVENTS:
                yield Row(
                    {
                        "trigger_schema": schema,
                        "trigger_name": trigger.name,
                        "event_manipulation": _EVENTS[event],
                        "event_object_schema": schema,
                        "event_object_table": relation.name,
                        "action_timing": _TIMINGS[trigger.timing],
                        "action_orientation": "ROW" if trigger.row else "STATEMENT",
                    },
                    certain(world, relation, WITHOUT_SELECT) and not doubted(world, trigger.oid),
                )
    for row in doubtful_tables(world):
        if "table_name" in row.values:
            yield Row(
                {"event_object_schema": row.values["table_schema"], "event_object_table": row.values["table_name"]},
                False,
            )


def _schemata(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    for space in catalog.objects(Namespace):
        shown = visible(world, space, "UC")
        yield Row(
            {"schema_name": space.name, "schema_owner": catalog.role_name(space.owner)},
            shown and not doubted(world, space.oid),
        )
    for name in ("pg_catalog", "information_schema", "pg_toast"):
        yield Row({"schema_name": name}, name != "pg_toast")
    for _, name in maybe_named(world, "namespace", names_in(wanted, "schema_name")):
        yield Row({"schema_name": name}, False)


def _sequences(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    for relation in relations(world, names_in(wanted, "sequence_name")):
        if relation.sequence is not None and not relation.sequence.identity:
            data = {21: "smallint", 23: "integer", 20: "bigint"}.get(relation.sequence.type, UNKNOWN)
            values: dict[str, Value] = {
                "sequence_schema": catalog.namespace_name(relation.namespace),
                "sequence_name": relation.name,
            }
            yield Row({**values, "data_type": data}, certain(world, relation, "rwU"))
    yield from maybe(world, names_in(wanted, "sequence_name"), "sequence_name", "sequence_schema")


def _foreign_tables(world: World, wanted: Wanted) -> Iterable[Row]:
    names = names_in(wanted, "foreign_table_name")
    for relation in relations(world, names):
        if relation.kind == "f":
            schema = world.ctx.catalog.namespace_name(relation.namespace)
            yield Row({"foreign_table_schema": schema, "foreign_table_name": relation.name}, certain(world, relation))
    yield from maybe(world, names, "foreign_table_name", "foreign_table_schema")


def _domains(world: World, wanted: Wanted) -> Iterable[Row]:
    for found in user_types(world, names_in(wanted, "domain_name")):
        if found.kind == "d":
            schema = world.ctx.catalog.namespace_name(found.namespace)
            yield Row(
                {"domain_schema": schema, "domain_name": found.name},
                visible(world, found, "U") and not doubted(world, found.oid),
            )


def _udts(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    for relation in relations(world, names_in(wanted, "user_defined_type_name")):
        if relation.kind == "c":
            values: dict[str, Value] = {"user_defined_type_schema": catalog.namespace_name(relation.namespace)}
            yield Row({**values, "user_defined_type_name": relation.name}, certain(world, relation))


PROVIDERS: dict[str, Provider] = {
    "tables": _tables,
    "views": _views,
    "columns": _columns,
    "table_constraints": table_constraints,
    "key_column_usage": key_columns,
    "constraint_column_usage": constraint_columns,
    "referential_constraints": referential,
    "check_constraints": checks,
    "routines": _routines,
    "triggers": _triggers,
    "schemata": _schemata,
    "sequences": _sequences,
    "domains": _domains,
    "user_defined_types": _udts,
    "foreign_tables": _foreign_tables,
}
