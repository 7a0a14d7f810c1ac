"""The rows of PostgreSQL's own catalogs, decoded from the data files (see tools/generate_builtins.py for their
spelling)."""

from __future__ import annotations

import msgspec


class BuiltinType(msgspec.Struct, frozen=True):
    """A row of pg_type."""

    oid: int
    name: str
    schema: str
    typtype: str
    category: str
    preferred: bool
    elem: int
    array: int
    relid: int
    basetype: int
    length: int
    collation: int
    subscript_array: bool  # a true array: its subscript gives ``elem``
    range_subtype: int
    multirange: int
    display: str  # as format_type prints it
    typmod: int
    typmod_in: int  # 0: takes no type modifier
    storage: str  # p plain, e external, m main, x extended
    subscript: str  # the subscripting handler's name, "" if it cannot be subscripted

    # under the names that user types have
    @property
    def kind(self) -> str:
        return self.typtype

    @property
    def base(self) -> int:
        return self.basetype

    @property
    def base_typmod(self) -> int:
        return self.typmod if self.typtype == "d" else -1

    @property
    def namespace(self) -> int:
        return 11 if self.schema == "pg_catalog" else 13000

    @property
    def relation(self) -> int:
        return self.relid

    @property
    def subtype(self) -> int:
        return self.range_subtype

    @property
    def shell(self) -> bool:
        return False

    @property
    def extension(self) -> int:
        return 0

    @property
    def labels(self) -> tuple[str, ...]:
        return ()


class BuiltinFunction(msgspec.Struct, frozen=True):
    """A row of pg_proc. ``execute``: None where PUBLIC may call it, else the roles beside the owner that may."""

    oid: int
    name: str
    schema: str
    kind: str  # f function, p procedure, a aggregate, w window function
    args: tuple[int, ...]
    result: int
    retset: bool
    variadic: int
    ndefaults: int
    strict: bool
    volatile: str
    all_args: tuple[int, ...] | None
    modes: str | None
    names: tuple[str, ...] | None
    agg_kind: str  # n normal, o ordered set, h hypothetical set; "" for what is no aggregate
    agg_direct: int
    execute: tuple[str, ...] | None


class BuiltinOperator(msgspec.Struct, frozen=True):
    """A row of pg_operator; ``left`` 0 for prefix operators."""

    oid: int
    name: str
    left: int
    right: int
    result: int
    function: int
    commutator: int
    can_hash: bool
    can_merge: bool
    negator: int


class BuiltinCast(msgspec.Struct, frozen=True):
    """A row of pg_cast."""

    source: int
    target: int
    function: int
    context: str  # i implicit, a assignment, e explicit
    method: str  # f function, b binary-coercible, i input and output


class BuiltinRelation(msgspec.Struct, frozen=True):
    """A system catalog, view or index; ``columns``: name, type, typmod, not null, in attnum order from 1."""

    oid: int
    name: str
    schema: str
    relkind: str
    columns: tuple[tuple[str, int, int, bool], ...]
    public_select: bool
    public_columns: tuple[str, ...]  # which PUBLIC may read where it may not read all
    readers: tuple[str, ...]  # predefined roles that may SELECT it


class BuiltinOpclass(msgspec.Struct, frozen=True):
    """A row of pg_opclass. ``key_type``: what the index stores, 0 for the input type."""

    oid: int
    name: str
    input_type: int
    default: bool
    key_type: int
    family: int


BuiltinRow = BuiltinType | BuiltinFunction | BuiltinOperator | BuiltinCast | BuiltinRelation | BuiltinOpclass


class FamilyOperator(msgspec.Struct, frozen=True):
    """A row of pg_amop. ``purpose``: s search, o ordering."""

    left: int
    right: int
    strategy: int
    operator: int
    purpose: str


class BuiltinSetting(msgspec.Struct, frozen=True):
    """A row of pg_settings. ``context``: who may change it when (user superuser sighup postmaster internal backend
    superuser-backend)."""

    name: str
    context: str
    vartype: str  # bool integer real string enum; "" for the few that pg_settings does not list
    unit: str
    minimum: str
    maximum: str
    values: tuple[str, ...]  # of an enum


