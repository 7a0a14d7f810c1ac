"""System catalogs of objects that belong to no relation: schemas, roles, types, enums, routines, extensions,
publications."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate.catalog.builtin import BuiltinType
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import BOOTSTRAP_SUPERUSER, Extension, Role, Routine, Type
from lockgate.timeline.evaluate.pg_relations import doubted, maybe_named, namespaces
from lockgate.timeline.evaluate.tables import Provider, Wanted, names_in, oids_in
from lockgate.timeline.evaluate.value import SOMETHING, UNKNOWN, Row, Value
from lockgate.timeline.evaluate.world import World


def _namespace(world: World, wanted: Wanted) -> Iterable[Row]:
    names = names_in(wanted, "nspname")
    for space in namespaces(world):
        yield Row({"oid": space.oid, "nspname": space.name, "nspowner": space.owner}, not doubted(world, space.oid))
    for name in ("pg_catalog", "information_schema"):
        found = world.ctx.catalog.namespace(name)
        assert found is not None
        yield Row({"oid": found.oid, "nspname": name, "nspowner": BOOTSTRAP_SUPERUSER})
    yield Row({"oid": 99, "nspname": "pg_toast", "nspowner": BOOTSTRAP_SUPERUSER})
    for _, name in maybe_named(world, "namespace", names):
        yield Row({"nspname": name}, False)


def _roles(world: World, wanted: Wanted) -> Iterable[Row]:
    for role in world.ctx.catalog.objects(Role):
        yield Row(
            {
                "oid": role.oid,
                "rolname": role.name,
                "rolsuper": role.superuser,
                "rolinherit": role.inherit,
                "rolcreaterole": role.createrole,
                "rolcreatedb": role.createdb,
                "rolcanlogin": role.login,
                "rolreplication": role.replication,
                "rolbypassrls": role.bypassrls,
            },
            not doubted(world, role.oid),
        )
    for _, name in maybe_named(world, "role", names_in(wanted, "rolname")):
        yield Row({"rolname": name}, False)


def _users(world: World, wanted: Wanted) -> Iterable[Row]:
    for role in world.ctx.catalog.objects(Role):
        if role.login:
            yield Row(
                {"usesysid": role.oid, "usename": role.name, "usesuper": role.superuser, "usecreatedb": role.createdb},
                not doubted(world, role.oid),
            )


def _groups(world: World, wanted: Wanted) -> Iterable[Row]:
    for role in world.ctx.catalog.objects(Role):
        if not role.login:
            yield Row({"grosysid": role.oid, "groname": role.name}, not doubted(world, role.oid))


def _members(world: World, wanted: Wanted) -> Iterable[Row]:
    for each in world.ctx.catalog.memberships:
        yield Row({"roleid": each.role, "member": each.member, "grantor": each.grantor, "admin_option": each.admin})


def _types(world: World, wanted: Wanted) -> Iterable[Row]:
    names, oids = names_in(wanted, "typname"), oids_in(wanted, "oid")
    for found in user_types(world, names, oids):
        yield Row(
            {
                "oid": found.oid,
                "typname": found.name,
                "typnamespace": found.namespace,
                "typowner": found.owner,
                "typtype": found.kind,
                "typcategory": found.category,
                "typrelid": found.relation,
                "typelem": found.elem,
                "typarray": found.array,
                "typbasetype": found.base,
                "typnotnull": found.notnull,
                "typtypmod": found.base_typmod,
                "typisdefined": not found.shell,
                "typlen": found.length,
            },
            not doubted(world, found.oid),
        )
    for space, name in maybe_named(world, "type", names):
        yield Row({"typname": name, "typnamespace": space}, False)
    yield from _system_types(world, names)


def user_types(world: World, names: frozenset[str] | None, oids: frozenset[int] | None = None) -> Iterator[Type]:
    """The user's types by name or oid (None: any)."""
    catalog = world.ctx.catalog
    if oids is not None:
        yield from (
            t
            for oid in sorted(oids)
            if (t := catalog.find(Type, oid)) is not None and (names is None or t.name in names)
        )
    elif names is not None:
        yield from (
            t for s in namespaces(world) for n in sorted(names) if (t := catalog.type_named(s.oid, n)) is not None
        )
    else:
        yield from catalog.objects(Type)


