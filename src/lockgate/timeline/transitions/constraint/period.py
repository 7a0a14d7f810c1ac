"""Foreign keys with PERIOD, to keys WITHOUT OVERLAPS (18; ATAddForeignKeyConstraint in src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Relation
from lockgate.timeline.context import Context, Node


def one_sided(ctx: Context, one: str, other: str, location: int) -> Exception:
    message = f"foreign key uses PERIOD on the {one} table but not the {other} table"
    return ctx.refuse("42830", message, location, kind="constraint")


def check_index(ctx: Context, index: Relation | None, node: Node, location: int) -> None:
    """A key WITHOUT OVERLAPS asks for PERIOD, and PERIOD for one (18); then actions that PERIOD does not take."""
    if node.get("fk_with_period"):
        _actions(ctx, node, location)
        if index is not None and index.index is not None and not index.index.exclusion:
            message = "could not identify an overlaps operator for foreign key"
            raise ctx.refuse("42704", message, location, kind="constraint")
        return
    temporal = index is not None and index.index is not None and index.index.exclusion
    if not temporal:
        return
    if not node.get("pk_attrs"):
        raise one_sided(ctx, "referenced", "referencing", location)
    message = "foreign key must use PERIOD when referencing a primary key using WITHOUT OVERLAPS"
    raise ctx.refuse("42830", message, location, kind="constraint")


def _actions(ctx: Context, node: Node, location: int) -> None:
    for field, word in (("fk_upd_action", "ON UPDATE"), ("fk_del_action", "ON DELETE")):
        if node.get(field, "a") != "a":
            message = f"unsupported {word} action for foreign key constraint using PERIOD"
            raise ctx.refuse("0A000", message, location, kind="constraint")
