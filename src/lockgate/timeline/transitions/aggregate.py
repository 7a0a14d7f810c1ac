"""CREATE AGGREGATE (src/backend/commands/aggregatecmds.c, src/backend/catalog/pg_aggregate.c)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.objects import Namespace, Routine
from lockgate.catalog.typename import type_name
from lockgate.timeline.binder import find_function, resolve_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.privileges import initial_acl, need_owner, need_privilege
from lockgate.timeline.transitions.creation import doubt, names_of, new_name, refuse_existing, spelled, text_of
from lockgate.timeline.transitions.opclass import is_binary_coercible
from lockgate.timeline.transitions.parameters import Parameters, interpret
from lockgate.timeline.transitions.relation import type_kind
from lockgate.values import replace

_POLYMORPHIC = frozenset({2283, 2277, 2776, 3500, 3831, 4537, 5077, 5078, 5079, 5080, 4538})
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
    options = {_OLD.get(d["DefElem"]["defname"], d["DefElem"]["defname"]): d["DefElem"] for d in node.get("definition", [])}
    if "hypothetical" in options and kind == "o":
        kind = "h"
    for key in ("stype", "sfunc"):
        if key not in options:
            raise ctx.refuse("42P13", f"aggregate {key} must be specified", None, name=name, kind="function")
    if parameters is None:
        parameters = _old_style(ctx, options)
    state = resolve_type(ctx, options["stype"]["arg"]["TypeName"]).oid
    if type_kind(ctx, state) == "p" and state not in _POLYMORPHIC and state != 2281:
        shown = type_name(ctx.catalog, state, None, ctx.path())
        raise ctx.refuse("42P13", f"aggregate transition data type cannot be {shown}", options["stype"].get("location"), kind="type")
    refs, result = _functions(ctx, options, parameters, state, kind)
    aggregate = Routine(
        ctx.catalog.new_oid(), name, space.oid, ctx.session.role, "a", "internal", parameters.args, result, parameters.all_args,
        parameters.modes, parameters.names, 0, parameters.variadic, volatile="i", agg_kind=kind, agg_direct=max(direct, 0),
    )  # fmt: skip
    _store(ctx, aggregate, space, bool(node.get("replace")), [*refs, state])


def _old_style(ctx: Context, options: dict[str, Node]) -> Parameters:
    if "basetype" not in options:
        raise ctx.refuse("42P13", "aggregate input type must be specified", None, kind="type")
    args: tuple[int, ...] = ()
    if text_of(options["basetype"]).upper() != "ANY":
        args = (resolve_type(ctx, options["basetype"]["arg"]["TypeName"]).oid,)
    return Parameters(args, (), "", (), 0, (), 0, 0, frozenset())


def _functions(ctx: Context, options: dict[str, Node], parameters: Parameters, state: int, kind: str) -> tuple[list[int], int]:
    """The support functions, checked; the aggregate's result type."""
    inputs = parameters.args if kind == "n" else parameters.args[-1:] if parameters.variadic else parameters.args
    transition = _support(ctx, options["sfunc"], (state, *inputs))
    given = int(getattr(transition, "result", 0) or 0)
    if given and state and given != state and state not in _POLYMORPHIC and given not in _POLYMORPHIC:
        shown = type_name(ctx.catalog, state, None, ctx.path())
        message = f"return type of transition function {spelled(names_of(options['sfunc']))} is not {shown}"
        raise ctx.refuse("42804", message, options["sfunc"].get("location"), kind="type")
    refs = [int(getattr(transition, "oid", 0))]
    result = state
    if "finalfunc" in options:
        extra = "finalfunc_extra" in options
        final = _support(ctx, options["finalfunc"], (state, *(inputs if extra else ())))
        refs.append(int(getattr(final, "oid", 0)))
        result = int(getattr(final, "result", 0) or 0)
    if result in _POLYMORPHIC:
        polymorphic = [a for a in parameters.args if a in _POLYMORPHIC]
        if not polymorphic and 0 not in parameters.args:
            raise ctx.refuse("42P13", "cannot determine result data type", None, kind="type")
    for key, args in (("combinefunc", (state, state)), ("serialfunc", (state,)), ("deserialfunc", (17, state))):
        if key in options:
            refs.append(int(getattr(_support(ctx, options[key], args), "oid", 0)))
    return refs, result


def _support(ctx: Context, option: Node, args: tuple[int, ...]) -> Any:
    """lookup_agg_function: the function must take these types as they are (42883, 42804), and EXECUTE on it is needed."""
    names = names_of(option)
    if 0 in args or set(args) & _POLYMORPHIC:
        return None
    found = find_function(ctx, names, args, option.get("location"))
    declared = tuple(getattr(found, "args", ()))
    for want, has in zip(args, declared, strict=False):
        if has and has not in _POLYMORPHIC and has != 2276 and not is_binary_coercible(ctx, want, has):
            shown = ", ".join(type_name(ctx.catalog, a, None, ctx.path()) for a in declared)
            message = f"function {spelled(names)}({shown}) requires run-time type coercion"
            raise ctx.refuse("42804", message, option.get("location"), kind="function")
    if found is not None:
        need_privilege(ctx, found, "EXECUTE", option.get("location"), kind="function")
    return found


def _store(ctx: Context, new: Routine, space: Namespace, replacing: bool, refs: list[int]) -> None:
    old = next((r for r in ctx.catalog.routines_named(space.oid, new.name) if r.args == new.args), None)
    if old is not None and not replacing:
        message = f'function "{new.name}" already exists with same argument types'
        refuse_existing(ctx, old.oid, "routine", message, name=new.name, sqlstate="42723")
        old = None
    if old is not None:
        need_owner(ctx, old, kind="function", name=new.name)
        if old.kind != "a" and not doubt(ctx, "routine", space.oid, new.name, old.oid):
            raise ctx.refuse("42809", "cannot change routine kind", None, name=new.name, kind="function", object=ctx.catalog.qualified(old))
        if old.result and new.result and old.result != new.result:
            raise ctx.refuse("42P13", "cannot change return type of existing function", None, name=new.name, kind="function")
        new = replace(new, oid=old.oid, owner=old.owner, acl=old.acl)
        ctx.catalog.undepend((old.oid, 0), "n")
    else:
        new = replace(new, acl=initial_acl(ctx, "function", space.oid, new.owner))
    ctx.catalog.put(new)
    ctx.catalog.depend((new.oid, 0), [(space.oid, 0), *((oid, 0) for oid in (*new.args, new.result, *refs) if oid)])
    ctx.created(new, name=new.name)
