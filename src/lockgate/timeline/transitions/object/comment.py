"""COMMENT and SECURITY LABEL (src/backend/commands/comment.c, seclabel.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Relation
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import database, need_owner
from lockgate.timeline.transitions.object.address import find
from lockgate.timeline.transitions.role.ownership import need_ownership


def comment(ctx: Context, node: Node) -> None:
    """COMMENT ON: the object must exist and belong to the role; NULL takes the comment away."""
    kind = node["objtype"]
    if kind == "OBJECT_DATABASE":  # one that the timeline did not make is taken for the current one
        need_owner(ctx, database(ctx), shown=node["object"]["String"].get("sval", ""))
        return
    found = find(ctx, kind, node["object"])
    if found is None or found.obj is None:
        return
    obj = found.obj
    need_ownership(ctx, kind, node["object"], obj)
    if found.address is None:
        return
    if kind == "OBJECT_COLUMN" and isinstance(obj, Relation) and obj.kind not in "rvmcfp":
        raise ctx.refuse("42809", f'cannot set comment on relation "{obj.name}"', name=obj.name, kind="relation")
    text = node.get("comment")
    comments = ctx.catalog.comments
    if text:
        ctx.catalog.comments = comments.set(found.address, text)
    elif found.address in comments:
        ctx.catalog.comments = comments.delete(found.address)


def label(ctx: Context, node: Node) -> None:
    """SECURITY LABEL: needs a provider, which a migration cannot see."""
    ctx.notes.append("SECURITY LABEL")


HANDLERS = {"CommentStmt": comment, "SecLabelStmt": label}
