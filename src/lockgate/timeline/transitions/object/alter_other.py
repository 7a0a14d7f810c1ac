"""ALTER TABLE subcommands on the whole table: options, inheritance, partitions, triggers, row security
(src/backend/commands/tablecmds.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.catalog.objects import Constraint, Relation, Rewrite, Trigger
from lockgate.timeline.context import Context
from lockgate.timeline.privileges.check import need_superuser
from lockgate.timeline.transitions.object.inherit import altered_relation
from lockgate.timeline.transitions.relation.new_name import doubt
from lockgate.timeline.transitions.session.option import check_storage_options
from lockgate.timeline.transitions.table.alteration import Alteration, Queue
from lockgate.timeline.transitions.table.inheritance import descendants


def nothing(ctx: Context, _: Queue, item: Alteration) -> None:
    """A subcommand that leaves the catalog as we keep it."""


def change_owner(ctx: Context, _: Queue, item: Alteration) -> None:
    """OWNER TO (ATExecChangeOwner)."""
    from lockgate.timeline.transitions.role.owner import change_relation_owner, role_of

    change_relation_owner(
        ctx, altered_relation(ctx, item), role_of(ctx, item.node["newowner"]), item.node["newowner"].get("location")
    )


def set_access_method(ctx: Context, _: Queue, item: Alteration) -> None:
    """SET ACCESS METHOD: a table access method must be there (42704)."""
    name = item.name
    if (
        name
        and ctx.catalog.builtins.access_methods.get(name) is None
        and not ctx.catalog.oids(("access_method", 0, name))
    ):
        raise ctx.refuse("42704", f'access method "{name}" does not exist', span=item.span, kind="other")


def prepare_logged(ctx: Context, _: Queue, item: Alteration) -> None:
    """SET LOGGED and UNLOGGED: whether the table's state may change (ATPrepChangePersistence)."""
    relation = altered_relation(ctx, item)
    if relation.persistence == "t":
        raise ctx.refuse(
            "42P16", f'cannot change logged status of table "{relation.name}" because it is temporary', kind="relation"
        )
    wanted = "p" if item.node["subtype"] == "AT_SetLogged" else "u"
    for constraint in ctx.catalog.objects(Constraint) if relation.persistence != wanted else ():
        if (
            constraint.kind != "f"
            or relation.oid not in (constraint.relation, constraint.foreign)
            or constraint.relation == constraint.foreign
        ):
            continue
        target, source = ctx.catalog.find(Relation, constraint.foreign), ctx.catalog.find(Relation, constraint.relation)
        if wanted == "p" and constraint.relation == relation.oid and target is not None and target.persistence != "p":
            raise ctx.refuse(
                "42P16",
                f'could not change table "{relation.name}" to logged because it references unlogged table "{target.name}"',
            )
        if wanted == "u" and constraint.foreign == relation.oid and source is not None and source.persistence != "u":
            message = f'could not change table "{relation.name}" to unlogged because it references logged table "{source.name}"'
            raise ctx.refuse("42P16", message)


def set_logged(ctx: Context, _: Queue, item: Alteration) -> None:
    """SET LOGGED and UNLOGGED; a partitioned table has no storage that could change (ATRewriteTables)."""
    relation = altered_relation(ctx, item)
    if relation.kind == "p":
        return
    wanted = "p" if item.node["subtype"] == "AT_SetLogged" else "u"
    ctx.catalog.put(replace(relation, persistence=wanted))
    for index in ctx.catalog.of_relation(relation.oid, Relation):
        ctx.catalog.put(replace(index, persistence=wanted))


def set_options(ctx: Context, _: Queue, item: Alteration) -> None:
    """SET (...) and RESET (...)."""
    relation = altered_relation(ctx, item)
    options = item.node.get("def", {}).get("List", {}).get("items", [])
    setting = item.node["subtype"] == "AT_SetRelOptions"
    if setting and relation.kind in "rpmv":
        check_storage_options(ctx, options, relation.kind)
    kept = dict(relation.options)
    for option in options:
        name = option["DefElem"].get("defname", "")
        if setting:
            kept[name] = option_value(option["DefElem"])
        else:
            kept.pop(name, None)
    ctx.catalog.put(replace(relation, options=tuple(kept.items())))


def option_value(option: dict[str, Any]) -> str:
    """An option's value as reloptions keep it."""
    arg = option.get("arg")
    if not arg:
        return "true"
    ((_, body),) = arg.items()
    value = next(iter(body.values()), "0")
    return str(value).lower() if isinstance(value, bool) else str(value)


def cluster_on(ctx: Context, _: Queue, item: Alteration) -> None:
    """CLUSTER ON index (42704)."""
    index = own_index(ctx, altered_relation(ctx, item), item)
    assert index.index is not None
    ctx.catalog.put(replace(index, index=replace(index.index, clustered=True)))


def own_index(ctx: Context, relation: Relation, item: Alteration, name: str = "") -> Relation:
    """An index of the table, by name (42704, 42809)."""
    name = name or item.name
    index = ctx.catalog.relation_named(relation.namespace, name)
    if index is None:
        if doubt(ctx, relation) is not None or ctx.catalog.taint_of(("name", "relation", relation.namespace, name)):
            raise ctx.unsure(f"whether index {name} exists is not known")
        schema = ctx.catalog.namespace_name(relation.namespace)
        raise ctx.refuse(
            "42704",
            f'index "{name}" for table "{relation.name}" does not exist',
            span=item.span,
            kind="index",
            object=f"{schema}.{name}",
            event=ctx.catalog.events.get(("relation", schema, name)),
        )
    if index.index is None or index.index.relation != relation.oid:
        raise ctx.refuse("42809", f'"{name}" is not an index for table "{relation.name}"', span=item.span, kind="index")
    return index


