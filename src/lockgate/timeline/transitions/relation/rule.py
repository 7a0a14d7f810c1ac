"""CREATE RULE (transformRuleStmt in src/backend/parser/parse_utilcmd.c, DefineQueryRewrite in
src/backend/rewrite/rewriteDefine.c)."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.catalog.objects import Relation, Rewrite
from lockgate.timeline import dependency
from lockgate.timeline.binder import AnalyzedQuery, Scope, analyze_expression, analyze_query, boolean, relation_scope
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
    condition = _condition(ctx, _scope(ctx, relation, event), node)
    if event == "select" and any(oid == relation.oid for oid, _ in condition):
        raise ctx.refuse("42P17", "ON SELECT rule cannot use OLD", location, kind="rule")
    refs = condition.union(*(action.depends for action in actions))
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
    if event == "select" and (ctx.catalog.major >= 16 or relation.kind == "v"):
        _check_select(ctx, relation, node, actions)
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


def _check_select(ctx: Context, relation: Relation, node: Node, actions: list[AnalyzedQuery]) -> None:
    """DefineQueryRewrite of ON SELECT: nothing but a view's own rule, with its columns."""

    def wrong(sqlstate: str, message: str) -> Exception:
        return ctx.refuse(sqlstate, message, node["relation"].get("location", 0), name=relation.name, kind="relation")

    if relation.kind != "v":
        raise wrong("42809", f'relation "{relation.name}" cannot have ON SELECT rules')
    if not node.get("actions"):
        raise wrong("0A000", "INSTEAD NOTHING rules on SELECT are not implemented")
    if len(actions) > 1:
        raise wrong("0A000", "multiple actions for rules on SELECT are not implemented")
    if not node.get("instead") or not actions or actions[0].command != "select":
        raise wrong("0A000", "rules on SELECT must have action INSTEAD SELECT")
    if actions[0].modifies:
        raise wrong("0A000", "rules on SELECT must not contain data-modifying statements in WITH")
    if "whereClause" in node:
        raise wrong("0A000", "event qualifications are not implemented for rules on SELECT")
    if not actions[0].open and doubt(ctx, "relation", relation.namespace, relation.name, relation.oid) is None:
        _check_result(relation, actions[0], wrong)
    if not node.get("replace"):
        raise wrong("55000", f'"{relation.name}" is already a view')
    if node.get("rulename") != "_RETURN":
        raise wrong("42P17", f'view rule for "{relation.name}" must be named "_RETURN"')


def _check_result(relation: Relation, query: AnalyzedQuery, wrong: Callable[[str, str], Exception]) -> None:
    """checkRuleResultList."""
    own = relation.attributes
    for at, column in enumerate(query.columns, 1):
        if at > len(own):
            raise wrong("42P17", "SELECT rule's target list has too many entries")
        theirs = own[at - 1]
        entry = f'SELECT rule\'s target entry {at} has different {{}} from column "{theirs.name}"'
        if column.name != theirs.name:
            raise wrong("42P17", entry.format("column name"))
        if column.type and theirs.type and column.type != theirs.type:
            raise wrong("42P17", entry.format("type"))
    if len(query.columns) < len(own):
        raise wrong("42P17", "SELECT rule's target list has too few entries")


def _scope(ctx: Context, relation: Relation, event: str, *, qualified: bool = False) -> Scope:
    """OLD and NEW: their columns go by their bare names in the condition, and not in the actions."""
    scopes = [relation_scope(ctx, relation, row, qualified_only=qualified) for row in _ROWS[event]]
    return scopes[0] + scopes[1] if len(scopes) > 1 else scopes[0]


def _condition(ctx: Context, scope: Scope, node: Node) -> frozenset[tuple[int, int]]:
    if "whereClause" not in node:
        return frozenset()
    return boolean(ctx, analyze_expression(ctx, node["whereClause"], scope, "where"), "WHERE").depends


def _actions(ctx: Context, scope: Scope, node: Node) -> list[AnalyzedQuery]:
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
