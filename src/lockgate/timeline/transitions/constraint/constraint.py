"""CHECK and NOT NULL constraints, and what all constraints share (AddRelationNewConstraints in heap.c,
CreateConstraintEntry in pg_constraint.c)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Constraint, Relation
from lockgate.timeline import dependency
from lockgate.timeline.binder import Expr, analyze_expression, boolean, relation_scope
from lockgate.timeline.context import Context, Node
from lockgate.timeline.naming import choose_constraint_name
from lockgate.timeline.transitions.relation.new_name import created_here, doubt


def normal_form(node: Any) -> str:
    """An expression's tree without places, as text: equal where two expressions are written alike."""
    return msgspec.json.encode(_strip(node), order="sorted").decode()


def _strip(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            k: _strip(v)
            for k, v in node.items()
            if k not in ("location", "arg_location", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end")
        }
    return [_strip(v) for v in node] if isinstance(node, list) else node


def enforced(node: Node) -> bool:
    """Whether a CHECK or a foreign key is enforced (18): the grammar says so of all that is not NOT ENFORCED."""
    return bool(node.get("is_enforced"))


def constraint_named(ctx: Context, relation: Relation, name: str) -> Constraint | None:
    """A relation's constraint by name."""
    return ctx.catalog.one(Constraint, ("constraint", relation.oid, name))


def ensure_name_free(ctx: Context, relation: Relation, name: str, location: int | None) -> None:
    """42710 where the relation has a constraint of that name."""
    existing = constraint_named(ctx, relation, name)
    if existing is None:
        return
    if doubt(ctx, relation) is not None or ctx.catalog.taint_of(
        ("object", existing.oid), ("name", "constraint", relation.oid, name)
    ):
        dependency.erase(ctx.catalog, existing.oid)
        return
    raise ctx.refuse(
        "42710",
        f'constraint "{name}" for relation "{relation.name}" already exists',
        location,
        name=name,
        object=ctx.catalog.qualified(existing),
        kind="constraint",
        related=created_here(ctx, existing.oid),
    )


def find_constraint(
    ctx: Context,
    relation: Relation,
    name: str,
    *,
    span: Span | None = None,
    location: int | None = None,
    message: str = "",
) -> Constraint:
    """A relation's constraint that must exist (42704)."""
    found = constraint_named(ctx, relation, name)
    if found is not None:
        return found
    if doubt(ctx, relation) is not None or ctx.catalog.taint_of(("name", "constraint", relation.oid, name)):
        raise ctx.unsure(
            f"whether constraint {name} of relation {relation.name} exists is not known",
            ("name", "constraint", relation.oid, name),
        )
    from lockgate.timeline.binder.names import did_you_mean

    schema = ctx.catalog.namespace_name(relation.namespace)
    raise ctx.refuse(
        "42704",
        message or f'constraint "{name}" of relation "{relation.name}" does not exist',
        location,
        name=None if span else name,
        span=span,
        object=f"{schema}.{relation.name}.{name}",
        kind="constraint",
        event=ctx.catalog.events.get(("constraint", schema, relation.name, name)),
        help=did_you_mean(name, [c.name for c in ctx.catalog.of_relation(relation.oid, Constraint)]),
    )


def put_constraint(
    ctx: Context,
    constraint: Constraint,
    *,
    refs: Iterable[Address] = (),
    location: int | None = None,
    internal: bool = False,
) -> Constraint:
    """CreateConstraintEntry: the row and its dependencies; ``refs`` are what its expression (or referenced key) depends
    on."""
    catalog = ctx.catalog
    catalog.put(constraint)
    address = (constraint.oid, 0)
    if constraint.relation:
        keys = [(constraint.relation, n) for n in constraint.keys if n] or [(constraint.relation, 0)]
        catalog.depend(address, keys, "a")
    if constraint.parent and internal:
        catalog.depend(address, [(constraint.parent, 0)], "i")
    elif constraint.parent:
        catalog.depend(address, [(constraint.parent, 0)], "P")
        catalog.depend(address, [(constraint.relation, 0)], "S")
    if constraint.foreign:
        catalog.depend(address, [(constraint.foreign, n) for n in constraint.foreign_keys] or [(constraint.foreign, 0)])
        if constraint.index:
            catalog.depend(address, [(constraint.index, 0)])
    catalog.depend(address, refs)
    ctx.created(constraint, location=location)
    return constraint


def add_checks(
    ctx: Context, relation: Relation, nodes: Iterable[Node], *, merge: bool = False, local: bool = True
) -> list[Constraint]:
    """AddRelationNewConstraints for CHECK: each is analysed, named, and merged with an inherited one or stored; returns
    the new ones.

    ``merge``: one of the same name may be there already (inherited); ``local`` False: it comes from a parent.
    """
    new: list[Constraint] = []
    names: list[str] = []
    for node in nodes:
        location = node.get("location", 0)
        relation = ctx.catalog.the(Relation, relation.oid)
        expr = boolean(ctx, analyze_expression(ctx, node["raw_expr"], relation_scope(ctx, relation), "check"), "CHECK")
        name = node.get("conname", "")
        if name and name in names:
            raise ctx.refuse(
                "42710", f'check constraint "{name}" already exists', location, name=name, kind="constraint"
            )
        if not name:
            name = _check_name(ctx, relation, expr, names)
        names.append(name)
        merged = merge_check(ctx, relation, name, merge=merge, local=local, location=location)
        if merged:
            continue
        new.append(store_check(ctx, relation, name, expr, node, local=local))
    return new


def _check_name(ctx: Context, relation: Relation, expr: Expr, others: list[str]) -> str:
    column = (
        relation.attribute_by_num(next(iter(expr.columns))) if len(expr.columns) == 1 and not expr.whole_row else None
    )
    return choose_constraint_name(
        ctx.catalog, relation.name, column.name if column else None, "check", relation.namespace, others
    )


def merge_check(ctx: Context, relation: Relation, name: str, *, merge: bool, local: bool, location: int | None) -> bool:
    """MergeWithExistingConstraint: True where an existing constraint takes the new one in. Refuses with 42710."""
    existing = constraint_named(ctx, relation, name)
    if existing is None:
        return False
    if not merge or existing.kind != "c":
        ensure_name_free(ctx, relation, name, location)
        return False
    if local:
        ctx.catalog.put(replace(existing, is_local=True))
    else:
        ctx.catalog.put(replace(existing, inherited=existing.inherited + 1))
    return True


def store_check(
    ctx: Context, relation: Relation, name: str, expr: Expr, node: Node, *, local: bool = True
) -> Constraint:
    """StoreRelCheck."""
    location = node.get("location", 0)
    no_inherit = bool(node.get("is_no_inherit"))
    if no_inherit and relation.kind == "p":
        raise ctx.refuse(
            "42P16",
            f'cannot add NO INHERIT constraint to partitioned table "{relation.name}"',
            location,
            kind="constraint",
        )
    constraint = Constraint(
        ctx.catalog.new_oid(),
        name,
        relation.namespace,
        "c",
        relation.oid,
        keys=tuple(sorted(expr.columns)),
        validated=not node.get("skip_validation") and enforced(node),
        enforced=enforced(node),
        no_inherit=no_inherit,
        is_local=local,
        inherited=0 if local else 1,
        expression=normal_form(node["raw_expr"]),
    )
    return put_constraint(ctx, constraint, refs=expr.depends, location=location)


def copy_check(
    ctx: Context, source: Constraint, target: Relation, mapping: dict[int, int], **changes: Any
) -> Constraint:
    """A CHECK of one relation on another (inheritance, LIKE); ``mapping`` from its attribute numbers to ours."""
    refs = [e.referenced for e in ctx.catalog.dependencies(source.oid) if e.kind == "n"]
    mapped = [(target.oid, mapping.get(n, 0)) if oid == source.relation else (oid, n) for oid, n in refs]
    constraint = replace(
        source,
        oid=ctx.catalog.new_oid(),
        namespace=target.namespace,
        relation=target.oid,
        keys=tuple(mapping.get(n, 0) for n in source.keys),
        **changes,
    )
    return put_constraint(ctx, constraint, refs=mapped)


def primary_key(ctx: Context, relation: Relation) -> Constraint | None:
    """A relation's primary key."""
    return next((c for c in ctx.catalog.of_relation(relation.oid, Constraint) if c.kind == "p"), None)
