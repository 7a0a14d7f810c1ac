"""ALTER COLUMN TYPE (ATPrepAlterColumnType, ATExecAlterColumnType, ATPostAlterTypeCleanup in
src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.base.findings import Label
from lockgate.catalog.catalog import Address
from lockgate.catalog.details import ColumnDefault
from lockgate.catalog.objects import Attribute, Constraint, Other, Policy, Relation, Rewrite, Routine, Trigger
from lockgate.catalog.typename import type_name
from lockgate.timeline.binder import Expr, TypeRef, analyze_expression, coerce, relation_scope, resolve_type
from lockgate.timeline.binder.term import Term
from lockgate.timeline.context import Context, Node
from lockgate.timeline.describe import describe
from lockgate.timeline.failure import Refused
from lockgate.timeline.transitions.constraint.comparable import check_comparable
from lockgate.timeline.transitions.relation.relation import (
    SYSTEM_COLUMNS,
    check_column_type,
    column_collation,
    column_of,
    defaults_of,
    depend_column,
    type_kind,
)
from lockgate.timeline.transitions.relation.sequence import identity_sequence
from lockgate.timeline.transitions.table.alteration import Alteration, Queue
from lockgate.timeline.transitions.table.column import check_identity_type
from lockgate.timeline.transitions.table.inheritance import descendants
from lockgate.timeline.transitions.table.partition import key_columns
from lockgate.timeline.transitions.table.rebuild import read_anew
from lockgate.timeline.transitions.table.virtual_column import check_virtual_type
from lockgate.timeline.transitions.type.opclass import resolve_opclass
from lockgate.timeline.transitions.type.user_type import need_type_usage


def prepare(ctx: Context, queue: Queue, item: Alteration) -> None:
    """ATPrepAlterColumnType: the column, the type, the USING expression, the children."""
    relation = ctx.catalog.the(Relation, item.relation)
    node = item.node["def"]["ColumnDef"]
    if relation.of_type and not item.recursing:
        raise ctx.refuse("42809", "cannot alter column type of typed table", span=item.span, kind="relation")
    there = relation.attribute(item.name)
    if (
        there is not None and there.identity and not item.recursing and not relation.is_partition
    ):  # its sequence is altered before anything else
        check_identity_type(ctx, resolve_type(ctx, node["typeName"]).oid, node["typeName"].get("location", 0))
    using = (
        analyze_expression(ctx, node["raw_default"], relation_scope(ctx, relation), "alter_column")
        if "raw_default" in node
        else None
    )
    attribute = _column(ctx, relation, item)
    if attribute.generated and "raw_default" in node:
        raise ctx.refuse(
            "42611",
            "cannot specify USING when altering type of generated column",
            span=item.span,
            kind="column",
            help=f'Column "{item.name}" is a generated column.',
        )
    if attribute.inherited and not item.recursing:
        raise ctx.refuse("42P16", f'cannot alter inherited column "{item.name}"', span=item.span, kind="column")
    if attribute.num in key_columns(relation):
        message = (
            f'cannot alter column "{item.name}" because it is part of the partition key of relation "{relation.name}"'
        )
        raise ctx.refuse("42P16", message, span=item.span, kind="column")
    ref = resolve_type(ctx, node["typeName"])
    need_type_usage(ctx, ref.oid, node["typeName"].get("location", 0))
    column_collation(ctx, ref.oid, node.get("collClause"))
    check_column_type(ctx, item.name, ref.oid, node["typeName"].get("location", 0), relation=relation)
    if attribute.generated == "v":
        check_virtual_type(ctx, item.name, ref.oid, node["typeName"].get("location", 0))
    if relation.kind in "rp":
        _using(ctx, attribute, ref, using, node, item)
    _children(ctx, queue, relation, item)


def _column(ctx: Context, relation: Relation, item: Alteration) -> Attribute:
    if item.name in SYSTEM_COLUMNS:
        raise ctx.refuse("0A000", f'cannot alter system column "{item.name}"', span=item.span, kind="column")
    return column_of(ctx, relation, item.name, span=item.span)


def _using(ctx: Context, attribute: Attribute, ref: TypeRef, using: Expr | None, node: Node, item: Alteration) -> None:
    shown = type_name(ctx.catalog, ref.oid, ref.typmod, ctx.path()) if ref.oid else ""
    if using is not None:
        expr = using
        message = f'result of USING clause for column "{item.name}" cannot be cast automatically to type {shown}'
        location = expr.location if expr.location >= 0 else node.get("location", 0)
    else:
        expr = _value(attribute.type, attribute.typmod, attribute.collation)
        message, location = f'column "{item.name}" cannot be cast automatically to type {shown}', None
    if not ref.oid:
        return
    _assign(ctx, expr, ref, message, location, item, attribute)


def _assign(
    ctx: Context, expr: Expr, ref: TypeRef, message: str, location: int | None, item: Alteration, attribute: Attribute
) -> None:
    try:
        coerce(ctx, expr, ref.oid, ref.typmod, "assignment", location, message)
    except Refused as refused:
        if refused.failure.sqlstate != "42804":
            raise
        shown = type_name(ctx.catalog, ref.oid, ref.typmod, ctx.path())
        help = f'You might need to specify "USING {attribute.name}::{shown}".'
        raise ctx.refuse("42804", message, span=item.span, kind="type", help=help) from None


def _children(ctx: Context, queue: Queue, relation: Relation, item: Alteration) -> None:
    from lockgate.timeline.transitions.table.alter_table import prepare as prepare_command

    if item.recursing or relation.kind not in "rpf":
        return
    if not item.recurse:
        if ctx.catalog.children(relation.oid):
            raise ctx.refuse(
                "42P16",
                f'type of inherited column "{item.name}" must be changed in child tables too',
                span=item.span,
                kind="column",
            )
        return
    for oid in descendants(ctx.catalog, relation.oid)[1:]:
        prepare_command(ctx, queue, item.on(oid))


def alter_column_type(ctx: Context, queue: Queue, item: Alteration) -> None:
    """ATExecAlterColumnType: the default is cast along; what refers to the column stands in the way or is rebuilt."""
    relation = ctx.catalog.the(Relation, item.relation)
    node = item.node["def"]["ColumnDef"]
    attribute = _column(ctx, relation, item)
    ref = resolve_type(ctx, node["typeName"])
    collation = column_collation(ctx, ref.oid, node.get("collClause"))
    _retype_identity(ctx, relation, attribute, ref, item)
    _cast_default(ctx, relation, attribute, ref, item)
    _obstacles(ctx, relation, attribute, item)
    ctx.catalog.undepend((relation.oid, attribute.num), "n")
    changed = replace(attribute, type=ref.oid, typmod=ref.typmod, collation=collation)
    ctx.catalog.replace_attribute(relation, changed)
    depend_column(ctx, relation.oid, changed)
    queue.retyped.append((relation.oid, attribute.num, attribute.type, item.span))
    _typed_tables(ctx, relation, item, queue)


def _retype_identity(ctx: Context, relation: Relation, attribute: Attribute, ref: TypeRef, item: Alteration) -> None:
    """An identity column's sequence changes its type along (transformAlterTableStmt): 22023 where that is no
    integer."""
    sequence = identity_sequence(ctx, relation.oid, attribute.num) if attribute.identity else None
    if sequence is None or sequence.sequence is None or not ref.oid:
        return
    if ref.oid not in (20, 21, 23):
        raise ctx.refuse(
            "22023", "identity column type must be smallint, integer, or bigint", span=item.span, kind="type"
        )
    ctx.catalog.put(replace(sequence, sequence=replace(sequence.sequence, type=ref.oid)))


def _value(type_oid: int, typmod: int = -1, collation: int = 0) -> Expr:
    """Some value of a type."""
    return Expr(type_oid, typmod, collation, tree=Term("value", type_oid, typmod, (), "value", -1, collation))


def _typed_tables(ctx: Context, relation: Relation, item: Alteration, queue: Queue) -> None:
    from lockgate.timeline.transitions.table.alter_column import typed_in_the_way, typed_tables

    for typed in typed_tables(ctx, relation):
        if not item.cascade:
            raise typed_in_the_way(ctx, relation, typed, item)
        alter_column_type(ctx, queue, item.on(typed.oid))


def _cast_default(ctx: Context, relation: Relation, attribute: Attribute, ref: TypeRef, item: Alteration) -> None:
    default = defaults_of(ctx, relation.oid, attribute.num)
    if default is None or not ref.oid or not attribute.type:
        return
    word = "generation expression" if attribute.generated else "default"
    shown = type_name(ctx.catalog, ref.oid, ref.typmod, ctx.path())
    message = f'{word} for column "{item.name}" cannot be cast automatically to type {shown}'
    # strip_implicit_coercions leaves the expression's own type: a bare literal was made the column's type when it was
    # stored
    raw = default.details.node if isinstance(default.details, ColumnDefault) else None
    expr = _stored(ctx, relation, attribute, raw)
    coerce(ctx, expr, ref.oid, ref.typmod, "assignment", None, message)
    if type_kind(ctx, attribute.type) == "d" and not (isinstance(raw, dict) and "TypeCast" in raw):
        ctx.catalog.undepend(
            (default.oid, 0), "n", referenced=attribute.type
        )  # CoerceToDomain was implicit, and is stripped


def _stored(ctx: Context, relation: Relation, attribute: Attribute, raw: object) -> Expr:
    own = _value(attribute.type, attribute.typmod, attribute.collation)
    if not isinstance(raw, dict):
        return own if raw is not None else _value(20)  # nextval() of a serial column
    if "A_Const" in raw:
        return own if "sval" in raw["A_Const"] or raw["A_Const"].get("isnull") else _const(raw["A_Const"], own)
    return _value(0) if "TypeCast" not in raw else _explicit(ctx, raw["TypeCast"])


def _const(const: Node, own: Expr) -> Expr:
    if "boolval" in const:
        return _value(16)
    return _value(23) if "ival" in const else _value(1700) if "fval" in const else own


def _explicit(ctx: Context, cast: Node) -> Expr:
    ref = resolve_type(ctx, cast["typeName"], missing_ok=True)
    return _value(ref.oid, ref.typmod)


def _obstacles(ctx: Context, relation: Relation, attribute: Attribute, item: Alteration) -> None:
    """RememberAllDependentForRebuilding: what cannot be rebuilt refuses (0A000)."""
    what = "column"
    column: Address = (relation.oid, attribute.num)
    found: dict[str, Address] = {}
    for edge in sorted(ctx.catalog.dependents(relation.oid), key=lambda e: e.dependent):
        if edge.referenced != column:
            continue
        kind = _kind(ctx, edge.dependent[0], column)
        if kind:
            found.setdefault(kind, edge.dependent)
    for kind in (
        "a view or rule",
        "a trigger definition",
        "a policy definition",
        "a generated column",
        "a function or procedure",
    ):
        if kind in found:
            verb = "used in" if "definition" in kind else "used by"
            detail = f"{describe(ctx.catalog, found[kind], ctx.path())} depends on {describe(ctx.catalog, column, ctx.path())}"
            raise ctx.refuse(
                "0A000",
                f"cannot alter type of a {what} {verb} {kind}",
                span=item.span,
                kind="dependent",
                help=detail,
                object=f"{ctx.catalog.qualified(relation)}.{item.name}",
                related=_label(ctx, found[kind]),
            )


def _label(ctx: Context, address: Address) -> tuple[Label, ...]:
    from lockgate.timeline.transitions.relation.new_name import created_here

    return created_here(ctx, address[0])


def _kind(ctx: Context, oid: int, column: Address) -> str:
    match ctx.catalog.get(oid):
        case Relation(kind="v" | "m") | Rewrite():
            return "a view or rule"
        case Trigger():
            return "a trigger definition"
        case Policy():
            return "a policy definition"
        case Routine():
            return "a function or procedure"
        case Other(details=ColumnDefault(number)) as default:
            holder = ctx.catalog.find(Relation, default.relation)
            other = holder.attribute_by_num(number) if holder is not None else None
            return (
                "a generated column"
                if other is not None and other.generated and (default.relation, number) != column
                else ""
            )
        case _:
            return ""


def clean_up(ctx: Context, queue: Queue) -> None:
    """ATPostAlterTypeCleanup: indexes and foreign keys on the changed columns are made anew, and may not fit any
    more."""
    changed, queue.retyped = queue.retyped, []
    for oid, number, before, span in changed:
        relation = ctx.catalog.find(Relation, oid)
        attribute = relation.attribute_by_num(number) if relation is not None else None
        if relation is None or attribute is None or not attribute.type:
            continue
        for index in ctx.catalog.of_relation(oid, Relation):
            shape = index.index
            if shape is not None and number in shape.keys and "opclass" not in shape.definition:
                try:
                    resolve_opclass(ctx, [], attribute.type, shape.method, None)
                except Refused as refused:
                    raise ctx.refuse(
                        refused.failure.sqlstate,
                        refused.failure.message,
                        span=span,
                        kind="operator",
                        help=refused.failure.help,
                    ) from None
        keys = [c for c in ctx.catalog.of_relation(oid, Constraint) if c.kind == "f" and number in c.keys]
        for edge in ctx.catalog.dependents(oid):
            constraint = ctx.catalog.find(Constraint, edge.dependent[0])
            if (
                constraint is not None
                and constraint.kind == "f"
                and constraint.foreign == oid
                and number in constraint.foreign_keys
            ):
                keys.append(constraint)
        for constraint in keys:
            check_comparable(ctx, constraint, span)
        read_anew(ctx, relation, attribute, before, span)
