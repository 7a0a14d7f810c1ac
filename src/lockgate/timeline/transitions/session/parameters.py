"""Parameter lists of functions and procedures (interpret_function_parameter_list in
src/backend/commands/functioncmds.c)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from lockgate.catalog.catalog import Address
from lockgate.catalog.typename import RECORD, element_of, type_name, type_of
from lockgate.timeline.binder import analyze_expression, coerce, empty_scope, resolve_type
from lockgate.timeline.binder.coercion import FAMILY_1, POLYMORPHIC
from lockgate.timeline.binder.polymorphic import ANYMULTIRANGE, ANYRANGE, COMPATIBLEMULTIRANGE, COMPATIBLERANGE
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingType, Refused
from lockgate.timeline.transitions.object.creation import spelled
from lockgate.timeline.transitions.type.user_type import need_type_usage

ANY, ANYELEMENT, ANYARRAY, ANYCOMPATIBLE, ANYCOMPATIBLEARRAY, INTERNAL = 2276, 2283, 2277, 5077, 5078, 2281
_RANGES, _COMPATIBLE_RANGES = frozenset({ANYRANGE, ANYMULTIRANGE}), frozenset({COMPATIBLERANGE, COMPATIBLEMULTIRANGE})
_MODES = {
    "FUNC_PARAM_IN": "i",
    "FUNC_PARAM_OUT": "o",
    "FUNC_PARAM_INOUT": "b",
    "FUNC_PARAM_VARIADIC": "v",
    "FUNC_PARAM_TABLE": "t",
    "FUNC_PARAM_DEFAULT": "i",
}


class Parameters(msgspec.Struct, frozen=True):
    """A parameter list: input types, and all of them with modes and names; ``result`` is what OUT parameters require, 0
    for none."""

    args: tuple[int, ...]
    all_args: tuple[int, ...]
    modes: str
    names: tuple[str, ...]
    defaults: int
    default_types: tuple[int, ...]
    variadic: int
    result: int
    refs: frozenset[Address]


def parameter_type(ctx: Context, node: Node, language: str) -> int:
    """A parameter's type: 42704 in this function's own words; a shell type is allowed but for SQL."""
    location = node.get("location", 0)
    try:
        ref = resolve_type(ctx, node, shell_ok=True)
    except Refused as refused:
        shown = spelled(node.get("names", []))
        if (
            refused.failure.sqlstate == "42704"
            and not node.get("pct_type")
            and isinstance(refused.failure.subject, MissingType)
        ):
            from msgspec.structs import replace

            raise Refused(replace(refused.failure, message=f"type {shown} does not exist")) from None
        raise
    found = type_of(ctx.catalog, ref.oid)
    if found is not None and getattr(found, "shell", False):
        if language == "sql":
            raise ctx.refuse(
                "42P13",
                f"SQL function cannot accept shell type {spelled(node.get('names', []))}",
                location,
                kind="type",
            )
        ctx.warn(
            f"argument type {spelled(node.get('names', []))} is only a shell",
            location,
            sqlstate="42809",
            level="NOTICE",
        )
    need_type_usage(ctx, ref.oid, location)
    if node.get("setof"):
        raise ctx.refuse("42P13", "functions cannot accept set arguments", location, kind="type")
    return ref.oid


def interpret(
    ctx: Context, nodes: list[Node], language: str, *, procedure: bool = False, aggregate: bool = False
) -> Parameters:
    """The list, checked in PostgreSQL's order."""
    args: list[int] = []
    every: list[int] = []
    modes = ""
    names: list[str] = []
    defaults: list[int] = []
    refs: frozenset[Address] = frozenset()
    variadic, outs, result = 0, 0, 0
    for item in nodes:
        node = item["FunctionParameter"]
        mode = _MODES[node.get("mode", "FUNC_PARAM_DEFAULT")]
        location = node.get("location", node["argType"].get("location", 0))
        oid = parameter_type(ctx, node["argType"], language)
        if mode in "ibv":
            if variadic:
                raise ctx.refuse("42P13", "VARIADIC parameter must be the last input parameter", location, kind="other")
            args.append(oid)
        if mode in "obt":
            if procedure and variadic:
                raise ctx.refuse("42P13", "VARIADIC parameter must be the last parameter", location, kind="other")
            result = RECORD if outs or procedure else oid
            outs += 1
        if mode == "v":
            variadic = _variadic(ctx, oid, location)
        name = node.get("name", "")
        _check_name(ctx, name, mode, names, modes, location)
        every.append(oid)
        modes += mode
        names.append(name)
        if "defexpr" in node:
            if mode not in "ibv":
                raise ctx.refuse("42P13", "only input parameters can have default values", location, kind="other")
            default = _default(ctx, node["defexpr"], oid)
            defaults.append(default[0])
            refs |= default[1]
        elif mode in "ibv" and defaults:
            message = "input parameters after one with a default value must also have defaults"
            raise ctx.refuse("42P13", message, location, kind="other")
        elif procedure and mode == "o" and defaults:
            message = "procedure OUT parameters cannot appear after one with a default value"
            raise ctx.refuse("42P13", message, location, kind="other")
    if any(m == "t" for m in modes):
        result = RECORD if outs > 1 else every[modes.index("t")]
    return _stored(args, every, modes, names, defaults, variadic, result, refs)


