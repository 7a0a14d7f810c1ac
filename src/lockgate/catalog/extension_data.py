"""What well-known extensions bring (data made by tools/generate_extensions.py), by major version where that differs.

Types and functions are named symbolically: "text" is pg_catalog's, "@citext" the extension's own or of one that it
requires. A schema "" is the one that the extension goes into. Array types are "_text", "@_citext".
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lockgate.catalog.extension_rows import (
    ExtensionCast,
    ExtensionColumn,
    ExtensionConstraint,
    ExtensionFunction,
    ExtensionIndex,
    ExtensionMembers,
    ExtensionOpclass,
    ExtensionOperator,
    ExtensionRelation,
    ExtensionSchema,
    ExtensionTrigger,
    ExtensionType,
    FamilyMember,
)

_DATA = Path(__file__).parent / "data" / "extensions"
_BASE = 15  # the major of the files beside the folders of the others
_NEWEST = 18
Rows = tuple[tuple[Any, ...], ...]
R = TypeVar("R")

_OTHERS = {
    "access_methods": "access_method",
    "languages": "language",
    "fdws": "fdw",
    "ts_dicts": "ts_dict",
    "ts_templates": "ts_template",
    "event_triggers": "event_trigger",
}
_NAMED = ("opfamilies", "ts_configs", "ts_parsers", "collations")


class ExtensionData(msgspec.Struct, frozen=True):
    """One extension. ``members`` holds everything; the plain rows beside it are its leading fields:

    ``types``: name, schema, typtype, category, preferred, base, base typmod, length, collation, labels, element.
    ``functions``: name, schema, kind, input types, result, retset, variadic, defaults, strict, volatile, all types,
    modes, names, agg kind, agg direct, language, public execute.
    ``operators``: name, schema, left, right, result. ``casts``: source, target, context, method.
    ``opclasses``: name, schema, access method, input type, default. ``relations``: name, schema, relkind, columns
    (name, type, typmod, not null), public select. ``others``: kind -> rows, name first (access_method language fdw
    ts_dict ts_template event_trigger).
    """

    name: str
    version: str
    trusted: bool
    superuser: bool
    relocatable: bool
    schema: str  # fixed by its control file, else ""
    requires: tuple[str, ...]
    versions: tuple[str, ...]  # that a stock installation can create or update to
    members: ExtensionMembers
    others: dict[str, Rows]

    @property
    def schemas(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.members.schemas)

    @property
    def types(self) -> Rows:
        return tuple(tuple(t[:11]) for t in self.members.types)

    @property
    def functions(self) -> Rows:
        return tuple(tuple(f[:17]) for f in self.members.functions)

    @property
    def operators(self) -> Rows:
        return tuple(tuple(o[:5]) for o in self.members.operators)

    @property
    def casts(self) -> Rows:
        return tuple(tuple(c[:4]) for c in self.members.casts)

    @property
    def opclasses(self) -> Rows:
        return tuple(tuple(c[:5]) for c in self.members.opclasses)

    @property
    def relations(self) -> Rows:
        return tuple(
            (r.name, r.schema, r.relkind, tuple(tuple(c[:4]) for c in r.columns), r.public_select)
            for r in self.members.relations
        )


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _read(kind: type[R], rows: list[list[Any]]) -> tuple[R, ...]:
    """Rows as named tuples; what the file leaves out or null has its default."""
    defaults: dict[str, Any] = kind._field_defaults  # type: ignore[attr-defined]
    names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    return tuple(
        kind(*(_frozen(v) if v is not None else defaults.get(n, "") for n, v in zip(names, row, strict=False)))
        for row in rows
    )


def _members(data: dict[str, Any]) -> ExtensionMembers:
    def rows(key: str) -> list[list[Any]]:
        found: list[list[Any]] = data.get(key, [])
        return found

    relations = tuple(
        r._replace(columns=_read(ExtensionColumn, [list(c) for c in r.columns]))
        for r in _read(ExtensionRelation, rows("relations"))
    )
    return ExtensionMembers(
        _read(ExtensionSchema, rows("schemas")),
        _read(ExtensionType, rows("types")),
        _read(ExtensionFunction, rows("functions")),
        _read(ExtensionOperator, rows("operators")),
        _read(ExtensionCast, rows("casts")),
        _read(ExtensionOpclass, rows("opclasses")),
        _read(FamilyMember, rows("family_operators")),
        relations,
        _read(ExtensionConstraint, rows("constraints")),
        _read(ExtensionIndex, rows("indexes")),
        _read(ExtensionTrigger, rows("triggers")),
        {key: _frozen(rows(key)) for key in _NAMED if key in data},
    )


def _file(name: str, major: int) -> Path:
    wanted = (_DATA / str(m) / f"{name}.json" for m in range(min(major, _NEWEST), _BASE, -1))
    return next((path for path in wanted if path.exists()), _DATA / f"{name}.json")


@cache
def known_extensions() -> frozenset[str]:
    """Names of the extensions whose members are known."""
    return frozenset(path.stem for path in _DATA.glob("*.json"))


@cache
def extension(name: str, major: int = _BASE) -> ExtensionData | None:
    """The members of an extension in a major version; None where they are not known."""
    if name not in known_extensions():
        return None
    data = msgspec.json.decode(_file(name, major).read_bytes())
    return ExtensionData(
        name,
        data["version"],
        data["trusted"],
        data["superuser"],
        data["relocatable"],
        data["schema"],
        tuple(data["requires"]),
        tuple(data["versions"]),
        _members(data),
        {kind: _frozen(data[key]) for key, kind in _OTHERS.items() if key in data},
    )
