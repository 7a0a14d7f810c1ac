"""CREATE TRIGGER (CreateTriggerFiringOn in src/backend/commands/trigger.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from lockgate.catalog.catalog import Address
from lockgate.catalog.objects import Constraint, Relation, Routine, Trigger
from lockgate.timeline import dependency
from lockgate.timeline.binder import analyze_expression, boolean, find_function, relation_scope
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingRoutine
from lockgate.timeline.privileges.check import need_privilege
from lockgate.timeline.transitions.object.creation import doubt, spelled
from lockgate.timeline.transitions.relation.new_name import created_here
from lockgate.timeline.transitions.relation.relation import column_of, user_relation
from lockgate.timeline.transitions.relation.trigger_kind import (
    check_kind,
    check_timing,
    check_transitions,
    events_of,
    timing_of,
)

TRIGGER = 2279


def create_trigger(ctx: Context, node: Node) -> None:
    """CreateTrigger, with its clones on partitions."""
    relation = user_relation(ctx, node["relation"])
    assert relation is not None
    location = node["relation"].get("location", 0)
    check_kind(ctx, relation, node, location)
    constrained = user_relation(ctx, node["constrrel"]) if "constrrel" in node else None
    need_privilege(ctx, relation, "TRIGGER", location)
    if constrained is not None:
        need_privilege(ctx, constrained, "TRIGGER", node["constrrel"].get("location"))
    check_timing(ctx, node)
    check_transitions(ctx, relation, node)
    refs = _when(ctx, relation, node)
    function = _function(ctx, node)
    old = _existing(ctx, relation, node)
    columns = _columns(ctx, relation, node)
    trigger = Trigger(
        old.oid if old else ctx.catalog.new_oid(),
        node.get("trigname", ""),
        relation.oid,
        function,
        timing_of(node),
        events_of(node),
        bool(node.get("row")),
        columns,
        conditional="whenClause" in node,
        old_table=_transition(node, False),
        new_table=_transition(node, True),
        whole=timing_of(node) == "B" and any(_is_row(c) for c in _mentions(node.get("whenClause"), "new")),
    )
    trigger = _store(ctx, trigger, relation, constrained, bool(node.get("isconstraint")), refs)
    if relation.kind == "p" and trigger.row:
        _clone(ctx, trigger, relation)


def _transition(node: Node, new: bool) -> str:
    for item in node.get("transitionRels", []):
        if bool(item["TriggerTransition"].get("isNew")) == new:
            return str(item["TriggerTransition"].get("name", ""))
    return ""


# --- checks -----------------------------------------------------------------------------------------------------------


def _mentions(node: Any, row: str) -> Iterator[Node]:
    """The column references to OLD or NEW in a WHEN condition."""
    if isinstance(node, list):
        for item in node:
            yield from _mentions(item, row)
    elif isinstance(node, dict):
        if "ColumnRef" in node:
            fields = node["ColumnRef"].get("fields", [])
            if fields and fields[0].get("String", {}).get("sval") == row:
                yield node["ColumnRef"]
        for value in node.values():
            yield from _mentions(value, row)


def _is_row(reference: Node) -> bool:
    """Whether a column reference is a row as a whole: NEW or NEW.*"""
    return not any("String" in field for field in reference.get("fields", [])[1:])


def _when(ctx: Context, relation: Relation, node: Node) -> frozenset[Address]:
    clause = node.get("whenClause")
    if clause is None:
        return frozenset()
    scope = relation_scope(ctx, relation, "old") + relation_scope(ctx, relation, "new")
    expr = boolean(ctx, analyze_expression(ctx, clause, scope, "trigger_when"), "WHEN")
    events, row = events_of(node), bool(node.get("row"))
    for word, barred, other in (("old", "I", "INSERT"), ("new", "D", "DELETE")):
        for reference in _mentions(clause, word):
            location = reference.get("location", 0)
            if not row:
                raise ctx.refuse(
                    "42P17",
                    "statement trigger's WHEN condition cannot reference column values",
                    location,
                    kind="column",
                )
            if barred in events:
                message = f"{other} trigger's WHEN condition cannot reference {word.upper()} values"
                raise ctx.refuse("42P17", message, location, kind="column")
            _check_generated(ctx, relation, node, word, reference, location)
    return expr.depends


def _check_generated(ctx: Context, relation: Relation, node: Node, word: str, reference: Node, location: int) -> None:
    if word != "new" or timing_of(node) != "B":
        return
    fields = reference.get("fields", [])
    name = fields[1].get("String", {}).get("sval", "") if len(fields) > 1 else ""
    attribute = relation.attribute(name)
    stored = any(a.generated for a in relation.attributes)
    if (attribute is not None and attribute.generated) or (not name and stored):
        help = (
            f'Column "{name}" is a generated column.'
            if name
            else "A whole-row reference is used and the table contains generated columns."
        )
        raise ctx.refuse(
            "42P17",
            "BEFORE trigger's WHEN condition cannot reference NEW generated columns",
            location,
            help=help,
            kind="column",
        )


def _function(ctx: Context, node: Node) -> int:
    names = node["funcname"]
    shown = spelled(names)
    found: Any = find_function(ctx, names, (), None)
    if getattr(found, "kind", "f") == "p":  # LookupFuncName sees no procedures
        raise ctx.refuse(
            "42883",
            f"function {shown}() does not exist",
            None,
            name=shown.rpartition(".")[2],
            object=shown,
            kind="function",
            subject=MissingRoutine(found.name, shown.rpartition(".")[0]),
            help="A procedure has that name.",
        )
    need_privilege(ctx, found, "EXECUTE", None, kind="function", shown=shown, name=getattr(found, "name", None))
    result = getattr(found, "result", 0)
    if result and result != TRIGGER:
        qualified = ctx.catalog.qualified(found) if isinstance(found, Routine) else shown
        raise ctx.refuse(
            "42P17",
            f"function {shown} must return type trigger",
            None,
            name=shown.rpartition(".")[2],
            object=qualified,
            kind="function",
            related=created_here(ctx, found.oid),
        )
    return int(getattr(found, "oid", 0))


def _existing(ctx: Context, relation: Relation, node: Node) -> Trigger | None:
    """The trigger of that name that OR REPLACE replaces; 42710 where it may not."""
    name = node.get("trigname", "")
    found = ctx.catalog.one(Trigger, ("trigger", relation.oid, name))
    if found is None:
        return None
    of = f'trigger "{name}" for relation "{relation.name}"'
    related = created_here(ctx, found.oid)
    shown = ctx.catalog.qualified(found)
    if doubt(ctx, "trigger", relation.oid, name, found.oid) or doubt(
        ctx, "relation", relation.namespace, relation.name, relation.oid
    ):
        dependency.erase(ctx.catalog, found.oid)
        return None
    if not node.get("replace"):
        raise ctx.refuse(
            "42710", f"{of} already exists", None, name=name, object=shown, kind="trigger", related=related
        )
    if found.internal or found.parent:
        raise ctx.refuse(
            "42710",
            f"{of} is an internal or a child trigger",
            None,
            name=name,
            object=shown,
            kind="trigger",
            related=related,
        )
    if found.constraint:
        raise ctx.refuse(
            "42710", f"{of} is a constraint trigger", None, name=name, object=shown, kind="trigger", related=related
        )
    for child in _clones(ctx, found):
        ctx.catalog.remove(child.oid)
    return found


def _columns(ctx: Context, relation: Relation, node: Node) -> tuple[int, ...]:
    numbers: list[int] = []
    for item in node.get("columns", []):
        name = item["String"].get("sval", "")
        attribute = column_of(ctx, relation, name)
        if attribute.num in numbers:
            raise ctx.refuse("42701", f'column "{name}" specified more than once', None, name=name, kind="column")
        numbers.append(attribute.num)
    return tuple(numbers)


# --- storing ----------------------------------------------------------------------------------------------------------


def _store(
    ctx: Context,
    trigger: Trigger,
    relation: Relation,
    constrained: Relation | None,
    constraint: bool,
    refs: frozenset[Address],
) -> Trigger:
    catalog = ctx.catalog
    if constraint:
        row = Constraint(catalog.new_oid(), trigger.name, relation.namespace, "t", relation.oid)
        trigger = replace(trigger, constraint=row.oid)
        catalog.put(row)
        catalog.depend((row.oid, 0), [(trigger.oid, 0)], "i")
    if catalog.get(trigger.oid) is not None:
        catalog.undepend((trigger.oid, 0), "na")
    catalog.put(trigger)
    if constraint:
        catalog.depend((trigger.constraint, 0), [(trigger.oid, 0)], "i")
    address = (trigger.oid, 0)
    catalog.depend(address, [(trigger.function, 0)])
    catalog.depend(address, [(relation.oid, 0)], "a")
    if constrained is not None:
        catalog.depend(address, [(constrained.oid, 0)], "a")
    catalog.depend(address, [(relation.oid, number) for number in trigger.columns])
    catalog.depend(address, refs)
    ctx.created(trigger, name=trigger.name)
    return trigger


def _clones(ctx: Context, trigger: Trigger) -> list[Trigger]:
    found = [e.dependent[0] for e in ctx.catalog.dependents(trigger.oid) if e.kind == "P"]
    direct = [t for oid in found if (t := ctx.catalog.find(Trigger, oid)) is not None]
    return [*(c for t in direct for c in _clones(ctx, t)), *direct]


def _clone(ctx: Context, trigger: Trigger, relation: Relation) -> None:
    for oid in ctx.catalog.children(relation.oid):
        child = ctx.catalog.find(Relation, oid)
        if child is not None and child.is_partition:
            clone_trigger(ctx, trigger, relation, child)


def clone_trigger(ctx: Context, trigger: Trigger, parent: Relation, child: Relation) -> None:
    """A partitioned table's row trigger on one of its partitions, and theirs (CloneRowTriggersToPartition). Refuses
    with 42710.

    For partitions that exist when the trigger is made, and, by the caller, for those made or attached later.
    """
    existing = ctx.catalog.one(Trigger, ("trigger", child.oid, trigger.name))
    if existing is not None:
        raise ctx.refuse(
            "42710",
            f'trigger "{trigger.name}" for relation "{child.name}" already exists',
            None,
            name=trigger.name,
            kind="trigger",
            object=ctx.catalog.qualified(existing),
            related=created_here(ctx, existing.oid),
        )
    names = {a.num: a.name for a in parent.attributes}
    columns = tuple(a.num for n in trigger.columns if (a := child.attribute(names.get(n, ""))) is not None)
    clone = replace(
        trigger, oid=ctx.catalog.new_oid(), relation=child.oid, columns=columns, parent=trigger.oid, constraint=0
    )
    ctx.catalog.put(clone)
    address = (clone.oid, 0)
    ctx.catalog.depend(address, [(clone.function, 0)])
    ctx.catalog.depend(address, [(trigger.oid, 0)], "P")
    ctx.catalog.depend(address, [(child.oid, 0)], "S")
    ctx.catalog.depend(address, [(child.oid, number) for number in columns])
    if child.kind == "p":
        _clone(ctx, clone, child)


HANDLERS = {"CreateTrigStmt": create_trigger}
