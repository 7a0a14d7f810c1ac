"""Names to oids and back, without refusals: to_regclass() and its like (src/backend/utils/adt/regproc.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.base.lazy_imports import pattern
from lockgate.base.sql import quote_identifier
from lockgate.catalog.objects import FIRST_USER_OID, Relation, Routine, Type
from lockgate.catalog.typename import type_name
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Reg, Value
from lockgate.timeline.evaluate.world import World

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

_PART = pattern(r'\s*(?:"((?:[^"]|"")+)"|([^\W\d][\w$]*))\s*(\.|$)')


def split_name(text: str) -> tuple[str, ...] | None:
    """The parts of a qualified name (textToQualifiedNameList); None if it is not one."""
    parts, at = [], 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            return None
        parts.append(match.group(1).replace('""', '"') if match.group(1) else match.group(2).lower())
        at = match.end()
        if match.group(3) == "" and at < len(text):
            return None
    return tuple(parts) if parts and not text.rstrip().endswith(".") else None


def spaces(world: World, schema: str | None) -> tuple[int, ...]:
    """The schemas in which a name is looked for."""
    if schema is None:
        return world.ctx.path()
    found = world.ctx.catalog.namespace(schema)
    return (found.oid,) if found is not None else ()


def lookup(world: World, kind: str, text: str) -> Value:
    """The object that a text names as a Reg value, None where there is none, UNKNOWN where that is not certain."""
    if kind in ("namespace", "role"):
        return _single(world, kind, text)
    if kind == "type":
        return _type(world, text)
    if kind in ("procedure", "operator", "oper", "config", "dictionary", "collation"):
        return UNKNOWN
    parts = split_name(text)
    if parts is None or len(parts) > 3:
        return UNKNOWN
    schema = parts[-2] if len(parts) > 1 else None
    return _relation(world, schema, parts[-1]) if kind == "class" else _routine(world, schema, parts[-1])


def _single(world: World, kind: str, text: str) -> Value:
    parts = split_name(text)
    if parts is None or len(parts) != 1:
        return UNKNOWN
    found = world.ctx.catalog.namespace(parts[0]) if kind == "namespace" else world.ctx.catalog.role(parts[0])
    if found is None:
        return UNKNOWN if world.ctx.catalog.taint_of(("any",), ("name", kind, 0, parts[0])) else None
    return Reg(found.oid, kind)


def _relation(world: World, schema: str | None, name: str) -> Value:
    catalog = world.ctx.catalog
    for space in spaces(world, schema):
        found = catalog.relation_named(space, name)
        if found is not None:
            return UNKNOWN if catalog.taint_of(("identity", found.oid)) else Reg(found.oid, "class")
        if (
            space < FIRST_USER_OID
            and (builtin := catalog.builtins.relation(catalog.namespace_name(space), name)) is not None
        ):
            return Reg(builtin.oid, "class")
    return UNKNOWN if _doubt(world, "relation", schema, name) else None


def _routine(world: World, schema: str | None, name: str) -> Value:
    catalog = world.ctx.catalog
    found: list[int] = []
    for space in spaces(world, schema):
        found += [r.oid for r in catalog.routines_named(space, name)]
        if space < FIRST_USER_OID:
            found += [f.oid for f in catalog.builtins.functions(catalog.namespace_name(space), name)]
    if _doubt(world, "routine", schema, name):
        return UNKNOWN
    return Reg(found[0], "proc") if len(found) == 1 else None


def _type(world: World, text: str) -> Value:
    from lockgate.parse import parse_expression
    from lockgate.parse.routine import GrammarError
    from lockgate.timeline.binder import resolve_type
    from lockgate.timeline.failure import Refused, Unsure

    try:
        node = parse_expression("NULL::" + text)["SelectStmt"]["targetList"][0]["ResTarget"]["val"]["TypeCast"][
            "typeName"
        ]
        found = resolve_type(world.ctx, node)
    except (GrammarError, KeyError, IndexError):
        return UNKNOWN
    except Refused as refused:
        return None if refused.failure.sqlstate in ("42704", "3F000") else UNKNOWN
    except Unsure:
        return UNKNOWN
    return Reg(found.oid, "type") if found.oid else UNKNOWN


def _doubt(world: World, kind: str, schema: str | None, name: str) -> bool:
    keys: list[TaintKey] = [("any",)]
    for space in spaces(world, schema):
        keys += [("namespace", space), ("name", kind, space, name)]
    if schema is not None:
        keys.append(("name", "namespace", 0, schema))
    return world.ctx.catalog.taint_of(*keys) is not None


def reg_name(world: World, value: Reg) -> Value:
    """A Reg value's text output, schema-qualified where its schema is not visible."""
    catalog, path = world.ctx.catalog, world.ctx.path()
    if value.kind == "type":
        return type_name(catalog, int(value), path=path)
    if value.kind == "role":
        return quote_identifier(catalog.role_name(int(value)))
    if value.kind == "namespace":
        return quote_identifier(catalog.namespace_name(int(value))) or str(int(value))
    found = catalog.get(int(value))
    if isinstance(found, Routine) and value.kind == "procedure":  # format_procedure
        args = ",".join(type_name(catalog, oid, path=path) for oid in found.args)
        return f"{_qualified(world, found, 'routine')}({args})"
    if isinstance(found, (Relation, Routine, Type)):
        return _qualified(world, found, "relation" if isinstance(found, Relation) else "routine")
    if value.kind == "procedure":
        return SOMETHING
    builtin = (
        catalog.builtins.relation_by_oid(int(value))
        if value.kind == "class"
        else catalog.builtins.function_by_oid(int(value))
    )
    if builtin is not None:
        name = quote_identifier(builtin.name)
        return name if builtin.schema == "pg_catalog" else f"{quote_identifier(builtin.schema)}.{name}"
    return SOMETHING


def _qualified(world: World, found: Relation | Routine | Type, kind: str) -> str:
    catalog = world.ctx.catalog
    for space in world.ctx.path():
        if space == found.namespace:
            return quote_identifier(found.name)
        if catalog.oids((kind, space, found.name)):
            break
    return f"{quote_identifier(catalog.namespace_name(found.namespace))}.{quote_identifier(found.name)}"
