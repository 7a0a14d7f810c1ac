"""NOT NULL of columns: a flag up to 17, from 18 on a constraint with a name (heap.c, pg_constraint.c, ATExecSetNotNull
in tablecmds.c)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.catalog.objects import Attribute, Constraint, Relation
from lockgate.timeline.context import Context, Node
from lockgate.timeline.naming import choose_constraint_name
from lockgate.timeline.privileges.check import need_owner
from lockgate.timeline.transitions.constraint.constraint import constraint_named, ensure_name_free, put_constraint
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.partition_index import column_map
from lockgate.timeline.transitions.relation.relation import column_of
from lockgate.timeline.transitions.table.column import ColumnDefinition, TableDefinition


def named(ctx: Context) -> bool:
    """Whether this major keeps NOT NULL in pg_constraint."""
    return ctx.catalog.major >= 18


def not_null_of(ctx: Context, relation: Relation, number: int) -> Constraint | None:
    """The NOT NULL constraint of a column (18)."""
    return next(
        (c for c in ctx.catalog.of_relation(relation.oid, Constraint) if c.kind == "n" and c.keys == (number,)), None
    )


def counterpart(ctx: Context, parent: Relation, constraint: Constraint, child: Relation) -> Constraint | None:
    """A child's copy of an inherited constraint: CHECKs go by name, NOT NULLs by column."""
    if constraint.kind != "n":
        found = constraint_named(ctx, child, constraint.name)
        return found if found is not None and found.kind == constraint.kind else None
    number = column_map(parent, child).get(constraint.keys[0])
    return not_null_of(ctx, child, number) if number else None


def mark(ctx: Context, relation: Relation, number: int) -> Relation:
    """set_attnotnull."""
    relation = ctx.catalog.the(Relation, relation.oid)
    attribute = relation.attribute_by_num(number)
    assert attribute is not None
    return relation if attribute.notnull else ctx.catalog.replace_attribute(relation, replace(attribute, notnull=True))


def key_of(node: Node) -> str:
    """The column that a NOT NULL constraint names."""
    return str(node["keys"][0]["String"].get("sval", ""))


# --- CREATE TABLE -----------------------------------------------------------------------------------------------------


def _of_parents(ctx: Context, relation: Relation, parents: list[Relation]) -> list[tuple[int, str]]:
    """The parents' constraints, each with the number that its column has here."""
    return [
        (column_map(parent, relation)[c.keys[0]], c.name)
        for parent in parents
        for c in ctx.catalog.of_relation(parent.oid, Constraint)
        if c.kind == "n" and not c.no_inherit
    ]


def store_not_nulls(
    ctx: Context,
    definition: TableDefinition,
    oid: int,
    columns: list[ColumnDefinition],
    parents: list[Relation],
    names: list[str],
) -> None:
    """AddRelationNotNullConstraints: the declared ones with the parents', each column's once; ``names`` are those of
    its CHECKs."""
    relation = ctx.catalog.the(Relation, oid)
    inherited = _of_parents(ctx, relation, parents) if named(ctx) else []
    given: list[str] = []
    for node in _once(ctx, definition.not_nulls):
        attribute = column_of(ctx, relation, key_of(node), node.get("location"))
        relation = mark(ctx, relation, attribute.num)
        if not named(ctx):
            continue
        above = [name for number, name in inherited if number == attribute.num]
        inherited = [(number, name) for number, name in inherited if number != attribute.num]
        name = _declared(ctx, relation, attribute, node, above, given)
        given += [name] if name else []
        name = name or choose_constraint_name(
            ctx.catalog, relation.name, attribute.name, "not_null", relation.namespace, tuple(names)
        )
        names.append(name)
        _store(
            ctx,
            relation,
            attribute.num,
            name,
            inherited=len(above),
            no_inherit=bool(node.get("is_no_inherit")),
            node=node,
        )
    _store_inherited(ctx, relation, inherited, names)
    for column in columns:  # up to 17 the parents' flag comes with the column
        own = relation.attribute(column.name)
        if column.notnull and own is not None and not named(ctx):
            relation = mark(ctx, relation, own.num)


def _declared(
    ctx: Context, relation: Relation, attribute: Attribute, node: Node, above: list[str], given: list[str]
) -> str:
    """The name that a declaration gives, "" for none; refuses what cannot stand beside the parents' and the others."""
    if above and node.get("is_no_inherit"):
        message = f'cannot define not-null constraint with NO INHERIT on column "{attribute.name}"'
        raise ctx.refuse("42804", message, node.get("location"), name=attribute.name, kind="constraint")
    name = str(node.get("conname", ""))
    if name in given:
        raise ctx.refuse(
            "42710",
            f'constraint "{name}" for relation "{relation.name}" already exists',
            node.get("location"),
            name=name,
            kind="constraint",
        )
    return name


