"""What well-known extensions bring (data made by tools/generate_extensions.py).

Types are named symbolically: "text" is pg_catalog's, "@citext" the extension's own or of one that it requires. A schema "" is the extension's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data" / "extensions"
Rows = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class ExtensionData:
    """One extension.

    ``types``: name, schema, typtype, category, preferred, base, base typmod, length, collation, labels, element.
    ``functions``: name, schema, kind, input types, result, retset, variadic, defaults, strict, volatile, all types, modes, names, agg kind,
    agg direct, language, public execute.
    ``operators``: name, schema, left, right, result. ``casts``: source, target, context, method.
    ``opclasses``: name, schema, access method, input type, default. ``relations``: name, schema, relkind, columns (name, type, typmod, not null),
    public select. ``others``: kind -> rows, name first (access_method language fdw ts_dict ts_template event_trigger).
    """

    name: str
    version: str
    trusted: bool
    superuser: bool
    relocatable: bool
    schema: str  # fixed by its control file, else ""
    requires: tuple[str, ...]
    schemas: tuple[str, ...]
    types: Rows
    functions: Rows
    operators: Rows
    casts: Rows
    opclasses: Rows
    relations: Rows
    others: dict[str, Rows]


_OTHERS = {
    "access_methods": "access_method", "languages": "language", "fdws": "fdw", "ts_dicts": "ts_dict", "ts_templates": "ts_template",
    "event_triggers": "event_trigger",
}  # fmt: skip


@cache
def known_extensions() -> frozenset[str]:
    """Names of the extensions whose members are known."""
    return frozenset(path.stem for path in _DATA.glob("*.json"))


@cache
def extension(name: str) -> ExtensionData | None:
    """The members of an extension; None where they are not known."""
    if name not in known_extensions():
        return None
    data = json.loads((_DATA / f"{name}.json").read_bytes())

    def rows(key: str) -> Rows:
        return tuple(tuple(r) if isinstance(r, list) else (r,) for r in data.get(key, ()))

    return ExtensionData(
        name, data["version"], data["trusted"], data["superuser"], data["relocatable"], data["schema"], tuple(data["requires"]),
        tuple(data.get("schemas", ())), rows("types"), rows("functions"), rows("operators"), rows("casts"), rows("opclasses"), rows("relations"),
        {kind: rows(key) for key, kind in _OTHERS.items() if key in data},
    )  # fmt: skip
