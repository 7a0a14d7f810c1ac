"""Column defaults and generation expressions (StoreAttrDefault, cookDefault in src/backend/catalog/heap.c and
pg_attrdef.c)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from lockgate.catalog.catalog import Address
from lockgate.catalog.details import ColumnDefault
from lockgate.catalog.objects import Attribute, Other, Relation
from lockgate.catalog.typename import type_name
from lockgate.timeline import dependency
from lockgate.timeline.binder import Expr, analyze_expression, coerce, relation_scope, resolve_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.relation import defaults_of, type_kind
from lockgate.timeline.transitions.table.virtual_column import check_virtual_expression
from lockgate.timeline.transitions.type.opclass import is_mutable


def cook_default(ctx: Context, relation: Relation, attribute: Attribute, node: Node, generated: str = "") -> Expr:
    """cookDefault: analyse, check, coerce. Refuses with 42P17, 42804, 0A000 and what names in it give."""
    expr = analyze_expression(ctx, node, relation_scope(ctx, relation), "generated" if generated else "default")
    location = expr.location if expr.location >= 0 else None
    if generated:
        _check_generated(ctx, relation, attribute, expr, location, generated)
    if attribute.type:
        words = (
            "but generation expression is of type"
            if generated and ctx.catalog.major >= 99
            else "but default expression is of type"
        )
        shown = [type_name(ctx.catalog, t, None, ctx.path()) for t in (attribute.type, expr.type)]
        message = f'column "{attribute.name}" is of type {shown[0]} {words} {shown[1]}'
        return coerce(ctx, expr, attribute.type, attribute.typmod, "assignment", location, message)
    return expr


def _check_generated(
    ctx: Context, relation: Relation, attribute: Attribute, expr: Expr, location: int | None, generated: str
) -> None:
    for number in expr.columns:
        other = relation.attribute_by_num(number)
        if other is not None and (other.generated or number == attribute.num):
            help = (
                "A generated column cannot reference another generated column."
                if number != attribute.num
                else ("This would cause the generated column to depend on its own value.")
            )
            raise ctx.refuse(
                "42P17",
                f'cannot use generated column "{other.name}" in column generation expression',
                location,
                name=other.name,
                kind="column",
                help=help,
            )
    if expr.whole_row:
        raise ctx.refuse(
            "42P17",
            "cannot use whole-row variable in column generation expression",
            location,
            kind="other",
            help="This would cause the generated column to depend on its own value.",
        )
    if is_mutable(ctx, expr):
        raise ctx.refuse("42P17", "generation expression is not immutable", location, kind="function")
    if generated == "v":
        check_virtual_expression(ctx, relation, expr, location)


def is_null_default(ctx: Context, attribute: Attribute, node: Node) -> bool:
    """A NULL constant of the column's own type makes no pg_attrdef entry; where a length or domain coercion wraps it,
    it does."""
    if type_kind(ctx, attribute.type) == "d":
        return False
    while "TypeCast" in node:
        cast = node["TypeCast"]
        ref = resolve_type(ctx, cast["typeName"])
        if ref.oid != attribute.type or ref.typmod >= 0:
            return False
        node = cast.get("arg", {})
    return bool(node.get("A_Const", {}).get("isnull")) and attribute.typmod < 0


def set_default(ctx: Context, relation: Relation, attribute: Attribute, node: Node, generated: str = "") -> Relation:
    """Analyse and store a default or generation expression."""
    expr = cook_default(ctx, relation, attribute, node, generated)
    if not generated and is_null_default(ctx, attribute, node):
        return relation
    volatility = expr.volatility
    if volatility not in ("i", "s"):
        from lockgate.timeline.hazards.volatility import planned

        volatility = planned(ctx, expr)
    return store_default(ctx, relation, attribute, expr.depends, generated, node, volatility)


def store_default(
    ctx: Context,
    relation: Relation,
    attribute: Attribute,
    depends: Iterable[Address],
    generated: str = "",
    node: Node | None = None,
    volatility: str = "i",
) -> Relation:
    """Write the default: its object, its dependencies, and the column's flag."""
    catalog = ctx.catalog
    default = Other(
        catalog.new_oid(),
        "default",
        f"{relation.oid}.{attribute.num}",
        0,
        relation.owner,
        relation.oid,
        details=ColumnDefault(attribute.num, node, volatility),
    )
    catalog.put(default)
    column = (relation.oid, attribute.num)
    old = bool(generated) and catalog.major < 15
    catalog.depend((default.oid, 0), [column], "i" if generated and not old else "a")
    if old:
        catalog.depend(column, [d for d in depends if d != column], "a")
    else:
        catalog.depend((default.oid, 0), [d for d in depends if d != column])
    current = catalog.the(Relation, relation.oid)
    column_now = current.attribute_by_num(attribute.num)
    assert column_now is not None
    return catalog.replace_attribute(current, replace(column_now, has_default=not generated, generated=generated))


def remove_default(ctx: Context, relation: Relation, number: int) -> None:
    """RemoveAttrDefault, cascading nowhere: a default that something depends on stands in the way (2BP01)."""
    found = defaults_of(ctx, relation.oid, number)
    if found is not None:
        ctx.catalog.undepend((found.oid, 0), "i")
        dependency.drop(ctx, [(found.oid, 0)], internal=True)
        return
    attribute = relation.attribute_by_num(number)
    if attribute is not None and attribute.has_default:
        if doubt(ctx, relation) is None:
            ctx.notes.append("default without its expression")
        ctx.catalog.replace_attribute(relation, replace(attribute, has_default=False))


def copy_default(
    ctx: Context, source: Relation, number: int, target: Relation, attribute: Attribute, mapping: dict[int, int]
) -> Relation:
    """Give a column the default (or generation expression) of another table's; ``mapping`` from its attribute numbers
    to ours."""
    found = defaults_of(ctx, source.oid, number)
    origin = source.attribute_by_num(number)
    if found is None or origin is None:
        return target
    refs = [e.referenced for e in ctx.catalog.dependencies(found.oid) if e.kind == "n"]
    mapped = [(target.oid, mapping.get(n, 0)) if oid == source.oid and n else (oid, n) for oid, n in refs]
    kept = found.details if isinstance(found.details, ColumnDefault) else ColumnDefault(number)
    return store_default(ctx, target, attribute, mapped, origin.generated, kept.node, kept.volatility)
