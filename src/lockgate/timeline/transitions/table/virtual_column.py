"""Virtual generated columns (18): their values are computed as they are read, so nothing can be built on them
(src/backend/catalog/heap.c, src/backend/commands/indexcmds.c, tablecmds.c, statscmds.c)."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.base.text import Span
from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Attribute, Constraint, Other, Relation, Type
from lockgate.catalog.typename import base_type, element_of
from lockgate.timeline.binder import Expr
from lockgate.timeline.context import Context

FIRST_UNPINNED = 12000  # FirstUnpinnedObjectId (src/include/access/transam.h)


def refuse_virtual(ctx: Context, relation: Relation, columns: Iterable[int], what: str, location: int | None) -> None:
    """0A000 where one of the columns (attribute numbers) is virtual; ``what`` begins the message."""
    for number in columns:
        attribute = relation.attribute_by_num(number)
        if attribute is not None and attribute.generated == "v":
            message = (
                f"{what} on virtual generated columns {'is' if what.endswith('creation') else 'are'} not supported"
            )
            raise ctx.refuse("0A000", message, location, name=attribute.name, kind="column")


def check_virtual_type(ctx: Context, name: str, type_oid: int, location: int | None, span: Span | None = None) -> None:
    """CheckAttributeType with CHKATYPE_IS_VIRTUAL: neither a domain nor any other user-defined type."""
    if not type_oid:
        return
    inner = element_of(ctx.catalog, type_oid) or type_oid
    domain = base_type(ctx.catalog, inner)[0] != inner
    if domain or type_oid >= FIRST_UNPINNED:
        what = "domain" if domain else "user-defined"
        message = f'virtual generated column "{name}" cannot have a {what} type'
        raise ctx.refuse("0A000", message, location, span=span, kind="type")


def check_virtual_expression(ctx: Context, relation: Relation, expr: Expr, location: int | None) -> None:
    """check_virtual_generated_security: no functions and types of users, who could run code as whoever reads."""
    if any(oid >= FIRST_UNPINNED for oid in expr.routines):
        raise ctx.refuse("0A000", "generation expression uses user-defined function", location, kind="function")
    if any(_user_type(ctx, relation, address) for address in expr.depends) or expr.type >= FIRST_UNPINNED:
        raise ctx.refuse("0A000", "generation expression uses user-defined type", location, kind="type")


def _user_type(ctx: Context, relation: Relation, address: Address) -> bool:
    oid, number = address
    if oid == relation.oid and number:
        column = relation.attribute_by_num(number)
        return column is not None and column.type >= FIRST_UNPINNED
    return ctx.catalog.find(Type, oid) is not None


def check_new_expression(ctx: Context, relation: Relation, attribute: Attribute, span: Span) -> None:
    """ATExecSetExpression: not where a CHECK or a publication may have looked at the old values."""
    if attribute.generated != "v":
        return
    constraints = ctx.catalog.of_relation(relation.oid, Constraint)
    where = "with check constraints" if any(c.kind == "c" for c in constraints) else ""
    if not where and any(o.kind == "publication_rel" for o in ctx.catalog.of_relation(relation.oid, Other)):
        where = "that are part of a publication"
    if where:
        message = f"ALTER TABLE / SET EXPRESSION is not supported for virtual generated columns in tables {where}"
        raise ctx.refuse("0A000", message, span=span, kind="column")
