"""Operator classes and access methods of indexes (ResolveOpClass, GetDefaultOpClass in
src/backend/commands/indexcmds.c)."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from lockgate.catalog.builtin import Builtins
from lockgate.catalog.details import OperatorClass
from lockgate.catalog.objects import FIRST_USER_OID, PG_CATALOG, Cast, Extension, Other, Routine
from lockgate.catalog.typename import base_type, element_of, type_name
from lockgate.timeline.binder import Expr, find_namespace, words
from lockgate.timeline.context import Context
from lockgate.timeline.transitions.relation.relation import type_kind

ANYARRAY, ANYENUM, ANYRANGE, ANYMULTIRANGE, RECORD, ANY, ANYELEMENT = 2277, 3500, 3831, 4537, 2249, 2276, 2283
_KINDS = {"e": ANYENUM, "r": ANYRANGE, "m": ANYMULTIRANGE, "c": RECORD}


class Method(msgspec.Struct, frozen=True):
    """What an index access method can (IndexAmRoutine)."""

    unique: bool = False
    multicolumn: bool = True
    include: bool = False
    order: bool = False
    exclusion: bool = False


METHODS = {
    "btree": Method(unique=True, include=True, order=True, exclusion=True),
    "hash": Method(multicolumn=False, exclusion=True),
    "gist": Method(include=True, exclusion=True),
    "gin": Method(),
    "brin": Method(),
    "spgist": Method(multicolumn=False, include=True, exclusion=True),
}


def access_method(ctx: Context, name: str) -> Method | None:
    """The access method of that name; None where an extension brings it. Refuses with 42704."""
    if name == "rtree":
        name = "gist"
    if name in METHODS:
        return METHODS[name]
    if (
        ctx.catalog.one(Other, ("access_method", 0, name)) is not None
        or unknown_extension(ctx)
        or ctx.catalog.taint_of(("any",))
    ):
        return None
    raise ctx.refuse("42704", f'access method "{name}" does not exist', 0, name=name, object=name, kind="other")


def unknown_extension(ctx: Context) -> bool:
    """Whether an extension is installed whose members are not known."""
    return any(not e.known for e in ctx.catalog.objects(Extension))


def is_binary_coercible(ctx: Context, source: int, target: int) -> bool:
    """IsBinaryCoercible (src/backend/parser/parse_coerce.c)."""
    if source == target or target in (ANY, ANYELEMENT):
        return True
    source = base_type(ctx.catalog, source)[0]
    if source == target:
        return True
    if target == ANYARRAY:
        return bool(element_of(ctx.catalog, source))
    return (target in _KINDS.values() and _KINDS.get(type_kind(ctx, source)) == target) or _cast_as_it_is(
        ctx, source, target
    )


def _cast_as_it_is(ctx: Context, source: int, target: int) -> bool:
    builtin = ctx.catalog.builtins.cast(source, target)
    if builtin is not None:
        return builtin.method == "b" and builtin.context == "i"
    own = ctx.catalog.one(Cast, ("cast", source, target))
    return own is not None and own.method == "b" and own.context == "i"


def _classes(ctx: Context, method: str) -> list[tuple[str, int, bool, int]]:
    """Operator classes of a method: name, input type, default, oid of a user's own."""
    found = [(name, kind, default, 0) for name, kind, default, _ in ctx.catalog.builtins.opclasses(method)]
    for other in ctx.catalog.others("opclass"):
        if isinstance(other.details, OperatorClass) and other.details.method == method:
            found.append((other.name, other.details.input, other.details.default, other.oid))
    return found


@cache
def _builtin_default(builtins: Builtins, wanted: int, method: str) -> str | None:
    """The default class whose input type is that built-in type itself."""
    return next((name for name, kind, default, _ in builtins.opclasses(method) if default and kind == wanted), None)