def replica_identity(ctx: Context, _: Queue, item: Alteration) -> None:
    """REPLICA IDENTITY (ATExecReplicaIdentity)."""
    relation = altered_relation(ctx, item)
    node = item.node["def"]["ReplicaIdentityStmt"]
    kind = node.get("identity_type", "d")
    if kind == "i":
        index = own_index(ctx, relation, item, node.get("name", ""))
        shape = index.index
        assert shape is not None
        for wrong, message in (
            (not shape.unique, f'cannot use non-unique index "{index.name}" as replica identity'),
            (not shape.immediate, f'cannot use non-immediate index "{index.name}" as replica identity'),
            (0 in shape.keys, f'cannot use expression index "{index.name}" as replica identity'),
            (shape.partial, f'cannot use partial index "{index.name}" as replica identity'),
        ):
            if wrong:
                raise ctx.refuse("42809", message, span=item.span, kind="index")
        for number in shape.keys:
            attribute = relation.attribute_by_num(number)
            if attribute is not None and not attribute.notnull and doubt(ctx, relation) is None:
                message = f'index "{index.name}" cannot be used as replica identity because column "{attribute.name}" is nullable'
                raise ctx.refuse("42809", message, span=item.span, kind="index")
        ctx.catalog.put(replace(index, index=replace(shape, replica=True)))
    ctx.catalog.put(replace(altered_relation(ctx, item), replica_identity=kind))


def row_security(ctx: Context, _: Queue, item: Alteration) -> None:
    """ENABLE, DISABLE, FORCE, NO FORCE ROW LEVEL SECURITY."""
    subtype = item.node["subtype"]
    on = subtype in ("AT_EnableRowSecurity", "AT_ForceRowSecurity")
    relation = altered_relation(ctx, item)
    ctx.catalog.put(replace(relation, force_rls=on) if "Force" in subtype else replace(relation, rls=on))


_ENABLED = {
    "AT_EnableTrig": "O",
    "AT_EnableTrigAll": "O",
    "AT_EnableTrigUser": "O",
    "AT_EnableAlwaysTrig": "A",
    "AT_EnableReplicaTrig": "R",
}


def triggers(ctx: Context, _: Queue, item: Alteration) -> None:
    """ENABLE and DISABLE TRIGGER (EnableDisableTrigger): 42704."""
    relation = altered_relation(ctx, item)
    state = _ENABLED.get(item.node["subtype"], "D")
    if item.name and ctx.catalog.one(Trigger, ("trigger", relation.oid, item.name)) is None:
        if doubt(ctx, relation) is not None or ctx.catalog.taint_of(("name", "trigger", relation.oid, item.name)):
            raise ctx.unsure(
                f"whether trigger {item.name} exists is not known", ("name", "trigger", relation.oid, item.name)
            )
        schema = ctx.catalog.namespace_name(relation.namespace)
        raise ctx.refuse(
            "42704",
            f'trigger "{item.name}" for table "{relation.name}" does not exist',
            span=item.span,
            kind="trigger",
            object=f"{schema}.{relation.name}.{item.name}",
            event=ctx.catalog.events.get(("trigger", schema, relation.name, item.name)),
        )
    if (
        item.node["subtype"] in ("AT_EnableTrigAll", "AT_DisableTrigAll")
        and doubt(ctx, relation) is None
        and _referential(ctx, relation)
    ):
        need_superuser(
            ctx,
            'permission denied: "RI_ConstraintTrigger" is a system trigger',
            name=relation.name,
            help="say TRIGGER USER in place of TRIGGER ALL, or have a superuser run this",
        )
    for oid in descendants(ctx.catalog, relation.oid) if relation.kind == "p" and item.recurse else [relation.oid]:
        for trigger in ctx.catalog.of_relation(oid, Trigger):
            if not item.name or trigger.name == item.name:
                ctx.catalog.put(replace(trigger, enabled=state))


def _referential(ctx: Context, relation: Relation) -> bool:
    """Whether a foreign key of a table, or one that names it, has its triggers on it."""
    edges = ctx.catalog.dependents(relation.oid)
    keys = [*ctx.catalog.of_relation(relation.oid, Constraint), *(ctx.catalog.get(edge.dependent[0]) for edge in edges)]
    return any(
        isinstance(key, Constraint) and key.kind == "f" and relation.oid in (key.relation, key.foreign) for key in keys
    )


def rules(ctx: Context, _: Queue, item: Alteration) -> None:
    """ENABLE and DISABLE RULE: 42704."""
    relation = altered_relation(ctx, item)
    found = ctx.catalog.one(Rewrite, ("rule", relation.oid, item.name))
    if found is not None:
        ctx.catalog.put(replace(found, enabled=_ENABLED.get(item.node["subtype"].replace("Rule", "Trig"), "D")))
    elif doubt(ctx, relation) is None:
        if relation.kind == "v" and item.name == "_RETURN":
            return
        raise ctx.refuse(
            "42704", f'rule "{item.name}" for relation "{relation.name}" does not exist', span=item.span, kind="other"
        )


# --- inheritance ------------------------------------------------------------------------------------------------------


# --- partitions -------------------------------------------------------------------------------------------------------
