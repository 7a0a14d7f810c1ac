"""Foreign data wrappers, servers, user mappings, IMPORT FOREIGN SCHEMA (src/backend/commands/foreigncmds.c); access
methods (amcmds.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockgate.catalog.details import ForeignServerWrapper
from lockgate.catalog.objects import Other, Role
from lockgate.timeline.binder import find_function
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_create, need_owner, need_privilege, need_superuser
from lockgate.timeline.privileges.may import has_owner
from lockgate.timeline.transitions.object.creation import find_other, find_role, names_of, refuse_existing
from lockgate.timeline.transitions.type.collation import put_other

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey


def create_wrapper(ctx: Context, node: Node) -> None:
    """CreateForeignDataWrapper: for superusers."""
    name = node["fdwname"]
    need_superuser(
        ctx,
        f'permission denied to create foreign-data wrapper "{name}"',
        name=name,
        help="Must be superuser to create a foreign-data wrapper.",
    )
    found = ctx.catalog.one(Other, ("fdw", 0, name))
    if found is not None:
        refuse_existing(ctx, found.oid, "fdw", f'foreign-data wrapper "{name}" already exists', name=name)
    put_other(ctx, "fdw", name, refs=_functions(ctx, node))


def _handlers(node: Node) -> list[bool]:
    return [d["DefElem"]["defname"] == "handler" and "arg" in d["DefElem"] for d in node.get("func_options", [])]


def _functions(ctx: Context, node: Node) -> tuple[int, ...]:
    refs = []
    for item in node.get("func_options", []):
        option = item["DefElem"]
        if "arg" not in option:
            continue
        args = (1009, 26) if option["defname"] == "validator" else ()
        refs.append(int(getattr(find_function(ctx, names_of(option), args, option.get("location")), "oid", 0)))
    return tuple(refs)


def alter_wrapper(ctx: Context, node: Node) -> None:
    """AlterForeignDataWrapper."""
    name = node["fdwname"]
    need_superuser(
        ctx,
        f'permission denied to alter foreign-data wrapper "{name}"',
        name=name,
        help="Must be superuser to alter a foreign-data wrapper.",
    )
    found = find_other(ctx, "fdw", name, "foreign-data wrapper")
    assert found is not None
    refs = _functions(ctx, node)
    ctx.catalog.depend((found.oid, 0), [(oid, 0) for oid in refs if oid])


def create_server(ctx: Context, node: Node) -> None:
    """CreateForeignServer: USAGE on the wrapper."""
    name = node["servername"]
    found = ctx.catalog.one(Other, ("foreign_server", 0, name))
    if found is not None and node.get("if_not_exists"):
        ctx.warn(f'server "{name}" already exists, skipping', sqlstate="42710", level="NOTICE")
        return
    if found is not None:
        refuse_existing(ctx, found.oid, "foreign_server", f'server "{name}" already exists', name=name)
    wrapper = find_other(ctx, "fdw", node["fdwname"], "foreign-data wrapper")
    assert wrapper is not None
    need_privilege(ctx, wrapper, "USAGE", name=wrapper.name)
    put_other(ctx, "foreign_server", name, details=ForeignServerWrapper(wrapper.oid), refs=(wrapper.oid,))


def alter_server(ctx: Context, node: Node) -> None:
    """AlterForeignServer."""
    found = find_other(ctx, "foreign_server", node["servername"], "server")
    assert found is not None
    need_owner(ctx, found, name=found.name)


def _mapping(ctx: Context, node: Node) -> tuple[int, str, Other]:
    """user_mapping_ddl_aclcheck: the server's owner may, or the user himself with USAGE on it."""
    spec = node["user"]
    role = None if spec.get("roletype") == "ROLESPEC_PUBLIC" else find_role(ctx, spec)
    server = find_other(ctx, "foreign_server", node["servername"], "server")
    assert server is not None
    if has_owner(ctx, server) == "no":
        if not isinstance(role, Role) or role.oid != ctx.session.role:
            need_owner(ctx, server, name=server.name)
        need_privilege(ctx, server, "USAGE", name=server.name)
    return (role.oid if role else 0), (role.name if role else "public"), server


