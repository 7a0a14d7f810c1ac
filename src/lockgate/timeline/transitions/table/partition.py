"""Partitioned tables: keys, bounds, ATTACH and DETACH (src/backend/commands/tablecmds.c,
src/backend/partitioning/partbounds.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.catalog.catalog import Address
from lockgate.catalog.details import PartitionBound
from lockgate.catalog.objects import Constraint, Other, Partitioning, Relation, Trigger
from lockgate.catalog.typename import type_name
from lockgate.timeline import dependency
from lockgate.timeline.binder import analyze_expression, coerce, empty_scope, relation_scope
from lockgate.timeline.binder.from_clause import first_place
from lockgate.timeline.context import Context, Node
from lockgate.timeline.transitions.constraint.foreign_key import clone_foreign_keys
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.partition_index import (
    clone_index,
    column_map,
    detach_index,
    ensure_index,
    index_partitions,
    leave_parent,
)
from lockgate.timeline.transitions.relation.relation import column_of
from lockgate.timeline.transitions.table.bounds import bound_of, bounds_of, note_bound
from lockgate.timeline.transitions.type.opclass import is_mutable, resolve_opclass

_STRATEGY = {"PARTITION_STRATEGY_RANGE": "r", "PARTITION_STRATEGY_LIST": "l", "PARTITION_STRATEGY_HASH": "h"}
_WORDS = {"r": "range", "l": "list", "h": "hash"}


def set_partition_key(ctx: Context, relation: Relation, spec: Node) -> Relation:
    """PARTITION BY (transformPartitionSpec, ComputePartitionAttrs, StorePartitionKey)."""
    strategy = _STRATEGY[spec["strategy"]]
    params = [p["PartitionElem"] for p in spec.get("partParams", [])]
    if len(params) > 32:
        raise ctx.refuse("54011", "cannot partition using more than 32 columns", spec.get("location", 0), kind="other")
    if strategy == "l" and len(params) != 1:
        raise ctx.refuse(
            "42P17",
            'cannot use "list" partition strategy with more than one column',
            spec.get("location", 0),
            kind="other",
        )
    keys: list[int] = []
    columns: set[int] = set()
    refs: set[Address] = set()
    method = "hash" if strategy == "h" else "btree"
    for param in params:
        location = param.get("location", 0)
        if "name" in param:
            name = param["name"]
            attribute = column_of(
                ctx, relation, name, location, message=f'column "{name}" named in partition key does not exist'
            )
            if attribute.generated:
                raise ctx.refuse(
                    "42P17", "cannot use generated column in partition key", location, name=name, kind="column"
                )
            keys.append(attribute.num)
            kind = attribute.type
        else:
            expr = analyze_expression(ctx, param["expr"], relation_scope(ctx, relation), "partition_key")
            if is_mutable(ctx, expr):
                raise ctx.refuse(
                    "42P17", "functions in partition key expression must be marked IMMUTABLE", location, kind="function"
                )
            if any(a.generated for n in expr.columns if (a := relation.attribute_by_num(n)) is not None):
                raise ctx.refuse("42P17", "cannot use generated column in partition key", location, kind="column")
            keys.append(0)
            columns |= expr.columns
            refs |= expr.depends
            kind = expr.type
        resolve_opclass(ctx, param.get("opclass", []), kind, method, location)
    ctx.catalog.depend((relation.oid, 0), [r for r in refs if r[0] != relation.oid])
    relation = replace(
        ctx.catalog.the(Relation, relation.oid),
        partitioning=Partitioning(strategy, tuple(keys), tuple(sorted(columns))),
    )
    ctx.catalog.put(relation)
    return relation


def key_columns(relation: Relation) -> frozenset[int]:
    """The columns that a table is partitioned by, those in expressions included."""
    parts = relation.partitioning
    return frozenset((*(n for n in parts.keys if n), *parts.expression_columns)) if parts else frozenset()


def bound_form(ctx: Context, parent: Relation, bound: Node, name: str) -> tuple[object, ...]:
    """transformPartitionBound: a comparable form of the bound, as far as constants tell."""
    parts, location = parent.partitioning, bound.get("location", 0)
    assert parts is not None
    if bound.get("is_default"):
        if parts.strategy == "h":
            raise ctx.refuse(
                "42P16", "a hash-partitioned table may not have a default partition", location, kind="other"
            )
        return ("default",)
    if bound.get("strategy") != parts.strategy:
        raise ctx.refuse(
            "42P16", f"invalid bound specification for a {_WORDS[parts.strategy]} partition", location, kind="other"
        )
    return _form(ctx, parent, parts, bound, location, name)


def check_overlap(ctx: Context, parent: Relation, form: tuple[object, ...], name: str, location: int | None) -> None:
    """check_new_partition_bound: 42P17 where another partition certainly has some of it."""
    for oid in bounds_of(ctx.catalog, parent.oid).near(form):
        other = bound_of(ctx.catalog, oid)
        sibling = ctx.catalog.find(Relation, oid)
        if other is None or sibling is None or doubt(ctx, sibling) is not None:
            continue
        if form == other == ("default",):
            raise ctx.refuse(
                "42P17",
                f'partition "{name}" conflicts with existing default partition "{sibling.name}"',
                location,
                kind="other",
            )
        if _overlap(form, other):
            raise ctx.refuse(
                "42P17",
                f'partition "{name}" would overlap partition "{sibling.name}"',
                location,
                kind="other",
                object=ctx.catalog.qualified(sibling),
            )


def _form(
    ctx: Context, parent: Relation, parts: Partitioning, bound: Node, location: int, name: str
) -> tuple[object, ...]:
    if parts.strategy == "h":
        modulus, remainder = bound.get("modulus", 0), bound.get("remainder", 0)
        if modulus <= 0 or remainder >= modulus:
            message = (
                "modulus for hash partition must be an integer value greater than zero"
                if modulus <= 0
                else ("remainder for hash partition must be less than modulus")
            )
            raise ctx.refuse("42P16", message, location, kind="other")
        return ("hash", modulus, remainder)
    if parts.strategy == "l":
        return ("list", tuple(_datum(ctx, parent, parts.keys[0], d) for d in bound.get("listdatums", [])))
    lower, upper = bound.get("lowerdatums", []), bound.get("upperdatums", [])
    for datums, word in ((lower, "FROM"), (upper, "TO")):
        if len(datums) != len(parts.keys):
            raise ctx.refuse(
                "42P17", f"{word} must specify exactly one value per partitioning column", location, kind="other"
            )
        _check_infinite(ctx, datums)
    pairs = [
        tuple(_datum(ctx, parent, n, d) for n, d in zip(parts.keys, datums, strict=True)) for datums in (lower, upper)
    ]
    if len(parts.keys) == 1:
        low, high = pairs[0][0], pairs[1][0]
        if _comparable(low, high) and not low < high:  # type: ignore[operator]
            raise ctx.refuse("42P17", f'empty range bound specified for partition "{name}"', location, kind="other")
    return ("range", *pairs)


def _infinite(node: Node) -> str:
    """minvalue or maxvalue, else nothing."""
    fields = node.get("ColumnRef", {}).get("fields", [])
    word = str(fields[-1].get("String", {}).get("sval", "")) if len(fields) == 1 else ""
    return word if word in ("minvalue", "maxvalue") else ""


def _check_infinite(ctx: Context, datums: list[Node]) -> None:
    """validateInfiniteBounds: nothing but the same may follow MINVALUE or MAXVALUE."""
    before = ""
    for node in datums:
        word = _infinite(node)
        if before and word != before:
            message = f"every bound following {before.upper()} must also be {before.upper()}"
            raise ctx.refuse("42804", message, first_place(node), kind="other")
        before = word


def _datum(ctx: Context, parent: Relation, number: int, node: Node) -> object:
    """A bound's value where it is a plain constant; None where not."""
    if _infinite(node):
        return None
    expr = analyze_expression(ctx, node, empty_scope(), "partition_bound")
    attribute = parent.attribute_by_num(number) if number else None
    if attribute is not None and attribute.type and expr.type:
        shown = type_name(ctx.catalog, attribute.type, None, ctx.path())
        message = f'specified value cannot be cast to type {shown} for column "{attribute.name}"'
        coerce(
            ctx,
            expr,
            attribute.type,
            attribute.typmod,
            "assignment",
            expr.location if expr.location >= 0 else None,
            message,
        )
    const = node.get("A_Const")
    if const is None or attribute is None:
        return None
    if "ival" in const and attribute.type in (20, 21, 23):
        return int(const["ival"].get("ival", 0))
    if "sval" in const:
        text = str(const["sval"].get("sval", ""))
        iso = len(text) == 10 and text[4] == text[7] == "-" and text.replace("-", "").isdigit()
        return (
            text
            if (attribute.type in (25, 1043) and parent.partitioning and parent.partitioning.strategy == "l")
            or (iso and attribute.type in (1082, 1114))
            else None
        )
    return ("null",) if const.get("isnull") else None


