"""ALTER DEFAULT PRIVILEGES (ExecAlterDefaultPrivilegesStmt and SetDefaultACL in src/backend/catalog/aclchk.c)."""

from __future__ import annotations

from lockgate.catalog import acl
from lockgate.catalog.objects import Role
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_member
from lockgate.timeline.privileges.remedy import member
from lockgate.timeline.transitions.object.creation import find_role, option
from lockgate.timeline.transitions.role.grant import Grant, merge, resolve
from lockgate.timeline.transitions.role.grant_target import KINDS


def alter_default_privileges(ctx: Context, node: Node) -> None:
    """For each role and schema: what new objects of a kind are granted at birth."""
    action = node["action"]
    kind, word = KINDS[action["objtype"]]
    statement = resolve(ctx, action, (kind, word))
    if "U" in statement.letters and kind == "table":
        raise ctx.refuse("0LP01", "invalid privilege type USAGE for relation", None, name="usage", kind="privilege")
    for role in _roles(ctx, node):
        spaces = _schemas(ctx, node)
        for space in spaces or [0]:
            if space and kind in ("schema", "large_object"):
                message = f"cannot use IN SCHEMA clause when using GRANT/REVOKE ON {'SCHEMAS' if kind == 'schema' else 'LARGE OBJECTS'}"
                raise ctx.refuse("0LP01", message, None, kind="schema")
            _set(ctx, statement, role.oid, space, kind)


def _roles(ctx: Context, node: Node) -> list[Role]:
    given = option(node.get("options", []), "roles")
    if given is None:
        found = ctx.catalog.find(Role, ctx.session.role)
        return [found] if found is not None else []
    roles = [r for item in given["arg"]["List"]["items"] if (r := find_role(ctx, item["RoleSpec"])) is not None]
    for role in roles:
        _need(ctx, role)
    return roles


def _need(ctx: Context, role: Role) -> None:
    if ctx.catalog.major < 16:
        need_member(ctx, role)
        return
    from lockgate.timeline.transitions.role.role import refuse_right

    yes = acl.has_privileges_of(ctx.catalog, ctx.session.role, role.oid)
    refuse_right(ctx, yes, "permission denied to change default privileges", member(ctx, role.oid), role.name)


def _schemas(ctx: Context, node: Node) -> list[int]:
    from lockgate.timeline.binder.names import missing_namespace

    given = option(node.get("options", []), "schemas")
    if given is None:
        return []
    found = []
    for item in given["arg"]["List"]["items"]:
        name = item["String"].get("sval", "")
        space = ctx.catalog.namespace(name)
        if space is None:
            if ctx.catalog.taint_of(("any",), ("name", "namespace", 0, name)):
                raise ctx.unsure(f"whether schema {name} exists is not known")
            raise missing_namespace(ctx, name, given.get("location"))
        found.append(space.oid)
    return found


def _set(ctx: Context, statement: Grant, role: int, space: int, kind: str) -> None:
    catalog = ctx.catalog
    default = () if space else acl.default_acl(kind, role, catalog.major)
    before = catalog.default_acls.get((role, space, kind), default)
    letters = acl.all_privileges(kind, catalog.major) if statement.every else statement.letters
    items = merge(ctx, statement, before, role, role, letters)
    key = (role, space, kind)
    if acl.same(items, default):
        catalog.default_acls = catalog.default_acls.delete(key) if key in catalog.default_acls else catalog.default_acls
    else:
        catalog.default_acls = catalog.default_acls.set(key, items)


HANDLERS = {"AlterDefaultPrivilegesStmt": alter_default_privileges}