def default_opclass(ctx: Context, type_oid: int, method: str) -> tuple[str, int] | None:
    """The default operator class for a type: name and oid (0 built in); None if there is none."""
    wanted = base_type(ctx.catalog, type_oid)[0]
    if wanted < FIRST_USER_OID and (found := _builtin_default(ctx.catalog.builtins, wanted, method)) is not None:
        return found, 0
    taken = {ANY, ANYELEMENT, _KINDS.get(type_kind(ctx, wanted), 0)}  # is_binary_coercible, once for all classes
    if element_of(ctx.catalog, wanted):
        taken.add(ANYARRAY)
    coercible: list[tuple[str, int]] = []
    for name, kind, default, oid in _classes(ctx, method):
        if not default:
            continue
        if kind == wanted:
            return name, oid
        if kind in taken or _cast_as_it_is(ctx, wanted, kind):
            coercible.append((name, oid))
    return coercible[0] if coercible else None


def resolve_opclass(
    ctx: Context, names: list[Any], type_oid: int, method: str, location: int | None
) -> tuple[str, int]:
    """The operator class of an index column: name and oid (0 built in or not known). Refuses with 42704, 42804."""
    unknown = not type_oid or (method not in METHODS and not _classes(ctx, method)) or unknown_extension(ctx)
    if not names:
        found = default_opclass(ctx, type_oid, method) if type_oid else ("", 0)
        if found is None and not unknown and ctx.catalog.taint_of(("any",), ("object", type_oid)) is None:
            shown = type_name(ctx.catalog, type_oid, None, ctx.path())
            raise ctx.refuse(
                "42704",
                f'data type {shown} has no default operator class for access method "{method}"',
                location,
                kind="operator",
                help="You must specify an operator class for the index or define a default operator class for the data type.",
            )
        return found or ("", 0)
    return _named_opclass(ctx, words(names), type_oid, method, location, unknown)


def _named_opclass(
    ctx: Context, parts: list[str], type_oid: int, method: str, location: int | None, unknown: bool
) -> tuple[str, int]:
    spaces: tuple[int, ...] = ctx.path()
    if len(parts) > 1:
        space = find_namespace(ctx, parts[-2], location)
        spaces = (space.oid,) if space else ()
    for name, kind, _, oid in _classes(ctx, method):
        own = ctx.catalog.find(Other, oid) if oid else None
        if name != parts[-1] or (own.namespace if own else PG_CATALOG) not in spaces:
            continue
        if type_oid and kind and not unknown and not is_binary_coercible(ctx, type_oid, kind):
            shown = type_name(ctx.catalog, type_oid, None, ctx.path())
            raise ctx.refuse(
                "42804",
                f'operator class "{name}" does not accept data type {shown}',
                location,
                name=name,
                kind="operator",
            )
        return name, oid
    if unknown or ctx.catalog.taint_of(
        ("any",), *(("name", "opclass", s, parts[-1]) for s in spaces), *(("namespace", s) for s in spaces)
    ):
        return "", 0
    shown = ".".join(parts)
    raise ctx.refuse(
        "42704",
        f'operator class "{shown}" does not exist for access method "{method}"',
        location,
        name=parts[-1],
        object=shown,
        kind="operator",
    )


def is_mutable(ctx: Context, expr: Expr) -> bool:
    """Whether an expression is certainly not immutable (contain_mutable_functions_after_planning).

    The planner inlines SQL functions before it looks, so one that is declared volatile may still do: those are not held
    against the expression.
    """
    if expr.volatility not in ("s", "v") or not expr.volatility:
        return False
    suspects = [r for oid in expr.routines if (r := _routine(ctx, oid)) is not None and r.volatile != "i"]
    return not suspects or any(
        getattr(r, "language", "internal") != "sql" or r.security_definer or r.config for r in suspects
    )


def _routine(ctx: Context, oid: int) -> Any:
    return ctx.catalog.find(Routine, oid) or ctx.catalog.builtins.function_by_oid(oid)
