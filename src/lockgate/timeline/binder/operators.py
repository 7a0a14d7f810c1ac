"""Operators (src/backend/parser/parse_oper.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import FIRST_USER_OID, PG_CATALOG, Operator, Routine
from lockgate.catalog.typename import base_type, element_of
from lockgate.timeline.binder.candidates import Candidate, choose, fits
from lockgate.timeline.binder.coercion import IMPLICIT, POLYMORPHIC, UNKNOWN, coerce_type, note_function, shown
from lockgate.timeline.binder.names import find_namespace
from lockgate.timeline.binder.polymorphic import Mismatch, enforce
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term
from lockgate.timeline.context import Context
from lockgate.timeline.failure import MissingOperator

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

_BUILTIN: dict[tuple[int, str], tuple[Operator, ...]] = {}
_RESOLVED: dict[tuple[Any, ...], Operator] = {}
_RETSET: dict[int, bool] = {}


def operators_in(catalog: Catalog, namespace: int, name: str) -> tuple[Operator, ...]:
    """Every overload of an operator in a schema, built-in ones included."""
    users = tuple(catalog.the(Operator, oid) for oid in catalog.oids(("operator", namespace, name)))
    if namespace != PG_CATALOG:
        return users
    key = (catalog.builtins.major, name)
    found = _BUILTIN.get(key)
    if found is None:
        rows = catalog.builtins.operators(name)
        found = _BUILTIN[key] = tuple(
            Operator(r.oid, r.name, PG_CATALOG, 10, r.left, r.right, r.result, r.function) for r in rows
        )
    return found + users if users else found


def _all(ctx: Context, schema: str | None, name: str, prefix: bool) -> list[Operator]:
    """Overloads that the search path shows, the earlier schema's first."""
    if schema is not None:
        space = find_namespace(ctx, schema, None)
        spaces: Sequence[int] = (space.oid,) if space else ()
    else:
        spaces = [oid for oid in ctx.path() if oid != ctx.session.temp_namespace]
    found: dict[tuple[int, int], Operator] = {}
    for namespace in spaces:
        for one in operators_in(ctx.catalog, namespace, name):
            if bool(one.left) != prefix:
                found.setdefault((one.left, one.right), one)
    return list(found.values())


def resolve_operator(ctx: Context, names: Sequence[str], left: int, right: int) -> Operator | None:
    """oper() or, with ``left`` -1, left_oper(): the operator, or None where none or no single one fits. Types may be
    UNKNOWN."""
    catalog = ctx.catalog
    name, schema = names[-1], names[-2] if len(names) > 1 else None
    memo = None
    if left < FIRST_USER_OID and right < FIRST_USER_OID and (schema is None or schema == "pg_catalog"):
        if not any(catalog.oids(("operator", n, name)) for n in ctx.path()):
            memo = (catalog.builtins.major, name, left, right)
            if memo in _RESOLVED:
                return _RESOLVED[memo]
    among = _all(ctx, schema, name, left == -1)
    found = _exact(catalog, among, left, right) or _best(catalog, among, left, right)
    if memo is not None and found is not None:
        _RESOLVED[memo] = found
    return found


def _exact(catalog: Catalog, among: list[Operator], left: int, right: int) -> Operator | None:
    """OpernameGetOprid and binary_oper_exact."""
    if left == -1:
        return next((o for o in among if o.right == right), None) if right != UNKNOWN else None
    was_unknown = False
    if left == UNKNOWN and right not in (0, UNKNOWN):
        left, was_unknown = right, True
    elif right == UNKNOWN and left not in (0, UNKNOWN):
        right, was_unknown = left, True
    found = next((o for o in among if o.left == left and o.right == right), None)
    if found is None and was_unknown:
        base = base_type(catalog, left)[0]
        if base != left:
            found = next((o for o in among if o.left == base and o.right == base), None)
    return found


def _best(catalog: Catalog, among: list[Operator], left: int, right: int) -> Operator | None:
    given = (right,) if left == -1 else (left, right)
    options = []
    for one in among:
        args = (one.right,) if left == -1 else (one.left, one.right)
        options.append(Candidate(Routine(one.oid, one.name, 0, 0, "f", "", args, one.result), args))
    fitting = [c for c in options if fits(catalog, given, c.args)]
    if not fitting:
        return None
    picked = fitting[0] if len(fitting) == 1 else choose(catalog, given, fitting)
    return next((o for o in among if picked is not None and o.oid == picked.routine.oid), None)


def signature(state: State, names: Sequence[str], left: int, right: int) -> str:
    """integer = text, as op_signature_string gives it."""
    start = f"{shown(state, left)} " if left != -1 else ""
    return f"{start}{'.'.join(names)} {shown(state, right)}"


