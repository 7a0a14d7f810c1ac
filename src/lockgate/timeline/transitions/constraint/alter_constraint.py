"""ALTER TABLE subcommands on constraints (ATExecAddConstraint and the like in src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.objects import Constraint, Namespace, Relation
from lockgate.timeline import dependency
from lockgate.timeline.binder import words
from lockgate.timeline.context import Context, Node
from lockgate.timeline.transitions.constraint.constraint import (
    add_checks,
    constraint_named,
    copy_check,
    find_constraint,
)
from lockgate.timeline.transitions.constraint.foreign_key import add_foreign_key
from lockgate.timeline.transitions.constraint.key import add_key, find_own_index, plan_key, plan_keys, use_index
from lockgate.timeline.transitions.constraint.not_null import (
    add_not_null,
    counterpart,
    for_primary_key,
    mark,
    named,
    set_not_null,
)
from lockgate.timeline.transitions.relation.index_shape import NewIndex
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.relation.partition_index import column_map
from lockgate.timeline.transitions.table.alteration import Action, Alteration, Pass, Queue
from lockgate.timeline.transitions.table.column import TableDefinition, not_null, with_attributes
from lockgate.timeline.transitions.table.inheritance import descendants


def add_constraint(ctx: Context, queue: Queue, item: Alteration) -> None:
    """ADD CONSTRAINT: the initial look (pass ADD_CONSTR); keys and foreign keys go to later passes."""
    relation = ctx.catalog.the(Relation, item.relation)
    node = with_attributes(ctx, [item.node["def"]["Constraint"]])[0]
    if relation.kind == "f" and node["contype"] in (
        "CONSTR_PRIMARY",
        "CONSTR_UNIQUE",
        "CONSTR_EXCLUSION",
        "CONSTR_FOREIGN",
    ):
        words = {
            "CONSTR_PRIMARY": "primary key",
            "CONSTR_UNIQUE": "unique",
            "CONSTR_EXCLUSION": "exclusion",
            "CONSTR_FOREIGN": "foreign key",
        }
        message = f"{words[node['contype']]} constraints are not supported on foreign tables"
        raise ctx.refuse("0A000", message, node.get("location", 0), kind="constraint")
    definition = TableDefinition(relation.name, ctx.catalog.the(Namespace, relation.namespace), relation.kind, relation)
    match node["contype"]:
        case "CONSTR_CHECK":
            definition.checks.append(node)
        case "CONSTR_NOTNULL":
            definition.not_nulls.append(node)
        case "CONSTR_FOREIGN":
            definition.foreign.append(node)
        case _:
            definition.keys.append(node)
    queue_constraints(ctx, queue, item, definition)


def prepare_constraint(ctx: Context, queue: Queue, item: Alteration) -> None:
    """ATPrepAddPrimaryKey: NOT NULL for the key's columns, children included, before the key itself."""
    node = item.node["def"]["Constraint"]
    relation = ctx.catalog.the(Relation, item.relation)
    if node["contype"] != "CONSTR_PRIMARY" or relation.kind == "f":
        return
    columns = words(node.get("keys", []))
    if named(ctx):
        for wanted in for_primary_key(ctx, relation, columns, recurse=item.recurse, span=item.span):
            queue.add(Pass.COL_ATTRS, replace(item, recurse=True, action=_later_not_null(wanted)))
        return
    for oid in descendants(ctx.catalog, relation.oid) if item.recurse else [relation.oid]:
        queue.add(
            Pass.COL_ATTRS, replace(item, relation=oid, recursing=oid != relation.oid, action=_later_flags(columns))
        )


def queue_constraints(ctx: Context, queue: Queue, item: Alteration, definition: TableDefinition) -> None:
    """What a subcommand brings along: keys are made after columns and before foreign keys."""
    for node in definition.checks:
        queue.add(Pass.ADD_OTHERCONSTR, replace(item, action=_later_check(node)))
    plain = [n for n in definition.keys if not n.get("indexname")]
    for node in definition.keys:
        if node.get("indexname"):
            _flag_index_columns(ctx, queue, item, node)
            queue.add(Pass.ADD_INDEXCONSTR, replace(item, action=_later_index(node)))
    for plan in (
        plan_keys(ctx, replace_keys(definition, plain), list)
        if len(plain) > 1
        else [plan_key(ctx, definition, n, list) for n in plain]
    ):
        queue.add(Pass.ADD_INDEX, replace(item, action=_later_key(plan)))
    for node in definition.not_nulls if named(ctx) else ():
        queue.add(Pass.COL_ATTRS, replace(item, action=_later_not_null(node)))
    for node in definition.foreign:
        queue.add(Pass.ADD_OTHERCONSTR, replace(item, action=_later_foreign(node)))


