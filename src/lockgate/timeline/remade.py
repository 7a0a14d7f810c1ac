"""What a DROP and a CREATE of the same name lose: the new object is another one, and has nothing of what was said about
the old."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from lockgate.base.sql import literal
from lockgate.catalog import acl
from lockgate.catalog.catalog import Catalog, Place
from lockgate.catalog.objects import Namespace, Policy, Relation, Role, Routine, Type
from lockgate.timeline.history import event_key
from lockgate.timeline.privileges import remedy
from lockgate.timeline.privileges.may import items_of
from lockgate.timeline.step import Step

Remakable = Namespace | Relation | Routine | Type


class Remade(msgspec.Struct, frozen=True):
    """An object that a migration dropped and made again. ``lost`` in words, ``sql`` brings it back."""

    step: Step  # that made it again
    name: str  # "view public.v"
    place: Place  # of the new one
    dropped: Place | None
    lost: tuple[str, ...]
    sql: tuple[str, ...]
    only_comments: bool = False


def remade(steps: Sequence[Step]) -> Iterator[Remade]:
    """Whatever was there before a migration, dropped in it, and there again after it under the same name with less."""
    first, after = steps[0].before, steps[-1].after
    for step in steps:
        for change in step.changes:
            old = change.before
            if (
                change.after is None
                and isinstance(old, Remakable)
                and first.get(old.oid) is not None
                and not old.extension
            ):
                new = _again(step.before, after, old)
                if new is not None and after.taint_of(("any",), ("privileges",), ("object", new.oid)) is None:
                    yield from _compared(steps, step.before, old, after, new)


def _again(before: Catalog, after: Catalog, old: Remakable) -> Remakable | None:
    if isinstance(old, Namespace):
        return after.namespace(old.name)
    space = after.namespace(before.namespace_name(old.namespace))
    if space is None or (isinstance(old, Relation) and old.kind not in "rpvmfS"):
        return None
    if isinstance(old, Relation):
        found = after.relation_named(space.oid, old.name)
        return found if found is not None and found.kind in "rpvmfS" else None
    if isinstance(old, Type):
        plain = old.kind in "cder" and not old.elem and (not old.relation or _of_type(before, old))
        return after.one(Type, ("type", space.oid, old.name)) if plain else None
    same = (r for r in after.routines_named(space.oid, old.name) if _arguments(after, r) == _arguments(before, old))
    return next(same, None)


def _of_type(catalog: Catalog, composite: Type) -> bool:
    relation = catalog.find(Relation, composite.relation)
    return relation is not None and relation.kind == "c"


def _arguments(catalog: Catalog, routine: Routine) -> str:
    return remedy.sql_name(catalog, routine)


def _compared(
    steps: Sequence[Step], before: Catalog, old: Remakable, after: Catalog, new: Remakable
) -> Iterator[Remade]:
    made = next(
        (
            s
            for s in steps
            if any(c.before is None and c.after is not None and c.after.oid == new.oid for c in s.changes)
        ),
        None,
    )
    place = after.places.get((new.oid, 0))
    if made is None or place is None or old.oid == new.oid:
        return
    found = [*_owner(made, old, after, new), *_grants(before, old, after, new), *_security(before, old, after, new)]
    remarks = list(_comments(before, old, after, new))
    if found or remarks:
        key = event_key(before, old)
        event = after.events.get(key) if key is not None else None
        lost, sql = zip(*found, *remarks, strict=True)
        name = remedy.sql_name(after, new)
        kind, _, rest = name.removeprefix("MATERIALIZED ").partition(" ")
        kind = "MATERIALIZED VIEW" if name.startswith("MATERIALIZED ") else kind
        yield Remade(
            made,
            f"{kind.lower()} {rest}",
            place,
            event.place if event else None,
            lost,
            tuple(filter(None, sql)),
            not found,
        )


def _owner(made: Step, old: Remakable, after: Catalog, new: Remakable) -> Iterator[tuple[str, str]]:
    if made.session.known and old.owner != new.owner and after.find(Role, old.owner) is not None:
        name = after.role_name(old.owner)
        yield f"its owner {name}", f"ALTER {remedy.sql_name(after, new)} OWNER TO {remedy.quoted(name)};"


def _grants(before: Catalog, old: Remakable, after: Catalog, new: Remakable) -> Iterator[tuple[str, str]]:
    had, has = (_by_grantee(items_of(catalog, obj)) for catalog, obj in ((before, old), (after, new)))
    for grantee, letters in had.items():
        gone = acl.canonical(set(letters) - set(has.get(grantee, "")))
        if gone and grantee not in (old.owner, new.owner) and (not grantee or after.find(Role, grantee) is not None):
            words = ", ".join(acl.NAMES[letter] for letter in gone)
            who = after.role_name(grantee) if grantee else "PUBLIC"
            yield f"{words} of {who}", remedy.grant(after, new, words, grantee)
    if "X" in has.get(acl.PUBLIC, "") and "X" not in had.get(acl.PUBLIC, ""):
        yield "that PUBLIC may not execute it", f"REVOKE EXECUTE ON {remedy.sql_name(after, new)} FROM PUBLIC;"
    if isinstance(old, Relation) and isinstance(new, Relation):
        yield from _column_grants(old, after, new)


def _column_grants(old: Relation, after: Catalog, new: Relation) -> Iterator[tuple[str, str]]:
    for column in old.attributes:
        now = new.attribute(column.name)
        if column.acl is None or now is None:
            continue
        has = _by_grantee(now.acl or ())
        for grantee, letters in _by_grantee(column.acl).items():
            gone = acl.canonical(
                set(letters) - set(has.get(grantee, "")) - set(_by_grantee(items_of(after, new)).get(grantee, ""))
            )
            if gone and (not grantee or after.find(Role, grantee) is not None):
                words = ", ".join(f"{acl.NAMES[letter]} ({remedy.quoted(column.name)})" for letter in gone)
                yield (
                    f"{words} of {after.role_name(grantee) if grantee else 'PUBLIC'}",
                    remedy.grant(after, new, words, grantee),
                )


def _by_grantee(items: acl.Items) -> dict[int, str]:
    out: dict[int, str] = {}
    for grantee, letters, _, _ in items:
        out[grantee] = acl.canonical(out.get(grantee, "") + letters)
    return out


def _security(before: Catalog, old: Remakable, after: Catalog, new: Remakable) -> Iterator[tuple[str, str]]:
    if not (isinstance(old, Relation) and isinstance(new, Relation)):
        return
    if old.rls and not new.rls:
        yield "row level security", f"ALTER {remedy.sql_name(after, new)} ENABLE ROW LEVEL SECURITY;"
    policies = {p.name for p in after.of_relation(new.oid, Policy)}
    for policy in before.of_relation(old.oid, Policy):
        if policy.name not in policies:
            yield f"policy {policy.name}", ""


def _comments(before: Catalog, old: Remakable, after: Catalog, new: Remakable) -> Iterator[tuple[str, str]]:
    text = before.comments.get((old.oid, 0))
    if text and (new.oid, 0) not in after.comments:
        yield "its comment", f"COMMENT ON {remedy.sql_name(after, new)} IS {literal(text)};"
