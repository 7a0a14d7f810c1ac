"""Type names to types (src/backend/parser/parse_type.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import PG_CATALOG, Relation, Type
from lockgate.catalog.typename import array_of, element_of
from lockgate.catalog.typename import base_type as base_and_typmod
from lockgate.timeline.binder.names import did_you_mean, find_namespace, lookup_relation, words
from lockgate.timeline.binder.values import TypeRef
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingColumn, MissingType

__all__ = ["array_of", "base_type", "element_of", "find_type", "resolve_type", "type_typmod"]

BPCHAR, VARCHAR, NUMERIC, BIT, VARBIT, INTERVAL = 1042, 1043, 1700, 1560, 1562, 1186
_PRECISION = frozenset({1083, 1266, 1114, 1184})


def base_type(catalog: Catalog, oid: int) -> int:
    """The type below a domain (getBaseType)."""
    return base_and_typmod(catalog, oid)[0]


def type_in(ctx: Context, namespace: int, name: str) -> Type | Any | None:
    """A type of a schema, built-in ones included."""
    found = ctx.catalog.type_named(namespace, name)
    if found is None and namespace < 16384:
        schema = ctx.catalog.namespace_name(namespace)
        if schema in ("pg_catalog", "information_schema"):
            return ctx.catalog.builtins.type_by_name(schema, name)
    return found


def find_type(
    ctx: Context, names: list[Any], location: int | None = None, *, missing_ok: bool = False
) -> Type | Any | None:
    """The type a list of names spells (LookupTypeName); None if there is none (nor, with ``missing_ok``, its schema),
    Unsure where that is not known."""
    parts = words(names)
    name = parts[-1]
    if len(parts) > 1:
        space = find_namespace(ctx, parts[-2], location, missing_ok=missing_ok)
        spaces: tuple[int, ...] = (space.oid,) if space else ()
    else:
        spaces = ctx.path()
    for oid in spaces:
        if ctx.catalog.taint_of(("name", "type", oid, name), ("namespace", oid)) and type_in(ctx, oid, name) is None:
            raise ctx.unsure(f"whether type {name} exists is not known")
        found = type_in(ctx, oid, name)
        if found is not None:
            if ctx.catalog.taint_of(("object", found.oid)):
                raise ctx.unsure(f"type {name} is not known for certain")
            return found
    if ctx.catalog.taint_of(("any",)):
        raise ctx.unsure(f"whether type {name} exists is not known")
    return None


def resolve_type(ctx: Context, node: Node, *, missing_ok: bool = False, shell_ok: bool = False) -> TypeRef:
    """The type a TypeName stands for (typenameType). Refuses with 42704; TypeRef(0) for a missing one with
    ``missing_ok``."""
    names, location = node.get("names", []), node.get("location", 0)
    setof = bool(node.get("setof"))
    if node.get("pct_type"):
        return _column_type(ctx, names, location, setof)
    if not names:
        return TypeRef(node.get("typeOid", 0), node.get("typemod", -1), setof)
    found = find_type(ctx, names, location, missing_ok=missing_ok)
    if found is None or (getattr(found, "shell", False) and not shell_ok):
        if missing_ok:
            return TypeRef(0, -1, setof)
        raise _missing(ctx, names, location, found is not None)
    typmod = type_typmod(ctx, found, node.get("typmods", []), location)
    oid = found.oid
    if node.get("arrayBounds"):
        oid = array_of(ctx.catalog, oid)
    return TypeRef(oid, typmod, setof)


def _missing(ctx: Context, names: list[Any], location: int, shell: bool) -> Exception:
    parts = words(names)
    shown = ".".join(parts)
    subject = MissingType(parts[-1], parts[-2] if len(parts) > 1 else "")
    if shell:
        return ctx.refuse(
            "42704", f'type "{shown}" is only a shell', location, object=shown, kind="type", subject=subject
        )
    event = None
    for oid in ctx.path():
        event = event or ctx.catalog.events.get(("type", ctx.catalog.namespace_name(oid), parts[-1]))
    near = did_you_mean(parts[-1], [t.name for t in ctx.catalog.objects(Type) if not t.elem])
    return ctx.refuse(
        "42704",
        f'type "{shown}" does not exist',
        location,
        object=shown,
        help=near,
        kind="type",
        event=event,
        subject=subject,
    )


def _column_type(ctx: Context, names: list[Any], location: int, setof: bool) -> TypeRef:
    parts = words(names)
    if len(parts) < 2:
        raise ctx.refuse("42601", f"improper %TYPE reference (too few dotted names): {'.'.join(parts)}", location)
    relation = lookup_relation(ctx, parts[-3] if len(parts) > 2 else None, parts[-2], location)
    if not isinstance(relation, Relation):
        for name, type_oid, typmod, _ in getattr(relation, "columns", ()):
            if name == parts[-1]:
                return TypeRef(type_oid, typmod, setof)
        return TypeRef(0, -1, setof)
    attribute = relation.attribute(parts[-1])
    if attribute is None:
        if ctx.catalog.taint_of(("object", relation.oid), ("column", relation.oid, parts[-1])):
            return TypeRef(0, -1, setof)
        schema = ctx.catalog.namespace_name(relation.namespace)
        raise ctx.refuse(
            "42703",
            f'column "{parts[-1]}" of relation "{relation.name}" does not exist',
            location,
            name=parts[-1],
            object=f"{schema}.{relation.name}.{parts[-1]}",
            kind="column",
            event=ctx.catalog.events.get(("column", schema, relation.name, parts[-1])),
            subject=MissingColumn(parts[-1], relation.name),
        )
    return TypeRef(attribute.type, attribute.typmod, setof)


def type_typmod(ctx: Context, found: Type | Any, typmods: list[Any], location: int) -> int:
    """The typmod of a type's modifiers, as its typmodin function computes it; -1 without modifiers."""
    if not typmods:
        return -1
    values = [_integer(m) for m in typmods]
    oid = found.oid
    if any(v is None for v in values):
        return -1
    first = values[0] or 0
    if oid in (BPCHAR, VARCHAR):
        if first < 1:
            word = "varchar" if oid == VARCHAR else "char"
            raise ctx.refuse("22023", f"length for type {word} must be at least 1", location)
        return first + 4
    if oid == NUMERIC:
        scale = values[1] if len(values) > 1 else 0
        if not 1 <= first <= 1000:
            raise ctx.refuse("22023", f"NUMERIC precision {first} must be between 1 and 1000", location)
        return ((first << 16) | ((scale or 0) & 0x7FF)) + 4
    if oid in _PRECISION:
        return min(first, 6)
    if oid in (BIT, VARBIT):
        return first
    if oid == INTERVAL:
        # the grammar gives the fields, then the precision (intervaltypmodin)
        if len(values) == 1:
            return -1 if first == 0x7FFF else (first << 16) | 0xFFFF
        return (first << 16) | min(values[1] or 0, 6)
    if isinstance(found, Type) and found.extension:
        return first
    if oid < 16384 or isinstance(found, Type):
        raise ctx.refuse("42601", f'type modifier is not allowed for type "{found.name}"', location)
    return -1


def _integer(node: Node) -> int | None:
    const = node.get("A_Const", {})
    if "ival" in const:
        return int(const["ival"].get("ival", 0))
    return None


PINNED = PG_CATALOG
