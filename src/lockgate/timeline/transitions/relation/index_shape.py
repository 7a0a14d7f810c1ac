"""The columns of a new index: their types, operator classes, collations and options (src/backend/commands/indexcmds.c ComputeIndexAttrs)."""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.base.text import Span
from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Attribute, Relation
from lockgate.parse.tokens import find_name, token_end
from lockgate.timeline.binder import Expr, find_collation
from lockgate.timeline.context import Context, Node
from lockgate.timeline.transitions.constraint.constraint import (
    normal_form,
)
from lockgate.timeline.transitions.relation.relation import (
    SYSTEM_COLUMNS,
    column_collation,
    column_of,
)
from lockgate.timeline.transitions.table.virtual_column import refuse_virtual
from lockgate.timeline.transitions.type.opclass import access_method, default_opclass, is_mutable, resolve_opclass


class NewIndex(msgspec.Struct):
    """An index to be made (IndexStmt after transformation)."""

    elements: list[Node]
    including: list[Node] = msgspec.field(default_factory=list)
    name: str = ""
    method: str = "btree"
    unique: bool = False
    primary: bool = False
    exclusion: bool = False
    constraint: bool = False
    deferrable: bool = False
    deferred: bool = False
    nulls_not_distinct: bool = False
    where: Node | None = None
    operators: list[Any] = msgspec.field(default_factory=list)
    location: int = 0
    if_not_exists: bool = False
    recurse: bool = True
    without_overlaps: bool = False  # the last column is a period (18)


class Shape(msgspec.Struct):
    """What an index was found to consist of."""

    keys: list[int] = msgspec.field(default_factory=list)
    included: list[int] = msgspec.field(default_factory=list)
    attributes: list[Attribute] = msgspec.field(default_factory=list)
    columns: set[int] = msgspec.field(default_factory=set)  # the table's columns that it names or computes from
    refs: set[Address] = msgspec.field(default_factory=set)  # what else it depends on
    plain: bool = True
    whole: bool = False
    definition: list[str] = msgspec.field(default_factory=list)


def immutable(ctx: Context, expr: Expr, what: str) -> None:
    if is_mutable(ctx, expr):
        location = expr.location if expr.location >= 0 else None
        raise ctx.refuse("42P17", f"functions in index {what} must be marked IMMUTABLE", location, kind="function")


def compute(ctx: Context, relation: Relation, plan: NewIndex, expressions: dict[int, Expr], names: list[str]) -> Shape:
    """ComputeIndexAttrs: every column and expression with its collation and operator class."""
    shape = Shape()
    method = access_method(ctx, plan.method)
    for number, element in enumerate([*plan.elements, *plan.including]):
        included = number >= len(plan.elements)
        type_oid, typmod, collation = _element(ctx, relation, plan, element, included, expressions, shape)
        shape.attributes.append(Attribute(number + 1, names[number], type_oid, typmod, collation=collation))
        if included:
            continue
        _options(ctx, plan, element, type_oid, collation, method is not None and not method.order, shape)
    if len(shape.attributes) > 32:
        raise ctx.refuse("54011", "cannot use more than 32 columns in an index", plan.location, kind="index")
    if plan.where is not None:
        expr = expressions[id(plan.where)]
        refuse_virtual(ctx, relation, sorted(expr.columns), "indexes", plan.location)
        shape.columns |= expr.columns
        shape.refs |= expr.depends
        shape.whole = shape.whole or expr.whole_row
        shape.definition.append("where " + normal_form(plan.where))
    return shape


