"""SQLAlchemy's types as PostgreSQL's (sqlalchemy/dialects/postgresql/base.py, PGTypeCompiler)."""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.base.sql import literal, quote_identifier
from lockgate.base.text import Span
from lockgate.sources.code.values import UNKNOWN, ClassValue, Host, Instance, NotKnown, Partial, Passed

_NOWHERE = Span(0, 0)


class SqlType(msgspec.Struct):
    """A column's type. ``serial`` is what it becomes as an automatic primary key; ``values`` those of an enum."""

    sql: str
    serial: str = ""
    values: tuple[str, ...] | None = None
    name: str = ""  # of an enum or a domain
    schema: str = ""
    create: bool = True  # an enum of its own is made with the table


def _plain(sql: str, serial: str = "") -> Any:
    return lambda passed: SqlType(sql, serial)


def _sized(sql: str, empty: str = "") -> Any:
    def make(passed: Passed) -> SqlType | NotKnown:
        length = passed.get(0, "length")
        if isinstance(length, NotKnown | Partial):
            return UNKNOWN
        return SqlType(f"{sql}({length})" if isinstance(length, int) and length else empty or sql)

    return make


def _numeric(passed: Passed) -> SqlType | NotKnown:
    precision, scale = passed.get(0, "precision"), passed.get(1, "scale")
    if isinstance(precision, NotKnown) or isinstance(scale, NotKnown):
        return UNKNOWN
    if precision is None:
        return SqlType("NUMERIC")
    return SqlType(f"NUMERIC({precision})" if scale is None else f"NUMERIC({precision}, {scale})")


def _float(passed: Passed) -> SqlType:
    precision = passed.get(0, "precision")
    return SqlType(f"FLOAT({precision})" if isinstance(precision, int) and precision else "FLOAT")


def _moment(sql: str, always: bool = False) -> Any:
    def make(passed: Passed) -> SqlType:
        zone = always or passed.get(0, "timezone") is True
        precision = passed.get(1, "precision")
        size = f"({precision})" if isinstance(precision, int) else ""
        return SqlType(f"{sql}{size} {'WITH' if zone else 'WITHOUT'} TIME ZONE")

    return make


def _interval(passed: Passed) -> SqlType:
    fields, precision = passed.get(-1, "fields"), passed.get(-1, "precision")
    size = f" ({precision})" if isinstance(precision, int) else ""
    return SqlType("INTERVAL" + (f" {fields}" if isinstance(fields, str) else "") + size)


def _array(passed: Passed) -> SqlType | NotKnown:
    inner = as_type(passed.get(0, "item_type"))
    if inner is None:
        return UNKNOWN
    dimensions = passed.get(-1, "dimensions")
    out = msgspec.structs.replace(inner, sql=inner.sql + "[]" * (dimensions if isinstance(dimensions, int) else 1))
    return msgspec.structs.replace(out, serial="")


def _enum(native: bool) -> Any:
    def make(passed: Passed) -> SqlType | NotKnown:
        values: list[Any] = list(passed.args)
        if len(values) == 1 and isinstance(values[0], list | tuple):
            values = list(values[0])
        if len(values) == 1 and isinstance(values[0], ClassValue):
            values = enum_values(values[0], passed.named.get("values_callable"))
        if not native and passed.named.get("native_enum") is False:
            length = passed.named.get("length")
            known = [v for v in values if isinstance(v, str)]
            longest = length if isinstance(length, int) else max(map(len, known), default=0)
            return SqlType(f"VARCHAR({longest})") if known else UNKNOWN
        name, schema = passed.named.get("name"), passed.named.get("schema")
        if name is None and passed.args and isinstance(passed.args[0], ClassValue):
            name = passed.args[0].name.lower()
        if not isinstance(name, str) or not (schema is None or isinstance(schema, str)):
            return UNKNOWN
        sql = (f"{quote_identifier(schema)}." if schema else "") + quote_identifier(name)
        known_values = tuple(values) if all(isinstance(v, str) for v in values) else None
        create = passed.named.get("create_type", True) is not False and not (native and not values)
        return SqlType(sql, values=known_values, name=name, schema=schema or "", create=create)

    return make


def enum_values(of: ClassValue, by_value: Any = None) -> list[Any]:
    """The names of a Python enum's members, or their values where the type is told to take those."""
    own = {k: v for k, v in of.members.items() if isinstance(v, str | int) and not k.startswith("_")}
    return list(own.values()) if by_value is not None else list(own)


def _bit(passed: Passed) -> SqlType:
    length = passed.get(0, "length")
    size = f"({length})" if isinstance(length, int) else ""
    return SqlType(f"BIT VARYING{size}" if passed.get(1, "varying") is True else f"BIT{size or '(1)'}")


def _domain(passed: Passed) -> SqlType | NotKnown:
    name = passed.get(0, "name")
    return SqlType(quote_identifier(name), name=name) if isinstance(name, str) else UNKNOWN


def _variant(passed: Passed) -> SqlType | NotKnown:
    return as_type(passed.get(0, "type_")) or UNKNOWN


def _impl(default: str, place: int = 0, name: str = "type_in") -> Any:
    """A type of an extension package that stands on another one (sqlalchemy_utils)."""

    def make(passed: Passed) -> SqlType:
        return as_type(passed.get(place, name)) or SqlType(default)

    return make


