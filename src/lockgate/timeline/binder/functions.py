"""Function calls (src/backend/parser/parse_func.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from lockgate.catalog.objects import FIRST_USER_OID, Routine
from lockgate.timeline.binder.candidates import Candidate, candidates, choose, fits, routines_in, spaces_of
from lockgate.timeline.binder.coercion import (
    EXPLICIT,
    IMPLICIT,
    POLYMORPHIC,
    UNKNOWN,
    category,
    coerce_type,
    pathway,
    shown,
)
from lockgate.timeline.binder.names import did_you_mean
from lockgate.timeline.binder.polymorphic import Mismatch, enforce
from lockgate.timeline.binder.rows import is_row, project
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.binder.types import type_in
from lockgate.timeline.failure import Ambiguous, MissingRoutine

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

_RESOLVED: dict[tuple[Any, ...], Candidate] = {}


class Call(msgspec.Struct):
    """How a function is called: FuncCall's decorations."""

    names: list[str]
    args: list[Term]
    argnames: tuple[str, ...] = ()
    location: int = -1
    star: bool = False
    distinct: bool = False
    variadic: bool = False
    order: Sequence[Any] = ()
    within: bool = False
    filtered: Term | None = None
    over: Any = None
    column: bool = False  # a.b that is no column: may be b(a)
    procedure: bool = False
    nulls: str = ""  # RESPECT NULLS or IGNORE NULLS

    @property
    def plain(self) -> bool:
        """No decoration of an aggregate."""
        return not (
            self.star
            or self.distinct
            or self.order
            or self.filtered is not None
            or self.over is not None
            or self.variadic
        )


def signature(state: State, name: str, args: Sequence[int], argnames: Sequence[str] = ()) -> str:
    """f(integer, b => text), as func_signature_string gives it."""
    parts = []
    first = len(args) - len(argnames)
    for number, oid in enumerate(args):
        prefix = f"{argnames[number - first]} => " if number >= first and argnames else ""
        parts.append(prefix + (shown(state, oid) if oid else "unknown"))
    return f"{name}({', '.join(parts)})"


def call_function(state: State, call: Call) -> Term | None:
    """The term of a call (ParseFuncOrColumn); None for a column notation that is none. Refuses with 42883, 42725,
    42809, 42803, 42P20."""
    name = call.names[-1]
    given = tuple(a.type for a in call.args)
    single_row = (
        len(given) == 1 and not call.argnames and len(call.names) == 1 and call.plain and is_row(state, call.args[0])
    )
    if single_row and call.column:
        found = project(state, call.args[0], name, call.location)
        if found is not None:
            return found
    picked = _resolve(state, call, given)
    if isinstance(picked, Term):
        return picked
    if picked is None:
        if single_row and not call.column:
            found = project(state, call.args[0], name, call.location)
            if found is not None:
                return found
        if call.column:
            return None
        raise _no_function(state, call, given)
    return _finish(state, call, picked, given)


def _resolve(state: State, call: Call, given: tuple[int, ...]) -> Candidate | Term | None:
    """func_get_detail: the candidate, a coercion's term, or None where there is none."""
    schema = call.names[-2] if len(call.names) > 1 else None
    name = call.names[-1]
    spaces = spaces_of(state.ctx, schema, call.location)
    simple = not call.argnames and not call.variadic
    memo = None
    if simple and all(t < FIRST_USER_OID for t in given) and 0 not in given:
        if all(n == 11 or not state.catalog.oids(("routine", n, name)) for n in spaces):
            memo = (state.catalog.builtins.major, 11 in spaces, schema == "information_schema", name, given)
            if memo in _RESOLVED:
                return _RESOLVED[memo]
    among = candidates(
        state.catalog, spaces, name, len(given), call.argnames, variadic=not call.variadic, outputs=call.procedure
    )
    if not among or not any(c.args == given for c in among):
        cast = _as_cast(state, call, given)
        if cast is not None:
            return cast
    picked = _pick(state, call, given, among, spaces)
    if memo is not None and isinstance(picked, Candidate):
        if len(_RESOLVED) > 20_000:
            _RESOLVED.clear()
        _RESOLVED[memo] = picked
    return picked


