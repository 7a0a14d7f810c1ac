"""CREATE and ALTER COLLATION, CREATE CONVERSION (src/backend/commands/collationcmds.c, conversioncmds.c)."""

from __future__ import annotations

from lockgate.catalog.details import Details
from lockgate.catalog.objects import Namespace, Other
from lockgate.timeline.binder import find_collation, find_function
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_owner, need_privilege
from lockgate.timeline.transitions.object.creation import (
    doubt,
    names_of,
    new_name,
    refuse_existing,
    spelled,
)


def define_collation(ctx: Context, node: Node) -> None:
    """DefineCollation. Whether the operating system has a locale cannot be told here."""
    space, name = new_name(ctx, node["defnames"])
    options = {d["DefElem"]["defname"]: d["DefElem"] for d in node.get("definition", [])}
    if "from" in options:
        find_collation(ctx, names_of(options["from"]), options["from"].get("location"))
    found = ctx.catalog.one(Other, ("collation", space.oid, name))
    if found is not None and node.get("if_not_exists"):
        ctx.warn(f'collation "{name}" already exists, skipping', sqlstate="42710", level="NOTICE")
        return
    if found is not None:
        refuse_existing(ctx, found.oid, "collation", f'collation "{name}" already exists', name=name)
    put_other(ctx, "collation", name, space)


def put_other(
    ctx: Context,
    kind: str,
    name: str,
    space: Namespace | None = None,
    details: Details = None,
    refs: tuple[int, ...] = (),
) -> Other:
    """Make an object of one of the lesser kinds, with its dependencies."""
    made = Other(ctx.catalog.new_oid(), kind, name, space.oid if space else 0, ctx.session.role, details=details)
    ctx.catalog.put(made)
    ctx.catalog.depend((made.oid, 0), [(oid, 0) for oid in (made.namespace, *refs) if oid])
    ctx.created(made, name=name)
    return made


def alter_collation(ctx: Context, node: Node) -> None:
    """AlterCollation: REFRESH VERSION."""
    oid = find_collation(ctx, node["collname"], None)
    found = ctx.catalog.find(Other, oid)
    if found is not None:
        need_owner(ctx, found, shown=spelled(node["collname"]))


def create_conversion(ctx: Context, node: Node) -> None:
    """CreateConversionCommand."""
    space, name = new_name(ctx, node["conversion_name"])
    function = find_function(ctx, node["func_name"], (23, 23, 2275, 2281, 23, 16), None)
    need_privilege(ctx, function, "EXECUTE", kind="function", shown=spelled(node["func_name"]))
    found = ctx.catalog.one(Other, ("conversion", space.oid, name))
    if found is not None and not doubt(ctx, "conversion", space.oid, name, found.oid):
        refuse_existing(ctx, found.oid, "conversion", f'conversion "{name}" already exists', name=name)
    put_other(ctx, "conversion", name, space, refs=(int(getattr(function, "oid", 0)),))


HANDLERS = {"AlterCollationStmt": alter_collation, "CreateConversionStmt": create_conversion}
