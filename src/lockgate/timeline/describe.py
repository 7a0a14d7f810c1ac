"""Objects in words, as PostgreSQL's messages name them (getObjectDescription in
src/backend/catalog/objectaddress.c)."""

from __future__ import annotations

from lockgate.base.sql import quote_identifier
from lockgate.catalog.catalog import Address, Catalog
from lockgate.catalog.details import ColumnDefault, ShippedAs
from lockgate.catalog.objects import (
    Cast,
    Constraint,
    Extension,
    Namespace,
    Object,
    Operator,
    Other,
    Policy,
    Relation,
    Rewrite,
    Role,
    Routine,
    Trigger,
    Type,
)
from lockgate.catalog.typename import type_name

RELATION_WORDS = {
    "r": "table",
    "p": "table",
    "i": "index",
    "I": "index",
    "S": "sequence",
    "v": "view",
    "m": "materialized view",
    "c": "composite type",
    "f": "foreign table",
}
OTHER_WORDS = {
    "fdw": "foreign-data wrapper",
    "foreign_server": "server",
    "opclass": "operator class",
    "opfamily": "operator family",
    "event_trigger": "event trigger",
    "statistics": "statistics object",
    "access_method": "access method",
    "ts_config": "text search configuration",
    "ts_dict": "text search dictionary",
    "ts_parser": "text search parser",
    "ts_template": "text search template",
    "large_object": "large object",
    "user_mapping": "user mapping",
}
_SCHEMALESS = frozenset(
    {"publication", "subscription", "language", "event_trigger", "foreign_server", "fdw", "access_method", "database"}
)


def qualified_name(
    catalog: Catalog, obj: Relation | Type | Routine | Operator | Other, path: tuple[int, ...] = ()
) -> str:
    """The quoted name, with its schema unless that is in ``path``."""
    if not obj.namespace or obj.namespace in path:
        return quote_identifier(obj.name)
    return f"{quote_identifier(catalog.namespace_name(obj.namespace))}.{quote_identifier(obj.name)}"


def describe(catalog: Catalog, address: Address, path: tuple[int, ...] = ()) -> str:
    """An object (or column) in words: ``column b of table t``."""
    obj = catalog.get(address[0])
    if obj is None:
        return "object"
    if address[1] and isinstance(obj, Relation):
        attribute = obj.attribute_by_num(address[1])
        return (
            f"column {quote_identifier(attribute.name) if attribute else '?'} of {describe_object(catalog, obj, path)}"
        )
    return describe_object(catalog, obj, path)


def describe_object(catalog: Catalog, obj: Object, path: tuple[int, ...] = ()) -> str:
    """An object in words: ``constraint t_a_check on table t``."""
    match obj:
        case Relation():
            word = "toast table" if obj.kind == "t" else RELATION_WORDS.get(obj.kind, "relation")
            return f"{word} {qualified_name(catalog, obj, path)}"
        case Type():
            return f"type {type_name(catalog, obj.oid, None, path)}"
        case Routine():
            word = {"p": "procedure", "a": "aggregate"}.get(obj.kind, "function")
            return f"{word} {routine_signature(catalog, obj, path)}"
        case Constraint():
            holder = catalog.get(obj.relation or obj.type)
            on = f" on {describe_object(catalog, holder, path)}" if holder is not None else ""
            return f"constraint {quote_identifier(obj.name)}{on}"
        case Trigger() | Policy() | Rewrite():
            word = "rule" if isinstance(obj, Rewrite) else type(obj).__name__.lower()
            relation = catalog.find(Relation, obj.relation)
            on = f" on {describe_object(catalog, relation, path)}" if relation is not None else ""
            return f"{word} {quote_identifier(obj.name)}{on}"
        case Other(details=ShippedAs(words)):
            return words
        case Other(details=ColumnDefault(number)):
            return f"default value for {describe(catalog, (obj.relation, number), path)}"
        case Other(kind="user_mapping"):
            user, _, server = obj.name.partition(".")
            return f"user mapping for {catalog.role_name(int(user))} on server {getattr(catalog.get(int(server)), 'name', '?')}"
        case Other(kind="database"):
            return f"database {obj.name}"
        case Other(kind=kind) if kind in _SCHEMALESS:
            return f"{OTHER_WORDS.get(kind, kind)} {quote_identifier(obj.name)}"
        case Other():
            return f"{OTHER_WORDS.get(obj.kind, obj.kind)} {qualified_name(catalog, obj, path)}"
        case Operator():
            sides = ",".join(type_name(catalog, t, None, path) if t else "none" for t in (obj.left, obj.right))
            return f"operator {obj.name}({sides})"
        case Cast():
            return f"cast from {type_name(catalog, obj.source, None, path)} to {type_name(catalog, obj.target, None, path)}"
        case Namespace():
            return f"schema {quote_identifier(obj.name)}"
        case Role() | Extension():
            return f"{type(obj).__name__.lower()} {quote_identifier(obj.name)}"


def routine_signature(catalog: Catalog, routine: Routine, path: tuple[int, ...] = ()) -> str:
    """name(argument types), as regprocedure prints it."""
    args = ",".join(type_name(catalog, oid, None, path) for oid in routine.args)
    return f"{qualified_name(catalog, routine, path)}({args})"
