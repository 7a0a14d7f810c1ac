"""What ALTER COLUMN TYPE does to the rows (ATColumnChangeRequiresRewrite in src/backend/commands/tablecmds.c, the
planner support functions of length coercions)."""

from __future__ import annotations

from lockgate.catalog.builtin import BuiltinCast
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import FIRST_USER_OID, Attribute, Cast, Constraint, Type
from lockgate.catalog.typename import base_type, element_of

BIT, CHAR, INET, CIDR, TEXT, VARCHAR, NUMERIC, VARBIT, INTERVAL = 1560, 1042, 869, 650, 25, 1043, 1700, 1562, 1186
TIMESTAMP, TIMESTAMPTZ, TIME, TIMETZ = 1114, 1184, 1083, 1266
_HEADER = 4  # VARHDRSZ, which typmods of strings and numerics count in
_FULL_RANGE, _FULL_PRECISION, _SECOND = 0x7FFF, 0xFFFF, 1 << 12


class Value:
    """An expression over the column's own value, as far as the planner sees through it: its type and typmod."""

    __slots__ = ("kept", "type", "typmod")

    def __init__(self, type: int, typmod: int, kept: bool = True) -> None:
        self.type = type
        self.typmod = typmod
        self.kept = kept  # the bytes are the column's own


def cast(catalog: Catalog, value: Value, target: int, typmod: int, *, utc: bool) -> Value:
    """coerce_to_target_type: first to the type, then to its length."""
    if not value.kept or not value.type or not target:
        return Value(target, typmod, False)
    if value.type == target:
        return _sized(value, typmod)
    base, base_typmod = base_type(catalog, target)[0], _domain_typmod(catalog, target)
    own = Value(value.type, value.typmod)
    if base != value.type:
        source = base_type(catalog, value.type)[0]
        own = Value(base, -1, _same_bytes(catalog, source, base, utc))
    wanted = base_typmod if base != target else typmod
    own = _sized(own, wanted)
    if base != target:
        own = Value(target, -1, own.kept and (value.type == target or not is_constrained(catalog, target)))
    return own


def _same_bytes(catalog: Catalog, source: int, target: int, utc: bool) -> bool:
    if source == target:
        return True
    if {source, target} == {TIMESTAMP, TIMESTAMPTZ}:
        return utc
    if element_of(catalog, source) and element_of(catalog, target):
        return False  # an ArrayCoerceExpr, whatever its elements
    found: Cast | BuiltinCast | None = catalog.one(Cast, ("cast", source, target)) or catalog.builtins.cast(
        source, target
    )
    return found is not None and found.method == "b"


def _domain_typmod(catalog: Catalog, oid: int) -> int:
    found = catalog.find(Type, oid) if oid >= FIRST_USER_OID else None
    while found is not None and found.kind == "d":
        if found.base_typmod >= 0:
            return found.base_typmod
        found = catalog.find(Type, found.base)
    return -1


def is_constrained(catalog: Catalog, oid: int) -> bool:
    """DomainHasConstraints: NOT NULL or a CHECK, its own or those of a domain below it."""
    found = catalog.find(Type, oid) if oid >= FIRST_USER_OID else None
    while found is not None and found.kind == "d":
        if found.notnull or any(
            (c := catalog.find(Constraint, e.dependent[0])) is not None and c.type == found.oid
            for e in catalog.dependents(found.oid)
        ):
            return True
        found = catalog.find(Type, found.base)
    return False


def _sized(value: Value, typmod: int) -> Value:
    """coerce_type_typmod, with the length coercions that the planner takes away."""
    if typmod < 0 or typmod == value.typmod:
        return Value(value.type, typmod if typmod >= 0 else value.typmod, value.kept)
    return Value(value.type, typmod, value.kept and widens(value.type, value.typmod, typmod))


def widens(kind: int, old: int, new: int) -> bool:
    """Whether every value of the old length is one of the new, so that no function is called."""
    match kind:
        case 1043:  # varchar_support
            return old >= 0 and old <= new
        case 1700:  # numeric_support
            if old < _HEADER:
                return False
            a, b = old - _HEADER, new - _HEADER
            return a & 0xFFFF == b & 0xFFFF and b >> 16 >= a >> 16
        case 1562:  # varbit_support
            return 0 < old <= new
        case 1114 | 1184 | 1083 | 1266:  # TemporalSimplify
            return new >= 6 or 0 <= old <= new
        case 1186:
            return _interval_widens(old, new)
    return False


def _interval_widens(old: int, new: int) -> bool:
    old_range, old_precision = _interval(old)
    new_range, new_precision = _interval(new)
    if _least(new_range) > _least(old_range):
        return False
    return _least(old_range) > 0 or new_precision >= 6 or new_precision >= old_precision


def _interval(typmod: int) -> tuple[int, int]:
    return (_FULL_RANGE, _FULL_PRECISION) if typmod < 0 else ((typmod >> 16) & _FULL_RANGE, typmod & _FULL_PRECISION)


def _least(fields: int) -> int:
    """intervaltypmodleastfield: 0 second, 1 minute, 2 hour, 3 day, 4 month, 5 year."""
    for rank, bit in enumerate((12, 11, 10, 3, 1, 2)):
        if fields & (1 << bit):
            return rank
    return 0


def comparison_type(catalog: Catalog, oid: int) -> int:
    """The type whose operators compare values of a type: what indexes and foreign keys over it stand on."""
    base = base_type(catalog, oid)[0]
    return {VARCHAR: TEXT, CIDR: INET}.get(base, base)


def is_polymorphic(catalog: Catalog, oid: int) -> bool:
    """Whether an index over the type uses an operator class for arrays, enums, ranges or rows in general, which a
    change of type breaks (CheckIndexCompatible)."""
    base = base_type(catalog, oid)[0]
    found = catalog.find(Type, base)
    return bool(element_of(catalog, base)) or (found is not None and found.kind in "ermc")


def same_column(one: Attribute, other: Attribute) -> bool:
    """Whether the type, its length and its collation are as they were."""
    return (one.type, one.typmod, one.collation) == (other.type, other.typmod, other.collation)
