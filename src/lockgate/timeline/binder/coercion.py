"""Coercion: what converts to what, and how (src/backend/parser/parse_coerce.c)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import FIRST_USER_OID, Cast, Constraint, Relation, Routine, Type
from lockgate.catalog.typename import base_type, element_of, type_name, type_of
from lockgate.timeline.binder.literals import check_literal
from lockgate.timeline.binder.state import State
from lockgate.timeline.binder.term import Term

IMPLICIT, ASSIGNMENT, PLPGSQL, EXPLICIT = 0, 1, 2, 3
CONTEXTS = {"implicit": IMPLICIT, "assignment": ASSIGNMENT, "plpgsql": PLPGSQL, "explicit": EXPLICIT}
_CODE = {"i": IMPLICIT, "a": ASSIGNMENT, "e": EXPLICIT}
UNKNOWN, TEXT, RECORD, RECORDARRAY, ANY, CSTRING, INTERVAL = 705, 25, 2249, 2287, 2276, 2275, 1186
FAMILY_1 = frozenset(
    {2283, 2277, 2776, 3500, 3831, 4537}
)  # anyelement anyarray anynonarray anyenum anyrange anymultirange
FAMILY_2 = frozenset({5077, 5078, 5079, 5080, 4538})  # anycompatible...
POLYMORPHIC = FAMILY_1 | FAMILY_2


class Path(msgspec.Struct, frozen=True):
    """How a value is converted: "relabel", "func", "io", "array"."""

    method: str
    function: int = 0


def category(catalog: Catalog, oid: int) -> tuple[str, bool]:
    """typcategory and typispreferred."""
    found = type_of(catalog, oid)
    return (found.category, found.preferred) if found is not None else ("X", False)


def find_cast(catalog: Catalog, source: int, target: int) -> tuple[str, str, int] | None:
    """A row of pg_cast: context, method, function."""
    if source < FIRST_USER_OID and target < FIRST_USER_OID:
        row = catalog.builtins.cast(source, target)
        if row is not None:
            return row.context, row.method, row.function
    for oid in catalog.oids(("cast", source, target)):
        cast = catalog.the(Cast, oid)
        return cast.context, cast.method, cast.function
    return None


def is_complex(catalog: Catalog, oid: int) -> bool:
    """Whether a type is composite (ISCOMPLEX: typeOrDomainTypeRelid)."""
    found = type_of(catalog, base_type(catalog, oid)[0])
    return found is not None and found.kind == "c"


def pathway(catalog: Catalog, target: int, source: int, context: int) -> Path | None:
    """find_coercion_pathway."""
    source, target = base_type(catalog, source)[0], base_type(catalog, target)[0]
    if source == target:
        return Path("relabel")
    cast = find_cast(catalog, source, target)
    if cast is not None:
        if context < _CODE[cast[0]]:
            return None
        return Path("func", cast[2]) if cast[1] == "f" else Path("io" if cast[1] == "i" else "relabel")
    if target not in (30, 22):
        target_element, source_element = element_of(catalog, target), element_of(catalog, source)
        if target_element and source_element:
            found = pathway(catalog, target_element, source_element, context)
            if found is not None:
                return Path("io") if found.method == "io" else Path("array", found.function)
    if (context >= ASSIGNMENT and category(catalog, target)[0] == "S") or (
        context >= EXPLICIT and category(catalog, source)[0] == "S"
    ):
        return Path("io")
    return Path("io") if context == PLPGSQL else None


def inherits_from(catalog: Catalog, sub: int, base: int) -> bool:
    """Whether a row type's table inherits from another's (typeInheritsFrom), or is of that type
    (typeIsOfTypedTable)."""
    sub_type, base_found = type_of(catalog, base_type(catalog, sub)[0]), type_of(catalog, base)
    if sub_type is None or base_found is None or not sub_type.relation or not base_found.relation:
        return False
    relation = catalog.find(Relation, sub_type.relation)
    if relation is not None and relation.of_type and relation.of_type == base:
        return True
    seen, stack = set(), [sub_type.relation]
    while stack:
        oid = stack.pop()
        if oid == base_found.relation:
            return True
        found = catalog.find(Relation, oid)
        if found is not None and oid not in seen:
            seen.add(oid)
            stack.extend(found.parents)
    return False


def can_coerce(catalog: Catalog, source: int, target: int, context: int) -> bool:
    """can_coerce_type for one type, polymorphic ones aside; True too where that is in doubt."""
    return known_to_coerce(catalog, source, target, context) or doubtful(catalog, source) or doubtful(catalog, target)


def known_to_coerce(catalog: Catalog, source: int, target: int, context: int) -> bool:
    """can_coerce_type by the casts that we know."""
    if source == target or not source or not target or target == ANY or source == UNKNOWN or target in POLYMORPHIC:
        return True
    if pathway(catalog, target, source, context) is not None:
        return True
    if source == RECORD and is_complex(catalog, target):
        return True
    if target == RECORD and is_complex(catalog, source):
        return True
    if target == RECORDARRAY and is_complex(catalog, element_of(catalog, source)):
        return True
    return inherits_from(catalog, source, target)


def doubtful(catalog: Catalog, oid: int) -> bool:
    """Whether a type's casts may be others than those we know."""
    return bool(catalog.taints) and oid >= FIRST_USER_OID and catalog.taint_of(("object", oid), ("any",)) is not None


