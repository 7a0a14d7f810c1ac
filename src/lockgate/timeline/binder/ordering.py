"""Which types can be sorted and grouped (get_sort_group_operators in parse_oper.c, lookup_type_cache)."""

from __future__ import annotations

from functools import cache

from lockgate.catalog.builtin import Builtins, builtins
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import FIRST_USER_OID, Relation
from lockgate.catalog.typename import base_type, element_of, type_of
from lockgate.timeline.binder.coercion import shown
from lockgate.timeline.binder.state import State
from lockgate.timeline.failure import MissingOperator


@cache
def _keyed(major: int, method: str) -> frozenset[int]:
    source: Builtins = builtins(major)
    return frozenset(input_type for _, input_type, default, _ in source.opclasses(method) if default)


def has_operators(catalog: Catalog, oid: int, *, ordering: bool) -> bool:
    """Whether a type has a default ordering (or at least equality)."""
    oid = base_type(catalog, oid)[0]
    if not oid or oid in (705, 2249) or catalog.taints:
        return True
    element = element_of(catalog, oid)
    if element and oid not in (22, 30):
        return has_operators(catalog, element, ordering=ordering)
    found = type_of(catalog, oid)
    if found is None or found.kind in "erm":
        return True
    if found.kind == "c":
        relation = catalog.find(Relation, found.relation)
        return relation is None or all(has_operators(catalog, a.type, ordering=ordering) for a in relation.attributes)
    if oid >= FIRST_USER_OID:
        return True
    major = catalog.builtins.major
    known = _keyed(major, "btree")
    if not ordering:
        known = known | _keyed(major, "hash")
    if oid in known or oid in (1043, 1042, 650):  # binary-coercible ones: varchar, cidr
        return True
    return found.kind == "p" or oid not in _WITHOUT


# what has no default operator class at all: json, xml, the geometric types, ... (the others may get one through a cast)
_WITHOUT = frozenset({114, 142, 600, 601, 602, 603, 604, 628, 718, 4072, 2970, 194, 3361, 3402, 5017, 28, 29})


def check_sortable(state: State, oid: int, location: int) -> None:
    """42883 could not identify an ordering operator."""
    if not has_operators(state.catalog, oid, ordering=True):
        message = f"could not identify an ordering operator for type {shown(state, oid)}"
        raise state.ctx.refuse("42883", message, location, kind="operator", subject=MissingOperator(shown(state, oid)))


def check_groupable(state: State, oid: int, location: int) -> None:
    """42883 could not identify an equality operator."""
    if not has_operators(state.catalog, oid, ordering=False):
        message = f"could not identify an equality operator for type {shown(state, oid)}"
        raise state.ctx.refuse("42883", message, location, kind="operator", subject=MissingOperator(shown(state, oid)))
