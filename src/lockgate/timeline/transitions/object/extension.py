"""CREATE EXTENSION and ALTER EXTENSION (src/backend/commands/extension.c)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from msgspec.structs import replace

from lockgate.catalog.catalog import Draft
from lockgate.catalog.extension_data import ExtensionData, extension
from lockgate.catalog.objects import (
    BOOTSTRAP_SUPERUSER,
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
from lockgate.timeline.binder.names import did_you_mean, missing_namespace
from lockgate.timeline.context import Context, Node
from lockgate.timeline.describe import describe_object
from lockgate.timeline.naming import array_type_name
from lockgate.timeline.privileges.check import (
    NO,
    YES,
    has_privilege,
    is_superuser,
    need_create,
    need_owner,
    need_superuser,
)
from lockgate.timeline.privileges.check import database as current_database
from lockgate.timeline.transitions.object.address import find
from lockgate.timeline.transitions.object.creation import doubt, find_role, flag_of, once, text_of
from lockgate.timeline.transitions.relation.relation import created_here
from lockgate.timeline.transitions.role.ownership import need_ownership

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


def create_extension(ctx: Context, node: Node) -> None:
    """CreateExtension."""
    name = node["extname"]
    existing = ctx.catalog.one(Extension, ("extension", name))
    if existing is not None:
        if node.get("if_not_exists"):
            ctx.warn(f'extension "{name}" already exists, skipping', sqlstate="42710", level="NOTICE")
            return
        if doubt(ctx, "extension", 0, name, existing.oid) is None:
            raise ctx.refuse(
                "42710",
                f'extension "{name}" already exists',
                name=name,
                object=name,
                kind="extension",
                related=created_here(ctx, existing.oid),
            )
        return
    options = once(ctx, node.get("options", []))
    schema = text_of(options["schema"]) if "schema" in options else ""
    location = options["schema"].get("location") if "schema" in options else None
    install(
        ctx,
        name,
        schema,
        location,
        cascade=flag_of(options.get("cascade")),
        version=text_of(options.get("new_version")),
        parents=(),
    )


def install(
    ctx: Context,
    name: str,
    schema: str,
    location: int | None,
    *,
    cascade: bool,
    version: str = "",
    parents: tuple[str, ...] = (),
) -> Extension:
    """CreateExtensionInternal: the schema, what it requires, the extension, its members."""
    data = extension(name)
    stock = ctx.catalog.builtins.available_extension(name)
    fixed = data.schema if data is not None else stock.schema if stock is not None else ""
    space = _schema(ctx, name, schema, fixed, location)
    requires = data.requires if data is not None else stock.requires if stock is not None else ()
    required = [_required(ctx, one, schema, location, cascade, (*parents, name)) for one in requires]
    known = data is not None
    as_superuser = _may_install(ctx, name, data.superuser if data else None, data.trusted if data else None, space)
    made = Extension(
        ctx.catalog.new_oid(), name, space.oid, ctx.session.role, version or (data.version if data else ""), known
    )
    ctx.catalog.put(made)
    ctx.catalog.depend((made.oid, 0), [(space.oid, 0), *((r.oid, 0) for r in required)])
    ctx.created(made, name=name)
    owner = BOOTSTRAP_SUPERUSER if as_superuser else ctx.session.role
    if data is not None:
        Members(ctx, made, data, space, owner, required).create()
    else:
        _unknown(ctx, made, space, owner)
    return made


def _schema(ctx: Context, name: str, wanted: str, fixed: str, location: int | None) -> Namespace:
    if wanted:
        found = ctx.catalog.namespace(wanted)
        if found is None:
            if doubt(ctx, "namespace", 0, wanted):
                raise ctx.unsure(f"whether schema {wanted} exists is not known")
            raise missing_namespace(ctx, wanted, location)
        if fixed and fixed != wanted:
            raise ctx.refuse(
                "0A000",
                f'extension "{name}" must be installed in schema "{fixed}"',
                location,
                name=wanted,
                kind="extension",
            )
        return found
    if fixed:
        found = ctx.catalog.namespace(fixed)
        if found is None:
            found = Namespace(ctx.catalog.new_oid(), fixed, ctx.session.role)
            ctx.catalog.put(found)
        return found
    return ctx.creation_namespace(None)


def _required(
    ctx: Context, name: str, schema: str, location: int | None, cascade: bool, parents: tuple[str, ...]
) -> Extension:
    found = ctx.catalog.one(Extension, ("extension", name))
    if found is not None:
        return found
    if not cascade:
        if doubt(ctx, "extension", 0, name):
            raise ctx.unsure(f"whether extension {name} exists is not known")
        raise ctx.refuse(
            "42704",
            f'required extension "{name}" is not installed',
            None,
            name=parents[-1],
            object=name,
            kind="extension",
            help="Use CREATE EXTENSION ... CASCADE to install required extensions too.",
        )
    ctx.warn(f'installing required extension "{name}"', sqlstate="00000", level="NOTICE")
    return install(ctx, name, schema, location, cascade=True, parents=parents)


def _may_install(ctx: Context, name: str, superuser: bool | None, trusted: bool | None, space: Namespace) -> bool:
    """execute_extension_script's check; True where the script runs as the bootstrap superuser."""
    if is_superuser(ctx) == YES or superuser is None:  # whether an unknown extension is trusted is not known
        return True
    if not superuser:
        need_create(ctx, space)
        return False
    if trusted and ctx.catalog.major >= 13 and has_privilege(ctx, current_database(ctx), "CREATE") != NO:
        return True
    help = (
        "Must have CREATE privilege on current database to create this extension."
        if trusted
        else "Must be superuser to create this extension."
    )
    need_superuser(ctx, f'permission denied to create extension "{name}"', name=name, help=help)
    return True