def _stored(
    args: list[int],
    every: list[int],
    modes: str,
    names: list[str],
    defaults: list[int],
    variadic: int,
    result: int,
    refs: frozenset[Address],
) -> Parameters:
    """As pg_proc has them: null where there is nothing to say."""
    named = tuple(names) if any(names) else ()
    plain = all(m == "i" for m in modes)
    all_args = () if plain and not named else tuple(every)
    return Parameters(
        tuple(args), all_args, "" if plain else modes, named, len(defaults), tuple(defaults), variadic, result, refs
    )


def _variadic(ctx: Context, oid: int, location: int) -> int:
    if oid in (ANYARRAY, ANYCOMPATIBLEARRAY):
        return ANYELEMENT if oid == ANYARRAY else ANYCOMPATIBLE
    if oid == ANY or not oid:
        return oid or ANY
    element = element_of(ctx.catalog, oid)
    if not element:
        raise ctx.refuse("42P13", "VARIADIC parameter must be an array", location, kind="type")
    return element


def _check_name(ctx: Context, name: str, mode: str, names: list[str], modes: str, location: int) -> None:
    if not name:
        return
    for other, its in zip(names, modes, strict=True):
        # a pure input may share its name with a pure output
        if (mode in "iv" and its in "ot") or (mode in "ot" and its in "iv"):
            continue
        if other == name:
            raise ctx.refuse("42P13", f'parameter name "{name}" used more than once', location, name=name, kind="other")


def _default(ctx: Context, node: Node, oid: int) -> tuple[int, frozenset[Address]]:
    expr = analyze_expression(ctx, node, empty_scope(), "function_default")
    if oid and type_of(ctx.catalog, oid) is not None:
        shown = [type_name(ctx.catalog, t, None, ctx.path()) for t in (oid, expr.type)]
        location = expr.location if expr.location >= 0 else None
        message = f"argument of DEFAULT must be type {shown[0]}, not type {shown[1]}"
        expr = coerce(ctx, expr, oid, -1, "assignment", location, message)
    return expr.type or oid, expr.depends


def check_polymorphic(ctx: Context, inputs: Collection[int], outputs: Iterable[int], word: str) -> None:
    """check_valid_polymorphic_signature: a polymorphic result (``word`` in the message) needs an input that tells it
    (42P13)."""
    if 0 in inputs:
        return
    for oid in sorted(POLYMORPHIC.intersection(outputs)):
        ranges = next((r for r in (_RANGES, _COMPATIBLE_RANGES) if oid in r), None)
        if (ranges or (FAMILY_1 if oid in FAMILY_1 else POLYMORPHIC - FAMILY_1)).isdisjoint(inputs):
            help = f"A result of type {type_name(ctx.catalog, oid)} requires at least one input of a matching polymorphic type."
            raise ctx.refuse("42P13", f"cannot determine {word}", None, help=help, kind="type")
