"""What a DROP and a CREATE of the same name lose: the new object is another one, and has nothing of what was said about
the old."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from lockgate.base.sql import literal
from lockgate.catalog import acl
from lockgate.catalog.catalog import Catalog, Place
from lockgate.catalog.objects import Namespace, Policy, Relation, Role, Routine, Type
from lockgate.timeline.history import event_key
from lockgate.timeline.privileges import remedy
from lockgate.timeline.privileges.may import items_of
from lockgate.timeline.step import Change, Dropped, Step

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


def dropped(first: Catalog, before: Catalog, changes: Iterable[Change]) -> Iterator[Dropped]:
    """What a step dropped that was there before its migration (``first``), and that could be made again; ``before`` is
    the catalog before the step."""
    for change in changes:
        old = change.before
        if (
            change.after is None
            and isinstance(old, Remakable)
            and first.get(old.oid) is not None
            and not old.extension
            and _makable(before, old)
        ):
            yield Dropped(
                old,
                event_key(before, old),
                before.namespace_name(old.namespace) if not isinstance(old, Namespace) else "",
                _arguments(before, old) if isinstance(old, Routine) else "",
                items_of(before, old),
                tuple(p.name for p in before.of_relation(old.oid, Policy)) if isinstance(old, Relation) else (),
                before.comments.get((old.oid, 0), ""),
            )


def _makable(before: Catalog, old: Remakable) -> bool:
    if isinstance(old, Relation):
        return old.kind in "rpvmfS"
    if isinstance(old, Type):
        return old.kind in "cder" and not old.elem and (not old.relation or _of_type(before, old))
    return True


def remade(steps: Sequence[Step]) -> Iterator[Remade]:
    """Whatever was there before a migration, dropped in it, and there again after it under the same name with less."""
    after = steps[-1].after
    made: dict[int, Step] = {}
    for step in steps:
        made |= {c.after.oid: step for c in step.changes if c.before is None and c.after is not None}
    for step in steps:
        for was in step.dropped:
            new = _again(was, after)
            if new is not None and after.taint_of(("any",), ("privileges",), ("object", new.oid)) is None:
                yield from _compared(made.get(new.oid), was, after, new)


def _again(was: Dropped, after: Catalog) -> Remakable | None:
    old = was.object
    if isinstance(old, Namespace):
        return after.namespace(old.name)
    space = after.namespace(was.schema)
    if space is None:
        return None
    if isinstance(old, Relation):
        found = after.relation_named(space.oid, old.name)
        return found if found is not None and found.kind in "rpvmfS" else None
    if isinstance(old, Type):
        return after.one(Type, ("type", space.oid, old.name))
    same = (r for r in after.routines_named(space.oid, old.name) if _arguments(after, r) == was.arguments)
    return next(same, None)


def _of_type(catalog: Catalog, composite: Type) -> bool:
    relation = catalog.find(Relation, composite.relation)
    return relation is not None and relation.kind == "c"


def _arguments(catalog: Catalog, routine: Routine) -> str:
    return remedy.sql_name(catalog, routine)


def _compared(made: Step | None, was: Dropped, after: Catalog, new: Remakable) -> Iterator[Remade]:
    old, place = was.object, after.places.get((new.oid, 0))
    if made is None or place is None or old.oid == new.oid:
        return
    found = [*_owner(made, old, after, new), *_grants(was, after, new), *_security(was, after, new)]
    remarks = list(_comments(was, after, new))
    if found or remarks:
        event = after.events.get(was.key) if was.key is not None else None
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


def _grants(was: Dropped, after: Catalog, new: Remakable) -> Iterator[tuple[str, str]]:
    old, had, has = was.object, _by_grantee(was.grants), _by_grantee(items_of(after, new))
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


def _security(was: Dropped, after: Catalog, new: Remakable) -> Iterator[tuple[str, str]]:
    old = was.object
    if not (isinstance(old, Relation) and isinstance(new, Relation)):
        return
    if old.rls and not new.rls:
        yield "row level security", f"ALTER {remedy.sql_name(after, new)} ENABLE ROW LEVEL SECURITY;"
    policies = {p.name for p in after.of_relation(new.oid, Policy)}
    yield from ((f"policy {name}", "") for name in was.policies if name not in policies)


def _comments(was: Dropped, after: Catalog, new: Remakable) -> Iterator[tuple[str, str]]:
    if was.comment and (new.oid, 0) not in after.comments:
        yield "its comment", f"COMMENT ON {remedy.sql_name(after, new)} IS {literal(was.comment)};"