def _flag_index_columns(ctx: Context, queue: Queue, item: Alteration, node: Node) -> None:
    """USING INDEX: the index must fit; a primary key's columns become NOT NULL before it (18)."""
    relation = ctx.catalog.the(Relation, item.relation)
    index = find_own_index(ctx, relation, node).index
    if not named(ctx) or node["contype"] != "CONSTR_PRIMARY" or index is None:
        return
    for attribute in [a for n in index.keys if (a := relation.attribute_by_num(n)) is not None]:
        queue.add(Pass.COL_ATTRS, replace(item, action=_later_not_null(not_null(attribute.name))))


def replace_keys(definition: TableDefinition, keys: list[Node]) -> TableDefinition:
    """The definition with these key constraints only."""
    return replace(definition, keys=keys)


def _later_check(node: Node) -> Action:
    return lambda ctx, _, item: add_check(ctx, ctx.catalog.the(Relation, item.relation), node, item)


def _later_index(node: Node) -> Action:
    return lambda ctx, _, item: use_index(ctx, ctx.catalog.the(Relation, item.relation), node)


def _later_key(plan: NewIndex) -> Action:
    def run(ctx: Context, _: Queue, item: Alteration) -> None:
        plan.recurse = item.recurse
        add_key(ctx, ctx.catalog.the(Relation, item.relation), plan)

    return run


def _later_flags(columns: list[str]) -> Action:
    def run(ctx: Context, _: Queue, item: Alteration) -> None:
        relation = ctx.catalog.the(Relation, item.relation)
        for attribute in [a for name in columns if (a := relation.attribute(name)) is not None]:
            mark(ctx, relation, attribute.num)

    return run


def _later_not_null(node: Node) -> Action:
    return lambda ctx, _, item: add_not_null(
        ctx, ctx.catalog.the(Relation, item.relation), node, recurse=item.recurse, recursing=False, span=item.span
    )


def _later_foreign(node: Node) -> Action:
    return lambda ctx, _, item: add_foreign_key(
        ctx, ctx.catalog.the(Relation, item.relation), node, recurse=item.recurse
    )


def add_check(ctx: Context, relation: Relation, node: Node, item: Alteration) -> None:
    """ATAddCheckConstraint, children included."""
    new = add_checks(ctx, relation, [node])
    children = ctx.catalog.children(relation.oid)
    for constraint in new:
        if constraint.no_inherit or not children:
            continue
        if not item.recurse:
            raise ctx.refuse("42P16", "constraint must be added to child tables too", span=item.span, kind="constraint")
        _give_check(ctx, relation, constraint)


def _give_check(ctx: Context, relation: Relation, constraint: Constraint) -> None:
    for oid in ctx.catalog.children(relation.oid):
        child = ctx.catalog.the(Relation, oid)
        existing = constraint_named(ctx, child, constraint.name)
        if existing is not None:
            if existing.kind == "c":
                ctx.catalog.put(replace(existing, inherited=existing.inherited + 1))
            continue
        copy_check(ctx, constraint, child, column_map(relation, child), is_local=False, inherited=1)
        _give_check(ctx, child, constraint)


def drop_constraint(ctx: Context, _: Queue, item: Alteration) -> None:
    """ATExecDropConstraint."""
    relation = ctx.catalog.the(Relation, item.relation)
    found = constraint_named(ctx, relation, item.name)
    if found is None and item.missing_ok:
        if doubt(ctx, relation) is None:
            ctx.warn(
                f'constraint "{item.name}" of relation "{relation.name}" does not exist, skipping',
                level="NOTICE",
                sqlstate="00000",
            )
        ctx.catalog.untaint(("name", "constraint", relation.oid, item.name))
        return
    constraint = find_constraint(ctx, relation, item.name, span=item.span)
    drop_one(ctx, relation, constraint, item)