def create_mapping(ctx: Context, node: Node) -> None:
    """CreateUserMapping."""
    user, word, server = _mapping(ctx, node)
    key = f"{user}.{server.oid}"
    found = ctx.catalog.one(Other, ("user_mapping", 0, key))
    if found is not None:
        message = f'user mapping for "{word}" already exists for server "{server.name}"'
        if node.get("if_not_exists"):
            ctx.warn(f"{message}, skipping", sqlstate="42710", level="NOTICE")
            return
        raise ctx.refuse("42710", message, node["user"].get("location"), kind="other", object=server.name)
    made = Other(ctx.catalog.new_oid(), "user_mapping", key, 0, user)
    ctx.catalog.put(made)
    ctx.catalog.depend((made.oid, 0), [(server.oid, 0)])


def _existing_mapping(ctx: Context, node: Node) -> Other | None:
    user, word, server = _mapping(ctx, node)
    found = ctx.catalog.one(Other, ("user_mapping", 0, f"{user}.{server.oid}"))
    if found is not None:
        return found
    message = f'user mapping for "{word}" does not exist for server "{server.name}"'
    if node.get("missing_ok"):
        ctx.warn(f"{message}, skipping", level="NOTICE", sqlstate="00000")
        return None
    raise ctx.refuse("42704", message, node["user"].get("location"), kind="other", object=server.name)


def alter_mapping(ctx: Context, node: Node) -> None:
    """AlterUserMapping."""
    _existing_mapping(ctx, node)


def drop_mapping(ctx: Context, node: Node) -> None:
    """RemoveUserMapping: with IF EXISTS, role and server may be missing too."""
    if node.get("missing_ok"):
        spec = node["user"]
        if spec.get("rolename") and find_role(ctx, spec, missing_ok=True) is None:
            ctx.warn(f'role "{spec["rolename"]}" does not exist, skipping', level="NOTICE", sqlstate="00000")
            return
        if find_other(ctx, "foreign_server", node["servername"], "server", missing_ok=True) is None:
            ctx.warn(f'server "{node["servername"]}" does not exist, skipping', level="NOTICE", sqlstate="00000")
            return
    found = _existing_mapping(ctx, node)
    if found is not None:
        ctx.catalog.remove(found.oid)


def import_schema(ctx: Context, node: Node) -> None:
    """ImportForeignSchema: what the other server has is not known."""
    from lockgate.timeline.transitions.role.grant_target import _schema

    server = find_other(ctx, "foreign_server", node["server_name"], "server")
    assert server is not None
    need_privilege(ctx, server, "USAGE", name=server.name)
    space: Any = _schema(ctx, node["local_schema"]).object
    need_create(ctx, space, name=space.name)
    tables = (
        [t["RangeVar"].get("relname", "") for t in node.get("table_list", [])]
        if node.get("list_type") == "FDW_IMPORT_SCHEMA_LIMIT_TO"
        else []
    )
    reason = "IMPORT FOREIGN SCHEMA: the other server's tables are not known"
    keys: list[TaintKey] = [("name", "relation", space.oid, t) for t in tables] or [("namespace", space.oid)]
    raise ctx.unsure(reason, *keys)


def create_access_method(ctx: Context, node: Node) -> None:
    """CreateAccessMethod: for superusers."""
    name = node["amname"]
    need_superuser(
        ctx,
        f'permission denied to create access method "{name}"',
        name=name,
        help="Must be superuser to create an access method.",
    )
    found = ctx.catalog.one(Other, ("access_method", 0, name))
    if found is not None or name in ctx.catalog.builtins.access_methods:
        raise ctx.refuse("42710", f'access method "{name}" already exists', None, name=name, kind="other")
    handler = find_function(ctx, node["handler_name"], (2281,), None)
    put_other(ctx, "access_method", name, refs=(int(getattr(handler, "oid", 0)),))


HANDLERS = {
    "CreateFdwStmt": create_wrapper,
    "AlterFdwStmt": alter_wrapper,
    "CreateForeignServerStmt": create_server,
    "AlterForeignServerStmt": alter_server,
    "CreateUserMappingStmt": create_mapping,
    "AlterUserMappingStmt": alter_mapping,
    "DropUserMappingStmt": drop_mapping,
    "ImportForeignSchemaStmt": import_schema,
    "CreateAmStmt": create_access_method,
}
