"""From what a statement touched to its effects: what its transaction holds by then, and how old each relation is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from msgspec.structs import replace

from lockgate.base.effects import Age, Effect, Lock, Work
from lockgate.base.sql import quote_identifier
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Relation
from lockgate.timeline.hazards.touches import Touches, kind_of
from lockgate.timeline.transaction import TransactionState

Oids = Sequence[tuple[int, int]]  # stretches of oids: first, and the one after the last


def effects_of(
    touches: Touches, state: TransactionState, before: Catalog, after: Catalog, release: Oids, *, exact: bool
) -> tuple[Effect, ...]:
    """The effects of one step, strongest lock held included. ``release`` are the oids that pending files have given
    out."""
    start = state.start.catalog if state.start is not None else before
    found = []
    for oid, touch in touches.found.items():
        if oid in touches.made:
            continue  # nobody else can see it yet
        held = _hold(state, oid, touch.lock)
        relation = touch.relation
        certain = exact and touches.exact and _certain(before, relation)
        effect = Effect(
            oid,
            _name(before.namespace_name(relation.namespace), relation.name),
            touch.lock,
            held,
            touch.work,
            kind_of(relation),
            _age(relation, start, before, release),
            None,
            touch.why,
            None,
            certain and touch.exact,
            certain and not touch.exact,
        )
        found.append(effect)
        if touch.lock is not None and touch.lock >= Lock.SHARE_UPDATE_EXCLUSIVE:
            _keep(state, effect, after, certain)
    return tuple(found)


def _keep(state: TransactionState, effect: Effect, after: Catalog, certain: bool) -> None:
    """What its transaction goes on to hold, and somebody else may wait for: by the name that it has from now on."""
    if effect.age is not Age.TRANSACTION:
        now = after.find(Relation, effect.oid)
        name = _name(after.namespace_name(now.namespace), now.name) if now is not None else effect.relation
        kept = replace(effect, relation=name, lock=None, work=Work.NONE, why="", exact=certain, planned=False)
        state.kept = state.kept.set(effect.oid, kept)


def _hold(state: TransactionState, oid: int, lock: Lock | None) -> Lock | None:
    """Locks are kept to the end of the transaction; the strongest counts."""
    known = state.locks.get(oid)
    if lock is None or (known is not None and known >= lock):
        return Lock(known) if known is not None else None
    state.locks = state.locks.set(oid, int(lock))
    return lock


def _age(relation: Relation, start: Catalog, before: Catalog, release: Oids) -> Age:
    oid = relation.oid
    if start.get(oid) is None:
        return Age.TRANSACTION
    fresh = any(first <= oid < end for first, end in release)
    if fresh and relation.is_partition:  # it takes the rows of a table that is older
        now = before.find(Relation, oid) or relation
        parents = [r for p in now.parents if (r := before.find(Relation, p)) is not None]
        return (
            Age.PRODUCTION if any(_age(r, start, before, release) is Age.PRODUCTION for r in parents) else Age.RELEASE
        )
    return Age.RELEASE if fresh else Age.PRODUCTION


@lru_cache(maxsize=4096)
def _name(schema: str, name: str) -> str:
    return f"{quote_identifier(schema)}.{quote_identifier(name)}" if schema else quote_identifier(name)


def _certain(catalog: Catalog, relation: Relation) -> bool:
    if not catalog.taints:
        return True
    return catalog.taint_of(("any",), ("object", relation.oid), ("namespace", relation.namespace)) is None
