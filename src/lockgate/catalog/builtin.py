"""What PostgreSQL itself ships, by major version: types, routines, operators, casts, system relations (data made by
tools/generate_builtins.py).

OIDs are PostgreSQL's own; from 12000 on they differ between builds, so treat those as names of this data only. A file
loads in about 2 ms: rows stay text until somebody asks for their name.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.catalog import builtin_rows as rows
from lockgate.catalog.builtin_rows import (
    BuiltinCast,
    BuiltinExtension,
    BuiltinFunction,
    BuiltinOpclass,
    BuiltinOperator,
    BuiltinRelation,
    BuiltinSetting,
    BuiltinType,
    FamilyOperator,
)

__all__ = [
    "BuiltinCast",
    "BuiltinExtension",
    "BuiltinFunction",
    "BuiltinOpclass",
    "BuiltinOperator",
    "BuiltinRelation",
    "BuiltinSetting",
    "BuiltinType",
    "Builtins",
    "FamilyOperator",
    "builtins",
]

_DATA = Path(__file__).parent / "data"
MAJORS = (14, 15, 16, 17, 18)
_ANYARRAY, _RECORD, _ANYENUM, _ANYRANGE, _ANYMULTIRANGE = 2277, 2249, 3500, 3831, 4537
_POLYMORPHIC = {"c": _RECORD, "e": _ANYENUM, "r": _ANYRANGE, "m": _ANYMULTIRANGE}
# a name that initdb makes for a locale of the operating system, or for one of ICU: de_DE.utf8, german, zh-Hant-TW-x-icu
_LOCALE = pattern(r"[a-z]{2,3}(_[A-Z]{2})?(\.[\w-]+)?(@\w+)?|[A-Za-z0-9-]+-x-icu|[a-z]{4,}|und")


def _split(key: str) -> tuple[str, str]:
    return ("information_schema", key[19:]) if key.startswith("information_schema.") else ("pg_catalog", key)


def _key(schema: str, name: str) -> str:
    return name if schema == "pg_catalog" else f"{schema}.{name}"


class Builtins:
    """The built-in objects of one major version."""

    def __init__(self, major: int) -> None:
        self.major = major
        self._data: dict[str, Any] = msgspec.json.decode((_DATA / f"builtin-{major}.json").read_bytes())
        self.known_types: dict[int, Any] = {}  # as catalog objects, see typename.type_of
        self._named_types: dict[str, BuiltinType | None] = {}
        self._functions: dict[str, tuple[BuiltinFunction, ...]] = {}
        self._operators: dict[str, tuple[BuiltinOperator, ...]] = {}
        self._relations: dict[str, BuiltinRelation] = {}
        self._casts: dict[int, tuple[BuiltinCast, ...]] = {}

    @property
    def server(self) -> str:
        """The version of the server that the data was made from."""
        return str(self._data["server"])

    def _places(self, section: str) -> dict[int, str]:
        """Key by oid."""
        found: dict[int, str] = {}
        for key, text in self._data[section].items():
            for row in text.split(";"):
                found[int(row.partition("|")[0])] = key
        return found

    # --- types --------------------------------------------------------------------------------------------------------

    @cached_property
    def _type_places(self) -> dict[int, str]:
        return self._places("types")

    @cached_property
    def _types(self) -> dict[str, BuiltinType]:
        return {t.name if t.schema == "pg_catalog" else f"{t.schema}.{t.name}": t for t in self.types()}

    def types(self) -> tuple[BuiltinType, ...]:
        """Every type, in order of oid."""
        found = (self.type_by_oid(oid) for oid in self._type_places)
        return tuple(t for t in found if t is not None)

    def type_by_oid(self, oid: int) -> BuiltinType | None:
        """The type of that oid."""
        key = self._type_places.get(oid)
        return self.type_by_name(*_split(key)) if key is not None else None

    def type_by_name(self, schema: str, name: str) -> BuiltinType | None:
        """The type of that name in pg_catalog or information_schema."""
        key = _key(schema, name)
        if key not in self._named_types:
            text = self._data["types"].get(key)
            self._named_types[key] = rows.type_row(name, schema, text) if text is not None else None
        return self._named_types[key]

    def format_type_name(self, oid: int) -> str:
        """As format_type prints the type without a typmod."""
        found = self.type_by_oid(oid)
        return found.display if found else "???"

    # --- routines and operators ---------------------------------------------------------------------------------------

    def functions(self, schema: str, name: str) -> tuple[BuiltinFunction, ...]:
        """Every overload of a function."""
        key = _key(schema, name)
        found = self._functions.get(key)
        if found is None:
            text = self._data["functions"].get(key)
            found = self._functions[key] = (
                tuple(rows.function_row(name, schema, r) for r in text.split(";")) if text else ()
            )
        return found

    @cached_property
    def _function_places(self) -> dict[int, str]:
        return self._places("functions")

    def function_by_oid(self, oid: int) -> BuiltinFunction | None:
        """The function of that oid."""
        key = self._function_places.get(oid)
        return next((f for f in self.functions(*_split(key)) if f.oid == oid), None) if key is not None else None

    def function_names(self, schema: str = "pg_catalog") -> Iterable[str]:
        """Names of the functions in a schema."""
        return (name for space, name in map(_split, self._data["functions"]) if space == schema)

    def operators(self, name: str) -> tuple[BuiltinOperator, ...]:
        """Every overload of an operator."""
        found = self._operators.get(name)
        if found is None:
            text = self._data["operators"].get(name)
            found = self._operators[name] = tuple(rows.operator_row(name, r) for r in text.split(";")) if text else ()
        return found

    @cached_property
    def _operator_places(self) -> dict[int, str]:
        return self._places("operators")

    def operator_by_oid(self, oid: int) -> BuiltinOperator | None:
        """The operator of that oid."""
        name = self._operator_places.get(oid)
        return next((o for o in self.operators(name) if o.oid == oid), None) if name is not None else None

    def operator_names(self) -> Iterable[str]:
        """Names of the operators."""
        return tuple(self._data["operators"])

    # --- casts --------------------------------------------------------------------------------------------------------

    def cast(self, source: int, target: int) -> BuiltinCast | None:
        """The cast from one type to another."""
        return next((c for c in self.casts_from(source) if c.target == target), None)

    def casts_from(self, source: int) -> tuple[BuiltinCast, ...]:
        """Every cast from a type."""
        found = self._casts.get(source)
        if found is None:
            text = self._data["casts"].get(str(source))
            found = self._casts[source] = tuple(rows.cast_row(source, r) for r in text.split(";")) if text else ()
        return found

    def is_binary_coercible(self, source: int, target: int) -> bool:
        """IsBinaryCoercible (src/backend/parser/parse_coerce.c) between built-in types."""
        base = self._base(source)
        if target in (source, base.oid if base else source, 2276, 2283):  # any, anyelement
            return True
        if base is None:
            return False
        if target == _ANYARRAY:
            return base.subscript_array
        if _POLYMORPHIC.get(base.typtype) == target:
            return True
        found = self.cast(base.oid, target)
        return found is not None and found.method == "b" and found.context == "i"

    def _base(self, oid: int) -> BuiltinType | None:
        found = self.type_by_oid(oid)
        while found is not None and found.typtype == "d":
            found = self.type_by_oid(found.basetype)
        return found

    # --- relations ----------------------------------------------------------------------------------------------------

    def relation(self, schema: str, name: str) -> BuiltinRelation | None:
        """A system relation by name."""
        key = _key(schema, name)
        found = self._relations.get(key)
        if found is None and key in self._data["relations"]:
            found = self._relations[key] = rows.relation_row(name, schema, self._data["relations"][key])
        return found

    @cached_property
    def _relation_places(self) -> dict[int, str]:
        return self._places("relations")

    def relation_by_oid(self, oid: int) -> BuiltinRelation | None:
        """A system relation by oid."""
        key = self._relation_places.get(oid)
        return self.relation(*_split(key)) if key is not None else None

    def relation_names(self, schema: str) -> Iterable[str]:
        """Names of the system relations of a schema."""
        return (name for space, name in map(_split, self._data["relations"]) if space == schema)

    # --- operator classes ---------------------------------------------------------------------------------------------

    @cached_property
    def _opclasses(self) -> dict[str, tuple[BuiltinOpclass, ...]]:
        return {
            method: tuple(map(rows.opclass_row, text.split(";"))) for method, text in self._data["opclasses"].items()
        }

    def opclasses(self, method: str) -> tuple[tuple[str, int, bool, int], ...]:
        """Operator classes of an access method: name, input type, whether it is the default, key type."""
        return tuple((c.name, c.input_type, c.default, c.key_type) for c in self._opclasses.get(method, ()))

    def opclass(self, method: str, name: str) -> BuiltinOpclass | None:
        """An operator class by name."""
        return next((c for c in self._opclasses.get(method, ()) if c.name == name), None)

    def default_opclass(self, method: str, type_oid: int) -> BuiltinOpclass | None:
        """GetDefaultOpClass (src/backend/commands/indexcmds.c) for a built-in type."""
        base = self._base(type_oid)
        if base is None:
            return None
        preferred: list[BuiltinOpclass] = []
        compatible: list[BuiltinOpclass] = []
        for found in self._opclasses.get(method, ()):
            if not found.default:
                continue
            if found.input_type == base.oid:
                return found
            if self.is_binary_coercible(base.oid, found.input_type):
                wide = self.type_by_oid(found.input_type)
                (preferred if wide and wide.preferred and wide.category == base.category else compatible).append(found)
        chosen = preferred or compatible
        return chosen[0] if len(chosen) == 1 else None

    def family_operators(self, family: int) -> tuple[FamilyOperator, ...]:
        """The operators of an operator family (pg_amop)."""
        text = self._data["family_operators"].get(str(family))
        return tuple(map(rows.family_operator_row, text.split(";"))) if text else ()

    # --- the rest -----------------------------------------------------------------------------------------------------

    @cache  # noqa: B019 - one object per major and process
    def _oids(self, kind: str) -> dict[str, int]:
        found = self._data[kind]
        if kind == "opfamilies":
            members = ((method, row.split("|")) for method, text in found.items() for row in text.split(";"))
            return {f"{method}:{name}": int(oid) for method, (oid, name) in members}
        words = found.split(" ")
        return dict(zip(words[::2], map(int, words[1::2]), strict=True))

    def names(self, kind: str) -> frozenset[str]:
        """Names of a kind: collations languages ts_configs ts_dicts ts_parsers ts_templates opfamilies (method:name)
        conversions tablespaces namespaces roles."""
        return frozenset(self._oids(kind))

    def oid_of(self, kind: str, name: str) -> int:
        """The oid of a name of one of those kinds; 0 for none."""
        return self._oids(kind).get(name, 0)

    def might_be_collation(self, name: str) -> bool:
        """Whether some installation has such a collation: initdb takes in the operating system's and ICU's locales."""
        return name in self._oids("collations") or _LOCALE.fullmatch(name) is not None

    @cached_property
    def access_methods(self) -> dict[str, str]:
        """Access methods with their type, i or t."""
        return {name: row.split("|")[1] for name, row in self._data["access_methods"].items()}

    @cached_property
    def settings(self) -> dict[str, str]:
        """Settings with their context: user superuser sighup postmaster internal backend superuser-backend."""
        return {name: row.partition("|")[0] for name, row in self._data["settings"].items()}

    @cached_property
    def _setting_names(self) -> dict[str, str]:
        return {name.lower(): name for name in self._data["settings"]}

    def setting(self, name: str) -> BuiltinSetting | None:
        """A setting by its name, in whatever case."""
        spelled = self._setting_names.get(name.lower())
        return rows.setting_row(spelled, self._data["settings"][spelled]) if spelled is not None else None

    def roles(self) -> tuple[tuple[int, str], ...]:
        """Predefined roles: oid, name."""
        return tuple((oid, name) for name, oid in self._oids("roles").items())

    def role_memberships(self) -> tuple[tuple[int, int], ...]:
        """Memberships between predefined roles: role, member."""
        found = rows.oids(self._data["memberships"])
        return tuple(zip(found[::2], found[1::2], strict=True))

    def available_extension(self, name: str) -> BuiltinExtension | None:
        """An extension of a stock installation with contrib."""
        row = self._data["extensions"].get(name)
        return rows.extension_row(name, row) if row is not None else None

    def available_extensions(self) -> frozenset[str]:
        """Names of the extensions of a stock installation with contrib and the procedural languages."""
        return frozenset(self._data["extensions"])


@cache
def builtins(major: int) -> Builtins:
    """The built-in objects of a major version; those of the oldest or newest known one beyond the ends."""
    return Builtins(min(max(major, MAJORS[0]), MAJORS[-1]))