def _comparable(one: object, other: object) -> bool:
    return (isinstance(one, int) and isinstance(other, int)) or (isinstance(one, str) and isinstance(other, str))


def _overlap(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two bounds overlap for certain."""
    if one[0] != other[0]:
        return False
    if one[0] == "list":
        return any(value is not None and value in other[1] for value in one[1])
    if one[0] == "hash":
        small, large = sorted((one[1:], other[1:]))
        return bool(large[0] % small[0] == 0 and large[1] % small[0] == small[1])
    if one[0] == "range" and len(one[1]) == 1:
        (low, high), (from_, to) = (one[1][0], one[2][0]), (other[1][0], other[2][0])
        return all(_comparable(a, b) for a, b in ((low, to), (from_, high))) and bool(low < to and from_ < high)
    return False


def store_bound(ctx: Context, partition: Relation, form: tuple[object, ...]) -> None:
    """Remember a partition's bound (relpartbound)."""
    ctx.catalog.put(
        Other(
            ctx.catalog.new_oid(),
            "partition_bound",
            str(partition.oid),
            0,
            partition.owner,
            partition.oid,
            details=PartitionBound(form),
        )
    )
    current = ctx.catalog.the(Relation, partition.oid)
    ctx.catalog.put(replace(current, default_partition=form == ("default",)))
    for parent in current.parents:
        note_bound(ctx.catalog, parent, partition.oid, form)


def clone_to_partition(ctx: Context, parent: Relation, partition: Relation) -> None:
    """What a new partition gets from its table: indexes, foreign keys, row triggers (DefineRelation)."""
    for index in ctx.catalog.of_relation(parent.oid, Relation):
        if partition.kind in "rp":
            child = clone_index(ctx, index, partition, column_map(parent, partition), attached=True)
            if partition.kind == "p":
                index_partitions(ctx, partition, child)
    clone_triggers(ctx, parent, partition)
    clone_foreign_keys(ctx, parent, partition)


def clone_triggers(ctx: Context, parent: Relation, partition: Relation) -> None:
    """CloneRowTriggersToPartition."""
    catalog, mapping = ctx.catalog, column_map(parent, partition)
    for trigger in catalog.of_relation(parent.oid, Trigger):
        if not trigger.row or trigger.internal:
            continue
        clone = replace(
            trigger,
            oid=catalog.new_oid(),
            relation=partition.oid,
            parent=trigger.oid,
            columns=tuple(mapping.get(n, 0) for n in trigger.columns),
        )
        catalog.put(clone)
        for edge in catalog.dependencies(trigger.oid):
            oid, number = edge.referenced
            if edge.kind in "na":
                catalog.depend(
                    (clone.oid, 0),
                    [(partition.oid, mapping.get(number, 0)) if oid == parent.oid else edge.referenced],
                    edge.kind,
                )
        catalog.depend((clone.oid, 0), [(trigger.oid, 0)], "P")
        catalog.depend((clone.oid, 0), [(partition.oid, 0)], "S")
        for child in catalog.children(partition.oid):
            clone_triggers(ctx, partition, catalog.the(Relation, child))


def adopt(ctx: Context, parent: Relation, partition: Relation) -> None:
    """What ATTACH PARTITION gives an existing table."""
    for index in ctx.catalog.of_relation(parent.oid, Relation):
        if partition.kind in "rp":
            ensure_index(ctx, index, partition)
    clone_triggers(ctx, parent, partition)
    clone_foreign_keys(ctx, parent, partition)


def release(ctx: Context, parent: Relation, partition: Relation) -> None:
    """What DETACH PARTITION takes away (DetachPartitionFinalize): cloned triggers; indexes and constraints stay, on
    their own."""
    catalog = ctx.catalog
    for trigger in catalog.of_relation(partition.oid, Trigger):
        if trigger.parent and catalog.get(trigger.parent) is not None:
            catalog.undepend((trigger.oid, 0), "PS")
            dependency.drop(ctx, [(trigger.oid, 0)], internal=True)
    for index in catalog.of_relation(partition.oid, Relation):
        if index.parents:
            detach_index(ctx, index)
    for constraint in catalog.of_relation(partition.oid, Constraint):
        if constraint.kind == "f" and constraint.parent:
            leave_parent(ctx, constraint.oid)
    _forget_referrers(ctx, parent, partition)
    bound = catalog.one(Other, ("partition_bound", 0, str(partition.oid)))
    if bound is not None:
        catalog.remove(bound.oid)
    catalog.undepend((partition.oid, 0), "a", referenced=parent.oid)
    current = catalog.the(Relation, partition.oid)
    attributes = tuple(replace(a, is_local=True, inherited=max(a.inherited - 1, 0)) for a in current.attributes)
    catalog.put(
        replace(
            current,
            parents=tuple(p for p in current.parents if p != parent.oid),
            is_partition=False,
            default_partition=False,
            attributes=attributes,
        )
    )
    for constraint in catalog.of_relation(partition.oid, Constraint):
        if constraint.kind in "cn" and constraint.inherited:
            catalog.put(replace(constraint, is_local=True, inherited=constraint.inherited - 1))


def _forget_referrers(ctx: Context, parent: Relation, partition: Relation) -> None:
    for edge in ctx.catalog.dependents(partition.oid):
        constraint = ctx.catalog.find(Constraint, edge.dependent[0])
        if (
            constraint is not None
            and constraint.kind == "f"
            and constraint.foreign == partition.oid
            and constraint.parent
        ):
            above = ctx.catalog.find(Constraint, constraint.parent)
            if above is not None and above.foreign == parent.oid:
                dependency.remove_object(ctx.catalog, constraint)
