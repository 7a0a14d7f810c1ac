"""New objects whose owner is not the one whose objects stand around them: what others may do with those, they may not
with these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from lockgate.catalog import acl
from lockgate.catalog.catalog import Catalog, Place
from lockgate.catalog.objects import Namespace, Relation, Role
from lockgate.timeline.privileges import remedy
from lockgate.timeline.privileges.may import items_of, kind_of
from lockgate.timeline.step import Step


class Stranger(msgspec.Struct, frozen=True):
    """A new object of one role beside those of another. ``missing``: what a third role lacks on it, and has on
    those."""

    step: Step
    object: str
    place: Place
    owner: str
    other: str  # the role whose objects stand around it
    missing: tuple[str, ...]  # "SELECT for reader"
    sql: tuple[str, ...]


def strangers(steps: Sequence[Step]) -> Iterator[Stranger]:
    """The tables, views and sequences that a migration made, and whom they leave out."""
    first, after = steps[0].before, steps[-1].after
    for step in steps:
        if not step.session.known:
            continue
        for change in step.changes:
            new = (
                after.find(Relation, change.after.oid)
                if change.before is None and isinstance(change.after, Relation)
                else None
            )
            if new is None or new.kind not in "rpvmfS" or new.persistence == "t" or new.extension or new.is_partition:
                continue
            if after.taint_of(("any",), ("privileges",), ("object", new.oid), ("namespace", new.namespace)) is None:
                yield from _of(step, first, after, new)


def _of(step: Step, first: Catalog, after: Catalog, new: Relation) -> Iterator[Stranger]:
    around = _around(first, new)
    others = {r.owner for r in around}
    place = after.places.get((new.oid, 0))
    if place is None or not others or new.owner in others:
        others = set()
    expected, whose = _by_default(after, new)
    if len(around) > 1 and others:
        for grantee, letters in _common(after, around).items():
            if grantee not in expected:
                expected[grantee], whose = letters, whose or min(others)
    missing = {
        g: lack for g, letters in expected.items() if g not in others and (lack := _lacking(after, new, g, letters))
    }
    if missing and place is not None and whose:
        words = tuple(f"{_names(letters)} for {_who(after, g)}" for g, letters in missing.items())
        sql = tuple(remedy.grant(after, new, _names(letters), g) for g, letters in missing.items())
        yield Stranger(
            step, after.qualified(new), place, after.role_name(new.owner), after.role_name(whose), words, sql
        )


def _around(first: Catalog, new: Relation) -> list[Relation]:
    """What the schema held of the kind before the migration."""
    kinds = "rp" if new.kind in "rp" else new.kind
    found = first.in_namespace(new.namespace) if first.find(Namespace, new.namespace) is not None else []
    return [r for r in found if isinstance(r, Relation) and r.kind in kinds and not r.extension]


def _by_default(catalog: Catalog, new: Relation) -> tuple[dict[int, str], int]:
    """What ALTER DEFAULT PRIVILEGES of other roles would have granted; they hold for the objects of those roles
    only."""
    expected: dict[int, str] = {}
    whose = 0
    for (role, space, kind), items in catalog.default_acls.items():
        if role == new.owner or kind != kind_of(new) or space not in (0, new.namespace):
            continue
        for grantee, letters, _, _ in items:
            if grantee not in (role, new.owner):
                expected[grantee], whose = acl.canonical(expected.get(grantee, "") + letters), role
    return expected, whose


def _common(catalog: Catalog, around: list[Relation]) -> dict[int, str]:
    """What every one of them grants to the same role."""
    each = []
    for relation in around:
        held: dict[int, str] = {}
        for grantee, letters, _, _ in items_of(catalog, relation):
            if grantee != relation.owner:
                held[grantee] = held.get(grantee, "") + letters
        each.append(held)
    return {
        g: letters for g in each[0] if (letters := acl.canonical(set.intersection(*(set(h.get(g, "")) for h in each))))
    }


def _lacking(catalog: Catalog, new: Relation, role: int, letters: str) -> str:
    if role and (acl.has_privileges_of(catalog, role, new.owner) or catalog.find(Role, role) is None):
        return ""
    held = (
        acl.held(catalog, role, items_of(catalog, new))
        if role
        else "".join(i[1] for i in items_of(catalog, new) if not i[0])
    )
    return acl.canonical(set(letters) - set(held))


def _names(letters: str) -> str:
    return ", ".join(acl.NAMES[letter] for letter in letters)


def _who(catalog: Catalog, role: int) -> str:
    return catalog.role_name(role) if role else "PUBLIC"
