"""What an extension brings: known members as objects, of unknown ones the doubt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from lockgate.catalog.details import Details, LanguageTrust, OperatorClass
from lockgate.catalog.draft import Draft
from lockgate.catalog.extension_data import ExtensionData
from lockgate.catalog.objects import (
    Attribute,
    Cast,
    Extension,
    Namespace,
    Operator,
    Other,
    Relation,
    Routine,
    Type,
)
from lockgate.timeline.context import Context
from lockgate.timeline.naming import array_type_name

# what extensions bring of which no stock server tells: types (with their category) and relations
UNKNOWN_TYPES = {
    "vector": ("vector", "halfvec", "sparsevec"),
    "postgis": ("geometry", "geography", "box2d", "box3d", "geometry_dump", "valid_detail"),
    "postgis_raster": ("raster", "rastbandarg"),
    "pgvector": ("vector",),
    "pg_roaringbitmap": ("roaringbitmap",),
    "hll": ("hll",),
    "semver": ("semver",),
    "ulid": ("ulid",),
    "pgx_ulid": ("ulid",),
    "rum": (),
    "h3": ("h3index",),
    "periods": (),
    "pg_graphql": (),
}


UNKNOWN_RELATIONS = {
    "postgis": ("spatial_ref_sys", "geometry_columns", "geography_columns"),
    "postgis_raster": ("raster_columns", "raster_overviews"),
}


UNKNOWN_SCHEMAS = {
    "postgis_topology": ("topology",),
    "postgis_tiger_geocoder": ("tiger", "tiger_data"),
    "pg_cron": ("cron",),
    "pg_net": ("net",),
    "pgsodium": ("pgsodium",),
    "supabase_vault": ("vault",),
    "pgmq": ("pgmq",),
    "pg_partman": (),
    "pg_graphql": ("graphql",),
    "timescaledb": (
        "_timescaledb_catalog",
        "_timescaledb_internal",
        "_timescaledb_functions",
        "timescaledb_information",
        "timescaledb_experimental",
    ),
    "citus": ("citus", "citus_internal"),
    "age": ("ag_catalog",),
    "pgtle": ("pgtle",),
    "pg_tle": ("pgtle",),
    "pglogical": ("pglogical",),
    "hypopg": (),
    "pg_repack": ("repack",),
    "pgaudit": (),
    "pg_stat_monitor": (),
    "orafce": ("oracle", "dbms_output", "plvdate"),
}


def install_unknown(ctx: Context, made: Extension, space: Namespace, owner: int) -> None:
    """An extension of which no more than its name is known: what may come from it cannot be said to be missing."""
    reason = f"extension {made.name} is not known to Lockgate"
    for kind in ("type", "routine", "operator", "opclass", "cast", "collation", "ts_config", "ts_dict"):
        ctx.catalog.taint(("name", kind, space.oid, "*"), reason, ctx.place)
    for name in UNKNOWN_TYPES.get(made.name, ()):
        if ctx.catalog.type_named(space.oid, name) is None:
            put_member_type(ctx, made, Type(ctx.catalog.new_oid(), name, space.oid, owner, "b", extension=made.oid))
    for name in UNKNOWN_RELATIONS.get(made.name, ()):
        ctx.catalog.taint(("name", "relation", space.oid, name), reason, ctx.place)
    for name in UNKNOWN_SCHEMAS.get(made.name, ()):
        found = ctx.catalog.namespace(name)
        if found is None:
            found = Namespace(ctx.catalog.new_oid(), name, owner, extension=made.oid)
            ctx.catalog.put(found)
            ctx.catalog.depend((found.oid, 0), [(made.oid, 0)], "e")
        ctx.catalog.taint(("namespace", found.oid), reason, ctx.place)
    ctx.notes.append(f"CREATE EXTENSION {made.name}: its members are not known")


def put_member_type(ctx: Context, made: Extension, new: Type) -> Type:
    """A type of an extension, with its array type."""
    catalog = ctx.catalog
    array = catalog.new_oid()
    new = replace(new, array=array, acl=new.acl)
    catalog.put(new)
    name = array_type_name(catalog, new.name, new.namespace)
    catalog.put(
        Type(array, name, new.namespace, new.owner, "b", "A", elem=new.oid, collation=new.collation, extension=made.oid)
    )
    catalog.depend((array, 0), [(new.oid, 0)], "i")
    catalog.depend((new.oid, 0), [(new.namespace, 0)])
    catalog.depend((new.oid, 0), [(made.oid, 0)], "e")
    return new


class Members:
    """The objects that an extension's script makes."""

    def __init__(
        self,
        ctx: Context,
        made: Extension,
        data: ExtensionData,
        space: Namespace,
        owner: int,
        required: Iterable[Extension],
    ) -> None:
        self.ctx, self.made, self.data, self.space, self.owner = ctx, made, data, space, owner
        self.catalog: Draft = ctx.catalog
        self.spaces = [space.oid, *(r.namespace for r in required)]

    def create(self) -> None:
        """Everything, in an order in which each finds what it needs."""
        for name in self.data.schemas:
            if self.catalog.namespace(name) is None:
                self._member(Namespace(self.catalog.new_oid(), name, self.owner, extension=self.made.oid))
        for row in self.data.types:
            self._type(row)
        for row in self.data.functions:
            self._function(row)
        for name, schema, left, right, result in self.data.operators:
            oid, sides = self.catalog.new_oid(), (self._oid(left), self._oid(right))
            self._member(
                Operator(oid, name, self._space(schema), self.owner, *sides, self._oid(result), extension=self.made.oid)
            )
        for source, target, context, method in self.data.casts:
            cast = Cast(
                self.catalog.new_oid(), self._oid(source), self._oid(target), context, method, extension=self.made.oid
            )
            if cast.source and cast.target and not self.catalog.oids(("cast", cast.source, cast.target)):
                self._member(cast)
        for name, schema, method, kind, default in self.data.opclasses:
            self._other("opclass", name, self._space(schema), OperatorClass(method, self._oid(kind), bool(default)))
        for row in self.data.relations:
            self._relation(row)
        for kind, rows in self.data.others.items():
            for row in rows:
                self._other(kind, row[0], self.space.oid if kind in ("ts_dict", "ts_template") else 0)

    def _space(self, schema: str) -> int:
        found = self.catalog.namespace(schema) if schema else None
        return found.oid if found is not None else self.space.oid

    def _oid(self, name: str | None) -> int:
        if not name:
            return 0
        if not name.startswith("@"):
            found = self.catalog.builtins.type_by_name("pg_catalog", name)
            return found.oid if found is not None else 0
        for space in self.spaces:
            own = self.catalog.type_named(space, name[1:])
            if own is not None:
                return own.oid
        return next((t.oid for t in self.catalog.objects(Type) if t.name == name[1:] and t.extension), 0)

    def _member(self, obj: Any) -> None:
        self.catalog.put(obj)
        self.catalog.depend((obj.oid, 0), [(self.made.oid, 0)], "e")
        if getattr(obj, "namespace", 0):
            self.catalog.depend((obj.oid, 0), [(obj.namespace, 0)])

    def _other(self, kind: str, name: str, namespace: int, details: Details = None) -> None:
        if kind == "language":
            details = LanguageTrust(self.data.trusted)
        self._member(
            Other(self.catalog.new_oid(), kind, name, namespace, self.owner, details=details, extension=self.made.oid)
        )

    def _type(self, row: tuple[Any, ...]) -> None:
        name, schema, kind, category, preferred, base, typmod, length, collation, labels, element = row
        found = Type(
            self.catalog.new_oid(),
            name,
            self._space(schema),
            self.owner,
            kind,
            category,
            bool(preferred),
            base=self._oid(base),
            base_typmod=typmod,
            labels=tuple(labels or ()),
            collation=collation or 0,
            length=length,
            extension=self.made.oid,
        )
        if element:
            found = replace(found, elem=self._oid(element))
        put_member_type(self.ctx, self.made, found)

    def _function(self, row: tuple[Any, ...]) -> None:
        (
            name,
            schema,
            kind,
            args,
            result,
            retset,
            variadic,
            defaults,
            strict,
            volatile,
            every,
            modes,
            names,
            agg,
            direct,
            language,
            public,
        ) = row
        oid = self.catalog.new_oid()
        acl = None if public else ((self.owner, "X", "", self.owner),)
        self._member(
            Routine(
                oid,
                name,
                self._space(schema),
                self.owner,
                kind,
                language,
                tuple(self._oid(a) for a in args or ()),
                self._oid(result),
                tuple(self._oid(a) for a in every or ()),
                modes or "",
                tuple(names or ()),
                defaults or 0,
                self._oid(variadic),
                bool(retset),
                bool(strict),
                volatile or "v",
                acl=acl,
                agg_kind=agg or "",
                agg_direct=direct or 0,
                extension=self.made.oid,
            )
        )

    def _relation(self, row: tuple[Any, ...]) -> None:
        from lockgate.timeline.transitions.relation.relation import create_relation

        name, schema, kind, columns, public = row
        attributes = [
            Attribute(number, column, self._oid(type_name), typmod, bool(notnull))
            for number, (column, type_name, typmod, notnull) in enumerate(columns, 1)
        ]
        space = self.catalog.find(Namespace, self._space(schema)) or self.space
        made = create_relation(self.ctx, name, space, kind, attributes, owner=self.owner, extension=self.made.oid)
        if public:
            items = ((self.owner, "arwdDxt", "", self.owner), (0, "r", "", self.owner))
            self.catalog.put(replace(self.catalog.the(Relation, made.oid), acl=items))
        for oid in (made.rowtype, getattr(self.catalog.find(Type, made.rowtype), "array", 0)):
            found = self.catalog.find(Type, oid)
            if found is not None:
                self.catalog.put(replace(found, extension=self.made.oid))
        self.catalog.depend((made.oid, 0), [(self.made.oid, 0)], "e")
