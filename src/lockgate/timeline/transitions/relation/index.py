"""Indexes and the constraints they carry (src/backend/commands/indexcmds.c DefineIndex,
src/backend/catalog/index.c)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from lockgate.catalog.objects import Constraint, Index, Namespace, Relation
from lockgate.timeline.binder import Expr, analyze_expression, boolean, relation_scope
from lockgate.timeline.context import Context, Node
from lockgate.timeline.naming import choose_index_name, index_column_names
from lockgate.timeline.privileges.check import need_create, need_owner
from lockgate.timeline.transitions.constraint.constraint import (
    ensure_name_free,
    primary_key,
    put_constraint,
)
from lockgate.timeline.transitions.relation.index_shape import NewIndex, Shape, compute, immutable
from lockgate.timeline.transitions.relation.new_name import doubt, ensure_free, identity_doubt, name_doubt
from lockgate.timeline.transitions.relation.relation import (
    create_relation,
    user_relation,
)
from lockgate.timeline.transitions.type.opclass import access_method

_ON = {
    "v": "views",
    "m": "materialized views",
    "f": "foreign tables",
    "S": "sequences",
    "c": "composite types",
    "i": "indexes",
    "I": "partitioned indexes",
}


def create_index(ctx: Context, node: Node) -> None:
    """CREATE INDEX."""
    rangevar = node["relation"]
    location = rangevar.get("location", 0)
    if node.get("concurrent") and ctx.session.in_block:
        raise ctx.refuse(
            "25001",
            "CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
            span=ctx.span(0, "concurrently"),
            kind="other",
        )
    relation = user_relation(ctx, rangevar, owned=True)
    assert relation is not None
    need_owner(ctx, relation, location)
    plan = NewIndex(
        [p["IndexElem"] for p in node.get("indexParams", [])],
        [p["IndexElem"] for p in node.get("indexIncludingParams", [])],
        node.get("idxname", ""),
        node.get("accessMethod", "btree"),
        bool(node.get("unique")),
        nulls_not_distinct=bool(node.get("nulls_not_distinct")),
        where=node.get("whereClause"),
        location=location,
        if_not_exists=bool(node.get("if_not_exists")),
        recurse=bool(rangevar.get("inh")),
    )
    shape = analyze(ctx, relation, plan)
    if relation.kind not in "rmp":
        raise _no_index(ctx, relation, location)
    if ctx.transaction.pending:
        from lockgate.timeline.routines.pending import check_not_in_use

        check_not_in_use(ctx, relation, "CREATE INDEX")
    if relation.kind == "p" and node.get("concurrent"):
        raise ctx.refuse(
            "0A000", f'cannot create index on partitioned table "{relation.name}" concurrently', location, kind="index"
        )
    define_index(ctx, relation, plan, shape)


def _no_index(ctx: Context, relation: Relation, location: int) -> Exception:
    return ctx.refuse(
        "42809",
        f'cannot create index on relation "{relation.name}"',
        location,
        name=relation.name,
        kind="relation",
        help=f"This operation is not supported for {_ON.get(relation.kind, 'it')}.",
        object=ctx.catalog.qualified(relation),
    )


def analyze(ctx: Context, relation: Relation, plan: NewIndex) -> dict[int, Expr]:
    """transformIndexStmt: the predicate, then the expressions; results by the identity of their node."""
    scope = relation_scope(ctx, relation)
    found: dict[int, Expr] = {}
    if plan.where is not None:
        found[id(plan.where)] = boolean(ctx, analyze_expression(ctx, plan.where, scope, "index_predicate"), "WHERE")
    for element in plan.elements:
        if "expr" in element:
            found[id(element)] = analyze_expression(ctx, element["expr"], scope, "index")
    return found


def define_index(
    ctx: Context, relation: Relation, plan: NewIndex, expressions: dict[int, Expr], *, parent: Relation | None = None
) -> Relation | None:
    """DefineIndex; returns the index, None where IF NOT EXISTS skips it."""
    if relation.namespace != ctx.session.temp_namespace:
        need_create(ctx, ctx.catalog.the(Namespace, relation.namespace), plan.location)
    names = index_column_names([*plan.elements, *plan.including])
    name = plan.name or choose_index_name(
        ctx.catalog,
        relation.name,
        relation.namespace,
        names,
        primary=plan.primary,
        exclusion=plan.exclusion,
        constraint=plan.constraint,
    )
    check_method(ctx, plan)
    if plan.where is not None:
        immutable(ctx, expressions[id(plan.where)], "predicate")
    shape = compute(ctx, relation, plan, expressions, names)
    if expressions and ctx.catalog.major >= 17:
        _check_functions(ctx, relation, plan, expressions)
    if plan.primary and primary_key(ctx, relation) is not None and doubt(ctx, relation) is None:
        raise many_keys(ctx, relation.name, plan.location)
    if relation.kind == "p":
        check_partition_key(ctx, relation, plan, shape.keys, plan.location)
    if not plan.name or not _exists(ctx, relation, name, plan):
        index = store_index(ctx, relation, plan, shape, name, parent=parent)
        if (plan.unique or plan.primary) and ctx.catalog.contents.get(relation.oid):
            from lockgate.timeline.routines.violations import check_unique

            check_unique(ctx, relation, index)
        if relation.kind == "p" and plan.recurse:
            from lockgate.timeline.transitions.relation.partition_index import index_partitions

            index_partitions(ctx, relation, index)
        return index
    return None


def _check_functions(ctx: Context, relation: Relation, plan: NewIndex, expressions: dict[int, Expr]) -> None:
    """The functions in the predicate run for every row, those in the expressions for rows that it lets pass."""
    from lockgate.timeline.routines.safe_path import check_safe_path

    rows = bool(ctx.catalog.contents.get(relation.oid))
    for key, expr in expressions.items():
        first = plan.where is None or key == id(plan.where)
        check_safe_path(ctx, sorted(expr.routines), rows=rows and first)


def many_keys(ctx: Context, table: str, location: int | None) -> Exception:
    """42P16: a second primary key."""
    return ctx.refuse(
        "42P16", f'multiple primary keys for table "{table}" are not allowed', location, kind="constraint", object=table
    )


def _exists(ctx: Context, relation: Relation, name: str, plan: NewIndex) -> bool:
    """index_create: a relation has the name already; True where IF NOT EXISTS says that is fine."""
    found = ctx.catalog.relation_named(relation.namespace, name)
    if plan.if_not_exists:
        if (
            identity_doubt(ctx, found) if found is not None else name_doubt(ctx, "relation", relation.namespace, name)
        ) is not None:
            ctx.suppose(f"whether index {name} exists already is not known")
        if found is not None:
            ctx.warn(f'relation "{name}" already exists, skipping', sqlstate="42P07", level="NOTICE")
            return True
    ensure_free(ctx, name, relation.namespace, None if not plan.constraint else plan.location)
    if plan.constraint or plan.primary:
        ensure_name_free(ctx, relation, name, plan.location)
    return False


def check_method(ctx: Context, plan: NewIndex) -> None:
    """0A000 for what an access method cannot."""
    method = access_method(ctx, plan.method)
    if method is None:
        return
    for wrong, what in (
        (plan.unique and not method.unique and not plan.without_overlaps, "unique indexes"),
        (bool(plan.including) and not method.include, "included columns"),
        (len(plan.elements) > 1 and not method.multicolumn, "multicolumn indexes"),
        ((plan.exclusion or plan.without_overlaps) and not method.exclusion, "exclusion constraints"),
    ):
        if wrong:
            raise ctx.refuse(
                "0A000",
                f'access method "{plan.method}" does not support {what}',
                plan.location,
                name=plan.method,
                kind="index",
            )


def check_partition_key(
    ctx: Context, relation: Relation, index: NewIndex | Index, keys: Collection[int], location: int | None
) -> None:
    """A unique index of a partitioned table holds every column of its partition key (0A000)."""
    parts = relation.partitioning
    if parts is None or not (index.unique or index.primary or index.exclusion):
        return
    word = "PRIMARY KEY" if index.primary else "UNIQUE" if index.unique else "EXCLUDE"
    if index.exclusion and ctx.catalog.major < 17:
        raise ctx.refuse(
            "0A000",
            f'cannot create exclusion constraints on partitioned table "{relation.name}"',
            location,
            kind="constraint",
        )
    period = keys and isinstance(index, NewIndex) and index.without_overlaps and list(keys)[-1]
    if period in parts.keys and period:
        attribute = relation.attribute_by_num(period)
        shown = attribute.name if attribute else "?"
        message = f'cannot match partition key to index on column "{shown}" using non-equal operator "&&"'
        raise ctx.refuse("0A000", message, location, kind="constraint")
    if 0 in parts.keys:
        raise ctx.refuse(
            "0A000",
            f"unsupported {word} constraint with partition key definition",
            location,
            kind="constraint",
            help=f"{word} constraints cannot be used when partition keys include expressions.",
        )
    for number in parts.keys:
        if number not in keys:
            attribute = relation.attribute_by_num(number)
            shown = attribute.name if attribute else "?"
            raise ctx.refuse(
                "0A000",
                "unique constraint on partitioned table must include all partitioning columns",
                location,
                kind="constraint",
                object=ctx.catalog.qualified(relation),
                help=f'{word} constraint on table "{relation.name}" lacks column "{shown}" which is part of the partition key.',
            )


def _index_of(relation: Relation, plan: NewIndex, shape: Shape) -> Index:
    """The row of pg_index."""
    return Index(
        relation.oid,
        plan.unique or plan.primary,
        plan.primary,
        plan.exclusion or plan.without_overlaps,
        not plan.deferrable,
        True,
        "gist" if plan.method == "rtree" else plan.method,
        tuple(shape.keys),
        tuple(shape.included),
        plan.where is not None,
        0,
        plan.nulls_not_distinct,
        shape.plain,
        "\n".join(shape.definition),
    )


def store_index(
    ctx: Context,
    relation: Relation,
    plan: NewIndex,
    shape: Shape,
    name: str,
    *,
    parent: Relation | None = None,
    parent_constraint: int = 0,
) -> Relation:
    """index_create: the index, its constraint if it carries one, its dependencies."""
    space = ctx.catalog.the(Namespace, relation.namespace)
    kind = "I" if relation.kind == "p" else "i"
    made = create_relation(
        ctx,
        name,
        space,
        kind,
        shape.attributes,
        location=plan.location,
        owner=relation.owner,
        persistence=relation.persistence,
        index=_index_of(relation, plan, shape),
        parents=(parent.oid,) if parent else (),
        is_partition=parent is not None,
    )
    ctx.catalog.undepend((made.oid, 0), "n")
    if plan.constraint or plan.primary or plan.exclusion:
        made = add_index_constraint(ctx, relation, made, plan, tuple(shape.keys), parent_constraint)
    else:
        depend_on_columns(ctx, made.oid, relation.oid, shape.columns, shape.whole)
    if parent is not None:
        ctx.catalog.depend((made.oid, 0), [(parent.oid, 0)], "P")
        ctx.catalog.depend((made.oid, 0), [(relation.oid, 0)], "S")
    ctx.catalog.depend((made.oid, 0), [ref for ref in shape.refs if ref[0] != relation.oid])
    return made


def depend_on_columns(ctx: Context, index: int, relation: int, columns: Iterable[int], whole: bool) -> None:
    """A plain index depends on its columns (auto), or on the table where it has none."""
    refs = [(relation, n) for n in sorted(columns) if n > 0]
    ctx.catalog.depend((index, 0), refs if refs and not whole else [*refs, (relation, 0)], "a")


def add_index_constraint(
    ctx: Context, relation: Relation, index: Relation, plan: NewIndex, keys: tuple[int, ...], parent: int = 0
) -> Relation:
    """index_constraint_create: the constraint, of which the index is an internal part."""
    kind = "p" if plan.primary else "x" if plan.exclusion else "u"
    constraint = Constraint(
        ctx.catalog.new_oid(),
        index.name,
        relation.namespace,
        kind,
        relation.oid,
        keys=keys,
        index=index.oid,
        deferrable=plan.deferrable,
        deferred=plan.deferred,
        no_inherit=relation.kind != "p",
        is_local=not parent,
        inherited=1 if parent else 0,
        parent=parent,
    )
    put_constraint(ctx, constraint, location=plan.location)
    ctx.catalog.depend((index.oid, 0), [(constraint.oid, 0)], "i")
    assert index.index is not None
    index = replace(index, index=replace(index.index, constraint=constraint.oid))
    ctx.catalog.put(index)
    return index


HANDLERS = {"IndexStmt": create_index}
