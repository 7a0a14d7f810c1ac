"""Names to schemas, relations and collations (src/backend/catalog/namespace.c)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lockgate.base.sql import quote_identifier
from lockgate.catalog.catalog import Event
from lockgate.catalog.objects import PG_CATALOG, Namespace, Other, Relation
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingRelation, MissingSchema

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey


def words(names: list[Any]) -> list[str]:
    """The identifiers of a list of String nodes."""
    return [n["String"].get("sval", "") if "String" in n else "*" for n in names]


def near_names(word: str, candidates: Iterable[str]) -> list[str]:
    """At most two names that somebody who wrote ``word`` may have meant."""
    return _near(word, tuple(candidates))


@lru_cache(maxsize=1024)
def _near(word: str, candidates: tuple[str, ...]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(word, sorted(set(candidates)), n=2, cutoff=0.7)


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The one name that was probably meant, or none."""
    near = near_names(word, candidates)
    return near[0] if len(near) == 1 else ""


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """The help of a refusal: the near names, if any."""
    near = near_names(word, candidates)
    return "did you mean " + " or ".join(quote_identifier(n) for n in near) + "?" if near else ""


def rel_name(rangevar: Node) -> str:
    """The name of a RangeVar as messages spell it: schema.name."""
    schema, name = rangevar.get("schemaname"), str(rangevar.get("relname", ""))
    return f"{schema}.{name}" if schema else name


def find_namespace(
    ctx: Context, name: str, location: int | None = None, *, missing_ok: bool = False
) -> Namespace | None:
    """An explicitly named schema, whose USAGE is needed (LookupExplicitNamespace). Refuses with 3F000, 42501."""
    if name == "pg_temp":
        oid = ctx.session.temp_namespace
        found = Namespace(oid, "pg_temp", ctx.session.role) if oid else None
    else:
        found = ctx.catalog.namespace(name)
    if found is None:
        if ctx.catalog.taint_of(("any",), ("name", "namespace", 0, name)):
            raise ctx.unsure(f"whether schema {name} exists is not known")
        if missing_ok:
            return None
        raise missing_namespace(ctx, name, location)
    if found.oid != PG_CATALOG and name != "pg_temp":
        from lockgate.timeline.privileges.check import need_usage

        need_usage(ctx, found, location)
    return found


def missing_namespace(ctx: Context, name: str, location: int | None) -> Exception:
    """3F000."""
    near = did_you_mean(name, [n.name for n in ctx.catalog.objects(Namespace)])
    event = ctx.catalog.events.get(("namespace", name))
    return ctx.refuse(
        "3F000",
        f'schema "{name}" does not exist',
        location,
        name=name,
        object=name,
        help=near,
        kind="schema",
        event=event,
        subject=MissingSchema(name),
    )


def creation_target(ctx: Context, rangevar: Node) -> Namespace:
    """The schema in which a new relation goes (RangeVarGetCreationNamespace and RangeVarAdjustRelationPersistence)."""
    schema, location = rangevar.get("schemaname"), rangevar.get("location", 0)
    temporary = rangevar.get("relpersistence") == "t"
    if schema == "pg_temp" or (temporary and not schema):
        return temp_namespace(ctx)
    if schema:  # USAGE is not asked here (get_namespace_oid)
        found = ctx.catalog.namespace(schema)
        if found is None and ctx.catalog.taint_of(("any",), ("name", "namespace", 0, schema)):
            raise ctx.unsure(f"whether schema {schema} exists is not known")
        if found is None:
            raise missing_namespace(ctx, schema, location)
        return found
    return ctx.creation_namespace(location)


def temp_namespace(ctx: Context, *, ask: bool = True) -> Namespace:
    """The session's temporary schema, made at need (AccessTempTableNamespace)."""
    from msgspec.structs import replace

    from lockgate.timeline.privileges.check import need_temporary

    if not ctx.session.temp_namespace:
        if ask:
            need_temporary(ctx)
        space = Namespace(ctx.catalog.new_oid(), "pg_temp_1", 10)
        ctx.catalog.put(space)
        ctx.session = replace(ctx.session, temp_namespace=space.oid)
        return space
    return ctx.catalog.the(Namespace, ctx.session.temp_namespace)


def relation_in(ctx: Context, namespace: int, name: str) -> Relation | Any | None:
    """A relation of a schema, built-in ones included."""
    found = ctx.catalog.relation_named(namespace, name)
    if found is None and namespace < 16384:
        schema = ctx.catalog.namespace_name(namespace)
        if schema in ("pg_catalog", "information_schema"):
            return ctx.catalog.builtins.relation(schema, name)
    return found


def find_relation(ctx: Context, rangevar: Node, *, missing_ok: bool = False) -> Relation | Any | None:
    """The relation a RangeVar names (RangeVarGetRelid). Refuses with 42P01, 3F000, 42501; Unsure where that is not
    known."""
    location = rangevar.get("location", 0)
    return lookup_relation(
        ctx, rangevar.get("schemaname"), rangevar.get("relname", ""), location, missing_ok=missing_ok
    )


