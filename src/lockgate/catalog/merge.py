"""Two futures of one catalog: what a branch that may or may not run leaves uncertain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from lockgate.catalog.catalog import Place, name_key
from lockgate.catalog.draft import Draft
from lockgate.catalog.objects import Cast, Object, Relation, Role

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey

# what of a relation may differ without any other statement caring whether it does
_INDIFFERENT = (
    "attributes",
    "next_attnum",
    "acl",
    "rls",
    "force_rls",
    "options",
    "populated",
    "replica_identity",
    "persistence",
)


def merge(draft: Draft, other: Draft, reason: str, place: Place | None = None) -> tuple[TaintKey, ...]:
    """Mark in ``draft`` everything that ``other``, a copy of it that has gone on, has changed since; the keys that are
    now tainted.

    What only one of them has stays as ``draft`` has it, in doubt; privileges are joined, as a privilege too many
    refuses nothing falsely.
    """
    keys: list[TaintKey] = []
    for before, after in _net(other):
        if before is not None and after is not None and hasattr(before, "acl") and _acl(before) != _acl(after):
            keys += _join(draft, before.oid, after)
            before = replace(cast(Any, before), acl=_acl(after))
        keys += _keys(before, after)
    for key in dict.fromkeys(other.tainted):
        taint = other.taints.get(key)
        if taint is None:
            continue
        if (mine := draft.taints.get(key)) is None or mine.clock < taint.clock:
            keys += [(*key[:3], f"{prefix}*") for prefix in taint.prefixes] if key[-1] == "*" else [key]
    if other.memberships != draft.memberships:
        keys.append(("privileges",))
    if other.default_acls != draft.default_acls:
        keys.append(("default acls",))
    for key in dict.fromkeys(keys):
        draft.taint(key, reason, place)
    draft.next_oid = max(draft.next_oid, other.next_oid)
    if other.contents is not draft.contents:
        for oid in [oid for oid, rows in draft.contents.items() if other.contents.get(oid) != rows]:
            draft.forget(oid)
    return tuple(dict.fromkeys(keys))


def _net(other: Draft) -> Iterator[tuple[Object | None, Object | None]]:
    first: dict[int, Object | None] = {}
    for before, after in other.journal:
        oid = (before or after).oid  # type: ignore[union-attr]
        first.setdefault(oid, before)
    for oid, before in first.items():
        after = other.get(oid)
        if before != after:
            yield before, after


def _acl(obj: Object) -> Any:
    return cast(Any, obj).acl


def _join(draft: Draft, oid: int, after: Object) -> list[TaintKey]:
    mine: Any = draft.get(oid)
    if mine is None or mine.acl is None or _acl(after) is None:
        return [("acl", oid)]  # what a kind grants by default may have been revoked
    draft.put(replace(mine, acl=(*mine.acl, *(item for item in _acl(after) if item not in mine.acl))))
    return []


def _keys(before: Object | None, after: Object | None) -> Iterable[TaintKey]:
    if before is None:
        return _names(after) if after is not None else ()
    if after is None:
        # it may be gone: its name may be free again
        return [("object", before.oid), *_names(before)]
    if isinstance(before, Relation) and isinstance(after, Relation):
        return _relation_keys(before, after)
    return _changed(before, after)


def _changed(before: Any, after: Any) -> list[TaintKey]:
    """Two states of one object: whose it is, what it is called, what it is like."""
    if name_key(before) != name_key(after) or isinstance(before, Role):
        return [("object", before.oid), *_names(after)]
    keys: list[TaintKey] = []
    if hasattr(before, "owner") and before.owner != after.owner:
        keys.append(("owner", before.oid))
        before = replace(before, owner=after.owner)
    return [*keys, ("shape", before.oid)] if before != after else keys


def _relation_keys(before: Relation, after: Relation) -> list[TaintKey]:
    keys: list[TaintKey] = []
    old, new = {a.num: a for a in before.attributes}, {a.num: a for a in after.attributes}
    for num in old.keys() | new.keys():
        if old.get(num) != new.get(num):
            keys += [("column", before.oid, a.name) for a in (old.get(num), new.get(num)) if a is not None]
    if any(num in new and a.acl != new[num].acl for num, a in old.items()):
        keys.append(("acl", before.oid))
    alike = {name: getattr(before, name) for name in _INDIFFERENT}
    return keys + _changed(before, replace(after, **alike))


def _names(obj: Object) -> list[TaintKey]:
    """The key under which it is in doubt whether an object of that name exists."""
    key = name_key(obj)
    kind = str(key[0])
    if isinstance(obj, Cast):
        return [("name", "cast", 0, f"{obj.source}.{obj.target}")]
    return [("name", kind, key[1], str(key[2]))] if len(key) == 3 else [("name", kind, 0, key[1])]


__all__ = ["merge"]
