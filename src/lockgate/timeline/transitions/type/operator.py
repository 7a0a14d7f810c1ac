"""CREATE and ALTER OPERATOR (src/backend/commands/operatorcmds.c, src/backend/catalog/pg_operator.c)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from lockgate.catalog.objects import Namespace, Operator
from lockgate.timeline.binder import find_function, find_operator, resolve_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import need_owner, need_privilege
from lockgate.timeline.transitions.object.creation import doubt, names_of, new_name, spelled, target_namespace
from lockgate.timeline.transitions.relation.new_name import created_here
from lockgate.timeline.transitions.type.user_type import need_type_usage


def define_operator(ctx: Context, node: Node) -> None:
    """DefineOperator and OperatorCreate; commutators and negators that do not exist yet become shells."""
    space, name = new_name(ctx, node["defnames"])
    options = {d["DefElem"]["defname"]: d["DefElem"] for d in node.get("definition", [])}
    sides = {}
    for key in ("leftarg", "rightarg"):
        if key in options:
            ref = resolve_type(ctx, options[key]["arg"]["TypeName"])
            if ref.setof:
                raise ctx.refuse(
                    "42P13", "SETOF type not allowed for operator argument", options[key].get("location"), kind="type"
                )
            sides[key] = ref.oid
    routine = options.get("function") or options.get("procedure")
    if routine is None:
        raise ctx.refuse("42P13", "operator function must be specified", None, kind="operator")
    if not sides:
        raise ctx.refuse("42P13", "operator argument types must be specified", None, kind="operator")
    if "rightarg" not in sides:
        raise ctx.refuse(
            "42P13",
            "operator right argument type must be specified",
            None,
            kind="operator",
            help="Postfix operators are not supported.",
        )
    left, right = sides.get("leftarg", 0), sides["rightarg"]
    for key in sides:
        need_type_usage(ctx, sides[key], options[key].get("location"))
    args = (left, right) if "leftarg" in sides else (right,)
    found: Any = find_function(ctx, names_of(routine), args, routine.get("location")) if 0 not in args else None
    result = int(getattr(found, "result", 0) or 0)
    if found is not None:
        need_privilege(
            ctx, found, "EXECUTE", routine.get("location"), kind="function", shown=spelled(names_of(routine))
        )
    for key in ("restrict", "join"):
        if key in options and "arg" in options[key]:
            _selectivity(ctx, options[key])
    made = _put(ctx, space, name, left, right, result, int(getattr(found, "oid", 0)))
    for key, pair in (("commutator", (right, left)), ("negator", (left, right))):
        if key in options:
            _linked(ctx, made, options[key], *pair)


def _selectivity(ctx: Context, option: Node) -> None:
    names = names_of(option)
    # (internal, oid, internal, int4) for restrict; with int2 and internal for join
    join = option["defname"] == "join"
    args = (2281, 26, 2281, 21, 2281) if join else (2281, 26, 2281, 23)
    find_function(ctx, names, args, option.get("location"))


def _existing(ctx: Context, namespace: int, name: str, left: int, right: int) -> Operator | None:
    for oid in ctx.catalog.oids(("operator", namespace, name)):
        found = ctx.catalog.find(Operator, oid)
        if found is not None and (found.left, found.right) == (left, right):
            return found
    return None


def _put(ctx: Context, space: Namespace, name: str, left: int, right: int, result: int, function: int) -> Operator:
    old = _existing(ctx, space.oid, name, left, right)
    if old is not None and old.result and not doubt(ctx, "operator", space.oid, name, old.oid):
        raise ctx.refuse(
            "42723",
            f"operator {name} already exists",
            None,
            object=ctx.catalog.qualified(old),
            kind="operator",
            related=created_here(ctx, old.oid),
        )
    new = Operator(
        old.oid if old else ctx.catalog.new_oid(), name, space.oid, ctx.session.role, left, right, result, function
    )
    ctx.catalog.put(new)
    ctx.catalog.depend((new.oid, 0), [(oid, 0) for oid in (space.oid, left, right, result, function) if oid])
    ctx.created(new)
    return new


def _linked(ctx: Context, made: Operator, option: Node, left: int, right: int) -> None:
    names = names_of(option)
    space, name = target_namespace(ctx, names, option.get("location"))
    if (space.oid, name, left, right) == (made.namespace, made.name, made.left, made.right):
        return
    for namespace in (space.oid,) if len(names) > 1 else ctx.path():
        if _existing(ctx, namespace, name, left, right) is not None:
            return
    if any((o.left, o.right) == (left, right) for o in ctx.catalog.builtins.operators(name)):
        return
    shell = Operator(ctx.catalog.new_oid(), name, space.oid, ctx.session.role, left, right, 0)
    ctx.catalog.put(shell)
    ctx.catalog.depend((shell.oid, 0), [(oid, 0) for oid in (space.oid, left, right) if oid])


def alter_operator(ctx: Context, node: Node) -> None:
    """AlterOperator: the estimators."""
    found = find_operator(ctx, node["opername"])
    need_owner(ctx, found, kind="operator")
    if isinstance(found, Operator):
        ctx.catalog.put(replace(found))


HANDLERS = {"AlterOperatorStmt": alter_operator}
