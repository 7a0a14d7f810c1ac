"""What a partition bound asks of every row (get_qual_from_partbound in src/backend/partitioning/partbounds.c)."""

from __future__ import annotations

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Other, Relation
from lockgate.parse.statement import Node
from lockgate.timeline.hazards.implied import Claim, _constant, negated

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
        value = _constant(datums[0])
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
    values = [_constant(d) for d in datums if not d.get("A_Const", {}).get("isnull")]
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


def bound_of(catalog: Catalog, relation: Relation) -> Other | None:
    """What the catalog keeps of a partition's bound."""
    return catalog.one(Other, ("partition_bound", 0, str(relation.oid)))
