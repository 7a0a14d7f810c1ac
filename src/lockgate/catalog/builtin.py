"""What PostgreSQL itself ships, by major version: types, routines, operators, casts, system relations (data made by tools/generate_builtins.py).

OIDs are PostgreSQL's own. Rows are decoded when they are first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

_DATA = Path(__file__).parent / "data"
MAJORS = (15, 16, 17, 18)


class BuiltinType(NamedTuple):
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


class BuiltinFunction(NamedTuple):
    """A row of pg_proc. ``execute``: None where PUBLIC may call it, else the roles beside the owner that may."""

    oid: int
    name: str
    schema: str
    kind: str
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
    agg_kind: str
    agg_direct: int
    execute: tuple[str, ...] | None


class BuiltinOperator(NamedTuple):
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


class BuiltinCast(NamedTuple):
    """A row of pg_cast."""

    source: int
    target: int
    function: int
    context: str
    method: str


class BuiltinRelation(NamedTuple):
    """A system catalog, view or index; ``columns``: name, type, typmod, not null, in attnum order from 1."""

    oid: int
    name: str
    schema: str
    relkind: str
    columns: tuple[tuple[str, int, int, bool], ...]
    public_select: bool


class BuiltinExtension(NamedTuple):
    """An extension that a stock installation with contrib offers."""

    name: str
    trusted: bool
    superuser: bool
    requires: tuple[str, ...]
    schema: str  # fixed by its control file, else ""
    version: str


def _pad(row: list[Any], size: int, fill: Any = 0) -> list[Any]:
    return row + [fill] * (size - len(row))


def _split(key: str) -> tuple[str, str]:
    return ("information_schema", key[19:]) if key.startswith("information_schema.") else ("pg_catalog", key)


def _key(schema: str, name: str) -> str:
    return name if schema == "pg_catalog" else f"{schema}.{name}"


class Builtins:
    """The built-in objects of one major version."""

    def __init__(self, major: int) -> None:
        self.major = major
        self._data: dict[str, Any] = json.loads((_DATA / f"builtin-{major}.json").read_bytes())
        self._functions: dict[str, tuple[BuiltinFunction, ...]] = {}
        self._operators: dict[str, tuple[BuiltinOperator, ...]] = {}
        self._relations: dict[str, BuiltinRelation] = {}

    # --- types ---------------------------------------------------------------------------------------------------------

    @cached_property
    def _types(self) -> dict[str, BuiltinType]:
        out = {}
        for key, rows in self._data["types"].items():
            schema, name = _split(key)
            r = _pad(rows[0], 15)
            kinds, sizes = (r[1], r[2], bool(r[3])), (r[4], r[5], r[6], r[7], r[8], r[9], bool(r[10]))
            out[key] = BuiltinType(r[0], name, schema, *kinds, *sizes, r[11], r[12], r[13], r[14])
        return out

    @cached_property
    def _types_by_oid(self) -> dict[int, BuiltinType]:
        return {t.oid: t for t in self._types.values()}

    def type_by_oid(self, oid: int) -> BuiltinType | None:
        """The type of that oid."""
        return self._types_by_oid.get(oid)

    def type_by_name(self, schema: str, name: str) -> BuiltinType | None:
        """The type of that name in pg_catalog or information_schema."""
        return self._types.get(_key(schema, name))

    def format_type_name(self, oid: int) -> str:
        """As format_type prints the type without a typmod."""
        found = self._types_by_oid.get(oid)
        return found.display if found else "???"

    # --- routines and operators ----------------------------------------------------------------------------------------

    def functions(self, schema: str, name: str) -> tuple[BuiltinFunction, ...]:
        """Every overload of a function."""
        key = _key(schema, name)
        found = self._functions.get(key)
        if found is None:
            found = self._functions[key] = tuple(self._function(schema, name, r) for r in self._data["functions"].get(key, ()))
        return found

    @staticmethod
    def _function(schema: str, name: str, row: list[Any]) -> BuiltinFunction:
        r = _pad(row, 15, None)
        execute = None if r[14] is None or "public" in r[14] else tuple(r[14])
        return BuiltinFunction(
            r[0], name, schema, r[1], tuple(r[2] or ()), r[3] or 0, bool(r[4]), r[5] or 0, r[6] or 0, bool(r[7]), r[8] or "v",
            tuple(r[9]) if r[9] else None, r[10] or None, tuple(r[11]) if r[11] else None, r[12] or "", r[13] or 0, execute,
        )  # fmt: skip

    @cached_property
    def _function_names(self) -> dict[int, tuple[str, str]]:
        return {row[0]: _split(key) for key, rows in self._data["functions"].items() for row in rows}

    def function_by_oid(self, oid: int) -> BuiltinFunction | None:
        """The function of that oid."""
        place = self._function_names.get(oid)
        return next((f for f in self.functions(*place) if f.oid == oid), None) if place else None

    def function_names(self) -> Iterable[str]:
        """Names of the functions in pg_catalog."""
        return (key for key in self._data["functions"] if not key.startswith("information_schema."))

    def operators(self, name: str) -> tuple[BuiltinOperator, ...]:
        """Every overload of an operator."""
        found = self._operators.get(name)
        if found is None:
            rows = (_pad(r, 8) for r in self._data["operators"].get(name, ()))
            found = self._operators[name] = tuple(BuiltinOperator(r[0], name, r[1], r[2], r[3], r[4], r[5], bool(r[6]), bool(r[7])) for r in rows)
        return found

    def operator_by_oid(self, oid: int) -> BuiltinOperator | None:
        """The operator of that oid."""
        for name, rows in self._data["operators"].items():
            if any(row[0] == oid for row in rows):
                return next(o for o in self.operators(name) if o.oid == oid)
        return None

    # --- casts ---------------------------------------------------------------------------------------------------------

    @cached_property
    def _casts(self) -> dict[tuple[int, int], BuiltinCast]:
        return {(r[0], r[1]): BuiltinCast(r[0], r[1], r[2], r[3], r[4]) for r in self._data["casts"]}

    def cast(self, source: int, target: int) -> BuiltinCast | None:
        """The cast from one type to another."""
        return self._casts.get((source, target))

    def casts_from(self, source: int) -> tuple[BuiltinCast, ...]:
        """Every cast from a type."""
        return tuple(c for c in self._casts.values() if c.source == source)

    # --- relations -----------------------------------------------------------------------------------------------------

    def relation(self, schema: str, name: str) -> BuiltinRelation | None:
        """A system relation by name."""
        key = _key(schema, name)
        found = self._relations.get(key)
        if found is None and key in self._data["relations"]:
            r = _pad(self._data["relations"][key][0], 4)
            columns = tuple((c[0], c[1], c[2], bool(c[3])) for c in r[2] or ())
            found = self._relations[key] = BuiltinRelation(r[0], name, schema, r[1], columns, bool(r[3]))
        return found

    @cached_property
    def _relation_names(self) -> dict[int, tuple[str, str]]:
        return {rows[0][0]: _split(key) for key, rows in self._data["relations"].items()}

    def relation_by_oid(self, oid: int) -> BuiltinRelation | None:
        """A system relation by oid."""
        place = self._relation_names.get(oid)
        return self.relation(*place) if place else None

    def relation_names(self, schema: str) -> Iterable[str]:
        """Names of the system relations of a schema."""
        return (name for space, name in self._relation_names.values() if space == schema)

    # --- the rest ------------------------------------------------------------------------------------------------------

    def opclasses(self, method: str) -> tuple[tuple[str, int, bool, int], ...]:
        """Operator classes of an access method: name, input type, whether it is the default, key type."""
        return self._opclasses.get(method, ())

    @cached_property
    def _opclasses(self) -> dict[str, tuple[tuple[str, int, bool, int], ...]]:
        out: dict[str, list[tuple[str, int, bool, int]]] = {}
        for row in self._data["opclasses"]:
            r = _pad(row, 5)
            out.setdefault(r[0], []).append((r[1], r[2], bool(r[3]), r[4]))
        return {method: tuple(rows) for method, rows in out.items()}

    def names(self, kind: str) -> frozenset[str]:
        """Names of a kind: collations languages ts_configs ts_dicts ts_parsers ts_templates opfamilies (method:name) conversions."""
        return frozenset(self._data[kind])

    @property
    def access_methods(self) -> dict[str, str]:
        """Access methods with their type, i or t."""
        found: dict[str, str] = self._data["access_methods"]
        return found

    @property
    def settings(self) -> dict[str, str]:
        """Settings with their context: user superuser sighup postmaster internal backend superuser-backend."""
        found: dict[str, str] = self._data["settings"]
        return found

    def roles(self) -> tuple[tuple[int, str], ...]:
        """Predefined roles: oid, name."""
        return tuple((oid, name) for oid, name in self._data["roles"])

    def role_memberships(self) -> tuple[tuple[int, int], ...]:
        """Memberships between predefined roles: role, member."""
        return tuple((role, member) for role, member in self._data["memberships"])

    def available_extension(self, name: str) -> BuiltinExtension | None:
        """An extension of a stock installation with contrib."""
        row = self._data["extensions"].get(name)
        return BuiltinExtension(name, bool(row[0]), bool(row[1]), tuple(row[2]), row[3] or "", row[4] or "") if row else None

    def available_extensions(self) -> frozenset[str]:
        """Names of the extensions of a stock installation with contrib."""
        return frozenset(self._data["extensions"])


@cache
def builtins(major: int) -> Builtins:
    """The built-in objects of a major version; the nearest known one where there is no data for it."""
    known = [m for m in MAJORS if (_DATA / f"builtin-{m}.json").exists()]
    return Builtins(min(known, key=lambda m: (abs(m - major), m)))
