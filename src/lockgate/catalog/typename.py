"""Types by oid, and their names as format_type prints them (src/backend/utils/adt/format_type.c)."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.base.sql import quote_identifier
from lockgate.catalog.builtin import BuiltinType
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, FIRST_USER_OID, INFORMATION_SCHEMA, PG_CATALOG, Type

BOOL, BYTEA, CHAR, NAME, INT8, INT2, INT4, TEXT, OID = 16, 17, 18, 19, 20, 21, 23, 25, 26
JSON, XML, FLOAT4, FLOAT8, UNKNOWN = 114, 142, 700, 701, 705
BPCHAR, VARCHAR, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, TIMETZ = 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266
BIT, VARBIT, NUMERIC, REFCURSOR, UUID, RECORD, RECORDARRAY, VOID, JSONB = (
    1560,
    1562,
    1700,
    1790,
    2950,
    2249,
    2287,
    2278,
    3802,
)

_SQL_NAMES = {
    BOOL: "boolean",
    FLOAT4: "real",
    FLOAT8: "double precision",
    INT2: "smallint",
    INT4: "integer",
    INT8: "bigint",
    BPCHAR: "character",
    VARCHAR: "character varying",
    BIT: "bit",
    VARBIT: "bit varying",
    NUMERIC: "numeric",
    INTERVAL: "interval",
    TIME: "time",
    TIMETZ: "time",
    TIMESTAMP: "timestamp",
    TIMESTAMPTZ: "timestamp",
    JSON: "json",
}
_ZONES = {
    TIME: " without time zone",
    TIMESTAMP: " without time zone",
    TIMETZ: " with time zone",
    TIMESTAMPTZ: " with time zone",
}
_FIELDS = {
    1 << 2: " year",
    1 << 1: " month",
    1 << 3: " day",
    1 << 10: " hour",
    1 << 11: " minute",
    1 << 12: " second",
    1 << 2 | 1 << 1: " year to month",
    1 << 3 | 1 << 10: " day to hour",
    1 << 3 | 1 << 10 | 1 << 11: " day to minute",
    1 << 3 | 1 << 10 | 1 << 11 | 1 << 12: " day to second",
    1 << 10 | 1 << 11: " hour to minute",
    1 << 10 | 1 << 11 | 1 << 12: " hour to second",
    1 << 11 | 1 << 12: " minute to second",
}


# name, point, lseg, box and line can be subscripted, but are no arrays
_FIXED_LENGTH = frozenset({19, 600, 601, 603, 628})


def type_of(catalog: Catalog, oid: int) -> Type | None:
    """The type of that oid, the user's or built in (in the same shape); None if there is none (or 0)."""
    if oid >= FIRST_USER_OID or not oid:
        return catalog.find(Type, oid)
    found = catalog.builtins.known_types.get(oid)
    if found is None:
        row = catalog.builtins.type_by_oid(oid)
        if row is None:
            return catalog.find(Type, oid)
        found = catalog.builtins.known_types[oid] = as_type(row)
    return found


def as_type(row: BuiltinType) -> Type:
    """A row of the built-in types as a catalog object."""
    namespace = PG_CATALOG if row.schema == "pg_catalog" else INFORMATION_SCHEMA
    return Type(
        row.oid,
        row.name,
        namespace,
        BOOTSTRAP_SUPERUSER,
        row.typtype,
        row.category,
        row.preferred,
        elem=row.elem,
        array=row.array,
        relation=row.relid,
        base=row.basetype,
        base_typmod=row.typmod if row.typtype == "d" else -1,
        subtype=row.range_subtype,
        multirange=row.multirange,
        collation=row.collation,
        length=row.length,
    )


def element_of(catalog: Catalog, oid: int) -> int:
    """The element type of a true array type (get_element_type), else 0."""
    found = type_of(catalog, oid)
    return found.elem if found is not None and oid not in _FIXED_LENGTH else 0


def array_of(catalog: Catalog, oid: int) -> int:
    """The array type of a type (get_array_type), else 0."""
    found = type_of(catalog, oid)
    return found.array if found is not None else 0


def base_type(catalog: Catalog, oid: int, typmod: int = -1) -> tuple[int, int]:
    """The type below any domains, with its typmod (getBaseTypeAndTypmod)."""
    found = type_of(catalog, oid)
    while found is not None and found.kind == "d":
        oid, typmod = found.base, found.base_typmod
        found = type_of(catalog, oid)
    return oid, typmod


def type_name(catalog: Catalog, oid: int, typmod: int | None = None, path: Iterable[int] = ()) -> str:
    """A type's name as format_type gives it; ``typmod`` None is format_type_be (no type modifier known), -1 is
    format_type(oid, -1).

    A user type is schema-qualified unless its schema's oid is in ``path`` (where no earlier schema there hides it);
    "???" for no type.
    """
    if oid == 0:
        return "-"
    found = type_of(catalog, oid)
    if found is None:
        return "???"
    element = element_of(catalog, oid)
    if element and oid not in (22, 30):  # int2vector and oidvector keep their names
        return type_name(catalog, element, typmod, path) + "[]"
    if oid in _SQL_NAMES:
        return _sql_name(oid, typmod)
    if oid == JSON:  # a keyword since 16, and never quoted
        return "json"
    name = quote_identifier(found.name, catalog.major)
    if not _visible(catalog, found, tuple(path)):
        name = f"{quote_identifier(catalog.namespace_name(found.namespace), catalog.major)}.{name}"
    return f"{name}({typmod})" if typmod is not None and typmod >= 0 and oid not in (RECORD,) else name


def _visible(catalog: Catalog, found: Type, path: tuple[int, ...]) -> bool:
    if found.oid < FIRST_USER_OID and found.namespace in (PG_CATALOG, 0):
        return not path or all(
            catalog.type_named(n, found.name) is None for n in path[: path.index(11) if 11 in path else 0]
        )
    for namespace in path:
        if namespace == found.namespace:
            return True
        if namespace == PG_CATALOG:
            if catalog.builtins.type_by_name("pg_catalog", found.name) is not None:
                return False
        elif catalog.type_named(namespace, found.name) is not None:
            return False
    return False


def _sql_name(oid: int, typmod: int | None) -> str:
    name = _SQL_NAMES[oid]
    if typmod is None or typmod < 0:
        if typmod is not None and oid == BPCHAR:
            return "bpchar"
        if typmod is not None and oid == BIT:
            return '"bit"'
        return name + _ZONES.get(oid, "")
    if oid in (BPCHAR, VARCHAR):
        return f"{name}({typmod - 4})"
    if oid in (BIT, VARBIT):
        return f"{name}({typmod})"
    if oid == NUMERIC:
        bits = typmod - 4
        return f"{name}({bits >> 16 & 0xFFFF},{(bits & 0x7FF ^ 1024) - 1024})"
    if oid == INTERVAL:
        fields, precision = _FIELDS.get(typmod >> 16 & 0x7FFF, ""), typmod & 0xFFFF
        return name + fields + (f"({precision})" if precision != 0xFFFF else "")
    if oid in _ZONES:
        return f"{name}({typmod}){_ZONES[oid]}"
    return name
