"""Whether a foreign key's columns compare with those that they refer to (ATAddForeignKeyConstraint in
src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from lockgate.base.text import Span
from lockgate.catalog.objects import Attribute, Cast, Constraint, Relation
from lockgate.catalog.typename import base_type, element_of, type_name
from lockgate.timeline.context import Context
from lockgate.timeline.transitions.relation.relation import type_kind
from lockgate.timeline.transitions.type.opclass import is_binary_coercible

# btree operator families that compare types of different names
_FAMILIES = ({20, 21, 23}, {700, 701}, {1082, 1114, 1184}, {25, 1043, 19}, {1560}, {1562})


def comparable(ctx: Context, one: Attribute, other: Attribute) -> bool:
    """Whether an equality operator of the key's index takes both types, or the referencing type casts implicitly."""
    if not one.type or not other.type:
        return True
    left, right = base_type(ctx.catalog, one.type)[0], base_type(ctx.catalog, other.type)[0]
    if left == right or any(left in f and right in f for f in _FAMILIES) or is_binary_coercible(ctx, left, right):
        return True
    if max(left, right) >= 16384 and any(
        o >= 16384 and type_kind(ctx, o) == "b" and not element_of(ctx.catalog, o) for o in (left, right)
    ):
        return True  # a base type of an extension: its operators are not known
    cast = ctx.catalog.builtins.cast(left, right)
    own = ctx.catalog.one(Cast, ("cast", left, right))
    return (cast is not None and cast.context == "i") or (own is not None and own.context == "i")


def check_comparable(ctx: Context, constraint: Constraint, span: Span) -> None:
    """A foreign key made anew after a change of type (42804)."""
    relation, target = ctx.catalog.find(Relation, constraint.relation), ctx.catalog.find(Relation, constraint.foreign)
    if relation is None or target is None:
        return
    for number, key in zip(constraint.keys, constraint.foreign_keys, strict=False):
        one, other = relation.attribute_by_num(number), target.attribute_by_num(key)
        if one is not None and other is not None and not comparable(ctx, one, other):
            raise incomparable(ctx, constraint.name, one, other, span)


def incomparable(ctx: Context, name: str, one: Attribute, other: Attribute, span: Span) -> Exception:
    shown = [type_name(ctx.catalog, a.type, None, ctx.path()) for a in (one, other)]
    return ctx.refuse(
        "42804",
        f'foreign key constraint "{name}" cannot be implemented',
        span=span,
        kind="type",
        help=f'Key columns "{one.name}" and "{other.name}" are of incompatible types: {shown[0]} and {shown[1]}.',
    )
