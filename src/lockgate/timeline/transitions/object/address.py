"""Objects as DROP, COMMENT, ALTER ... OWNER TO and the like name them (get_object_address in
src/backend/catalog/objectaddress.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import (
    Extension,
    Relation,
)
from lockgate.timeline.binder import (
    find_relation_names,
    find_routine,
    words,
)
from lockgate.timeline.context import Context
from lockgate.timeline.transitions.object.creation import find_other
from lockgate.timeline.transitions.object.finders import FINDERS, Found, find_other_or_none, name_items, shipped

RELATION_KINDS = {
    "OBJECT_TABLE": ("rp", "table", "42P01"),
    "OBJECT_SEQUENCE": ("S", "sequence", "42P01"),
    "OBJECT_VIEW": ("v", "view", "42P01"),
    "OBJECT_MATVIEW": ("m", "materialized view", "42P01"),
    "OBJECT_INDEX": ("iI", "index", "42704"),
    "OBJECT_FOREIGN_TABLE": ("f", "foreign table", "42704"),
}
ROUTINE_KINDS = {"OBJECT_FUNCTION": "fw", "OBJECT_PROCEDURE": "p", "OBJECT_AGGREGATE": "a", "OBJECT_ROUTINE": "fpaw"}
# kinds of Other with a schema, and those without one
_IN_SCHEMA = {
    "OBJECT_CONVERSION": ("conversion", "conversion"),
    "OBJECT_STATISTIC_EXT": ("statistics", "statistics object"),
    "OBJECT_TSCONFIGURATION": ("ts_config", "text search configuration"),
    "OBJECT_TSDICTIONARY": ("ts_dict", "text search dictionary"),
    "OBJECT_TSPARSER": ("ts_parser", "text search parser"),
    "OBJECT_TSTEMPLATE": ("ts_template", "text search template"),
}
_GLOBAL = {
    "OBJECT_LANGUAGE": ("language", "language"),
    "OBJECT_FDW": ("fdw", "foreign-data wrapper"),
    "OBJECT_FOREIGN_SERVER": ("foreign_server", "server"),
    "OBJECT_EVENT_TRIGGER": ("event_trigger", "event trigger"),
    "OBJECT_ACCESS_METHOD": ("access_method", "access method"),
    "OBJECT_PUBLICATION": ("publication", "publication"),
    "OBJECT_SUBSCRIPTION": ("subscription", "subscription"),
    "OBJECT_TABLESPACE": ("tablespace", "tablespace"),
    "OBJECT_DATABASE": ("database", "database"),
}
_BUILTIN = {
    "ts_config": "ts_configs",
    "ts_dict": "ts_dicts",
    "ts_parser": "ts_parsers",
    "ts_template": "ts_templates",
    "language": "languages",
    "conversion": "conversions",
}


def find(ctx: Context, kind: str, node: Any, *, missing_ok: bool = False) -> Found | None:
    """The object of a kind (OBJECT_*) that a node names; None where it is missing and that is allowed."""
    if kind in RELATION_KINDS:
        return _relation(ctx, kind, name_items(node), missing_ok)
    if kind in ROUTINE_KINDS:
        routine = find_routine(ctx, node["ObjectWithArgs"], ROUTINE_KINDS[kind], missing_ok=missing_ok)
        return Found(routine) if routine is not None else None
    if kind in _IN_SCHEMA or kind in _GLOBAL:
        return _lesser(ctx, kind, node, missing_ok)
    finder = FINDERS.get(kind)
    if finder is None:
        raise ctx.unsure(f"{kind} is not modelled")
    return finder(ctx, node, missing_ok)


def _relation(ctx: Context, kind: str, items: list[Any], missing_ok: bool) -> Found | None:
    found = find_relation_names(ctx, items, missing_ok=missing_ok)
    if found is None:
        return None
    kinds, word, _ = RELATION_KINDS[kind]
    if isinstance(found, Relation) and found.kind not in kinds:
        article = "an" if word == "index" else "a"
        raise ctx.refuse(
            "42809",
            f'"{found.name}" is not {article} {word}',
            name=found.name,
            kind="relation",
            object=ctx.catalog.qualified(found),
        )
    return Found(found)


def _lesser(ctx: Context, kind: str, node: Any, missing_ok: bool) -> Found | None:
    own = _IN_SCHEMA.get(kind) or _GLOBAL[kind]
    items = name_items(node)
    bare = words(items)[-1] if items else ""
    if kind in ("OBJECT_TABLESPACE", "OBJECT_DATABASE"):
        return Found(None)
    builtin = _BUILTIN.get(own[0])
    names: Any = items if kind in _IN_SCHEMA else bare
    found = find_other_or_none(ctx, own[0], names, own[1], missing_ok=True)
    if found is not None:
        return Found(found)
    if builtin is not None and bare in ctx.catalog.builtins.names(builtin):
        return shipped(own[0], bare)
    if (
        kind == "OBJECT_LANGUAGE"
        and bare == "plpgsql"
        and ctx.catalog.one(Extension, ("extension", "plpgsql")) is not None
    ):
        return shipped(own[0], bare)
    if kind == "OBJECT_ACCESS_METHOD" and bare in ctx.catalog.builtins.access_methods:
        return shipped(own[0], bare)
    if missing_ok:
        return None
    find_other(ctx, own[0], names, own[1])
    return None