def drop_one(ctx: Context, relation: Relation, constraint: Constraint, item: Alteration) -> None:
    """dropconstraint_internal: not an inherited one; its index goes along, children's copies too."""
    if (constraint.inherited and not constraint.parent and not item.recursing) or (
        constraint.parent and constraint.inherited
    ):
        message = f'cannot drop inherited constraint "{constraint.name}" of relation "{relation.name}"'
        raise ctx.refuse("42P16", message, span=item.span, kind="constraint", object=ctx.catalog.qualified(constraint))
    if constraint.kind == "n":
        _check_not_null(ctx, relation, constraint, item)
    children = ctx.catalog.children(relation.oid) if constraint.kind in "cn" and not constraint.no_inherit else ()
    if relation.kind == "p" and children and not item.recurse and not named(ctx):
        raise ctx.refuse(
            "42P16",
            "cannot remove constraint from only the partitioned table when partitions exist",
            span=item.span,
            kind="constraint",
            help="Do not specify the ONLY keyword.",
        )
    dependency.drop(ctx, [(constraint.oid, 0)], cascade=item.cascade, span=item.span)
    for oid in children:
        _drop_inherited(ctx, oid, relation, constraint, item)


def _check_not_null(ctx: Context, relation: Relation, constraint: Constraint, item: Alteration) -> None:
    number = constraint.keys[0]
    attribute = relation.attribute_by_num(number)
    for other in ctx.catalog.of_relation(relation.oid, Constraint):
        if other.kind == "p" and number in other.keys:
            raise ctx.refuse(
                "42P16",
                f'column "{attribute.name if attribute else "?"}" is in a primary key',
                span=item.span,
                kind="constraint",
            )
    if attribute is not None and attribute.identity:
        raise ctx.refuse(
            "55000",
            f'column "{attribute.name}" of relation "{relation.name}" is an identity column',
            span=item.span,
            kind="constraint",
        )


def _drop_inherited(ctx: Context, oid: int, parent: Relation, constraint: Constraint, item: Alteration) -> None:
    child = ctx.catalog.the(Relation, oid)
    copy = counterpart(ctx, parent, constraint, child)
    if copy is None:
        return
    if item.recurse and copy.inherited <= 1 and not copy.is_local:
        drop_one(ctx, child, copy, replace(item, recursing=True))
    else:
        left = max(copy.inherited - 1, 0)
        ctx.catalog.put(replace(copy, inherited=left, is_local=copy.is_local or (not item.recurse and not left)))


def alter_constraint(ctx: Context, _: Queue, item: Alteration) -> None:
    """ALTER CONSTRAINT (ATExecAlterConstraint)."""
    relation = ctx.catalog.the(Relation, item.relation)
    node = item.node["def"].get("ATAlterConstraint") or item.node["def"].get("Constraint", {})
    name = node.get("conname", "")
    if ctx.catalog.major >= 18 and relation.kind == "p" and not item.recurse:
        raise ctx.refuse(
            "42P16",
            "constraint must be altered in child tables too",
            span=item.span,
            kind="constraint",
            help="Do not specify the ONLY keyword.",
        )
    constraint = find_constraint(ctx, relation, name, span=item.span)
    deferring = node.get("alterDeferrability") or "Constraint" in item.node["def"]
    if deferring and constraint.kind != "f":
        raise ctx.refuse(
            "42809",
            f'constraint "{name}" of relation "{relation.name}" is not a foreign key constraint',
            span=item.span,
            kind="constraint",
        )
    _check_alterable(ctx, relation, constraint, node, item)
    if (deferring or node.get("alterEnforceability")) and constraint.parent:
        raise ctx.refuse(
            "42P16",
            f'cannot alter constraint "{name}" on relation "{relation.name}"',
            span=item.span,
            kind="constraint",
        )
    if deferring:
        for one in _with_partitions(ctx, constraint):
            ctx.catalog.put(
                replace(one, deferrable=bool(node.get("deferrable")), deferred=bool(node.get("initdeferred")))
            )
    if node.get("alterEnforceability"):
        for one in _with_partitions(ctx, ctx.catalog.the(Constraint, constraint.oid)):
            on = bool(node.get("is_enforced"))
            ctx.catalog.put(replace(one, enforced=on, validated=one.validated if one.enforced and on else on))
    if node.get("alterInheritability"):
        _alter_inheritability(ctx, relation, constraint, bool(node.get("noinherit")), item)


