"""CREATE EXTENSION and ALTER EXTENSION (src/backend/commands/extension.c)."""

from __future__ import annotations

from typing import Any, cast

from msgspec.structs import replace

from lockgate.catalog.extension_data import extension
from lockgate.catalog.objects import (
    BOOTSTRAP_SUPERUSER,
    Extension,
    Namespace,
    Type,
)
from lockgate.timeline.binder.names import did_you_mean, missing_namespace
from lockgate.timeline.context import Context, Node
from lockgate.timeline.describe import describe_object
from lockgate.timeline.failure import NoPrivilege
from lockgate.timeline.privileges.check import database as current_database
from lockgate.timeline.privileges.check import is_superuser, need_create, need_owner, need_superuser
from lockgate.timeline.privileges.may import NO, YES, has_privilege
from lockgate.timeline.transitions.object.address import find
from lockgate.timeline.transitions.object.creation import doubt, flag_of, once, text_of
from lockgate.timeline.transitions.object.extension_members import Members, install_unknown
from lockgate.timeline.transitions.relation.new_name import created_here
from lockgate.timeline.transitions.role.ownership import need_ownership


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
        install_unknown(ctx, made, space, owner)
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
    need_superuser(
        ctx,
        f'permission denied to create extension "{name}"',
        name=name,
        help=help,
        subject=NoPrivilege() if trusted else None,
    )
    return True


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


HANDLERS = {
    "CreateExtensionStmt": create_extension,
    "AlterExtensionStmt": alter_extension,
    "AlterExtensionContentsStmt": alter_contents,
}
