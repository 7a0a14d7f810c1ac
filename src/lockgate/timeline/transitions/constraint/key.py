"""PRIMARY KEY, UNIQUE and EXCLUDE (transformIndexConstraint in src/backend/parser/parse_utilcmd.c;
ATExecAddIndexConstraint in tablecmds.c)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from lockgate.catalog.objects import Constraint, Relation
from lockgate.catalog.typename import base_type
from lockgate.timeline.binder import words
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingColumn
from lockgate.timeline.transitions.constraint.constraint import ensure_name_free, primary_key, put_constraint
from lockgate.timeline.transitions.constraint.not_null import mark
from lockgate.timeline.transitions.relation.index import analyze, define_index, many_keys
from lockgate.timeline.transitions.relation.index_shape import NewIndex
from lockgate.timeline.transitions.relation.new_name import doubt, ensure_free
from lockgate.timeline.transitions.relation.relation import SYSTEM_COLUMNS, type_kind
from lockgate.timeline.transitions.table.column import TableDefinition, not_null

Parents = Callable[[], list[Relation]]  # opened only where a key's column is not the table's own
_WORDS = {"CONSTR_PRIMARY": "primary key", "CONSTR_UNIQUE": "unique"}


def plan_key(ctx: Context, definition: TableDefinition, node: Node, parents: Parents) -> NewIndex:
    """The index that a constraint asks for. In CREATE TABLE its columns must be there (42703); a primary key makes them
    NOT NULL."""
    kind, location = node["contype"], node.get("location", 0)
    plan = NewIndex(
        [],
        name=node.get("conname", ""),
        method=node.get("access_method") or "btree",
        unique=kind != "CONSTR_EXCLUSION",
        primary=kind == "CONSTR_PRIMARY",
        exclusion=kind == "CONSTR_EXCLUSION",
        constraint=True,
        deferrable=bool(node.get("deferrable")),
        deferred=bool(node.get("initdeferred")),
        nulls_not_distinct=bool(node.get("nulls_not_distinct")),
        where=node.get("where_clause"),
        location=location,
        without_overlaps=bool(node.get("without_overlaps")),
    )
    if plan.without_overlaps:
        plan.method = node.get("access_method") or "gist"
    if plan.exclusion:
        for pair in node.get("exclusions", []):
            element, operator = pair["List"]["items"]
            plan.elements.append(element["IndexElem"])
            plan.operators.append(operator)
        plan.method = node.get("access_method") or "gist"
        return plan
    seen: set[str] = set()
    for name in words(node.get("keys", [])):
        _column(ctx, definition, name, parents, location, plan.primary)
        if name in seen:
            raise ctx.refuse(
                "42701",
                f'column "{name}" appears twice in {_WORDS[kind]} constraint',
                location,
                name=name,
                kind="column",
            )
        seen.add(name)
        plan.elements.append({"name": name})
    if plan.without_overlaps:
        _check_period(ctx, definition, words(node["keys"]), parents, location)
    for name in words(node.get("including", [])):
        _column(ctx, definition, name, parents, location, False)
        plan.including.append({"name": name})
    return plan


def _check_period(ctx: Context, definition: TableDefinition, names: list[str], parents: Parents, location: int) -> None:
    """WITHOUT OVERLAPS: more than one column, the last of them a range or a multirange (transformIndexConstraint)."""
    if len(names) < 2:
        message = "constraint using WITHOUT OVERLAPS needs at least two columns"
        raise ctx.refuse("42601", message, location, kind="constraint")
    column, relation = definition.column(names[-1]), definition.relation
    type_oid = column.ref.oid if column is not None else 0
    if column is None:
        above = [relation] if relation is not None else parents()
        type_oid = next((a.type for r in above if (a := r.attribute(names[-1])) is not None), 0)
    base = base_type(ctx.catalog, type_oid)[0] if type_oid else 0
    if base and type_kind(ctx, base) not in ("r", "m"):
        message = f'column "{names[-1]}" in WITHOUT OVERLAPS is not a range or multirange type'
        raise ctx.refuse("42804", message, location, name=names[-1], kind="type")


def _column(
    ctx: Context, definition: TableDefinition, name: str, parents: Parents, location: int, primary: bool
) -> None:
    column = definition.column(name)
    if column is not None:
        if primary:
            _inherits(ctx, definition, name, location)
            if not column.notnull and definition.relation is None:
                definition.not_nulls.append(not_null(name))
            column.notnull, column.primary = True, True
        return
    if name in SYSTEM_COLUMNS or definition.relation is not None:
        return
    above = parents()
    if any(p.attribute(name) is not None for p in above):
        if primary:
            _inherits(ctx, definition, name, location)
            definition.not_nulls.append(not_null(name))
        return
    if any(doubt(ctx, p) is not None for p in above):
        raise ctx.unsure(f"whether column {name} is inherited is not known")
    from lockgate.timeline.binder.names import did_you_mean

    raise ctx.refuse(
        "42703",
        f'column "{name}" named in key does not exist',
        location,
        name=name,
        kind="column",
        object=f"{definition.name}.{name}",
        help=did_you_mean(name, [c.name for c in definition.columns]),
        subject=MissingColumn(name, definition.name),
    )


def _inherits(ctx: Context, definition: TableDefinition, name: str, location: int) -> None:
    """A primary key's columns are NOT NULL for children, too: no NO INHERIT beside it (18)."""
    if ctx.catalog.major >= 18 and any(
        n.get("is_no_inherit") and words(n["keys"]) == [name] for n in definition.not_nulls
    ):
        message = f'conflicting NO INHERIT declaration for not-null constraint on column "{name}"'
        raise ctx.refuse("42601", message, location, name=name, kind="constraint")


