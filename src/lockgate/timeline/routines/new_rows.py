"""What inserting a row for certain needs beside the privileges of the query: its sequences, and that row security lets it pass."""

from __future__ import annotations

from lockgate.catalog import acl
from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Other, Policy, Relation, Rewrite, Role, Trigger
from lockgate.parse.statement import Node
from lockgate.timeline import remedy
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate import World, select
from lockgate.timeline.privileges import NO, has_privilege, need_privilege


def check_new_rows(world: World, relation: Relation, node: Node) -> None:
    """An INSERT as the current role, where it is certain that there is a row to insert. Refuses with 42501."""
    ctx = world.ctx
    if relation.kind not in "rp" or not ctx.session.known or ctx.unchecked or ctx.catalog.of_relation(relation.oid, Rewrite):
        return
    sequence, shut = _lacking(ctx, relation, node), _shut(ctx, relation)
    if (sequence is None and not shut) or not _some(world, node):
        return
    if sequence is not None:
        need_privilege(ctx, sequence, "USAGE", node["relation"].get("location", 0), name=relation.name)
    if shut and not any(t.timing == "B" and t.row and "I" in t.events for t in ctx.catalog.of_relation(relation.oid, Trigger)):
        name, table = remedy.quoted(ctx.catalog.role_name(ctx.session.role)), remedy.sql_name(ctx.catalog, relation).partition(" ")[2]
        raise ctx.refuse("42501", f'new row violates row-level security policy for table "{relation.name}"', node["relation"].get("location", 0),
                         name=relation.name, object=ctx.catalog.qualified(relation), kind="privilege",
                         help=f"CREATE POLICY {name} ON {table} FOR INSERT TO {name} WITH CHECK (true);")  # fmt: skip


def _some(world: World, node: Node) -> bool:
    source = node.get("selectStmt", {}).get("SelectStmt")
    if source is None or "valuesLists" in source:
        return True
    return "withClause" not in node and any(row.certain for row in select(world, source)[1])


# --- sequences -----------------------------------------------------------------------------------------------------------


def _lacking(ctx: Context, relation: Relation, node: Node) -> Relation | None:
    """The sequence of a column left out, whose nextval() the role may not call: USAGE or UPDATE (nextval_internal)."""
    given = {c["ResTarget"]["name"] for c in node.get("cols", ())}
    for attribute in relation.attributes if given else ():
        if not attribute.has_default or attribute.name in given:
            continue
        default = ctx.catalog.one(Other, ("default", 0, f"{relation.oid}.{attribute.num}"))
        for address in _references(ctx, default):
            sequence = ctx.catalog.find(Relation, address[0])
            if sequence is not None and sequence.kind == "S" and has_privilege(ctx, sequence, "UPDATE") == NO == has_privilege(ctx, sequence, "USAGE"):
                return sequence
    return None


def _references(ctx: Context, default: Other | None) -> list[Address]:
    return [e.referenced for e in ctx.catalog.dependencies(default.oid) if e.kind == "n"] if default is not None else []


# --- row security --------------------------------------------------------------------------------------------------------


def _shut(ctx: Context, relation: Relation) -> bool:
    """Whether no policy lets the role insert (check_enable_rls; without a permissive one the default is to deny, get_row_security_policies)."""
    catalog, role = ctx.catalog, ctx.catalog.find(Role, ctx.session.role)
    if not relation.rls or role is None or acl.is_superuser(catalog, role.oid) or role.bypassrls:
        return False
    if acl.has_privileges_of(catalog, role.oid, relation.owner) and not relation.force_rls:
        return False
    if catalog.taint_of(("any",), ("privileges",), ("object", relation.oid), ("owner", relation.oid), ("namespace", relation.namespace), ("object", role.oid)):
        return False
    mine = {acl.PUBLIC, *acl.roles_of(catalog, role.oid)}
    return not any(p.permissive and p.command in "a*" and mine & {*p.roles} for p in catalog.of_relation(relation.oid, Policy))
