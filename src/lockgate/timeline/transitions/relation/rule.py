"""CREATE RULE (transformRuleStmt in src/backend/parser/parse_utilcmd.c, DefineQueryRewrite in
src/backend/rewrite/rewriteDefine.c)."""

from __future__ import annotations

from lockgate.catalog.objects import Relation, Rewrite
from lockgate.timeline import dependency
from lockgate.timeline.binder import Query, Scope, analyze_expression, analyze_query, boolean, relation_scope
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_owner
from lockgate.timeline.privileges.query import needs_of
from lockgate.timeline.transitions.object.creation import doubt
from lockgate.timeline.transitions.relation.new_name import created_here
from lockgate.timeline.transitions.relation.relation import user_relation

_EVENTS = {"CMD_SELECT": "select", "CMD_INSERT": "insert", "CMD_UPDATE": "update", "CMD_DELETE": "delete"}
_ROWS = {"insert": ("new",), "update": ("old", "new"), "delete": ("old",), "select": ("old",)}


def create_rule(ctx: Context, node: Node) -> None:
    """DefineRule."""
    relation = user_relation(ctx, node["relation"])
    assert relation is not None
    location = node["relation"].get("location", 0)
    event = _EVENTS[node["event"]]
    if relation.kind == "m":
        raise ctx.refuse("0A000", "rules on materialized views are not supported", location, kind="relation")
    actions = _actions(ctx, _scope(ctx, relation, event, qualified=True), node)
    refs = _condition(ctx, _scope(ctx, relation, event), node).union(*(action.depends for action in actions))
    if relation.kind not in "rvp":
        raise ctx.refuse(
            "42809",
            f'relation "{relation.name}" cannot have rules',
            location,
            name=relation.name,
            kind="relation",
            object=ctx.catalog.qualified(relation),
        )
    need_owner(ctx, relation, location, name=relation.name)
    if event == "select":
        raise ctx.unsure("a rule ON SELECT is not modelled", ("object", relation.oid))
    name = node.get("rulename", "")
    oid = _existing(ctx, relation, name, bool(node.get("replace")))
    instead = bool(node.get("instead"))
    rule = Rewrite(
        oid or ctx.catalog.new_oid(),
        name,
        relation.oid,
        event,
        instead,
        _returns(node),
        not node.get("actions"),
        silent=instead and "whereClause" not in node and not actions,
        needs=tuple(need for action in actions for need in needs_of(action)),
    )
    if oid:
        ctx.catalog.undepend((oid, 0), "n")
    ctx.catalog.put(rule)
    ctx.catalog.depend((rule.oid, 0), [(relation.oid, 0)], "a")
    ctx.catalog.depend((rule.oid, 0), refs)
    ctx.created(rule, name=name)


def _scope(ctx: Context, relation: Relation, event: str, *, qualified: bool = False) -> Scope:
    """OLD and NEW: their columns go by their bare names in the condition, and not in the actions."""
    scopes = [relation_scope(ctx, relation, row, qualified_only=qualified) for row in _ROWS[event]]
    return scopes[0] + scopes[1] if len(scopes) > 1 else scopes[0]


def _condition(ctx: Context, scope: Scope, node: Node) -> frozenset[tuple[int, int]]:
    if "whereClause" not in node:
        return frozenset()
    return boolean(ctx, analyze_expression(ctx, node["whereClause"], scope, "where"), "WHERE").depends


def _actions(ctx: Context, scope: Scope, node: Node) -> list[Query]:
    found = [next(iter(action.items())) for action in node.get("actions", [])]
    return [analyze_query(ctx, tag, body, scope=scope) for tag, body in found if tag != "NotifyStmt"]


def _returns(node: Node) -> bool:
    return any(
        "returningList" in body or "returningClause" in body
        for action in node.get("actions", [])
        for body in action.values()
    )


def _existing(ctx: Context, relation: Relation, name: str, replacing: bool) -> int:
    found = ctx.catalog.one(Rewrite, ("rule", relation.oid, name))
    if found is None:
        return 0
    if doubt(ctx, "rule", relation.oid, name, relation.oid) is not None:
        dependency.erase(ctx.catalog, found.oid)
        return 0
    if not replacing:
        raise ctx.refuse(
            "42710",
            f'rule "{name}" for relation "{relation.name}" already exists',
            None,
            name=name,
            kind="rule",
            object=ctx.catalog.qualified(found),
            related=created_here(ctx, found.oid),
        )
    return found.oid


HANDLERS = {"RuleStmt": create_rule}
