"""Large objects that queries make and remove by their own numbers (src/backend/libpq/be-fsstubs.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Other
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import Value
from lockgate.timeline.privileges.check import initial_acl, need_owner

CALLS = ("lo_create", "lo_from_bytea", "lo_unlink")


def call(ctx: Context, name: str, args: list[Value]) -> None:
    """Carry out one of ``CALLS`` that is certain to run; numbers that the server chooses, or that others may have made,
    are not known."""
    if not args or not isinstance(args[0], int) or args[0] <= 0:
        return
    key = str(int(args[0]))
    found = ctx.catalog.one(Other, ("large_object", 0, key))
    if name == "lo_unlink" and found is not None:
        need_owner(ctx, found, name=name)
        ctx.catalog.remove(found.oid)
    elif name != "lo_unlink" and found is not None:
        raise ctx.refuse(
            "23505",
            'duplicate key value violates unique constraint "pg_largeobject_metadata_oid_index"',
            name=name,
            kind="other",
        )
    elif name != "lo_unlink":
        acl = initial_acl(ctx, "large_object", 0)
        ctx.catalog.put(Other(ctx.catalog.new_oid(), "large_object", key, 0, ctx.session.role, acl=acl))