def find_relation_names(
    ctx: Context, names: list[Any], location: int | None = None, *, missing_ok: bool = False
) -> Relation | Any | None:
    """The relation that a list of names spells (makeRangeVarFromNameList)."""
    parts = words(names)
    return lookup_relation(ctx, parts[-2] if len(parts) > 1 else None, parts[-1], location, missing_ok=missing_ok)


def lookup_relation(
    ctx: Context,
    schema: str | None,
    name: str,
    location: int | None,
    *,
    missing_ok: bool = False,
    schema_missing_ok: bool = False,
) -> Relation | Any | None:
    """RangeVarGetRelidExtended; with ``schema_missing_ok`` a missing schema is a missing relation (42P01, as in
    queries)."""
    spaces: tuple[int, ...]
    if schema:
        space = find_namespace(ctx, schema, location, missing_ok=missing_ok or schema_missing_ok)
        spaces = (space.oid,) if space else ()
    else:
        spaces = ctx.path()
    for oid in spaces:
        found = relation_in(ctx, oid, name)
        if found is not None:
            return found
    if ctx.catalog.taints and relation_doubt(ctx, spaces, name):
        raise ctx.unsure(f"whether relation {name} exists is not known")
    if missing_ok:
        return None
    raise missing_relation(ctx, schema, name, location)


def relation_doubt(ctx: Context, spaces: tuple[int, ...], name: str) -> Any:
    """The taint that makes a relation's absence uncertain."""
    keys: list[TaintKey] = [("any",)]
    for oid in spaces:
        keys += [("namespace", oid), ("name", "relation", oid, name)]
    return ctx.catalog.taint_of(*keys)


def missing_relation(ctx: Context, schema: str | None, name: str, location: int | None) -> Exception:
    """42P01, with what the timeline knows of the name."""
    shown = f"{schema}.{name}" if schema else name
    catalog = ctx.catalog
    schemas = [schema] if schema else [catalog.namespace_name(oid) for oid in ctx.path()]
    event: Event | None = None
    for one in schemas:
        event = event or catalog.events.get(("relation", one, name))
    spaces = [n.oid for s in schemas if (n := catalog.namespace(s)) is not None]
    known = relation_names(ctx, spaces)
    return ctx.refuse(
        "42P01",
        f'relation "{shown}" does not exist',
        location,
        name=name,
        kind="relation",
        event=event,
        object=f"{schema or (schemas[-1] if schemas else '')}.{name}",
        help=did_you_mean(name, known),
        instead=nearest(name, known),
        subject=MissingRelation(name, schema or ""),
    )


def relation_names(ctx: Context, spaces: list[int]) -> list[str]:
    """The names of the tables and views of some schemas, for suggestions."""
    out = []
    for oid in spaces:
        if oid >= 16384 or oid == 2200:
            out += [o.name for o in ctx.catalog.in_namespace(oid) if isinstance(o, Relation) and o.kind in "rpvmfS"]
    return out


def find_collation(ctx: Context, names: list[Any], location: int | None = None, *, missing_ok: bool = False) -> int:
    """A collation's oid (get_collation_oid); 0 where not certain. Refuses with 42704."""
    parts = words(names)
    schema, name = (parts[-2] if len(parts) > 1 else None), parts[-1]
    if schema:
        space = find_namespace(ctx, schema, location, missing_ok=missing_ok)
        spaces: tuple[int, ...] = (space.oid,) if space else ()
    else:
        spaces = ctx.path()
    for oid in spaces:
        found = ctx.catalog.one(Other, ("collation", oid, name))
        if found is not None:
            return found.oid
        if oid == PG_CATALOG:
            builtin = builtin_collation(name)
            if builtin is not None:
                return builtin
    return 0 if missing_ok or ctx.catalog.taint_of(("any",)) else _missing_collation(ctx, parts, location)


_COLLATIONS = {
    "default": 100,
    "C": 950,
    "POSIX": 951,
    "ucs_basic": 12341,
    "unicode": 963,
    "pg_c_utf8": 811,
    "pg_unicode_fast": 6411,
}


def builtin_collation(name: str) -> int | None:
    """A collation that every server has; one that looks imported (a locale's) may be there or not: 0."""
    if name in _COLLATIONS:
        return _COLLATIONS[name]
    if name.endswith("-x-icu") or "_" in name or "." in name or name in ("C.UTF-8", "C.utf8"):
        return 0
    return None


def _missing_collation(ctx: Context, parts: list[str], location: int | None) -> int:
    shown = ".".join(parts)
    raise ctx.refuse(
        "42704",
        f'collation "{shown}" for encoding "UTF8" does not exist',
        location,
        name=parts[-1],
        object=shown,
        kind="collation",
    )