def _pick(
    state: State, call: Call, given: tuple[int, ...], among: list[Candidate], spaces: Sequence[int]
) -> Candidate | Term | None:
    exact = [c for c in among if c.args == given]
    if exact and 0 not in given:
        picked: Candidate | None = exact[0]
    else:
        fitting = [c for c in among if fits(state.catalog, given, c.args)]
        if not fitting:
            return _doubtful(state, call, spaces)
        picked = fitting[0] if len(fitting) == 1 else _among(state, given, fitting)
        if picked is None:
            if 0 in given or _doubtful(state, call, spaces) is not None:
                return Term("doubt", 0, -1, tuple(call.args), call.names[-1], call.location)
            raise state.ctx.refuse(
                "42725",
                f"function {signature(state, '.'.join(call.names), given, call.argnames)} is not unique",
                call.location,
                object=".".join(call.names),
                kind="function",
                subject=Ambiguous(call.names[-1]),
            )
    if picked is not None and picked.twice:
        raise state.ctx.refuse(
            "42725",
            f"function {signature(state, '.'.join(call.names), given, call.argnames)} is not unique",
            call.location,
            object=".".join(call.names),
            kind="function",
            subject=Ambiguous(call.names[-1]),
        )
    return picked


def _among(state: State, given: tuple[int, ...], fitting: list[Candidate]) -> Candidate | None:
    if 0 not in given:
        return choose(state.catalog, given, fitting)
    first = fitting[0].routine
    same = all(
        c.routine.result == first.result and c.routine.kind == first.kind and c.routine.retset == first.retset
        for c in fitting
    )
    if same and first.result not in POLYMORPHIC and first.result != 2249:
        return Candidate(first, given)
    return None


def _doubtful(state: State, call: Call, spaces: Sequence[int]) -> Term | None:
    """A term of unknown type where the catalog does not tell whether such a function exists."""
    catalog = state.catalog
    if not catalog.taints:
        return None
    name = call.names[-1]
    keys: list[TaintKey] = [("any",)]
    if len(call.names) > 1 and not spaces:
        keys.append(("name", "namespace", 0, call.names[-2]))
    for oid in spaces:
        keys += [("namespace", oid), ("name", "routine", oid, name)]
        keys += [("object", r.oid) for r in routines_in(catalog, oid, name) if r.oid >= FIRST_USER_OID]
    keys += [("object", a.type) for a in call.args if a.type >= FIRST_USER_OID]
    if catalog.taint_of(*keys) is None:
        return None
    return Term("doubt", 0, -1, tuple(call.args), name, call.location)


def _as_cast(state: State, call: Call, given: tuple[int, ...]) -> Term | None:
    """f(x) where f names a type: a cast, if it needs no more than relabelling or the I/O functions (FuncNameAsType)."""
    if len(given) != 1 or call.argnames or not call.plain or call.column:
        return None
    found = None
    for oid in spaces_of(state.ctx, call.names[-2] if len(call.names) > 1 else None):
        found = type_in(state.ctx, oid, call.names[-1])
        if found is not None:
            break
    if found is None or getattr(found, "shell", False) or getattr(found, "relid", 0) or getattr(found, "relation", 0):
        return None
    source, target = given[0], found.oid
    if source != UNKNOWN or call.args[0].op != "const":
        path = pathway(state.catalog, target, source, EXPLICIT) if source else None
        if path is None or path.method not in ("relabel", "io"):
            return None
        if (
            path.method == "io"
            and (source == 2249 or is_row(state, call.args[0]))
            and category(state.catalog, target)[0] == "S"
        ):
            return None
    return coerce_type(state, call.args[0], target, -1, EXPLICIT, call.location)


def _no_function(state: State, call: Call, given: tuple[int, ...]) -> Exception:
    name = call.names[-1]
    schemas = [call.names[-2]] if len(call.names) > 1 else [state.catalog.namespace_name(o) for o in state.ctx.path()]
    event = None
    for schema in schemas:
        event = event or state.catalog.events.get(("routine", schema, name))
    known = {r.name for r in state.catalog.objects(Routine)} if not event else set()
    known.update(state.catalog.builtins.function_names())
    help = "" if name in known else did_you_mean(name, known)
    shown_name = ".".join(call.names)
    word = "procedure" if call.procedure else "function"
    shape = signature(state, shown_name, given, call.argnames)
    return state.ctx.refuse(
        "42883",
        f"{word} {shape} does not exist",
        call.location,
        object=shown_name,
        kind="function",
        event=event,
        help=help,
        subject=MissingRoutine(name, call.names[-2] if len(call.names) > 1 else "", shape),
    )


