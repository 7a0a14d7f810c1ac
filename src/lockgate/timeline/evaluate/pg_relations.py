"""pg_class and what hangs on relations: attributes, constraints, indexes, triggers, policies, inheritance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lockgate.catalog.objects import FIRST_USER_OID, Attribute, Constraint, Namespace, Policy, Relation, Trigger
from lockgate.timeline.evaluate.tables import Provider, Wanted, names_in, oids_in
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Row, Value
from lockgate.timeline.evaluate.world import World

_SYSTEM = (("tableoid", -6), ("cmax", -5), ("xmax", -4), ("cmin", -3), ("xmin", -2), ("ctid", -1))


def doubted(world: World, oid: int) -> bool:
    """Whether an object exists, or as what, is not certain."""
    return bool(world.ctx.catalog.taints) and world.ctx.catalog.taint_of(("object", oid)) is not None


def perhaps(world: World, oid: int) -> bool:
    """Whether it is not certain that an object exists, whatever it is like."""
    return bool(world.ctx.catalog.taints) and world.ctx.catalog.taint_of(("identity", oid)) is not None


def relations(world: World, names: frozenset[str] | None, oids: frozenset[int] | None = None) -> Iterator[Relation]:
    """The user's relations of these names or oids (None: any)."""
    catalog = world.ctx.catalog
    if oids is not None:
        for oid in sorted(oids):
            found = catalog.find(Relation, oid)
            if found is not None and (names is None or found.name in names):
                yield found
    elif names is not None:
        for space in namespaces(world):
            for name in sorted(names):
                named = catalog.relation_named(space.oid, name)
                if named is not None:
                    yield named
    else:
        yield from catalog.objects(Relation)


def namespaces(world: World) -> list[Namespace]:
    """The user's schemas, public included."""
    return list(world.ctx.catalog.objects(Namespace))


def maybe_named(world: World, kind: str, names: frozenset[str] | None) -> Iterator[tuple[int, Value]]:
    """Names of a kind that may or may not exist, with their schema."""
    catalog = world.ctx.catalog
    for key, taint in catalog.taints.items():
        if (key[0] == "name" and key[1] == kind and key[3] == "*") or (
            key[0] == "namespace" and kind in ("relation", "type", "routine")
        ):
            space = key[2] if key[0] == "name" else key[1]
            wanted = (
                sorted(n for n in names if n.startswith(taint.prefixes) and not catalog.oids((kind, space, n)))
                if names is not None
                else [UNKNOWN]
            )
            yield from ((space, name) for name in wanted)
        elif key[0] == "name" and key[1] == kind and (names is None or key[3] in names):
            yield key[2], key[3]


def shapes_in_doubt(world: World) -> Iterator[Relation]:
    """The relations of which it is not certain what they are like."""
    catalog = world.ctx.catalog
    for key in catalog.taints:
        found = catalog.find(Relation, key[1]) if key[0] in ("object", "shape") else None
        if found is not None:
            yield found


