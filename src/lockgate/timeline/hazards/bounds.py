"""What a partition bound asks of every row (get_qual_from_partbound in src/backend/partitioning/partbounds.c)."""

from __future__ import annotations

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.details import PartitionBound
from lockgate.catalog.objects import Other, Relation
from lockgate.parse.statement import Node
from lockgate.timeline.hazards.implied import Claim, constant, implies, negated

_UNKNOWN: Claim = ("other", "bound")


def bound_claim(parent: Relation, bound: Node) -> Claim:
    """A bound as written, as claims about the key column; one that cannot be proven where it is not a simple one."""
    parts = parent.partitioning
    column = parent.attribute_by_num(parts.keys[0]) if parts is not None and len(parts.keys) == 1 else None
    if column is None or bound.get("is_default"):
        return _UNKNOWN
    if bound.get("strategy") == "l":
        return _list(column.name, bound.get("listdatums", []))
    if bound.get("strategy") != "r":
        return _UNKNOWN
    found: list[Claim] = [("set", column.name)]
    for operator, datums in ((">=", bound.get("lowerdatums", [])), ("<", bound.get("upperdatums", []))):
        if _infinite(datums[0]):
            continue
        value = constant(datums[0])
        if value is None:
            return _UNKNOWN
        found.append((operator, column.name, value))
    return ("and", tuple(found))


def default_claim(parent: Relation, bound: Node) -> Claim:
    """What the default partition's rows must be once another partition has this bound."""
    own = bound_claim(parent, bound)
    return _UNKNOWN if own is _UNKNOWN else negated(own)


def _list(name: str, datums: list[Node]) -> Claim:
    null = any(d.get("A_Const", {}).get("isnull") for d in datums)
    values = [constant(d) for d in datums if not d.get("A_Const", {}).get("isnull")]
    if None in values:
        return _UNKNOWN
    among: Claim = ("or", tuple(("=", name, v) for v in values))
    if null:
        return ("or", (("null", name), *among[1]))
    return ("and", (("set", name), among))


def _infinite(node: Node) -> bool:
    fields = node.get("ColumnRef", {}).get("fields", [])
    word = fields[-1].get("String", {}).get("sval", "") if len(fields) == 1 else ""
    return word in ("minvalue", "maxvalue")


def is_constrained(catalog: Catalog, parent: Relation, child: Relation) -> bool:
    """Whether a default partition's rows are constrained at all: only where the table has another partition."""
    return any(oid != child.oid for oid in catalog.children(parent.oid))


def excludes(catalog: Catalog, parent: Relation, part: Relation, known: Claim) -> bool:
    """Whether no row of a partition can pass a condition."""
    if part.default_partition:
        siblings = (catalog.find(Relation, oid) for oid in catalog.children(parent.oid))
        bounds = [_stored(catalog, parent, s) for s in siblings if s is not None and s.oid != part.oid]
        return any(b is not None and implies(known, b) for b in bounds)
    bound = _stored(catalog, parent, part)
    if bound is None:
        return False
    claims = bound[1]
    return implies(known, negated(bound)) or implies(known, ("null", claims[0][1]))  # no such partition takes NULL


def _stored(catalog: Catalog, parent: Relation, part: Relation) -> Claim | None:
    """A partition's bound as the catalog keeps it: that of one integer column's range or list."""
    found, keys = catalog.one(Other, ("partition_bound", 0, str(part.oid))), parent.partitioning
    column = parent.attribute_by_num(keys.keys[0]) if keys is not None and len(keys.keys) == 1 else None
    if found is None or column is None or not isinstance(found.details, PartitionBound):
        return None
    data = found.details.form
    if data[0] == "list" and None not in data[1]:
        return ("or", tuple(("=", column.name, v) for v in data[1]))
    if data[0] != "range" or None in (data[1][0], data[2][0]):
        return None
    return ("and", ((">=", column.name, data[1][0]), ("<", column.name, data[2][0])))