def no_operator(state: State, names: Sequence[str], left: int, right: int, location: int) -> Exception | None:
    """42883 or 42725 (op_error); None where the catalog does not tell whether there is one."""
    catalog = state.catalog
    keys: list[TaintKey] = [("any",)]
    for oid in state.ctx.path():
        keys += [("namespace", oid), ("name", "operator", oid, names[-1])]
    keys += [("object", t) for t in (left, right) if t >= FIRST_USER_OID]
    if catalog.taint_of(*keys) is not None:
        return None
    among = _all(state.ctx, names[-2] if len(names) > 1 else None, names[-1], left == -1)
    given = (right,) if left == -1 else (left, right)
    several = any(fits(catalog, given, (o.right,) if left == -1 else (o.left, o.right)) for o in among)
    shape = signature(state, names, left, right)
    if several:
        return state.ctx.refuse(
            "42725", f"operator is not unique: {shape}", location, object=names[-1], kind="operator"
        )
    return state.ctx.refuse(
        "42883",
        f"operator does not exist: {shape}",
        location,
        object=names[-1],
        kind="operator",
        subject=MissingOperator(shape),
    )


def make_op(state: State, names: Sequence[str], left: Term | None, right: Term, location: int) -> Term:
    """The term of an operator applied (make_op). Refuses with 42883, 42725."""
    left_type = left.type if left is not None else -1
    terms = (right,) if left is None else (left, right)
    if not left_type or not right.type:
        return Term("doubt", _doubtful_result(state, names, left_type, right.type), -1, terms, names[-1], location)
    operator = resolve_operator(state.ctx, names, left_type, right.type)
    if operator is None:
        problem = no_operator(state, names, left_type, right.type, location)
        if problem is None:
            return Term("doubt", 0, -1, terms, names[-1], location)
        raise problem
    declared = (operator.right,) if left is None else (operator.left, operator.right)
    given = tuple(t.type for t in terms)
    try:
        real, result = enforce(state.catalog, given, declared, operator.result)
    except Mismatch as mismatch:
        raise state.ctx.refuse("42804", str(mismatch), location) from None
    args = tuple(coerce_type(state, a, r, -1, IMPLICIT) if r else a for a, r in zip(terms, real, strict=True))
    note_operator(state, operator)
    coll = next((a.coll for a in args if a.coll), 0)
    term = Term("op", result, -1, args, operator.oid, location, coll)
    if _returns_set(state, operator):
        term.retset = True
    return term


def _doubtful_result(state: State, names: Sequence[str], left: int, right: int) -> int:
    """The result type that all overloads share, where an operand's type is not known."""
    among = _all(state.ctx, names[-2] if len(names) > 1 else None, names[-1], left == -1)
    results = {o.result for o in among}
    if len(results) == 1 and (only := next(iter(results))) not in POLYMORPHIC:
        return only
    return 0


def _returns_set(state: State, operator: Operator) -> bool:
    if operator.function < FIRST_USER_OID:
        return False
    found = state.catalog.find(Routine, operator.function)
    return bool(found and found.retset)


def note_operator(state: State, operator: Operator) -> None:
    """Take note of an operator that the query uses."""
    if operator.oid >= FIRST_USER_OID:
        state.gathered.depends.add((operator.oid, 0))
    if operator.function:
        saved = state.gathered.depends
        state.gathered.depends = set()
        note_function(state, operator.function)  # a view depends on the operator, not on its function
        state.gathered.depends = saved


def make_array_op(state: State, names: Sequence[str], every: bool, left: Term, right: Term, location: int) -> Term:
    """x = ANY (array) (make_scalar_array_op). Refuses with 42809, 42883."""
    ctx = state.ctx
    if not left.type or not right.type:
        return Term("doubt", 16, -1, (left, right), names[-1], location)
    if right.type == UNKNOWN:
        element = UNKNOWN
    else:
        element = element_of(state.catalog, base_type(state.catalog, right.type)[0])
        if not element:
            raise ctx.refuse("42809", "op ANY/ALL (array) requires array on right side", location)
    operator = resolve_operator(ctx, names, left.type, element)
    if operator is None:
        problem = no_operator(state, names, left.type, element, location)
        if problem is None:
            return Term("doubt", 16, -1, (left, right), names[-1], location)
        raise problem
    try:
        real, result = enforce(state.catalog, (left.type, element), (operator.left, operator.right), operator.result)
    except Mismatch as mismatch:
        raise ctx.refuse("42804", str(mismatch), location) from None
    if result != 16:
        raise ctx.refuse("42809", "op ANY/ALL (array) requires operator to yield boolean", location)
    from lockgate.catalog.typename import array_of

    target = array_of(state.catalog, real[1]) if real[1] not in POLYMORPHIC else real[1]
    args = (
        coerce_type(state, left, real[0], -1, IMPLICIT),
        coerce_type(state, right, target, -1, IMPLICIT) if target else right,
    )
    note_operator(state, operator)
    return Term("op", 16, -1, args, (operator.oid, every), location)