def _class(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog = world.ctx.catalog
    names, oids = names_in(wanted, "relname"), oids_in(wanted, "oid")
    for relation in relations(world, names, oids):
        kept = any(isinstance(o, Relation) for o in catalog.of_relation(relation.oid, Relation))
        shape: dict[str, Value] = {
            "relispartition": relation.is_partition,
            "relrowsecurity": relation.rls,
            "relforcerowsecurity": relation.force_rls,
            "relhasindex": True if kept else UNKNOWN,
            "relispopulated": relation.populated,
            "relreplident": relation.replica_identity,
            "relnatts": relation.next_attnum - 1 if relation.kind in "rpfvm" else UNKNOWN,
            "reloftype": relation.of_type,
            "relchecks": sum(c.kind == "c" for c in catalog.of_relation(relation.oid, Constraint)),
            "relpersistence": relation.persistence,
        }
        yield Row(
            {
                "oid": relation.oid,
                "relname": relation.name,
                "relnamespace": relation.namespace,
                "relkind": relation.kind,
                "relowner": relation.owner,
                "reltype": relation.rowtype,
                "relisshared": False,
            }
            | (dict.fromkeys(shape, UNKNOWN) if doubted(world, relation.oid) else shape),
            not perhaps(world, relation.oid),
        )
    for space, name in maybe_named(world, "relation", names):
        yield Row({"relname": name, "relnamespace": space}, False)
    if oids is None or any(oid < FIRST_USER_OID for oid in oids):
        yield from _system_classes(world, names)


def _system_classes(world: World, names: frozenset[str] | None) -> Iterator[Row]:
    builtins = world.ctx.catalog.builtins
    for schema in ("pg_catalog", "information_schema"):
        space = world.ctx.catalog.namespace(schema)
        assert space is not None
        for name in sorted(names) if names is not None else builtins.relation_names(schema):
            found = builtins.relation(schema, name)
            if found is not None:
                yield Row(
                    {
                        "oid": found.oid,
                        "relname": found.name,
                        "relnamespace": space.oid,
                        "relkind": found.relkind,
                        "relpersistence": "p",
                        "relispartition": False,
                        "relrowsecurity": False,
                        "relforcerowsecurity": False,
                        "relowner": 10,
                    }
                )


def _attribute(world: World, wanted: Wanted) -> Iterable[Row]:
    names = names_in(wanted, "attname")
    for relation in relations(world, None, oids_in(wanted, "attrelid")):
        certain = not doubted(world, relation.oid)
        live = {a.num for a in relation.attributes}
        for attribute in relation.attributes:
            if names is None or attribute.name in names:
                yield Row(
                    _column(relation, attribute), certain and not _column_doubted(world, relation, attribute.name)
                )
        for num in range(1, relation.next_attnum if relation.kind in "rpf" else 1):
            if num not in live:
                dropped = f"........pg.dropped.{num}........"
                yield Row(
                    {"attrelid": relation.oid, "attname": dropped, "attnum": num, "attisdropped": True, "atttypid": 0},
                    certain,
                )
        if relation.kind in "rpfmS":
            for name, num in _SYSTEM:
                yield Row(
                    {
                        "attrelid": relation.oid,
                        "attname": name,
                        "attnum": num,
                        "attisdropped": False,
                        "attnotnull": True,
                    },
                    certain,
                )
        if not certain:
            yield Row({"attrelid": relation.oid}, False)
    for key in world.ctx.catalog.taints:
        if key[0] == "column" and (names is None or key[2] in names):
            yield Row({"attrelid": key[1], "attname": key[2], "attisdropped": False}, False)


def _column_doubted(world: World, relation: Relation, name: str) -> bool:
    return bool(world.ctx.catalog.taints) and world.ctx.catalog.taint_of(("column", relation.oid, name)) is not None


def _column(relation: Relation, attribute: Attribute) -> dict[str, Value]:
    return {
        "attrelid": relation.oid,
        "attname": attribute.name,
        "attnum": attribute.num,
        "atttypid": attribute.type or UNKNOWN,
        "atttypmod": attribute.typmod if attribute.type else UNKNOWN,
        "attnotnull": attribute.notnull,
        "attisdropped": False,
        "atthasdef": attribute.has_default or bool(attribute.generated),
        "attidentity": attribute.identity,
        "attgenerated": attribute.generated,
        "attislocal": attribute.is_local,
        "attinhcount": attribute.inherited,
        "attcollation": attribute.collation or UNKNOWN,
    }


def _attrdef(world: World, wanted: Wanted) -> Iterable[Row]:
    for relation in relations(world, None, oids_in(wanted, "adrelid")):
        for attribute in relation.attributes:
            if attribute.has_default or attribute.generated:
                yield Row(
                    {"adrelid": relation.oid, "adnum": attribute.num, "adbin": SOMETHING, "oid": SOMETHING},
                    not doubted(world, relation.oid),
                )


def _constraint(world: World, wanted: Wanted) -> Iterable[Row]:
    names = names_in(wanted, "conname")
    for constraint in constraints(world, names, oids_in(wanted, "conrelid")):
        yield Row(
            {
                "oid": constraint.oid,
                "conname": constraint.name,
                "connamespace": constraint.namespace,
                "contype": constraint.kind,
                "conrelid": constraint.relation,
                "contypid": constraint.type,
                "conindid": constraint.index,
                "confrelid": constraint.foreign,
                "conkey": list(constraint.keys) or None,
                "confkey": list(constraint.foreign_keys) or None,
                "convalidated": constraint.validated,
                "condeferrable": constraint.deferrable,
                "condeferred": constraint.deferred,
                "conparentid": constraint.parent,
                "conislocal": constraint.is_local,
                "coninhcount": constraint.inherited,
                "connoinherit": constraint.no_inherit,
                "confdeltype": constraint.on_delete if constraint.kind == "f" else " ",
                "confupdtype": constraint.on_update if constraint.kind == "f" else " ",
            },
            not doubted(world, constraint.oid) and not doubted(world, constraint.relation),
        )
    yield from wildcards(world, "conrelid")
    for key in world.ctx.catalog.taints:
        if key[0] == "name" and key[1] == "constraint" and (names is None or key[3] in names):
            yield Row({"conname": key[3], "conrelid": key[2]}, False)


def constraints(world: World, names: frozenset[str] | None, owners: frozenset[int] | None) -> Iterator[Constraint]:
    """Constraints by name or relation (None: any)."""
    catalog = world.ctx.catalog
    if owners is not None:
        for oid in sorted(owners):
            yield from (c for c in catalog.of_relation(oid, Constraint) if names is None or c.name in names)
    elif names is not None:
        for space in namespaces(world):
            for name in sorted(names):
                for oid in catalog.oids(("constraint name", space.oid, name)):
                    yield catalog.the(Constraint, oid)
    else:
        yield from catalog.objects(Constraint)


def wildcards(world: World, column: str) -> Iterator[Row]:
    """For each relation in doubt, a row of anything that may hang on it."""
    yield from (Row({column: relation.oid}, False) for relation in shapes_in_doubt(world))


def _index(world: World, wanted: Wanted) -> Iterable[Row]:
    for relation in relations(world, None, oids_in(wanted, "indexrelid")):
        index = relation.index
        if index is None:
            continue
        keys = list(index.keys) + list(index.included)
        yield Row(
            {
                "indexrelid": relation.oid,
                "indrelid": index.relation,
                "indisunique": index.unique,
                "indisprimary": index.primary,
                "indisexclusion": index.exclusion,
                "indimmediate": index.immediate,
                "indisvalid": index.valid,
                "indisready": True,
                "indislive": True,
                "indkey": keys,
                "indnatts": len(keys),
                "indnkeyatts": len(index.keys),
                "indpred": SOMETHING if index.partial else None,
                "indexprs": SOMETHING if 0 in index.keys else None,
                "indnullsnotdistinct": index.nulls_not_distinct,
            },
            not doubted(world, relation.oid) and not doubted(world, index.relation),
        )
    yield from wildcards(world, "indrelid")


def triggers(world: World, names: frozenset[str] | None, owners: frozenset[int] | None) -> Iterator[Trigger]:
    """Triggers by name or relation (None: any)."""
    catalog = world.ctx.catalog
    if owners is None:
        yield from (t for t in catalog.objects(Trigger) if names is None or t.name in names)
        return
    for oid in sorted(owners):
        yield from (t for t in catalog.of_relation(oid, Trigger) if names is None or t.name in names)


def _trigger(world: World, wanted: Wanted) -> Iterable[Row]:
    names, owners = names_in(wanted, "tgname"), oids_in(wanted, "tgrelid")
    for trigger in triggers(world, names, owners):
        certain = not doubted(world, trigger.oid) and not doubted(world, trigger.relation)
        yield Row(
            {
                "oid": trigger.oid,
                "tgname": trigger.name,
                "tgrelid": trigger.relation,
                "tgfoid": trigger.function,
                "tgenabled": trigger.enabled,
                "tgisinternal": trigger.internal,
                "tgparentid": trigger.parent,
                "tgconstraint": trigger.constraint,
            },
            certain,
        )
    if names is None:
        for constraint in constraints(world, None, owners):
            if constraint.kind == "f":
                for side in (constraint.relation, constraint.foreign) * 2:
                    values: dict[str, Value] = {
                        "tgname": "RI_ConstraintTrigger",
                        "tgrelid": side,
                        "tgisinternal": True,
                        "tgenabled": "O",
                    }
                    yield Row({**values, "tgconstraint": constraint.oid, "oid": SOMETHING})
    yield from wildcards(world, "tgrelid")


def _policy(world: World, wanted: Wanted) -> Iterable[Row]:
    names = names_in(wanted, "polname")
    for policy in world.ctx.catalog.objects(Policy):
        if names is None or policy.name in names:
            yield Row(
                {
                    "oid": policy.oid,
                    "polname": policy.name,
                    "polrelid": policy.relation,
                    "polcmd": policy.command,
                    "polpermissive": policy.permissive,
                    "polroles": list(policy.roles),
                },
                not doubted(world, policy.oid) and not doubted(world, policy.relation),
            )
    yield from wildcards(world, "polrelid")


def _inherits(world: World, wanted: Wanted) -> Iterable[Row]:
    parents = oids_in(wanted, "inhparent")
    for relation in relations(world, None, oids_in(wanted, "inhrelid")):
        for number, parent in enumerate(relation.parents, 1):
            if parents is None or parent in parents:
                yield Row(
                    {"inhrelid": relation.oid, "inhparent": parent, "inhseqno": number, "inhdetachpending": False},
                    not doubted(world, relation.oid),
                )
    yield from wildcards(world, "inhparent")


def _partitioned(world: World, wanted: Wanted) -> Iterable[Row]:
    for relation in relations(world, None, oids_in(wanted, "partrelid")):
        if relation.partitioning is not None:
            keys: list[Any] = list(relation.partitioning.keys)
            yield Row(
                {
                    "partrelid": relation.oid,
                    "partstrat": relation.partitioning.strategy,
                    "partattrs": keys,
                    "partnatts": len(keys),
                }
            )


def _sequence(world: World, wanted: Wanted) -> Iterable[Row]:
    for relation in relations(world, None, oids_in(wanted, "seqrelid")):
        if relation.sequence is not None:
            yield Row({"seqrelid": relation.oid, "seqtypid": relation.sequence.type}, not doubted(world, relation.oid))


PROVIDERS: dict[str, Provider] = {
    "pg_class": _class,
    "pg_attribute": _attribute,
    "pg_attrdef": _attrdef,
    "pg_constraint": _constraint,
    "pg_index": _index,
    "pg_trigger": _trigger,
    "pg_policy": _policy,
    "pg_inherits": _inherits,
    "pg_partitioned_table": _partitioned,
    "pg_sequence": _sequence,
}
