"""Candidate functions and operators, and the choice among them (namespace.c FuncnameGetCandidates, parse_func.c
func_select_candidate)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from lockgate.catalog.builtin import BuiltinFunction
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import INFORMATION_SCHEMA, PG_CATALOG, Routine
from lockgate.catalog.typename import base_type
from lockgate.timeline.binder.coercion import IMPLICIT, POLYMORPHIC, UNKNOWN, can_coerce, category
from lockgate.timeline.binder.polymorphic import consistent
from lockgate.timeline.context import Context

_BUILTIN: dict[tuple[int, str, str], tuple[Routine, ...]] = {}


class Candidate(msgspec.Struct, frozen=True):
    """A function that could be meant: its argument types as the call would have them."""

    routine: Routine
    args: tuple[int, ...]
    place: int = 0  # of its schema in the search path
    variadic: int = 0  # arguments gathered into the variadic one
    defaulted: int = 0
    order: tuple[int, ...] | None = None  # parameter positions of named arguments
    twice: bool = False  # another one is as good: ambiguous


def as_routine(row: BuiltinFunction) -> Routine:
    """A row of the built-in functions as a catalog object."""
    namespace = PG_CATALOG if row.schema == "pg_catalog" else INFORMATION_SCHEMA
    return Routine(
        row.oid,
        row.name,
        namespace,
        10,
        row.kind,
        "internal",
        row.args,
        row.result,
        row.all_args or (),
        row.modes or "",
        row.names or (),
        row.ndefaults,
        row.variadic,
        row.retset,
        row.strict,
        row.volatile,
        agg_kind=row.agg_kind,
        agg_direct=row.agg_direct,
    )


def routines_in(catalog: Catalog, namespace: int, name: str) -> tuple[Routine, ...]:
    """Every overload of a name in a schema, built-in ones included."""
    if namespace == PG_CATALOG or namespace == INFORMATION_SCHEMA:
        key = (catalog.builtins.major, str(namespace), name)
        found = _BUILTIN.get(key)
        if found is None:
            schema = "pg_catalog" if namespace == PG_CATALOG else "information_schema"
            found = _BUILTIN[key] = tuple(as_routine(r) for r in catalog.builtins.functions(schema, name))
        users = catalog.routines_named(namespace, name)
        return found + users if users else found
    return catalog.routines_named(namespace, name)


def spaces_of(ctx: Context, schema: str | None, location: int | None = None) -> tuple[int, ...]:
    """The schemas in which a function name is looked for. Refuses with 3F000."""
    if schema is None:
        return tuple(oid for oid in ctx.path() if oid != ctx.session.temp_namespace)
    from lockgate.timeline.binder.names import find_namespace

    space = find_namespace(ctx, schema, location)
    return (space.oid,) if space else ()


def candidates(
    catalog: Catalog,
    spaces: Sequence[int],
    name: str,
    count: int,
    argnames: Sequence[str] = (),
    *,
    variadic: bool = True,
    outputs: bool = False,
) -> list[Candidate]:
    """Functions of that name that can take ``count`` arguments, the last ``argnames`` of them by name; with ``outputs``
    OUT ones count (CALL, from 14)."""
    found: dict[tuple[int, ...], Candidate] = {}
    for place, namespace in enumerate(spaces):
        for routine in routines_in(catalog, namespace, name):
            one = _fit(with_outputs(routine) if outputs else routine, place, count, argnames, variadic)
            if one is None:
                continue
            shape = one.args[: len(one.args) - one.defaulted] if one.defaulted else one.args
            other = found.get(shape)
            found[shape] = one if other is None else _prefer(other, one)
    return list(found.values())


def with_outputs(routine: Routine) -> Routine:
    """A procedure as CALL sees it: its OUT arguments are given, too."""
    if routine.kind != "p" or not routine.modes:
        return routine
    return replace(routine, args=routine.all_args, modes=routine.modes.replace("o", "i"))


def _fit(routine: Routine, place: int, count: int, argnames: Sequence[str], expand: bool) -> Candidate | None:
    have = len(routine.args)
    if argnames:
        if (routine.variadic and expand) or have < count:
            return None
        return _by_name(routine, place, count, argnames)
    gathers = have <= count and expand and routine.variadic != 0
    defaults = have > count
    if defaults and count + routine.defaults < have:
        return None
    if have != count and not gathers and not defaults:
        return None
    args = routine.args
    gathered = 0
    if gathers:
        gathered = count - have + 1
        args = args[: have - 1] + (routine.variadic,) * gathered
    return Candidate(routine, args, place, gathered, have - count if defaults else 0)


def _by_name(routine: Routine, place: int, count: int, argnames: Sequence[str]) -> Candidate | None:
    """MatchNamedCall."""
    have = len(routine.args)
    names = [n for n, m in zip(routine.names, routine.modes or "i" * len(routine.names), strict=False) if m in "ibv"]
    if not names:
        return None
    positional = count - len(argnames)
    order = list(range(positional))
    for name in argnames:
        if name not in names:
            return None
        at = names.index(name)
        if at in order:
            return None
        order.append(at)
    missing = [i for i in range(have) if i not in order]
    if any(i < have - routine.defaults for i in missing):
        return None
    order += missing
    return Candidate(routine, tuple(routine.args[i] for i in order), place, 0, len(missing), tuple(order))


def _prefer(old: Candidate, new: Candidate) -> Candidate:
    """Of two that take the same arguments: the earlier schema's, then the one without VARIADIC. That one of them needs
    no default is no reason: such a call is ambiguous."""
    if old.place != new.place:
        return old if old.place < new.place else new
    if bool(old.variadic) != bool(new.variadic):
        return new if old.variadic else old
    return replace(old, twice=True)


# --- the choice -------------------------------------------------------------------------------------------------------


def fits(catalog: Catalog, given: Sequence[int], declared: Sequence[int]) -> bool:
    """can_coerce_type over all arguments, implicitly."""
    generic = False
    for source, target in zip(given, declared, strict=False):
        if target in POLYMORPHIC:
            generic = True
        elif not can_coerce(catalog, source, target, IMPLICIT):
            return False
    return not generic or consistent(catalog, given, declared)


def choose(catalog: Catalog, given: Sequence[int], among: Sequence[Candidate]) -> Candidate | None:
    """func_select_candidate: None where the choice is ambiguous."""
    bases = [t if t == UNKNOWN else base_type(catalog, t)[0] for t in given]
    unknowns = sum(t == UNKNOWN for t in bases)
    left = _most(among, lambda c: sum(b != UNKNOWN and a == b for a, b in zip(c.args, bases, strict=False)))
    if len(left) == 1:
        return left[0]
    slots = [category(catalog, b)[0] if b != UNKNOWN else "" for b in bases]

    def preferred(one: Candidate) -> int:
        score = 0
        for arg, base, slot in zip(one.args, bases, slots, strict=False):
            if base != UNKNOWN:
                kind = category(catalog, arg)
                score += arg == base or (kind[1] and kind[0] == slot)
        return score

    left = _most(left, preferred)
    if len(left) == 1:
        return left[0]
    if not unknowns:
        return None
    left = _by_category(catalog, bases, left)
    if len(left) == 1:
        return left[0]
    known = {b for b in bases if b != UNKNOWN}
    if unknowns < len(bases) and len(known) == 1:
        same = [next(iter(known))] * len(bases)
        fitting = [c for c in left if fits(catalog, same, c.args)]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _most(among: Sequence[Candidate], score: object) -> list[Candidate]:
    scores = [score(c) for c in among]  # type: ignore[operator]
    best = max(scores)
    return [c for c, s in zip(among, scores, strict=True) if s == best]


def _by_category(catalog: Catalog, bases: Sequence[int], among: list[Candidate]) -> list[Candidate]:
    """The rule for untyped literals: strings win, else they must agree; then preferred types."""
    wanted: dict[int, tuple[str, bool]] = {}
    for place, base in enumerate(bases):
        if base != UNKNOWN:
            continue
        slot, has_preferred, conflict = "", False, False
        for one in among:
            kind, is_preferred = category(catalog, one.args[place])
            if not slot:
                slot, has_preferred = kind, is_preferred
            elif kind == slot:
                has_preferred |= is_preferred
            elif kind == "S":
                slot, has_preferred = kind, is_preferred
            else:
                conflict = True
        if conflict and slot != "S":
            return among
        wanted[place] = slot, has_preferred

    def keep(one: Candidate) -> bool:
        for place, (slot, has_preferred) in wanted.items():
            kind, is_preferred = category(catalog, one.args[place])
            if kind != slot or (has_preferred and not is_preferred):
                return False
        return True

    return [c for c in among if keep(c)] or among