# --- making coercions -------------------------------------------------------------------------------------------------


def coerce_type(state: State, term: Term, target: int, typmod: int, context: int, location: int = -1) -> Term:
    """Convert a term that can_coerce said can be converted (coerce_type)."""
    source = term.type
    if source == target or not target:
        return term
    if target == ANY or target in POLYMORPHIC:
        return term
    if not source:
        return Term("doubt", target, -1, (term,), None, term.loc)
    _note_domain(state, target)
    if source == UNKNOWN and term.op == "const":
        return _literal(state, term, target, typmod)
    if target >= FIRST_USER_OID:
        state.gathered.depends.add((target, 0))
    if source == UNKNOWN:
        _note_io(state, source, target)
        return Term("io", target, -1, (term,), None, term.loc)
    if term.op == "collate":
        inner = coerce_type(state, term.args[0], target, typmod, context, location)
        return Term("collate", inner.type, inner.typmod, (inner,), term.data, term.loc, term.coll)
    path = pathway(state.catalog, target, source, context)
    if path is None:
        return Term("rowcast", target, -1, (term,), None, term.loc)
    if path.function:
        note_function(state, path.function)
    if path.method == "io":
        _note_io(state, source, target)
    return Term(
        {"relabel": "relabel", "func": "cast", "io": "io", "array": "arraycast"}[path.method],
        target,
        -1,
        (term,),
        None,
        term.loc,
        term.coll,
    )


# aclitem, money, date, timestamp, timestamptz, interval, and the reg* types: their text depends on settings or on the
# catalog
_STABLE_TEXT = frozenset(
    {1033, 790, 1082, 1114, 1184, 1186, 24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191}
)
_STABLE_INPUT = _STABLE_TEXT | {1083, 1266, 142}  # time, timetz, xml


def _note_io(state: State, source: int, target: int) -> None:
    """CoerceViaIO calls the source's output and the target's input function; those of arrays, rows, enums and ranges
    are stable, too."""
    for oid, stable in ((source, _STABLE_TEXT), (target, _STABLE_INPUT)):
        base = base_type(state.catalog, oid)[0]
        found = type_of(state.catalog, base)
        if base in stable or (
            found is not None and (found.kind in "cerm" or (found.category == "A" and element_of(state.catalog, base)))
        ):
            state.gathered.worse("s")


def _note_domain(state: State, oid: int) -> None:
    """The functions of a domain's constraints are initialised with the expression that converts to it
    (ExecInitCoerceToDomain)."""
    found = state.catalog.find(Type, oid)
    while found is not None and found.kind == "d":
        for edge in state.catalog.dependents(found.oid):
            constraint = state.catalog.find(Constraint, edge.dependent[0])
            if constraint is not None and constraint.type == found.oid:
                depends = (e.referenced[0] for e in state.catalog.dependencies(constraint.oid))
                state.gathered.routines.update(o for o in depends if state.catalog.find(Routine, o) is not None)
        found = state.catalog.find(Type, found.base)


def _literal(state: State, term: Term, target: int, typmod: int) -> Term:
    base, base_typmod = base_type(state.catalog, target, typmod)
    if target >= FIRST_USER_OID:
        state.gathered.depends.add((target, 0))
        if base >= FIRST_USER_OID:
            state.gathered.depends.add((base, 0))
    value = term.data
    if value is not None:
        registered = check_literal(state, value, base, term.loc)
        if registered >= FIRST_USER_OID:
            state.gathered.depends.add((registered, 0))
        if base not in (16, 17, 18, 19, 20, 21, 23, 25, 26, 1042, 1043, 1700, 700, 701, 2950, 114, 3802, 1560, 1562):
            state.gathered.worse("s" if base in (1082, 1083, 1114, 1184, 1266) and _relative(value) else "i")
    out = Term("const", target, base_typmod if base == INTERVAL and target == base else -1, (), value, term.loc)
    return out


def _relative(value: str) -> bool:
    return False  # literals are read at parse time: a constant, however it was spelled


