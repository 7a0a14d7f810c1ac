"""Routines and operators named by DDL: LookupFuncWithArgs, LookupFuncName (parse_func.c), LookupOperWithArgs
(parse_oper.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import FIRST_USER_OID, Operator, Routine
from lockgate.catalog.typename import type_name
from lockgate.timeline.binder.candidates import candidates, choose, fits, routines_in
from lockgate.timeline.binder.names import did_you_mean, find_namespace, words
from lockgate.timeline.binder.operators import operators_in
from lockgate.timeline.binder.polymorphic import Mismatch, enforce
from lockgate.timeline.binder.types import resolve_type
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingOperator, MissingRoutine

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

_PLAIN = "FUNC_PARAM_DEFAULT"
_WORDS = {"f": "function", "p": "procedure", "a": "aggregate", "w": "function"}


def _spaces(ctx: Context, parts: Sequence[str], *, missing_ok: bool) -> tuple[int, ...]:
    if len(parts) > 1:
        space = find_namespace(ctx, parts[-2], None, missing_ok=missing_ok)
        return (space.oid,) if space else ()
    return tuple(oid for oid in ctx.path() if oid != ctx.session.temp_namespace)


def _doubt(ctx: Context, kind: str, spaces: Sequence[int], name: str) -> bool:
    if not ctx.catalog.taints:
        return False
    keys: list[TaintKey] = [("any",)]
    for oid in spaces:
        keys += [("namespace", oid), ("name", kind, oid, name)]
    return ctx.catalog.taint_of(*keys) is not None


def _public(catalog: Catalog, routine: Routine) -> Any:
    return routine if routine.oid >= FIRST_USER_OID else catalog.builtins.function_by_oid(routine.oid)


def find_routine(ctx: Context, node: Node, kinds: str = "fpaw", *, missing_ok: bool = False) -> Any:
    """The routine that an ObjectWithArgs names: ``kinds`` of prokind, "f" alone means FUNCTION (which may not be an
    aggregate's name).

    Refuses with 42883, 42725, 42809; None where it is missing and that is allowed; Unsure where the catalog does not
    tell.
    """
    parts = words(node.get("objname", []))
    spaces = _spaces(ctx, parts, missing_ok=missing_ok)
    found = {r.oid: r for r in _visible(ctx, spaces, parts[-1])}
    if node.get("args_unspecified"):
        return _only(ctx, node, parts, [r for r in found.values() if r.kind in kinds], kinds, spaces, missing_ok)
    args = [a.get("TypeName") for a in node.get("objargs", [])]
    types = [resolve_type(ctx, a, missing_ok=missing_ok).oid for a in args if a]
    if missing_ok and any(not t and not a.get("pct_type") for t, a in zip(types, filter(None, args), strict=True)):
        return None  # of a type that does not exist
    match = _match(ctx, node, parts, list(found.values()), tuple(types), kinds)
    if match is not None:
        if not _allowed(match.kind, kinds):
            raise _wrong_kind(ctx, parts, types, kinds)
        return _public(ctx.catalog, match)
    if _doubt(ctx, "routine", spaces, parts[-1]) or (
        0 in types and any(len(r.args) == len(types) for r in found.values())
    ):
        raise ctx.unsure(f"whether routine {parts[-1]} exists is not known")
    if missing_ok:
        return None
    raise _missing(ctx, parts, types, kinds)


def _allowed(kind: str, kinds: str) -> bool:
    return kind in kinds or (kind == "w" and "f" in kinds) or len(kinds) == 4


def _visible(ctx: Context, spaces: Sequence[int], name: str) -> list[Routine]:
    """Overloads of a name; those that an earlier schema hides are left out."""
    found: dict[tuple[int, ...], Routine] = {}
    for namespace in spaces:
        for routine in routines_in(ctx.catalog, namespace, name):
            found.setdefault(routine.args, routine)
    return list(found.values())


def _match(
    ctx: Context, node: Node, parts: list[str], among: list[Routine], types: tuple[int, ...], kinds: str
) -> Routine | None:
    by_input = next((r for r in among if r.args == types), None)
    if "p" not in kinds:
        return by_input
    full = _full_types(ctx, node)
    # procedures may be named by all of their arguments, OUT ones included, unless modes are given
    if any(
        p["FunctionParameter"].get("mode", _PLAIN) != _PLAIN
        for p in node.get("objfuncargs", [])
        if "FunctionParameter" in p
    ):
        return by_input
    by_all = next((r for r in among if r.kind == "p" and (r.all_args or r.args) == full), None)
    if by_input is not None and by_all is not None and by_input.oid != by_all.oid:
        raise ctx.refuse(
            "42725",
            f'{_WORDS[by_all.kind] if kinds == "p" else "routine"} name "{".".join(parts)}" is not unique',
            None,
        )
    return by_input or by_all


def _full_types(ctx: Context, node: Node) -> tuple[int, ...]:
    params = [p["FunctionParameter"] for p in node.get("objfuncargs", []) if "FunctionParameter" in p]
    if not params:
        return tuple(resolve_type(ctx, a["TypeName"]).oid for a in node.get("objargs", []) if "TypeName" in a)
    return tuple(resolve_type(ctx, p["argType"]).oid for p in params)


def _only(
    ctx: Context,
    node: Node,
    parts: list[str],
    among: list[Routine],
    kinds: str,
    spaces: Sequence[int],
    missing_ok: bool,
) -> Any:
    word = "routine" if len(kinds) == 4 else _WORDS[kinds[0]]
    shown = ".".join(parts)
    if len(among) == 1:
        return _public(ctx.catalog, among[0])
    if _doubt(ctx, "routine", spaces, parts[-1]):
        raise ctx.unsure(f"whether {word} {shown} exists is not known")
    if among:
        raise ctx.refuse(
            "42725", f'{word} name "{shown}" is not unique', None, name=parts[-1], object=shown, kind="function"
        )
    if missing_ok:
        return None
    event = _event(ctx, parts)
    near = did_you_mean(parts[-1], [r.name for r in ctx.catalog.objects(Routine)])
    raise ctx.refuse(
        "42883",
        f'could not find a {word} named "{shown}"',
        None,
        name=parts[-1],
        object=shown,
        kind="function",
        event=event,
        help=near,
        subject=MissingRoutine(parts[-1], parts[-2] if len(parts) > 1 else ""),
    )


def _event(ctx: Context, parts: Sequence[str]) -> Any:
    schemas = [parts[-2]] if len(parts) > 1 else [ctx.catalog.namespace_name(o) for o in ctx.path()]
    return next((e for s in schemas if (e := ctx.catalog.events.get(("routine", s, parts[-1])))), None)


def _shape(ctx: Context, parts: Sequence[str], types: Sequence[int]) -> str:
    return f"{'.'.join(parts)}({', '.join(type_name(ctx.catalog, t, None, ctx.path()) for t in types)})"


def _missing(ctx: Context, parts: list[str], types: list[int], kinds: str) -> Exception:
    shape = _shape(ctx, parts, types)
    if kinds == "a":
        if not types:
            shape = f"{'.'.join(parts)}(*)"
        message = f"aggregate {shape} does not exist"
    else:
        message = f"{'procedure' if kinds == 'p' else 'function'} {shape} does not exist"
    near = did_you_mean(parts[-1], [r.name for r in ctx.catalog.objects(Routine) if r.name != parts[-1]])
    return ctx.refuse(
        "42883",
        message,
        None,
        name=parts[-1],
        object=".".join(parts),
        kind="function",
        event=_event(ctx, parts),
        help=near,
        subject=MissingRoutine(parts[-1], parts[-2] if len(parts) > 1 else "", shape),
    )


def _wrong_kind(ctx: Context, parts: list[str], types: list[int], kinds: str) -> Exception:
    word = {"f": "a function", "p": "a procedure", "a": "an aggregate"}.get(kinds[0], "a function")
    if kinds == "a":
        return ctx.refuse(
            "42809", f"function {_shape(ctx, parts, types)} is not an aggregate", None, name=parts[-1], kind="function"
        )
    return ctx.refuse("42809", f"{_shape(ctx, parts, types)} is not {word}", None, name=parts[-1], kind="function")


def find_function(
    ctx: Context, names: list[Any], types: tuple[int, ...], location: int | None = None, *, missing_ok: bool = False
) -> Any:
    """The function of exactly these argument types (LookupFuncName). Refuses with 42883; Unsure where the catalog does
    not tell."""
    parts = words(names)
    spaces = _spaces(ctx, parts, missing_ok=missing_ok)
    for routine in _visible(ctx, spaces, parts[-1]):
        if routine.args == types:
            return _public(ctx.catalog, routine)
    if _doubt(ctx, "routine", spaces, parts[-1]):
        raise ctx.unsure(f"whether function {parts[-1]} exists is not known")
    if missing_ok:
        return None
    raise _missing(ctx, parts, list(types), "f")


def find_support(
    ctx: Context, names: list[Any], types: tuple[int, ...], location: int | None = None
) -> tuple[Any, tuple[int, ...], int]:
    """An aggregate's support function by what it is given, and its argument and result types in that use
    (lookup_agg_function).

    Refuses with 42883; Unsure where the catalog does not tell.
    """
    parts = words(names)
    spaces = _spaces(ctx, parts, missing_ok=False)
    among = candidates(ctx.catalog, spaces, parts[-1], len(types), variadic=False)
    fitting = [c for c in among if c.args == types] or [
        c for c in among if not c.defaulted and fits(ctx.catalog, types, c.args)
    ]
    picked = fitting[0] if len(fitting) == 1 else choose(ctx.catalog, types, fitting) if fitting else None
    if picked is not None:
        try:
            real, result = enforce(ctx.catalog, types, picked.args, picked.routine.result)
        except Mismatch as mismatch:
            raise ctx.refuse("42804", str(mismatch), location, kind="function") from None
        return _public(ctx.catalog, picked.routine), real, result
    if _doubt(ctx, "routine", spaces, parts[-1]) or (fitting and 0 in types):
        raise ctx.unsure(f"whether function {parts[-1]} exists is not known")
    raise _missing(ctx, parts, list(types), "f")


def find_operator(ctx: Context, node: Node, *, missing_ok: bool = False) -> Any:
    """The operator that an ObjectWithArgs names by its operand types. Refuses with 42883; Unsure where the catalog does
    not tell."""
    parts = words(node.get("objname", []))
    sides = [
        resolve_type(ctx, a["TypeName"], missing_ok=missing_ok).oid if a.get("TypeName") else 0
        for a in node.get("objargs", [])
    ]
    spaces = _spaces(ctx, parts, missing_ok=missing_ok)
    left, right = (sides[0], sides[1]) if len(sides) > 1 else (0, sides[0] if sides else 0)
    for namespace in spaces:
        for one in operators_in(ctx.catalog, namespace, parts[-1]):
            if (one.left, one.right) == (left, right):
                return one if one.oid >= FIRST_USER_OID else ctx.catalog.builtins.operator_by_oid(one.oid)
    if _doubt(ctx, "operator", spaces, parts[-1]):
        raise ctx.unsure(f"whether operator {parts[-1]} exists is not known")
    if missing_ok:
        return None
    shape = " ".join(
        filter(
            None,
            (
                type_name(ctx.catalog, left, None, ctx.path()) if left else "",
                ".".join(parts),
                type_name(ctx.catalog, right, None, ctx.path()),
            ),
        )
    )
    raise ctx.refuse(
        "42883",
        f"operator does not exist: {shape}",
        None,
        name=parts[-1],
        object=parts[-1],
        kind="operator",
        subject=MissingOperator(shape),
    )


__all__ = ["Operator", "find_function", "find_operator", "find_routine", "find_support"]