def _unknown(ctx: Context, made: Extension, space: Namespace, owner: int) -> None:
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
            self._other("opclass", name, self._space(schema), (method, self._oid(kind), bool(default)))
        for row in self.data.relations:
            self._relation(row)
        for kind, rows in self.data.others.items():
            for row in rows:
                self._other(kind, row[0], self.space.oid if kind in ("ts_dict", "ts_template") else 0, tuple(row[1:]))

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

    def _other(self, kind: str, name: str, namespace: int, data: tuple[object, ...]) -> None:
        if kind == "language":
            data = (self.data.trusted,)
        self._member(
            Other(self.catalog.new_oid(), kind, name, namespace, self.owner, data=data, extension=self.made.oid)
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


# --- ALTER EXTENSION --------------------------------------------------------------------------------------------------


def find_extension(ctx: Context, name: str) -> Extension:
    """get_extension_oid: 42704."""
    found = ctx.catalog.one(Extension, ("extension", name))
    if found is not None:
        return found
    if doubt(ctx, "extension", 0, name):
        raise ctx.unsure(f"whether extension {name} exists is not known")
    near = did_you_mean(name, [e.name for e in ctx.catalog.objects(Extension)])
    raise ctx.refuse(
        "42704", f'extension "{name}" does not exist', None, name=name, object=name, help=near, kind="extension"
    )


def alter_extension(ctx: Context, node: Node) -> None:
    """ALTER EXTENSION ... UPDATE: members may change; those of the known version stay."""
    found = find_extension(ctx, node["extname"])
    need_owner(ctx, found, name=found.name)
    version = text_of(once(ctx, node.get("options", [])).get("new_version"))
    if version and version != found.version:
        ctx.catalog.put(replace(found, version=version))
        ctx.notes.append(f"ALTER EXTENSION {found.name} UPDATE")


def alter_contents(ctx: Context, node: Node) -> None:
    """ALTER EXTENSION ... ADD or DROP an object."""
    found = find_extension(ctx, node["extname"])
    need_owner(ctx, found, name=found.name)
    kind = node["objtype"]
    target = find(ctx, kind, node["object"])
    if target is None or target.address is None:
        raise ctx.unsure(f"the members of extension {found.name} change", ("object", found.oid))
    obj, adding = target.obj, int(node.get("action", 0)) > 0
    need_ownership(ctx, kind, node["object"], obj)
    _check_member(ctx, found, obj, adding)
    parts = [
        obj.oid,
        getattr(obj, "array", 0),
        getattr(obj, "rowtype", 0),
        getattr(obj, "relation", 0) if isinstance(obj, Type) else 0,
    ]
    for member in [cast(Any, ctx.catalog.get(oid)) for oid in parts if oid]:
        if hasattr(member, "extension"):
            ctx.catalog.put(replace(member, extension=found.oid if adding else 0))
    if adding:
        ctx.catalog.depend((obj.oid, 0), [(found.oid, 0)], "e")
    else:
        ctx.catalog.undepend((obj.oid, 0), "e", referenced=found.oid)


def _check_member(ctx: Context, extension: Extension, obj: Any, adding: bool) -> None:
    now = ctx.catalog.find(Extension, getattr(obj, "extension", 0))
    what = describe_object(ctx.catalog, obj, ctx.path())
    if adding and now is not None:
        raise ctx.refuse(
            "55000", f'{what} is already a member of extension "{now.name}"', None, name=obj.name, kind="extension"
        )
    if adding and obj.oid == extension.namespace:
        message = (
            f'cannot add schema "{obj.name}" to extension "{extension.name}" because the schema contains the extension'
        )
        raise ctx.refuse("55000", message, None, name=obj.name, kind="extension")
    if not adding and now != extension:
        raise ctx.refuse(
            "55000", f'{what} is not a member of extension "{extension.name}"', None, name=obj.name, kind="extension"
        )


def move_extension(ctx: Context, found: Extension, target: Namespace) -> None:
    """AlterExtensionNamespace: the extension and its members move to another schema (ALTER EXTENSION ... SET
    SCHEMA)."""
    need_owner(ctx, found, name=found.name)
    need_create(ctx, target)
    data = extension(found.name)
    if data is not None and not data.relocatable:
        raise ctx.refuse(
            "0A000", f'extension "{found.name}" does not support SET SCHEMA', None, name=found.name, kind="extension"
        )
    if found.namespace == target.oid:
        return
    for edge in ctx.catalog.dependents(found.oid):
        if edge.kind == "e":
            _move(ctx, edge.dependent[0], found.namespace, target.oid)
    ctx.catalog.undepend((found.oid, 0), "n", referenced=found.namespace)
    ctx.catalog.put(replace(found, namespace=target.oid))
    ctx.catalog.depend((found.oid, 0), [(target.oid, 0)])


def _move(ctx: Context, oid: int, old: int, new: int) -> None:
    obj: Any = ctx.catalog.get(oid)
    if getattr(obj, "namespace", 0) != old:
        return
    ctx.catalog.put(replace(obj, namespace=new))
    ctx.catalog.undepend((oid, 0), "n", referenced=old)
    ctx.catalog.depend((oid, 0), [(new, 0)])
    for part in (getattr(obj, "array", 0), getattr(obj, "rowtype", 0)):
        if part:
            _move(ctx, part, old, new)


def current_owner(ctx: Context, spec: Node) -> int:
    """The role that a clause names."""
    found = find_role(ctx, spec)
    assert found is not None
    return found.oid


HANDLERS = {
    "CreateExtensionStmt": create_extension,
    "AlterExtensionStmt": alter_extension,
    "AlterExtensionContentsStmt": alter_contents,
}
