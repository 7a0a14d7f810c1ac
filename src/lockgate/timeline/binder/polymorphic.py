"""Polymorphic types: what anyelement, anycompatible and their kin become in a call (enforce_generic_type_consistency in
parse_coerce.c)."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.typename import array_of, base_type, element_of, type_name, type_of
from lockgate.timeline.binder.coercion import IMPLICIT, POLYMORPHIC, UNKNOWN, can_coerce, category

ANYELEMENT, ANYARRAY, ANYNONARRAY, ANYENUM, ANYRANGE, ANYMULTIRANGE = 2283, 2277, 2776, 3500, 3831, 4537
COMPATIBLE, COMPATIBLEARRAY, COMPATIBLENONARRAY, COMPATIBLERANGE, COMPATIBLEMULTIRANGE = 5077, 5078, 5079, 5080, 4538
_ARRAYS = {ANYELEMENT: ANYARRAY, COMPATIBLE: COMPATIBLEARRAY}
DOUBT = 0


class Mismatch(Exception):
    """The arguments do not go together: 42804 with this message."""


def consistent(catalog: Catalog, given: Sequence[int], declared: Sequence[int]) -> bool:
    """check_generic_type_consistency."""
    if any(not g for g in given):
        return True
    try:
        Resolver(catalog, given, declared)
    except Mismatch:
        return False
    return True


def enforce(
    catalog: Catalog, given: Sequence[int], declared: Sequence[int], result: int
) -> tuple[tuple[int, ...], int]:
    """The real argument types and result type of a call. Raises Mismatch (42804)."""
    if not any(d in POLYMORPHIC for d in declared):
        return tuple(declared), result
    if any(not g and d in POLYMORPHIC for g, d in zip(given, declared, strict=False)):
        return tuple(DOUBT if d in POLYMORPHIC else d for d in declared), DOUBT if result in POLYMORPHIC else result
    resolver = Resolver(catalog, given, declared)
    args = tuple(resolver.real(d, g) if d in POLYMORPHIC else d for d, g in zip(declared, given, strict=False))
    return args, resolver.real(result, UNKNOWN, result=True) if result in POLYMORPHIC else result


class Resolver:
    """The two families of one call."""

    def __init__(self, catalog: Catalog, given: Sequence[int], declared: Sequence[int]) -> None:
        self.catalog = catalog
        self.element = self.array = self.range = self.multirange = 0
        self.compatible = self.compatible_range = self.compatible_multirange = 0
        self.unknowns = self.unknown_compatible = False
        family: list[tuple[int, int]] = []
        second: list[tuple[int, int]] = []
        for given_type, declared_type in zip(given, declared, strict=False):
            if declared_type in (ANYELEMENT, ANYARRAY, ANYNONARRAY, ANYENUM, ANYRANGE, ANYMULTIRANGE):
                family.append((given_type, declared_type))
            elif declared_type in POLYMORPHIC:
                second.append((given_type, declared_type))
        if family:
            self._first(family)
        if second:
            self._second(second)

    def _base(self, oid: int) -> int:
        return base_type(self.catalog, oid)[0]

    def _name(self, oid: int) -> str:
        return type_name(self.catalog, oid)

    def _alike(self, field: str, value: int, word: str) -> None:
        old = getattr(self, field)
        if old and old != value:
            raise Mismatch(f'arguments declared "{word}" are not all alike')
        setattr(self, field, value)

    def _first(self, pairs: list[tuple[int, int]]) -> None:
        declared = {d for _, d in pairs}
        for given, kind in pairs:
            if given == UNKNOWN:
                self.unknowns = True
            elif kind in (ANYELEMENT, ANYNONARRAY, ANYENUM):
                self._alike("element", given, "anyelement")
            elif kind == ANYARRAY:
                self._alike("array", self._base(given), "anyarray")
            elif kind == ANYRANGE:
                self._alike("range", self._base(given), "anyrange")
            else:
                self._alike("multirange", self._base(given), "anymultirange")
        self._from_array()
        self._from_range()
        if self.element:
            if ANYNONARRAY in declared and element_of(self.catalog, self._base(self.element)):
                raise Mismatch(f"type matched to anynonarray is an array type: {self._name(self.element)}")
            found = type_of(self.catalog, self._base(self.element))
            if ANYENUM in declared and (found is None or found.kind != "e"):
                raise Mismatch(f"type matched to anyenum is not an enum type: {self._name(self.element)}")

    def _from_array(self) -> None:
        if not self.array:
            return
        if self.array == ANYARRAY:
            self.element = self.element or ANYELEMENT
            return
        element = element_of(self.catalog, self.array)
        if not element:
            raise Mismatch(f"argument declared anyarray is not an array but type {self._name(self.array)}")
        if not self.element:
            self.element = element
        elif self.element != element:
            raise Mismatch("argument declared anyarray is not consistent with argument declared anyelement")

    def _from_range(self) -> None:
        if self.multirange:
            owner = self._range_of(self.multirange)
            if not owner:
                raise Mismatch(
                    f"argument declared anymultirange is not a multirange type but type {self._name(self.multirange)}"
                )
            if self.range and self.range != owner:
                raise Mismatch("argument declared anymultirange is not consistent with argument declared anyrange")
            self.range = owner
        if self.range:
            found = type_of(self.catalog, self.range)
            if found is None or found.kind != "r":
                raise Mismatch(f"argument declared anyrange is not a range type but type {self._name(self.range)}")
            if self.element and self.element != found.subtype:
                raise Mismatch("argument declared anyrange is not consistent with argument declared anyelement")
            self.element = found.subtype

    def _range_of(self, multirange: int) -> int:
        found = type_of(self.catalog, multirange)
        if found is None or found.kind != "m":
            return 0
        return range_of(self.catalog, multirange)

    def _second(self, pairs: list[tuple[int, int]]) -> None:
        types: list[int] = []
        for given, kind in pairs:
            if given == UNKNOWN:
                self.unknown_compatible = True
            elif kind in (COMPATIBLE, COMPATIBLENONARRAY):
                types.append(given)
            elif kind == COMPATIBLEARRAY:
                element = COMPATIBLE if given == COMPATIBLEARRAY else element_of(self.catalog, self._base(given))
                if not element:
                    raise Mismatch(f"argument declared anycompatiblearray is not an array but type {self._name(given)}")
                types.append(element)
            elif kind == COMPATIBLERANGE:
                self._alike("compatible_range", self._base(given), "anycompatiblerange")
            else:
                self._alike("compatible_multirange", self._base(given), "anycompatiblemultirange")
        if self.compatible_multirange:
            self.compatible_range = self.compatible_range or self._range_of(self.compatible_multirange)
        if self.compatible_range:
            found = type_of(self.catalog, self.compatible_range)
            if found is None or found.kind != "r":
                raise Mismatch(
                    f"argument declared anycompatiblerange is not a range type but type {self._name(self.compatible_range)}"
                )
            types.append(found.subtype)
        if types:
            self.compatible = self._common(types)
        elif self.unknown_compatible:
            self.compatible = 25
        if (
            self.compatible_range
            and (r := type_of(self.catalog, self.compatible_range)) is not None
            and r.subtype != self.compatible
        ):
            raise Mismatch("anycompatiblerange type does not match anycompatible type")

    def _common(self, types: list[int]) -> int:
        chosen = types[0]
        if all(t == chosen for t in types):
            return chosen
        chosen = self._base(chosen)
        kind, preferred = category(self.catalog, chosen)
        for one in map(self._base, types[1:]):
            if one == chosen:
                continue
            one_kind, one_preferred = category(self.catalog, one)
            if one_kind != kind:
                raise Mismatch(
                    f"arguments of anycompatible family cannot be cast to a common type: {self._name(chosen)}, {self._name(one)}"
                )
            if (
                not preferred
                and can_coerce(self.catalog, chosen, one, IMPLICIT)
                and not can_coerce(self.catalog, one, chosen, IMPLICIT)
            ):
                chosen, kind, preferred = one, one_kind, one_preferred
        if not all(can_coerce(self.catalog, t, chosen, IMPLICIT) for t in types):
            raise Mismatch("arguments of anycompatible family cannot be cast to a common type")
        return chosen

    def real(self, declared: int, given: int, *, result: bool = False) -> int:
        """What a polymorphic type stands for in this call."""
        if (
            not result
            and given == UNKNOWN
            and declared not in (COMPATIBLE, COMPATIBLENONARRAY, COMPATIBLEARRAY)
            and not self.element
        ):
            return declared
        if declared in (ANYELEMENT, ANYNONARRAY, ANYENUM):
            return self._known(self.element)
        if declared == ANYARRAY:
            return self.array or self._known(self._array(self.element))
        if declared == ANYRANGE:
            return self._known(self.range)
        if declared == ANYMULTIRANGE:
            return self.multirange or self._known(self._multi(self.range))
        if declared in (COMPATIBLE, COMPATIBLENONARRAY):
            return self._known(self.compatible)
        if declared == COMPATIBLEARRAY:
            return self._known(self._array(self.compatible))
        if declared == COMPATIBLERANGE:
            return self._known(self.compatible_range)
        return self.compatible_multirange or self._known(self._multi(self.compatible_range))

    def _array(self, element: int) -> int:
        # an aggregate's own polymorphic types stand for themselves (allow_poly)
        return _ARRAYS.get(element) or array_of(self.catalog, self._known(element))

    def _multi(self, oid: int) -> int:
        found = type_of(self.catalog, oid)
        return found.multirange if found is not None else 0

    def _known(self, oid: int) -> int:
        if not oid:
            raise Mismatch("could not determine polymorphic type because input has type unknown")
        return oid


def range_of(catalog: Catalog, multirange: int) -> int:
    """The range type of a multirange."""
    found = type_of(catalog, multirange)
    if found is None:
        return 0
    if found.subtype and (inner := type_of(catalog, found.subtype)) is not None and inner.kind == "r":
        return found.subtype
    if multirange < 16384:
        for candidate in (3904, 3906, 3908, 3910, 3912, 3926):
            one = type_of(catalog, candidate)
            if one is not None and one.multirange == multirange:
                return candidate
        return 0
    from lockgate.catalog.objects import Type

    return next((t.oid for t in catalog.objects(Type) if t.multirange == multirange), 0)
