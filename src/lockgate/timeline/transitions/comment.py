"""COMMENT and SECURITY LABEL (src/backend/commands/comment.c, seclabel.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Relation, Role, Type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges import need_owner
from lockgate.timeline.transitions.address import find


def comment(ctx: Context, node: Node) -> None:
    """COMMENT ON: the object must exist and belong to the role; NULL takes the comment away."""
    kind = node["objtype"]
    if kind == "OBJECT_DATABASE":
        ctx.notes.append("COMMENT ON DATABASE")
        return
    found = find(ctx, kind, node["object"])
    if found is None or found.address is None:
        return
    obj = found.obj
    _need_owner(ctx, kind, obj)
    if kind == "OBJECT_COLUMN" and isinstance(obj, Relation) and obj.kind not in "rvmcfp":
        raise ctx.refuse("42809", f'cannot set comment on relation "{obj.name}"', name=obj.name, kind="relation")
    text = node.get("comment")
    comments = ctx.catalog.comments
    if text:
        ctx.catalog.comments = comments.set(found.address, text)
    elif found.address in comments:
        ctx.catalog.comments = comments.delete(found.address)


def _need_owner(ctx: Context, kind: str, obj: object) -> None:
    if isinstance(obj, Role) or kind in ("OBJECT_LARGEOBJECT", "OBJECT_TSPARSER", "OBJECT_TSTEMPLATE", "OBJECT_ACCESS_METHOD"):
        return
    holder = obj
    relation = getattr(obj, "relation", 0)
    if kind in ("OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        holder = ctx.catalog.the(Relation, relation)
    elif kind == "OBJECT_DOMCONSTRAINT":
        holder = ctx.catalog.find(Type, getattr(obj, "type", 0))
    need_owner(ctx, holder, name=getattr(holder, "name", None))


def label(ctx: Context, node: Node) -> None:
    """SECURITY LABEL: needs a provider, which a migration cannot see."""
    ctx.notes.append("SECURITY LABEL")


HANDLERS = {"CommentStmt": comment, "SecLabelStmt": label}