class BuiltinExtension(msgspec.Struct, frozen=True):
    """An extension that a stock installation with contrib offers."""

    name: str
    trusted: bool
    superuser: bool
    requires: tuple[str, ...]
    schema: str  # fixed by its control file, else ""
    version: str
    relocatable: bool
    versions: tuple[str, ...]


def fields(row: str, size: int) -> list[str]:
    """A row's fields; those cut at its end are empty."""
    out = row.split("|")
    return out + [""] * (size - len(out)) if len(out) < size else out


def oids(field: str) -> tuple[int, ...]:
    """A list of OIDs."""
    return tuple(int(word) for word in field.split())


def number(field: str) -> int:
    """A number; 0 is spelled as nothing."""
    return int(field) if field else 0


def type_row(name: str, schema: str, row: str) -> BuiltinType:
    """Decode a type."""
    f = fields(row, 18)
    return BuiltinType(
        int(f[0]),
        name,
        schema,
        f[1],
        f[2],
        bool(f[3]),
        number(f[4]),
        number(f[5]),
        number(f[6]),
        number(f[7]),
        number(f[8]),
        number(f[9]),
        bool(f[10]),
        number(f[11]),
        number(f[12]),
        f[13] or name,
        number(f[14]),
        number(f[15]),
        f[16],
        f[17],
    )


def function_row(name: str, schema: str, row: str) -> BuiltinFunction:
    """Decode a routine."""
    f = fields(row, 15)
    execute = tuple(f[14][1:].split()) if f[14] else None
    return BuiltinFunction(
        int(f[0]),
        name,
        schema,
        f[1],
        oids(f[2]),
        number(f[3]),
        bool(f[4]),
        number(f[5]),
        number(f[6]),
        bool(f[7]),
        f[8],
        oids(f[9]) or None,
        f[10] or None,
        tuple(f[11].split(" ")) if f[11] else None,
        f[12] or ("n" if f[1] == "a" else ""),
        number(f[13]),
        execute,
    )


def operator_row(name: str, row: str) -> BuiltinOperator:
    """Decode an operator."""
    f = fields(row, 9)
    return BuiltinOperator(
        int(f[0]),
        name,
        number(f[1]),
        number(f[2]),
        number(f[3]),
        number(f[4]),
        number(f[5]),
        bool(f[6]),
        bool(f[7]),
        number(f[8]),
    )


def relation_row(name: str, schema: str, row: str) -> BuiltinRelation:
    """Decode a relation."""
    f = fields(row, 6)
    columns = (column.rsplit(" ", 3) for column in f[3].split(",")) if f[3] else ()
    return BuiltinRelation(
        int(f[0]),
        name,
        schema,
        f[1],
        tuple((c[0], int(c[1]), int(c[2]), c[3] == "1") for c in columns),
        bool(f[2]),
        tuple(f[4].split()),
        tuple(f[5].split()),
    )


def cast_row(source: int, row: str) -> BuiltinCast:
    """Decode a cast."""
    f = row.split("|")
    return BuiltinCast(source, int(f[0]), number(f[1]), f[2], f[3])


def opclass_row(row: str) -> BuiltinOpclass:
    """Decode an operator class."""
    f = fields(row, 6)
    return BuiltinOpclass(int(f[0]), f[1], int(f[2]), bool(f[3]), number(f[4]), int(f[5]))


def family_operator_row(row: str) -> FamilyOperator:
    """Decode a member of an operator family."""
    f = row.split("|")
    return FamilyOperator(number(f[0]), number(f[1]), int(f[2]), int(f[3]), f[4])


def setting_row(name: str, row: str) -> BuiltinSetting:
    """Decode a setting."""
    f = fields(row, 6)
    return BuiltinSetting(name, f[0], f[1], f[2], f[3], f[4], tuple(f[5].split()))


def extension_row(name: str, row: str) -> BuiltinExtension:
    """Decode an extension on offer."""
    f = fields(row, 7)
    return BuiltinExtension(
        name, bool(f[0]), bool(f[1]), tuple(f[2].split()), f[3], f[4], bool(f[5]), tuple(f[6].split())
    )