def _once(ctx: Context, nodes: list[Node]) -> list[Node]:
    """A column's declarations as one; they may not contradict each other (42601)."""
    out: dict[str, Node] = {}
    for node in nodes:
        column = key_of(node)
        known = out.setdefault(column, dict(node))
        if bool(known.get("is_no_inherit")) != bool(node.get("is_no_inherit")):
            message = f'conflicting NO INHERIT declaration for not-null constraint on column "{column}"'
            raise ctx.refuse("42601", message, node.get("location"), name=column, kind="constraint")
        one, other = known.get("conname", ""), node.get("conname", "")
        if one and other and one != other:
            raise ctx.refuse(
                "42601",
                f'conflicting not-null constraint names "{one}" and "{other}"',
                node.get("location"),
                name=other,
                kind="constraint",
            )
        known["conname"] = one or other
    return list(out.values())


def _store_inherited(ctx: Context, relation: Relation, inherited: list[tuple[int, str]], names: list[str]) -> None:
    for number in dict.fromkeys(n for n, _ in inherited):
        above = [name for n, name in inherited if n == number]
        attribute = relation.attribute_by_num(number)
        assert attribute is not None
        name = above[0]
        if name in names:
            name = choose_constraint_name(
                ctx.catalog, relation.name, attribute.name, "not_null", relation.namespace, tuple(names)
            )
        names.append(name)
        relation = mark(ctx, relation, number)
        _store(ctx, relation, number, name, local=False, inherited=len(above))


def _store(
    ctx: Context,
    relation: Relation,
    number: int,
    name: str,
    *,
    local: bool = True,
    inherited: int = 0,
    no_inherit: bool = False,
    node: Node | None = None,
) -> None:
    """StoreRelNotNull."""
    if no_inherit and relation.kind == "p":
        raise ctx.refuse(
            "0A000",
            "not-null constraints on partitioned tables cannot be NO INHERIT",
            (node or {}).get("location"),
            kind="constraint",
        )
    if (
        ctx.catalog.one(Constraint, ("constraint", relation.oid, name)) is not None
    ):  # only the unique index sees this one
        raise ctx.refuse(
            "23505",
            'duplicate key value violates unique constraint "pg_constraint_conrelid_contypid_conname_index"',
            (node or {}).get("location"),
            name=name,
            kind="constraint",
        )
    put_constraint(
        ctx,
        Constraint(
            ctx.catalog.new_oid(),
            name,
            relation.namespace,
            "n",
            relation.oid,
            keys=(number,),
            is_local=local,
            inherited=inherited,
            no_inherit=no_inherit,
            validated=not (node or {}).get("skip_validation"),
        ),
        location=(node or {}).get("location"),
    )


# --- ALTER TABLE ------------------------------------------------------------------------------------------------------


def add_not_null(ctx: Context, relation: Relation, node: Node, *, recurse: bool, recursing: bool, span: Span) -> None:
    """ATAddCheckNNConstraint: a column's NOT NULL, merged with the one that it has, and the children's after it."""
    if recursing:
        need_owner(ctx, relation)
    attribute = column_of(ctx, relation, key_of(node), node.get("location"), span=span)
    if not named(ctx):
        mark(ctx, relation, attribute.num)
    else:
        if _adjust(ctx, relation, attribute.num, node, local=not recursing, span=span):
            return
        name = node.get("conname", "")
        if name:
            ensure_name_free(ctx, relation, name, node.get("location"))
        name = name or choose_constraint_name(
            ctx.catalog, relation.name, attribute.name, "not_null", relation.namespace
        )
        _store(
            ctx,
            relation,
            attribute.num,
            name,
            local=not recursing,
            inherited=int(recursing),
            no_inherit=bool(node.get("is_no_inherit")),
            node=node,
        )
        mark(ctx, relation, attribute.num)
        node = node | {"conname": name}
    children = () if node.get("is_no_inherit") else ctx.catalog.children(relation.oid)
    if children and not recurse:
        raise _children_too(ctx, span)
    for oid in children:
        add_not_null(ctx, ctx.catalog.the(Relation, oid), node, recurse=recurse, recursing=True, span=span)


def _children_too(ctx: Context, span: Span) -> Exception:
    return ctx.refuse(
        "42P16",
        "constraint must be added to child tables too",
        span=span,
        kind="constraint",
        help="Do not specify the ONLY keyword.",
    )


def _no_inherit_stays(
    ctx: Context, relation: Relation, constraint: Constraint, span: Span, sqlstate: str = "55000"
) -> Exception:
    message = (
        f'cannot change NO INHERIT status of NOT NULL constraint "{constraint.name}" on relation "{relation.name}"'
    )
    return ctx.refuse(sqlstate, message, span=span, kind="constraint", object=ctx.catalog.qualified(constraint))


