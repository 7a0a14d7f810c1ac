"""CREATE AGGREGATE (src/backend/commands/aggregatecmds.c, src/backend/catalog/pg_aggregate.c)."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.catalog.objects import Namespace, Routine
from lockgate.catalog.typename import type_name
from lockgate.timeline.binder import find_support, resolve_type
from lockgate.timeline.binder.coercion import POLYMORPHIC
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges.check import initial_acl, need_owner, need_privilege
from lockgate.timeline.transitions.object.creation import (
    doubt,
    flag_of,
    names_of,
    new_name,
    refuse_existing,
    spelled,
    text_of,
)
from lockgate.timeline.transitions.relation.relation import type_kind
from lockgate.timeline.transitions.session.parameters import ANY, INTERNAL, Parameters, check_polymorphic, interpret
from lockgate.timeline.transitions.type.opclass import is_binary_coercible

_OLD = {"sfunc1": "sfunc", "stype1": "stype", "initcond1": "initcond"}


def define_aggregate(ctx: Context, node: Node) -> None:
    """DefineAggregate and AggregateCreate."""
    space, name = new_name(ctx, node["defnames"])
    direct, parameters, kind = -1, None, "n"
    if not node.get("oldstyle"):
        args = node.get("args", [])
        items = args[0].get("List", {}).get("items", []) if args else []
        direct = int(args[1]["Integer"].get("ival", 0)) if len(args) > 1 else -1
        parameters = interpret(ctx, [i for i in items if "FunctionParameter" in i], "internal", aggregate=True)
        kind = "o" if direct >= 0 else "n"
    options = {
        _OLD.get(d["DefElem"]["defname"], d["DefElem"]["defname"]): d["DefElem"] for d in node.get("definition", [])
    }
    if "hypothetical" in options and kind == "o":
        kind = "h"
    for key in ("stype", "sfunc"):
        if key not in options:
            raise ctx.refuse("42P13", f"aggregate {key} must be specified", None, name=name, kind="function")
    if parameters is None:
        parameters = _old_style(ctx, options)
    state = resolve_type(ctx, options["stype"]["arg"]["TypeName"]).oid
    if type_kind(ctx, state) == "p" and state not in POLYMORPHIC and state != INTERNAL:
        shown = type_name(ctx.catalog, state, None, ctx.path())
        raise ctx.refuse(
            "42P13", f"aggregate transition data type cannot be {shown}", options["stype"].get("location"), kind="type"
        )
    refs, result = _functions(ctx, options, parameters, state, direct)
    aggregate = Routine(
        ctx.catalog.new_oid(),
        name,
        space.oid,
        ctx.session.role,
        "a",
        "internal",
        parameters.args,
        result,
        parameters.all_args,
        parameters.modes,
        parameters.names,
        0,
        parameters.variadic,
        volatile="i",
        agg_kind=kind,
        agg_direct=max(direct, 0),
    )
    _store(ctx, aggregate, space, bool(node.get("replace")), [*refs, state])


def _old_style(ctx: Context, options: dict[str, Node]) -> Parameters:
    if "basetype" not in options:
        raise ctx.refuse("42P13", "aggregate input type must be specified", None, kind="type")
    args: tuple[int, ...] = ()
    if text_of(options["basetype"]).upper() != "ANY":
        args = (resolve_type(ctx, options["basetype"]["arg"]["TypeName"]).oid,)
    return Parameters(args, (), "", (), 0, (), 0, 0, frozenset())


def _functions(
    ctx: Context, options: dict[str, Node], parameters: Parameters, state: int, direct: int
) -> tuple[list[int], int]:
    """The support functions, checked; the aggregate's result type. ``direct``: how many arguments are, -1 where it is
    no ordered-set aggregate."""
    args = parameters.args
    check_polymorphic(ctx, args, {state}, "transition data type")
    inputs = (
        args if direct < 0 else args[direct:] or args[-1:]
    )  # a VARIADIC one may stand for direct and aggregated arguments
    transition, given = _support(ctx, options["sfunc"], (state, *inputs))
    if given and state and given != state:
        shown = type_name(ctx.catalog, state, None, ctx.path())
        message = f"return type of transition function {spelled(names_of(options['sfunc']))} is not {shown}"
        raise ctx.refuse("42804", message, options["sfunc"].get("location"), kind="type")
    refs, result = [transition], state
    if "finalfunc" in options:
        final, result = _support(
            ctx,
            options["finalfunc"],
            (state, *(args if flag_of(options.get("finalfunc_extra")) else args[: max(direct, 0)])),
        )
        refs.append(final)
    check_polymorphic(ctx, args, {result}, "result data type")
    for key, taken in (("combinefunc", (state, state)), ("serialfunc", (state,)), ("deserialfunc", (17, state))):
        if key in options:
            refs.append(_support(ctx, options[key], taken)[0])
    return refs, result


def _support(ctx: Context, option: Node, args: tuple[int, ...]) -> tuple[int, int]:
    """lookup_agg_function: oid and result of a function that takes these types as they are (42883, 42804), and that may
    be executed."""
    names = names_of(option)
    if 0 in args:
        return 0, 0
    found, real, result = find_support(ctx, names, args, option.get("location"))
    for want, has in zip(args, real, strict=False):
        if has and has != ANY and not is_binary_coercible(ctx, want, has):
            shown = ", ".join(type_name(ctx.catalog, a, None, ctx.path()) for a in real)
            message = f"function {spelled(names)}({shown}) requires run-time type coercion"
            raise ctx.refuse("42804", message, option.get("location"), kind="function")
    need_privilege(ctx, found, "EXECUTE", option.get("location"), kind="function")
    return int(found.oid), result


def _store(ctx: Context, new: Routine, space: Namespace, replacing: bool, refs: list[int]) -> None:
    old = next((r for r in ctx.catalog.routines_named(space.oid, new.name) if r.args == new.args), None)
    if old is not None and not replacing:
        message = f'function "{new.name}" already exists with same argument types'
        refuse_existing(ctx, old.oid, "routine", message, name=new.name, sqlstate="42723")
        old = None
    if old is not None:
        need_owner(ctx, old, kind="function", name=new.name)
        if old.kind != "a" and not doubt(ctx, "routine", space.oid, new.name, old.oid):
            raise ctx.refuse(
                "42809",
                "cannot change routine kind",
                None,
                name=new.name,
                kind="function",
                object=ctx.catalog.qualified(old),
            )
        if old.result and new.result and old.result != new.result:
            raise ctx.refuse(
                "42P13", "cannot change return type of existing function", None, name=new.name, kind="function"
            )
        new = replace(new, oid=old.oid, owner=old.owner, acl=old.acl)
        ctx.catalog.undepend((old.oid, 0), "n")
    else:
        new = replace(new, acl=initial_acl(ctx, "function", space.oid, new.owner))
    ctx.catalog.put(new)
    ctx.catalog.depend((new.oid, 0), [(space.oid, 0), *((oid, 0) for oid in (*new.args, new.result, *refs) if oid)])
    ctx.created(new, name=new.name)
