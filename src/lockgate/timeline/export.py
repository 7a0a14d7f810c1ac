"""The simulated catalog in the shape of the contract (design.md section 7): user objects only, in the server's own
spelling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import (
    FIRST_USER_OID,
    Constraint,
    Extension,
    Namespace,
    Object,
    Policy,
    Relation,
    Routine,
    Trigger,
    Type,
)
from lockgate.catalog.typename import type_name

Row = dict[str, Any]


def export(catalog: Catalog, provided: int = 0) -> dict[str, list[Row]]:
    """Lists of objects under the contract's keys, each sorted; without those that an environment provided (see
    Replay)."""
    out: dict[str, list[Row]] = {
        key: []
        for key in (
            "schemas",
            "extensions",
            "tables",
            "columns",
            "constraints",
            "indexes",
            "views",
            "sequences",
            "functions",
            "triggers",
            "policies",
            "enums",
            "domains",
            "types",
        )
    }
    for obj in catalog.every():
        if FIRST_USER_OID <= obj.oid < provided:
            continue
        if getattr(obj, "extension", 0) or catalog.namespace_name(getattr(obj, "namespace", 0)).startswith("pg_temp"):
            continue
        for key, row in _rows(catalog, obj):
            out[key].append(row)
    for rows in out.values():
        rows.sort(key=lambda row: tuple(str(row.get(c, "")) for c in ("schema", "table", "name", "args")))
    return out


def _rows(catalog: Catalog, obj: Object) -> Iterator[tuple[str, Row]]:
    match obj:
        case Namespace():
            if not obj.name.startswith("pg_temp"):
                yield "schemas", {"name": obj.name, "owner": catalog.role_name(obj.owner)}
        case Extension():
            yield "extensions", {"name": obj.name, "schema": catalog.namespace_name(obj.namespace)}
        case Relation():
            if obj.persistence != "t":
                yield from _relation(catalog, obj)
        case Constraint() if obj.kind != "t" and obj.kind != "n":
            yield from _constraint(catalog, obj)
        case Routine():
            yield (
                "functions",
                {
                    "schema": catalog.namespace_name(obj.namespace),
                    "name": obj.name,
                    "args": identity_arguments(catalog, obj),
                    "kind": obj.kind,
                    "owner": catalog.role_name(obj.owner),
                },
            )
        case Trigger() if not obj.internal:
            yield from _of_relation(catalog, "triggers", obj, {})
        case Policy():
            yield from _of_relation(catalog, "policies", obj, {"cmd": obj.command})
        case Type():
            yield from _type(catalog, obj)


def _relation(catalog: Catalog, relation: Relation) -> Iterator[tuple[str, Row]]:
    schema = catalog.namespace_name(relation.namespace)
    owner = catalog.role_name(relation.owner)
    row: Row = {"schema": schema, "name": relation.name}
    if relation.kind in "rpf":
        yield "tables", row | {"relkind": relation.kind, "owner": owner}
    elif relation.kind in "vm":
        yield "views", row | {"relkind": relation.kind, "owner": owner}
    elif relation.kind == "S":
        yield "sequences", row | {"owner": owner}
    elif relation.kind in "iI" and relation.index is not None:
        table = catalog.find(Relation, relation.index.relation)
        if table is not None and not table.extension and table.persistence != "t":
            yield "indexes", row | {"table": table.name, "unique": relation.index.unique}
    if relation.kind in "rpfvmc":
        for a in relation.attributes:
            yield (
                "columns",
                {
                    "schema": schema,
                    "table": relation.name,
                    "name": a.name,
                    "type": type_name(catalog, a.type, a.typmod),
                    "notnull": a.notnull,
                    "has_default": a.has_default,
                    "identity": a.identity,
                },
            )


def _constraint(catalog: Catalog, constraint: Constraint) -> Iterator[tuple[str, Row]]:
    holder: Relation | Type | None = (
        catalog.find(Relation, constraint.relation) if constraint.relation else catalog.find(Type, constraint.type)
    )
    if holder is None or holder.extension or (isinstance(holder, Relation) and holder.persistence == "t"):
        return
    yield (
        "constraints",
        {
            "schema": catalog.namespace_name(holder.namespace),
            "table": holder.name,
            "name": constraint.name,
            "type": constraint.kind,
        },
    )


def _of_relation(catalog: Catalog, key: str, obj: Trigger | Policy, more: Row) -> Iterator[tuple[str, Row]]:
    table = catalog.find(Relation, obj.relation)
    if table is not None and not table.extension and table.persistence != "t":
        yield key, {"schema": catalog.namespace_name(table.namespace), "table": table.name, "name": obj.name} | more


def _type(catalog: Catalog, obj: Type) -> Iterator[tuple[str, Row]]:
    row: Row = {"schema": catalog.namespace_name(obj.namespace), "name": obj.name}
    if obj.kind == "e":
        yield "enums", row | {"labels": list(obj.labels)}
    elif obj.kind == "d":
        yield "domains", row
    elif obj.kind in "rm" or (obj.kind == "b" and not obj.elem):
        yield "types", row
    elif obj.kind == "c":
        relation = catalog.find(Relation, obj.relation)
        if relation is not None and relation.kind == "c":
            yield "types", row


def identity_arguments(catalog: Catalog, routine: Routine) -> str:
    """As pg_get_function_identity_arguments prints them (print_function_arguments in ruleutils.c)."""
    types = routine.all_args or routine.args
    modes = routine.modes or "i" * len(types)
    names = routine.names or ("",) * len(types)
    parts = []
    for number, (oid, mode, name) in enumerate(zip(types, modes, names, strict=False)):
        if mode == "t":
            continue
        word = {"o": "OUT ", "b": "INOUT ", "v": "VARIADIC "}.get(mode, "")
        if routine.kind == "p" and mode == "i":
            word = "IN "
        if mode == "o" and routine.kind == "p":
            word = "OUT "
        if routine.agg_kind in ("o", "h") and number == routine.agg_direct:
            parts.append(f"ORDER BY {word}{_quoted(name, catalog.major)}{type_name(catalog, oid)}")
            continue
        parts.append(f"{word}{_quoted(name, catalog.major)}{type_name(catalog, oid)}")
    text = ", ".join(parts)
    return text.replace(", ORDER BY", " ORDER BY")


def _quoted(name: str, major: int) -> str:
    from lockgate.base.sql import quote_identifier

    return f"{quote_identifier(name, major)} " if name else ""