def _system_types(world: World, names: frozenset[str] | None) -> Iterator[Row]:
    catalog = world.ctx.catalog
    for schema in ("pg_catalog", "information_schema"):
        space = catalog.namespace(schema)
        assert space is not None
        candidates = (
            [catalog.builtins.type_by_name(schema, n) for n in sorted(names)]
            if names is not None
            else _all_types(world, schema)
        )
        for found in candidates:
            if found is not None:
                yield Row(
                    {
                        "oid": found.oid,
                        "typname": found.name,
                        "typnamespace": space.oid,
                        "typowner": BOOTSTRAP_SUPERUSER,
                        "typtype": found.typtype,
                        "typcategory": found.category,
                        "typrelid": found.relid,
                        "typelem": found.elem,
                        "typarray": found.array,
                        "typbasetype": found.basetype,
                        "typisdefined": True,
                        "typlen": found.length,
                    }
                )


def _all_types(world: World, schema: str) -> list[BuiltinType | None]:
    return [t for t in world.ctx.catalog.builtins._types.values() if t.schema == schema]


def _enums(world: World, wanted: Wanted) -> Iterable[Row]:
    catalog, oids = world.ctx.catalog, oids_in(wanted, "enumtypid")
    for found in user_types(world, None, oids):
        if found.kind == "e":
            certain = not doubted(world, found.oid)
            for number, label in enumerate(found.labels, 1):
                yield Row(
                    {"oid": SOMETHING, "enumtypid": found.oid, "enumlabel": label, "enumsortorder": number}, certain
                )
            if not certain:
                yield Row({"enumtypid": found.oid}, False)
    for key in catalog.taints:
        if key[0] == "name" and key[1] == "type":
            yield Row({}, False)


def _routines(world: World, wanted: Wanted) -> Iterable[Row]:
    names, oids = names_in(wanted, "proname"), oids_in(wanted, "oid")
    for found in user_routines(world, names, oids):
        yield Row(
            {
                "oid": found.oid,
                "proname": found.name,
                "pronamespace": found.namespace,
                "proowner": found.owner,
                "prokind": found.kind,
                "pronargs": len(found.args),
                "proargtypes": list(found.args),
                "prorettype": found.result or UNKNOWN,
                "proretset": found.retset,
                "prosrc": found.body.text if found.body is not None and not found.body.atomic else UNKNOWN,
                "proisstrict": found.strict,
                "provolatile": found.volatile,
                "prosecdef": found.security_definer,
                "provariadic": found.variadic,
                "pronargdefaults": found.defaults,
                "prolang": _language(found.language),
            },
            not doubted(world, found.oid),
        )
    for space, name in maybe_named(world, "routine", names):
        yield Row({"proname": name, "pronamespace": space}, False)
    yield from _shipped_routines(world.ctx.catalog, names)


def _shipped_routines(catalog: Catalog, names: frozenset[str] | None) -> Iterator[Row]:
    for schema in ("pg_catalog", "information_schema"):
        space_ = catalog.namespace(schema)
        assert space_ is not None
        for name in (
            sorted(names)
            if names is not None
            else sorted(catalog.builtins.function_names())
            if schema == "pg_catalog"
            else ()
        ):
            for builtin in catalog.builtins.functions(schema, name):
                yield Row(
                    {
                        "oid": builtin.oid,
                        "proname": builtin.name,
                        "pronamespace": space_.oid,
                        "prokind": builtin.kind,
                        "proowner": BOOTSTRAP_SUPERUSER,
                        "pronargs": len(builtin.args),
                        "proargtypes": list(builtin.args),
                        "prorettype": builtin.result,
                        "proretset": builtin.retset,
                        "prolang": 12 if builtin.kind != "a" else UNKNOWN,
                    }
                )