def _with_partitions(ctx: Context, constraint: Constraint) -> list[Constraint]:
    return [constraint, *(c for c in ctx.catalog.objects(Constraint) if c.parent == constraint.oid)]


def _check_alterable(ctx: Context, relation: Relation, constraint: Constraint, node: Node, item: Alteration) -> None:
    """What ENFORCED and INHERIT may be changed of (18): foreign keys, and NOT NULL that is not inherited."""
    of = f'"{constraint.name}" of relation "{relation.name}"'
    if node.get("alterEnforceability") and constraint.kind != "f":
        message = f"cannot alter enforceability of constraint {of}"
        raise ctx.refuse("42809", message, span=item.span, kind="constraint")
    if node.get("alterInheritability") and constraint.kind != "n":
        raise ctx.refuse("42809", f"constraint {of} is not a not-null constraint", span=item.span, kind="constraint")
    if node.get("alterInheritability") and node.get("noinherit") and constraint.inherited:
        message = f'cannot alter inherited constraint "{constraint.name}" on relation "{relation.name}"'
        raise ctx.refuse("55000", message, span=item.span, kind="constraint")


def _alter_inheritability(
    ctx: Context, relation: Relation, constraint: Constraint, no_inherit: bool, item: Alteration
) -> None:
    """ATExecAlterConstrInheritability: the children get the NOT NULL, or keep theirs as their own."""
    if constraint.no_inherit == no_inherit:
        return
    attribute = relation.attribute_by_num(constraint.keys[0])
    ctx.catalog.put(replace(constraint, no_inherit=no_inherit))
    for oid in ctx.catalog.children(relation.oid):
        child = ctx.catalog.the(Relation, oid)
        if no_inherit:
            copy = counterpart(ctx, relation, constraint, child)
            if copy is not None:
                ctx.catalog.put(replace(copy, inherited=max(copy.inherited - 1, 0), is_local=True))
        elif attribute is not None:
            name = constraint.name
            set_not_null(ctx, child, attribute.name, recurse=True, span=item.span, name=name, recursing=True)


def validate_constraint(ctx: Context, _: Queue, item: Alteration) -> None:
    """VALIDATE CONSTRAINT (ATExecValidateConstraint)."""
    relation = ctx.catalog.the(Relation, item.relation)
    constraint = find_constraint(ctx, relation, item.name, span=item.span)
    kinds, words = (
        ("fcn", "foreign key, check, or not-null") if ctx.catalog.major >= 18 else ("fc", "foreign key or check")
    )
    if constraint.kind not in kinds:
        message = f'constraint "{item.name}" of relation "{relation.name}" is not a {words} constraint'
        raise ctx.refuse("42809", message, span=item.span, kind="constraint")
    if not constraint.enforced:
        raise ctx.refuse("55000", "cannot validate NOT ENFORCED constraint", span=item.span, kind="constraint")
    if constraint.validated:
        return
    children = (
        descendants(ctx.catalog, relation.oid)[1:] if constraint.kind in "cn" and not constraint.no_inherit else []
    )
    if children and not item.recurse:
        raise ctx.refuse("42P16", "constraint must be validated on child tables too", span=item.span, kind="constraint")
    copies = [counterpart(ctx, relation, constraint, ctx.catalog.the(Relation, oid)) for oid in children]
    for one in (
        constraint,
        *filter(None, copies),
        *(c for c in ctx.catalog.objects(Constraint) if c.parent == constraint.oid),
    ):
        ctx.catalog.put(replace(one, validated=True))
    if constraint.kind == "f" and ctx.catalog.contents.get(relation.oid):
        from lockgate.timeline.routines.violations import check_existing

        check_existing(ctx, replace(constraint, validated=True))