_INTEGERS = {
    "Integer": ("INTEGER", "SERIAL"),
    "INTEGER": ("INTEGER", "SERIAL"),
    "INT": ("INTEGER", "SERIAL"),
    "BigInteger": ("BIGINT", "BIGSERIAL"),
    "BIGINT": ("BIGINT", "BIGSERIAL"),
    "SmallInteger": ("SMALLINT", "SMALLSERIAL"),
    "SMALLINT": ("SMALLINT", "SMALLSERIAL"),
}
_SAME = [
    "TEXT",
    "BOOLEAN",
    "DATE",
    "REAL",
    "BYTEA",
    "JSON",
    "JSONB",
    "UUID",
    "INET",
    "CIDR",
    "MACADDR",
    "MACADDR8",
    "TSVECTOR",
    "TSQUERY",
    "HSTORE",
    "OID",
    "REGCLASS",
    "REGCONFIG",
    "MONEY",
    "CITEXT",
    "INT4RANGE",
    "INT8RANGE",
    "NUMRANGE",
    "DATERANGE",
    "TSRANGE",
    "TSTZRANGE",
    "INT4MULTIRANGE",
    "INT8MULTIRANGE",
    "NUMMULTIRANGE",
    "DATEMULTIRANGE",
    "TSMULTIRANGE",
    "TSTZMULTIRANGE",
    "XML",
]
_NAMED = {
    "Text": "TEXT",
    "UnicodeText": "TEXT",
    "CLOB": "TEXT",
    "Boolean": "BOOLEAN",
    "Date": "DATE",
    "LargeBinary": "BYTEA",
    "BLOB": "BYTEA",
    "PickleType": "BYTEA",
    "Uuid": "UUID",
    "UUIDType": "UUID",
    "Double": "DOUBLE PRECISION",
    "DOUBLE_PRECISION": "DOUBLE PRECISION",
    "DOUBLE": "DOUBLE PRECISION",
    "JSONType": "JSON",
    "EmailType": "VARCHAR(255)",
    "URLType": "TEXT",
    "IPAddressType": "VARCHAR(50)",
    "LtreeType": "LTREE",
    "TSVectorType": "TSVECTOR",
    "NullType": "NULL",
    "HALFVEC": "HALFVEC",
    "GUID": "UUID",
    "GeoPoint": "geometry",
}
TYPES: dict[str, Any] = {
    **{name: _plain(*both) for name, both in _INTEGERS.items()},
    **{name: _plain(name) for name in _SAME},
    **{name: _plain(sql) for name, sql in _NAMED.items()},
    **dict.fromkeys(("String", "Unicode", "VARCHAR", "NVARCHAR"), _sized("VARCHAR")),
    **dict.fromkeys(("CHAR", "NCHAR"), _sized("CHAR")),
    **dict.fromkeys(("BINARY", "VARBINARY"), _plain("BYTEA")),
    **dict.fromkeys(("Vector", "VECTOR"), _sized("VECTOR")),
    **dict.fromkeys(("Numeric", "NUMERIC", "DECIMAL", "Decimal"), _numeric),
    **dict.fromkeys(("Float", "FLOAT"), _float),
    **dict.fromkeys(("DateTime", "TIMESTAMP", "DATETIME"), _moment("TIMESTAMP")),
    "TZDateTime": _moment("TIMESTAMP", always=True),
    "TIMESTAMPTZ": _moment("TIMESTAMP", always=True),
    "UTCDateTime": _moment("TIMESTAMP", always=True),
    **dict.fromkeys(("Time", "TIME"), _moment("TIME")),
    **dict.fromkeys(("Interval", "INTERVAL"), _interval),
    "ARRAY": _array,
    "Enum": _enum(native=False),
    "ENUM": _enum(native=True),
    "BIT": _bit,
    "DOMAIN": _domain,
    "Variant": _variant,
    "MutableType": _impl("TEXT"),
    "EncryptedType": _impl("BYTEA", 9, "impl"),
    "ChoiceType": _impl("VARCHAR(255)", 1, "impl"),
}
# what is the same under this name wherever it comes from; others only from SQLAlchemy itself
ANYWHERE = frozenset({"UUIDType", "JSONType", "EmailType", "URLType", "IPAddressType", "LtreeType", "TSVectorType",
                      "Vector", "VECTOR", "HALFVEC", "ChoiceType", "CITEXT", "GUID"})  # fmt: skip


def type_maker(name: str) -> Host | None:
    """A type's class by its name."""
    make = TYPES.get(name)
    if make is None:
        return None

    def call(passed: Passed) -> Any:
        return make(passed)

    return Host(name, call, lambda inner: type_maker(inner) or UNKNOWN, is_type=True)


def as_type(value: Any) -> SqlType | None:
    """The type that a value stands for; None where it is not known."""
    if isinstance(value, SqlType):
        return value
    if isinstance(value, Host) and value.members.get("is_type") is True:
        made = value.call(Passed([], {}, _NOWHERE))
        return made if isinstance(made, SqlType) else None
    if isinstance(value, Instance):
        return as_type(value.of)
    if isinstance(value, ClassValue):
        inner = value.members.get("impl")
        if inner is not None:
            return as_type(inner)
        for base in value.bases:
            if isinstance(base, Host) and base.name in ("TypeDecorator", "UserDefinedType", "TypeEngine"):
                return None
            if (found := as_type(base)) is not None:
                return found
    return None


def create_enum(kind: SqlType) -> str | None:
    """``CREATE TYPE`` of an enum; None where its values are not known."""
    if kind.values is None:
        return None
    return f"CREATE TYPE {kind.sql.removesuffix('[]')} AS ENUM ({', '.join(map(literal, kind.values))})"