def plan_keys(ctx: Context, definition: TableDefinition, parents: Parents) -> list[NewIndex]:
    """transformIndexConstraints: the primary key first; what is asked for twice is made once."""
    plans: list[NewIndex] = []
    first: NewIndex | None = None
    for node in definition.keys:
        if node["contype"] == "CONSTR_PRIMARY" and first is not None:
            raise many_keys(ctx, definition.name, node.get("location", 0))
        plan = plan_key(ctx, definition, node, parents)
        if plan.primary:
            first = plan
        plans.append(plan)
    out: list[NewIndex] = [first] if first is not None else []
    for plan in plans:
        if plan is first:
            continue
        twin = next((p for p in out if _same(p, plan)), None)
        if twin is None:
            out.append(plan)
        else:
            twin.name = twin.name or plan.name
            twin.unique = twin.unique or plan.unique
    return out


def _same(one: NewIndex, other: NewIndex) -> bool:
    return (
        one.elements,
        one.including,
        one.where,
        one.operators,
        one.method,
        one.nulls_not_distinct,
        one.deferrable,
        one.deferred,
    ) == (
        other.elements,
        other.including,
        other.where,
        other.operators,
        other.method,
        other.nulls_not_distinct,
        other.deferrable,
        other.deferred,
    )


def add_key(ctx: Context, relation: Relation, plan: NewIndex) -> Relation | None:
    """Make the index with its constraint; a primary key's columns become NOT NULL."""
    relation = ctx.catalog.the(Relation, relation.oid)
    index = define_index(ctx, relation, plan, analyze(ctx, relation, plan))
    if plan.primary and index is not None and index.index is not None:
        for number in index.index.keys:
            if number:
                mark(ctx, relation, number)
    return index