def _finish(state: State, call: Call, picked: Candidate, given: tuple[int, ...]) -> Term:
    routine = picked.routine
    _check_kind(state, call, routine)
    declared = picked.args
    if len(declared) > len(given):
        declared = declared[: len(given)]
    try:
        real, result = enforce(state.catalog, given, declared, routine.result)
    except Mismatch as mismatch:
        raise state.ctx.refuse("42804", str(mismatch), call.location) from None
    args = tuple(coerce_type(state, a, r, -1, IMPLICIT) if r else a for a, r in zip(call.args, real, strict=False))
    note(state, routine)
    op = {"a": "agg", "w": "win"}.get(routine.kind, "func")
    if routine.kind == "a" and call.over is not None:
        op = "win"
    term = Term(op, result, -1, args, (routine.oid, routine), call.location, _collation(args))
    if routine.kind == "f" and routine.retset:
        from lockgate.timeline.binder.kinds import check_set_returning

        check_set_returning(state, call.location)
        term.retset = True
        state.set_returning = True
    return term


def note(state: State, routine: Routine) -> None:
    """Take note of a function that the query calls."""
    gathered = state.gathered
    gathered.routines.add(routine.oid)
    # what an SQL function may do counts after the planner has inlined it: its declared volatility alone decides nothing
    inlined = isinstance(routine, Routine) and routine.language == "sql" and routine.volatile != "i"
    gathered.worse("" if inlined else routine.volatile)
    if routine.oid >= FIRST_USER_OID:
        gathered.depends.add((routine.oid, 0))
        if state.catalog.taint_of(("object", routine.oid)):
            gathered.worse("")


def _collation(args: Sequence[Term]) -> int:
    found = 0
    for arg in args:
        if arg.coll and (not found or found == 100):
            found = arg.coll
    return found


def _check_kind(state: State, call: Call, routine: Routine) -> None:
    name, ctx, kind = ".".join(call.names), state.ctx, routine.kind
    if kind == "p" and not call.procedure:
        shape = signature(state, name, [a.type for a in call.args], call.argnames)
        raise ctx.refuse(
            "42809",
            f"{shape} is a procedure",
            call.location,
            object=name,
            help="To call a procedure, use CALL.",
            kind="function",
        )
    if call.procedure and kind != "p":
        shape = signature(state, name, [a.type for a in call.args], call.argnames)
        raise ctx.refuse("42809", f"{shape} is not a procedure", call.location, object=name, kind="function")
    if kind in "fp":
        for given, word in (
            (call.star, f"{name}(*) specified, but {name} is not an aggregate function"),
            (call.distinct, f"DISTINCT specified, but {name} is not an aggregate function"),
            (call.within, f"WITHIN GROUP specified, but {name} is not an aggregate function"),
            (bool(call.order), f"ORDER BY specified, but {name} is not an aggregate function"),
            (call.filtered is not None, f"FILTER specified, but {name} is not an aggregate function"),
            (call.over is not None, f"OVER specified, but {name} is not a window function nor an aggregate function"),
        ):
            if given:
                raise ctx.refuse("42809", word, call.location, object=name, kind="function")
    if kind == "w":
        if call.over is None:
            raise ctx.refuse(
                "42809", f"window function {name} requires an OVER clause", call.location, object=name, kind="function"
            )
        if call.within:
            raise ctx.refuse(
                "42809", f"window function {name} cannot have WITHIN GROUP", call.location, object=name, kind="function"
            )
    if kind == "a":
        _check_aggregate(state, call, routine, name)


def _check_aggregate(state: State, call: Call, routine: Routine, name: str) -> None:
    ctx = state.ctx
    if routine.agg_kind in ("o", "h"):
        if not call.within:
            raise ctx.refuse(
                "42809",
                f"WITHIN GROUP is required for ordered-set aggregate {name}",
                call.location,
                object=name,
                kind="function",
            )
        if call.over is not None:
            raise ctx.refuse(
                "0A000", f"OVER is not supported for ordered-set aggregate {name}", call.location, object=name
            )
    elif call.within:
        message = f"{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP"
        raise ctx.refuse("42809", message, call.location, object=name, kind="function")