def _language(name: str) -> Value:
    return {"internal": 12, "c": 13, "sql": 14}.get(name, UNKNOWN)


def user_routines(world: World, names: frozenset[str] | None, oids: frozenset[int] | None = None) -> Iterator[Routine]:
    """The user's routines by name or oid (None: any)."""
    catalog = world.ctx.catalog
    if oids is not None:
        yield from (
            r
            for oid in sorted(oids)
            if (r := catalog.find(Routine, oid)) is not None and (names is None or r.name in names)
        )
    elif names is not None:
        yield from (r for s in namespaces(world) for n in sorted(names) for r in catalog.routines_named(s.oid, n))
    else:
        yield from catalog.objects(Routine)


def _extensions(world: World, wanted: Wanted) -> Iterable[Row]:
    for found in world.ctx.catalog.objects(Extension):
        values: dict[str, Value] = {
            "oid": found.oid,
            "extname": found.name,
            "extnamespace": found.namespace,
            "extowner": found.owner,
        }
        yield Row({**values, "extversion": found.version or SOMETHING}, not doubted(world, found.oid))
    for _, name in maybe_named(world, "extension", names_in(wanted, "extname")):
        yield Row({"extname": name}, False)


def _available(world: World, wanted: Wanted) -> Iterable[Row]:
    """Which extensions a server offers is not known, but for the installed ones."""
    names = names_in(wanted, "name")
    installed = {e.name: e for e in world.ctx.catalog.objects(Extension)}
    for name, found in installed.items():
        yield Row({"name": name, "installed_version": found.version or SOMETHING, "default_version": SOMETHING})
    for name in sorted(names or ()):
        if name not in installed:
            yield Row({"name": name, "installed_version": None, "default_version": SOMETHING}, False)
    if names is None:
        yield Row({}, False)


def _other(kind: str, column: str, **more: str) -> Provider:
    def rows(world: World, wanted: Wanted) -> Iterable[Row]:
        for found in world.ctx.catalog.others(kind):
            values: dict[str, Value] = {"oid": found.oid, column: found.name}
            values.update({name: getattr(found, field) for name, field in more.items()})
            yield Row(values, not doubted(world, found.oid))
        for _, name in maybe_named(world, kind, names_in(wanted, column)):
            yield Row({column: name}, False)

    return rows


def _languages(world: World, wanted: Wanted) -> Iterable[Row]:
    for oid, name in ((12, "internal"), (13, "c"), (14, "sql")):
        yield Row({"oid": oid, "lanname": name})
    yield Row({"oid": SOMETHING, "lanname": "plpgsql"})
    yield from _other("language", "lanname")(world, wanted)


def _descriptions(world: World, wanted: Wanted) -> Iterable[Row]:
    for (oid, number), words in world.ctx.catalog.comments.items():
        yield Row({"objoid": oid, "objsubid": number, "description": words})
    yield Row({}, False)  # built-in objects have theirs


PROVIDERS: dict[str, Provider] = {
    "pg_namespace": _namespace,
    "pg_roles": _roles,
    "pg_authid": _roles,
    "pg_user": _users,
    "pg_shadow": _users,
    "pg_group": _groups,
    "pg_auth_members": _members,
    "pg_type": _types,
    "pg_enum": _enums,
    "pg_proc": _routines,
    "pg_extension": _extensions,
    "pg_available_extensions": _available,
    "pg_language": _languages,
    "pg_description": _descriptions,
    "pg_publication": _other("publication", "pubname", pubowner="owner"),
    "pg_event_trigger": _other("event_trigger", "evtname"),
    "pg_foreign_server": _other("foreign_server", "srvname"),
    "pg_foreign_data_wrapper": _other("fdw", "fdwname"),
    "pg_statistic_ext": _other("statistics", "stxname", stxrelid="relation", stxnamespace="namespace"),
    "pg_subscription": _other("subscription", "subname"),
}
