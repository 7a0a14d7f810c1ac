"""What inserting a row for certain needs beside the privileges of the query: its sequences, and that row security lets
it pass."""

from __future__ import annotations

from lockgate.catalog.objects import Relation, Rewrite, Role, Trigger
from lockgate.parse.statement import Node
from lockgate.timeline.binder.values import RelationUse
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import World, select
from lockgate.timeline.failure import NoPrivilege, Unsure
from lockgate.timeline.privileges import remedy, row_security
from lockgate.timeline.privileges.check import need_privilege
from lockgate.timeline.privileges.may import NO, has_privilege
from lockgate.timeline.privileges.query import defaults_used

_WORK = 30_000  # units of work for the rows that one query writes


def check_new_rows(world: World, relation: Relation, node: Node, use: RelationUse) -> None:
    """An INSERT as the current role, where it is certain that there is a row to insert. Refuses with 42501."""
    ctx = world.ctx
    if (
        relation.kind not in "rp"
        or not ctx.session.known
        or ctx.unchecked
        or ctx.catalog.of_relation(relation.oid, Rewrite)
    ):
        return
    sequence, shut = _lacking(ctx, relation, use), _shut(ctx, relation)
    if (sequence is None and not shut) or not some(world, node):
        return
    if sequence is not None:
        need_privilege(ctx, sequence, "USAGE", node["relation"].get("location", 0), name=relation.name)
    if shut and not any(
        t.timing == "B" and t.row and "I" in t.events for t in ctx.catalog.of_relation(relation.oid, Trigger)
    ):
        name, table = (
            remedy.quoted(ctx.catalog.role_name(ctx.session.role)),
            remedy.sql_name(ctx.catalog, relation).partition(" ")[2],
        )
        raise ctx.refuse(
            "42501",
            f'new row violates row-level security policy for table "{relation.name}"',
            node["relation"].get("location", 0),
            name=relation.name,
            object=ctx.catalog.qualified(relation),
            kind="privilege",
            subject=NoPrivilege(),
            help=f"CREATE POLICY {name} ON {table} FOR INSERT TO {name} WITH CHECK (true);",
        )


def some(world: World, node: Node) -> bool:
    """Whether an INSERT has a row for certain."""
    source = node.get("selectStmt", {}).get("SelectStmt")
    if source is None or "valuesLists" in source:
        return True
    if "withClause" in node:
        return False
    try:
        with world.ctx.budget.part(_WORK):
            return any(row.certain for row in select(world, source)[1])
    except Unsure:
        return False


# --- sequences --------------------------------------------------------------------------------------------------------


def _lacking(ctx: Context, relation: Relation, use: RelationUse) -> Relation | None:
    """The sequence of a column left out, whose nextval() the role may not call: USAGE or UPDATE (nextval_internal)."""
    for oid in defaults_used(ctx, relation, use):
        for edge in ctx.catalog.dependencies(oid):
            sequence = ctx.catalog.find(Relation, edge.referenced[0]) if edge.kind == "n" else None
            if (
                sequence is not None
                and sequence.kind == "S"
                and has_privilege(ctx, sequence, "UPDATE") == NO == has_privilege(ctx, sequence, "USAGE")
            ):
                return sequence
    return None


# --- row security -----------------------------------------------------------------------------------------------------


def _shut(ctx: Context, relation: Relation) -> bool:
    """Whether no policy lets the role insert (check_enable_rls; without a permissive one the default is to deny,
    get_row_security_policies)."""
    catalog, role = ctx.catalog, ctx.catalog.find(Role, ctx.session.role)
    if role is None or not row_security.applies(ctx, relation, role.oid):
        return False
    if catalog.taint_of(
        ("any",),
        ("privileges",),
        ("object", relation.oid),
        ("owner", relation.oid),
        ("namespace", relation.namespace),
        ("object", role.oid),
    ):
        return False
    return not any(p.permissive for p in row_security.policies_of(ctx, relation, role.oid, "INSERT"))