def use_index(ctx: Context, relation: Relation, node: Node) -> None:
    """ADD CONSTRAINT ... USING INDEX: the index takes the constraint's name (transformIndexConstraint,
    ATExecAddIndexConstraint)."""
    name, location = node["indexname"], node.get("location", 0)
    primary = node["contype"] == "CONSTR_PRIMARY"
    index = find_own_index(ctx, relation, node)
    if relation.kind == "p":
        raise ctx.refuse(
            "0A000",
            "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables",
            location,
            kind="constraint",
        )
    if primary and primary_key(ctx, relation) is not None and doubt(ctx, relation) is None:
        raise many_keys(ctx, relation.name, location)
    chosen = node.get("conname") or name
    ensure_name_free(ctx, relation, chosen, location)
    if chosen != name:
        ensure_free(ctx, chosen, relation.namespace, location)
        index = replace(index, name=chosen)
        ctx.catalog.put(index)
    _promote(ctx, relation, index, node, primary, location)


def find_own_index(ctx: Context, relation: Relation, node: Node) -> Relation:
    """The index that USING INDEX names, and whether it fits (transformIndexConstraint)."""
    name, location = node["indexname"], node.get("location", 0)
    primary = node["contype"] == "CONSTR_PRIMARY"
    index = ctx.catalog.relation_named(relation.namespace, name)
    if index is None or index.index is None:
        if doubt(ctx, relation) is not None or ctx.catalog.taint_of(("name", "relation", relation.namespace, name)):
            raise ctx.unsure(f"whether index {name} exists is not known")
        schema = ctx.catalog.namespace_name(relation.namespace)
        raise ctx.refuse(
            "42704",
            f'index "{name}" does not exist',
            location,
            name=name,
            object=f"{schema}.{name}",
            kind="index",
            event=ctx.catalog.events.get(("relation", schema, name)),
        )
    _fit(ctx, relation, index, node, primary, location)
    return index


def _fit(ctx: Context, relation: Relation, index: Relation, node: Node, primary: bool, location: int) -> None:
    shape, name = index.index, index.name
    assert shape is not None

    def wrong(sqlstate: str, message: str, help: str = "") -> Exception:
        return ctx.refuse(
            sqlstate, message, location, name=name, kind="index", object=ctx.catalog.qualified(index), help=help
        )

    help = f"Cannot create a {'primary key' if primary else 'unique'} constraint using such an index."
    if shape.constraint:
        raise wrong("55000", f'index "{name}" is already associated with a constraint')
    if shape.relation != relation.oid:
        raise wrong("55000", f'index "{name}" does not belong to table "{relation.name}"')
    if not shape.valid and doubt(ctx, index) is None:
        raise wrong("55000", f'index "{name}" is not valid')
    if not shape.unique:
        raise wrong("42809", f'"{name}" is not a unique index', help)
    if 0 in shape.keys:
        raise wrong("42809", f'index "{name}" contains expressions', help)
    if shape.partial:
        raise wrong("42809", f'"{name}" is a partial index', help)
    if not shape.immediate and not node.get("deferrable"):
        raise wrong("42809", f'"{name}" is a deferrable index')
    if not shape.plain:
        column = relation.attribute_by_num(shape.keys[0])
        raise wrong(
            "42809",
            f'index "{name}" column number 1 does not have default sorting behavior',
            f"{help} {column.name if column else ''}".strip(),
        )


def _promote(ctx: Context, relation: Relation, index: Relation, node: Node, primary: bool, location: int) -> None:
    catalog, shape = ctx.catalog, index.index
    assert shape is not None
    constraint = Constraint(
        catalog.new_oid(),
        index.name,
        relation.namespace,
        "p" if primary else "u",
        relation.oid,
        keys=shape.keys,
        index=index.oid,
        deferrable=bool(node.get("deferrable")),
        deferred=bool(node.get("initdeferred")),
        no_inherit=True,
    )
    put_constraint(ctx, constraint, location=location)
    catalog.undepend((index.oid, 0), "a", referenced=relation.oid)
    catalog.depend((index.oid, 0), [(constraint.oid, 0)], "i")
    catalog.put(
        replace(
            index,
            index=replace(shape, constraint=constraint.oid, primary=primary, immediate=not node.get("deferrable")),
        )
    )
    if primary:
        for number in shape.keys:
            mark(ctx, relation, number)