def _adjust(ctx: Context, relation: Relation, number: int, node: Node, *, local: bool, span: Span) -> bool:
    """AdjustNotNullInheritance: True where the column has one already."""
    existing = not_null_of(ctx, relation, number)
    if existing is None:
        return False
    if bool(node.get("is_no_inherit")) != existing.no_inherit:
        raise _no_inherit_stays(ctx, relation, existing, span)
    if not node.get("skip_validation") and not existing.validated:
        message = f'incompatible NOT VALID constraint "{existing.name}" on relation "{relation.name}"'
        raise ctx.refuse("55000", message, span=span, kind="constraint", object=ctx.catalog.qualified(existing))
    if local and node.get("conname") and node["conname"] != existing.name:
        attribute = relation.attribute_by_num(number)
        message = f'cannot create not-null constraint "{node["conname"]}" on column "{attribute.name if attribute else ""}" of table "{relation.name}"'
        raise ctx.refuse(
            "55000",
            message,
            span=span,
            kind="constraint",
            object=ctx.catalog.qualified(existing),
            help=f'A not-null constraint named "{existing.name}" already exists for this column.',
        )
    ctx.catalog.put(replace(existing, is_local=True) if local else replace(existing, inherited=existing.inherited + 1))
    return True


def set_not_null(
    ctx: Context, relation: Relation, column: str, *, recurse: bool, span: Span, name: str = "", recursing: bool = False
) -> None:
    """SET NOT NULL (ATExecSetNotNull); up to 17 the children were queued with it."""
    attribute = column_of(ctx, relation, column, span=span)
    if not named(ctx):
        mark(ctx, relation, attribute.num)
        return
    existing = not_null_of(ctx, relation, attribute.num)
    if existing is not None:
        if existing.no_inherit and recurse:
            raise _no_inherit_stays(ctx, relation, existing, span, "0A000")
        if recursing:
            ctx.catalog.put(replace(existing, inherited=existing.inherited + 1))
        else:
            ctx.catalog.put(replace(existing, is_local=True, validated=existing.validated or existing.is_local))
        return
    children = ctx.catalog.children(relation.oid)
    if children and not recurse and relation.kind == "p":
        raise _children_too(ctx, span)
    name = name or choose_constraint_name(ctx.catalog, relation.name, column, "not_null", relation.namespace)
    ensure_name_free(ctx, relation, name, None)
    _store(
        ctx,
        relation,
        attribute.num,
        name,
        local=not recursing,
        inherited=int(recursing),
        no_inherit=bool(children) and not recurse,
    )
    mark(ctx, relation, attribute.num)
    for oid in children if recurse else ():
        set_not_null(ctx, ctx.catalog.the(Relation, oid), column, recurse=True, span=span, name=name, recursing=True)


def for_primary_key(
    ctx: Context, relation: Relation, columns: Iterable[str], *, recurse: bool, span: Span
) -> list[Node]:
    """ATPrepAddPrimaryKey: the NOT NULL constraints that a new primary key's columns lack (18)."""
    wanted: list[Node] = []
    for name in columns:
        attribute = relation.attribute(name)
        existing = not_null_of(ctx, relation, attribute.num) if attribute is not None else None
        if existing is not None:
            _fit_for_key(ctx, relation, existing, name, span)
            continue
        for oid in ctx.catalog.children(relation.oid) if not recurse else ():
            child = ctx.catalog.the(Relation, oid)
            theirs = child.attribute(name)
            copy = not_null_of(ctx, child, theirs.num) if theirs is not None else None
            if copy is None and doubt(ctx, child) is None:
                raise ctx.refuse(
                    "XX000", f'column "{name}" of table "{child.name}" is not marked NOT NULL', span=span, kind="column"
                )
            if copy is not None:
                _fit_for_key(ctx, child, copy, name, span)
        wanted.append({"contype": "CONSTR_NOTNULL", "keys": [{"String": {"sval": name}}]})
    return wanted


def _fit_for_key(ctx: Context, relation: Relation, constraint: Constraint, column: str, span: Span) -> None:
    """verifyNotNullPKCompatible."""
    if constraint.no_inherit or not constraint.validated:
        word = "NO INHERIT" if constraint.no_inherit else "NOT VALID"
        raise ctx.refuse(
            "55000",
            f'cannot create primary key on column "{column}"',
            span=span,
            kind="constraint",
            object=ctx.catalog.qualified(constraint),
            help=f'The constraint "{constraint.name}" of table "{relation.name}", marked {word}, is incompatible with a primary key.',
        )