def note_function(state: State, oid: int) -> None:
    """A function that a cast or operator calls: its volatility counts, and views depend on it."""
    gathered = state.gathered
    gathered.routines.add(oid)
    if oid >= FIRST_USER_OID:
        gathered.depends.add((oid, 0))
        from lockgate.catalog.objects import Routine

        found = state.catalog.find(Routine, oid)
        gathered.worse(found.volatile if found else "")
    else:
        row = state.catalog.builtins.function_by_oid(oid)
        if row is not None:
            gathered.worse(row.volatile)


def coerce_to_target(state: State, term: Term, target: int, typmod: int, context: int) -> Term | None:
    """coerce_to_target_type: None where there is no way."""
    if not can_coerce(state.catalog, term.type, target, context):
        return None
    if not target:
        return Term("doubt", 0, -1, (term,), None, term.loc)
    result = coerce_type(state, term, target, typmod, context)
    return with_typmod(result, target, typmod)


def with_typmod(term: Term, target: int, typmod: int) -> Term:
    """coerce_type_typmod: expose exactly the typmod wanted."""
    if term.typmod == typmod or not term.type:
        return term
    if term.op == "const" and typmod == -1:
        term.typmod = -1
        return term
    return Term("length" if typmod >= 0 else "relabel", target, typmod, (term,), typmod, term.loc, term.coll)


def coerce_to_boolean(state: State, term: Term, construct: str) -> Term:
    """42804 argument of WHERE must be type boolean, not type integer."""
    if term.type != 16:
        out = coerce_to_target(state, term, 16, -1, ASSIGNMENT)
        if out is None:
            raise state.ctx.refuse(
                "42804", f"argument of {construct} must be type boolean, not type {shown(state, term.type)}", term.loc
            )
        term = out
    no_set(state, term, construct)
    return term


def no_set(state: State, term: Term, construct: str) -> None:
    """42804 argument of LIMIT must not return a set."""
    from lockgate.timeline.binder.term import returns_set

    if returns_set(term):
        raise state.ctx.refuse("42804", f"argument of {construct} must not return a set", term.loc)


def coerce_specific(state: State, term: Term, target: int, typmod: int, construct: str) -> Term:
    """coerce_to_specific_type_typmod."""
    if term.type != target:
        out = coerce_to_target(state, term, target, typmod, ASSIGNMENT)
        if out is None:
            message = f"argument of {construct} must be type {shown(state, target)}, not type {shown(state, term.type)}"
            raise state.ctx.refuse("42804", message, term.loc)
        term = out
    no_set(state, term, construct)
    return term


def shown(state: State, oid: int) -> str:
    """A type in a message (format_type_be)."""
    return type_name(state.catalog, oid, None, state.ctx.path())


# --- common types -----------------------------------------------------------------------------------------------------


def common_type(state: State, terms: Sequence[Term], construct: str | None) -> int:
    """select_common_type; with ``construct`` None, 0 is returned where it would refuse. 0 too where a type is not
    known."""
    first = terms[0].type
    if any(not t.type for t in terms):
        return 0
    if first != UNKNOWN and all(t.type == first for t in terms):
        return first
    catalog = state.catalog
    chosen = base_type(catalog, first)[0]
    kind, preferred = category(catalog, chosen)
    for term in terms[1:]:
        one = base_type(catalog, term.type)[0]
        if one in (UNKNOWN, chosen):
            continue
        one_kind, one_preferred = category(catalog, one)
        if chosen == UNKNOWN:
            chosen, kind, preferred = one, one_kind, one_preferred
        elif one_kind != kind:
            if construct is None or doubtful(catalog, one) or doubtful(catalog, chosen):
                return 0
            message = f"{construct} types {shown(state, chosen)} and {shown(state, one)} cannot be matched"
            raise state.ctx.refuse("42804", message, term.loc)
        elif (
            not preferred
            and known_to_coerce(catalog, chosen, one, IMPLICIT)
            and not known_to_coerce(catalog, one, chosen, IMPLICIT)
        ):
            chosen, kind, preferred = one, one_kind, one_preferred
    return TEXT if chosen == UNKNOWN else chosen


def common_typmod(terms: Sequence[Term], target: int) -> int:
    """select_common_typmod: the typmod of all, if they agree."""
    typmod = -1
    for number, term in enumerate(terms):
        if term.type != target or (number and term.typmod != typmod):
            return -1
        typmod = term.typmod
    return typmod


def to_common(state: State, term: Term, target: int, construct: str) -> Term:
    """coerce_to_common_type: 42846."""
    if term.type == target or not target:
        return term
    if not can_coerce(state.catalog, term.type, target, IMPLICIT):
        raise state.ctx.refuse(
            "42846", f"{construct} could not convert type {shown(state, term.type)} to {shown(state, target)}", term.loc
        )
    return coerce_type(state, term, target, -1, IMPLICIT)
