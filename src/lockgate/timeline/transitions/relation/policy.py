"""Row security policies (src/backend/commands/policy.c)."""

from __future__ import annotations

import contextlib

from msgspec.structs import replace

from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Clause, Policy, Relation
from lockgate.parse.statement import nodes
from lockgate.timeline.binder import analyze_expression, boolean, relation_scope
from lockgate.timeline.binder.names import did_you_mean, find_relation
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import Unsure
from lockgate.timeline.privileges.check import need_owner
from lockgate.timeline.transitions.object.creation import doubt, refuse_existing, role_oid
from lockgate.timeline.transitions.relation.relation import user_relation

_COMMANDS = {"all": "*", "select": "r", "insert": "a", "update": "w", "delete": "d"}


def _roles(ctx: Context, nodes: list[Node]) -> tuple[int, ...]:
    specs = [n["RoleSpec"] for n in nodes]
    if any(s.get("roletype") == "ROLESPEC_PUBLIC" for s in specs):
        if len(specs) > 1:
            ctx.warn("ignoring specified roles other than PUBLIC", specs[0].get("location"), sqlstate="22023")
        return (0,)
    return tuple(role_oid(ctx, spec) for spec in specs) or (0,)


def _table(ctx: Context, node: Node) -> Relation:
    """RangeVarCallbackForPolicy: the owner's, a table."""
    relation = user_relation(ctx, node["table"])
    assert relation is not None
    location = node["table"].get("location", 0)
    need_owner(ctx, relation, location, name=relation.name)
    if relation.kind not in "rp":
        raise ctx.refuse(
            "42809",
            f'"{relation.name}" is not a table',
            location,
            name=relation.name,
            kind="relation",
            object=ctx.catalog.qualified(relation),
        )
    return relation


def _clause(ctx: Context, relation: Relation, node: Node | None) -> frozenset[Address]:
    if node is None:
        return frozenset()
    return boolean(ctx, analyze_expression(ctx, node, relation_scope(ctx, relation), "policy"), "POLICY").depends


def _asked(ctx: Context, node: Node | None) -> Clause | None:
    """Which relations the subqueries of a clause name; None without a clause."""
    if node is None:
        return None
    found = tuple(nodes(node))
    own = {n["CommonTableExpr"]["ctename"] for n in found if "CommonTableExpr" in n}
    asks: dict[int, None] = {}
    for named in (n["RangeVar"] for n in found if "RangeVar" in n):
        if named.get("schemaname") or named.get("relname") not in own:
            with contextlib.suppress(Unsure):
                relation = find_relation(ctx, named, missing_ok=True)
                if isinstance(relation, Relation):
                    asks[relation.oid] = None
    return Clause(any("SubLink" in n for n in found), tuple(asks))


def create_policy(ctx: Context, node: Node) -> None:
    """CreatePolicy."""
    command = _COMMANDS[node.get("cmd_name", "all")]
    if command in "rd" and "with_check" in node:
        raise ctx.refuse("42601", "WITH CHECK cannot be applied to SELECT or DELETE", None, kind="policy")
    if command == "a" and "qual" in node:
        raise ctx.refuse("42601", "only WITH CHECK expression allowed for INSERT", None, kind="policy")
    roles = _roles(ctx, node.get("roles", []))
    relation = _table(ctx, node)
    refs = _clause(ctx, relation, node.get("qual")) | _clause(ctx, relation, node.get("with_check"))
    name = node.get("policy_name", "")
    found = ctx.catalog.one(Policy, ("policy", relation.oid, name))
    if found is not None and doubt(ctx, "relation", relation.namespace, relation.name, relation.oid) is None:
        message = f'policy "{name}" for table "{relation.name}" already exists'
        refuse_existing(ctx, found.oid, "policy", message, name=name)
    policy = Policy(
        ctx.catalog.new_oid(),
        name,
        relation.oid,
        command,
        bool(node.get("permissive")),
        roles,
        using=_asked(ctx, node.get("qual")),
        check=_asked(ctx, node.get("with_check")),
    )
    ctx.catalog.put(policy)
    ctx.catalog.depend((policy.oid, 0), [(relation.oid, 0)], "a")
    ctx.catalog.depend((policy.oid, 0), refs)
    ctx.created(policy, name=name)


def alter_policy(ctx: Context, node: Node) -> None:
    """AlterPolicy."""
    roles = _roles(ctx, node["roles"]) if "roles" in node else None
    relation = _table(ctx, node)
    refs = _clause(ctx, relation, node.get("qual")) | _clause(ctx, relation, node.get("with_check"))
    name = node.get("policy_name", "")
    found = ctx.catalog.one(Policy, ("policy", relation.oid, name))
    if found is None:
        raise missing_policy(ctx, relation, name)
    if found.command in "rd" and "with_check" in node:
        raise ctx.refuse("42601", "only USING expression allowed for SELECT, DELETE", None, kind="policy")
    if found.command == "a" and "qual" in node:
        raise ctx.refuse("42601", "only WITH CHECK expression allowed for INSERT", None, kind="policy")
    using = _asked(ctx, node["qual"]) if "qual" in node else found.using
    check = _asked(ctx, node["with_check"]) if "with_check" in node else found.check
    ctx.catalog.put(replace(found, roles=roles or found.roles, using=using, check=check))
    # both clauses' dependencies are one set here: where one clause stays, its dependencies must too
    if "qual" in node and ("with_check" in node or found.command in "rd"):
        ctx.catalog.undepend((found.oid, 0), "n")
    ctx.catalog.depend((found.oid, 0), refs)


def missing_policy(ctx: Context, relation: Relation, name: str) -> Exception:
    """42704, unless the table's policies are in doubt."""
    if doubt(ctx, "policy", relation.oid, name, relation.oid) is not None:
        return ctx.unsure(f"whether policy {name} exists is not known")
    schema = ctx.catalog.namespace_name(relation.namespace)
    near = did_you_mean(name, [p.name for p in ctx.catalog.of_relation(relation.oid, Policy)])
    return ctx.refuse(
        "42704",
        f'policy "{name}" for table "{relation.name}" does not exist',
        None,
        name=name,
        kind="policy",
        help=near,
        object=f"{schema}.{relation.name}.{name}",
        event=ctx.catalog.events.get(("policy", schema, relation.name, name)),
    )


HANDLERS = {"CreatePolicyStmt": create_policy, "AlterPolicyStmt": alter_policy}