def _element(
    ctx: Context,
    relation: Relation,
    plan: NewIndex,
    element: Node,
    included: bool,
    expressions: dict[int, Expr],
    shape: Shape,
) -> tuple[int, int, int]:
    if "name" in element:
        name = element["name"]
        if name in SYSTEM_COLUMNS:
            raise ctx.refuse(
                "0A000", "index creation on system columns is not supported", plan.location, name=name, kind="column"
            )
        message = (
            f'column "{name}" named in key does not exist'
            if plan.constraint or plan.primary
            else f'column "{name}" does not exist'
        )
        attribute = column_of(ctx, relation, name, plan.location, span=_after_table(ctx, plan, name), message=message)
        refuse_virtual(ctx, relation, [attribute.num], _carrier(plan), plan.location)
        (shape.included if included else shape.keys).append(attribute.num)
        shape.columns.add(attribute.num)
        collation = attribute.collation
        if included and (element.get("collation") or element.get("opclass")):
            what = "a collation" if element.get("collation") else "an operator class"
            raise ctx.refuse("42P17", f"including column does not support {what}", plan.location, kind="index")
        return attribute.type, attribute.typmod, collation
    if included:
        raise ctx.refuse("0A000", "expressions are not supported in included columns", plan.location, kind="index")
    expr = expressions[id(element)]
    if len(expr.columns) == 1 and "ColumnRef" in element["expr"]:  # (column) is that column (ComputeIndexAttrs)
        (number,) = expr.columns
        refuse_virtual(ctx, relation, [number], _carrier(plan), plan.location)
        shape.keys.append(number)
        shape.columns.add(number)
        return expr.type, expr.typmod, expr.collation
    refuse_virtual(ctx, relation, sorted(expr.columns), "indexes", plan.location)
    immutable(ctx, expr, "expression")
    shape.keys.append(0)
    shape.columns |= expr.columns
    shape.refs |= expr.depends
    shape.whole = shape.whole or expr.whole_row
    shape.definition.append("expr " + normal_form(element["expr"]))
    if expr.type == 705:
        return 25, -1, 100
    return expr.type, expr.typmod, expr.collation


def _carrier(plan: NewIndex) -> str:
    """What DefineIndex calls the index where a virtual column stands in its way."""
    return "primary keys" if plan.primary else "unique constraints" if plan.constraint else "indexes"


def _after_table(ctx: Context, plan: NewIndex, name: str) -> Span:
    """The token of an index's column: behind the table's name and the parenthesis, not the table's own."""
    start = ctx.span(plan.location)
    text, end = ctx.text_source.text, (ctx.bounds or ctx.statement.span).end
    paren = text.find("(", start.end, end)
    at = find_name(text, name, paren + 1 if paren >= 0 else start.start, end)
    return Span(at, token_end(text, at)) if at >= 0 else ctx.span(plan.location, name)


def _options(
    ctx: Context, plan: NewIndex, element: Node, type_oid: int, collation: int, unordered: bool, shape: Shape
) -> None:
    if element.get("collation"):
        chosen = find_collation(ctx, element["collation"], plan.location)
        shape.definition.append(f"collation {chosen}")
        shape.plain = shape.plain and chosen == collation
        column_collation(ctx, type_oid, {"collname": element["collation"], "location": plan.location})
        shape.refs.add((chosen, 0))
    name, oid = resolve_opclass(ctx, element.get("opclass", []), type_oid, plan.method, plan.location)
    if element.get("opclass"):
        default = (
            resolve_opclass(ctx, [], type_oid, plan.method, plan.location)[0]
            if _has_default(ctx, type_oid, plan.method)
            else ""
        )
        if name != default:
            shape.plain = False
            shape.definition.append(f"opclass {name}")
    if oid:
        shape.refs.add((oid, 0))
    ordering, nulls = element.get("ordering", "SORTBY_DEFAULT"), element.get("nulls_ordering", "SORTBY_NULLS_DEFAULT")
    if unordered and ordering != "SORTBY_DEFAULT":
        raise ctx.refuse(
            "0A000", f'access method "{plan.method}" does not support ASC/DESC options', plan.location, kind="index"
        )
    if unordered and nulls != "SORTBY_NULLS_DEFAULT":
        raise ctx.refuse(
            "0A000",
            f'access method "{plan.method}" does not support NULLS FIRST/LAST options',
            plan.location,
            kind="index",
        )
    descending = ordering == "SORTBY_DESC"
    if descending or ((nulls == "SORTBY_NULLS_FIRST") != descending and nulls != "SORTBY_NULLS_DEFAULT"):
        shape.plain = False
        shape.definition.append(f"{ordering} {nulls}")


def _has_default(ctx: Context, type_oid: int, method: str) -> bool:
    return bool(type_oid) and default_opclass(ctx, type_oid, method) is not None
