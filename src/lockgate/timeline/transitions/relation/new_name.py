"""The name of a new relation: whether it is free, and in which schema it comes to stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from lockgate.catalog.catalog import Taint
from lockgate.catalog.objects import Namespace, Relation
from lockgate.timeline import dependency
from lockgate.timeline.binder import creation_target
from lockgate.timeline.binder.names import relation_in
from lockgate.timeline.context import Context, Node
from lockgate.timeline.naming import array_type_name
from lockgate.timeline.privileges.check import need_create

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey


def doubt(ctx: Context, relation: Relation, column: str | None = None) -> Taint | None:
    """Why a relation (or whether it has a column) is not certain."""
    if not ctx.catalog.taints:
        return None
    keys: list[TaintKey] = [("any",), ("object", relation.oid), ("namespace", relation.namespace)]
    if column is not None:
        keys.append(("column", relation.oid, column))
    return ctx.catalog.taint_of(*keys)


def identity_doubt(ctx: Context, relation: Relation) -> Taint | None:
    """Why it is not certain that a relation is there under its name."""
    if not ctx.catalog.taints:
        return None
    found = ctx.catalog.taint_of(("any",), ("identity", relation.oid), ("namespace", relation.namespace))
    return found or ctx.catalog.taints.get(("name", "relation", relation.namespace, relation.name))


def name_doubt(ctx: Context, kind: str, namespace: int, name: str) -> Taint | None:
    """Why it is not certain whether a name is taken."""
    return (
        ctx.catalog.taint_of(("any",), ("namespace", namespace), ("name", kind, namespace, name))
        if ctx.catalog.taints
        else None
    )


def ensure_free(ctx: Context, name: str, namespace: int, location: int | None) -> None:
    """heap_create_with_catalog: 42P07 where a relation of that name exists; one whose existence is in doubt gives
    way."""
    found = ctx.catalog.relation_named(namespace, name)
    if found is None:
        return
    if identity_doubt(ctx, found) is not None:
        dependency.erase(ctx.catalog, found.oid)
        return
    raise ctx.refuse(
        "42P07",
        f'relation "{name}" already exists',
        location,
        name=name,
        object=ctx.catalog.qualified(found),
        kind="relation",
        related=created_here(ctx, found.oid),
    )


def created_here(ctx: Context, oid: int, number: int = 0) -> tuple[Any, ...]:
    """The label that tells where an object was made."""
    from lockgate.base.findings import Label

    place = ctx.catalog.places.get((oid, number)) or ctx.catalog.places.get((oid, 0))
    if place is None:
        return ()
    return (Label(place.source, place.span, "created here" + (f", in {place.slot}" if place.slot else "")),)


def ensure_type_free(ctx: Context, name: str, namespace: int, location: int | None, *, relation: bool = True) -> None:
    """No type may have the relation's name; an array type moves away (moveArrayTypeName). Refuses with 42710."""
    found = ctx.catalog.type_named(namespace, name)
    if found is None:
        return
    if found.category == "A" and found.elem and found.kind == "b":
        ctx.catalog.put(replace(found, name=array_type_name(ctx.catalog, name, namespace)))
        return
    if (
        ctx.catalog.taint_of(("any",), ("identity", found.oid), ("namespace", namespace))
        or ("name", "type", namespace, name) in ctx.catalog.taints
    ):
        dependency.erase(ctx.catalog, found.oid)
        return
    hint = "A relation has an associated type of the same name, so you must use a name that doesn't conflict with any existing type."
    raise ctx.refuse(
        "42710",
        f'type "{name}" already exists',
        location,
        name=name,
        object=ctx.catalog.qualified(found),
        kind="type",
        help=hint if relation else "",
        related=created_here(ctx, found.oid),
    )


def creation_place(ctx: Context, rangevar: Node) -> tuple[Namespace, Relation | None]:
    """RangeVarGetAndCheckCreationNamespace: where a new relation goes (CREATE on it is needed), and what has its name
    there already."""
    space = creation_target(ctx, rangevar)
    if space.oid != ctx.session.temp_namespace:
        need_create(ctx, space, rangevar.get("location", 0))
        if rangevar.get("relpersistence") == "t":
            raise ctx.refuse(
                "42P16",
                "cannot create temporary relation in non-temporary schema",
                rangevar.get("location", 0),
                name=space.name,
                kind="schema",
            )
    existing = relation_in(ctx, space.oid, rangevar.get("relname", ""))
    return space, existing


def skip_existing(ctx: Context, rangevar: Node, existing: Relation | None, namespace: Namespace) -> bool:
    """IF NOT EXISTS: True where the statement does nothing. Where that is in doubt, what is known decides, and the
    outcome is supposed."""
    name = rangevar.get("relname", "")
    if existing is None:
        if name_doubt(ctx, "relation", namespace.oid, name) is not None:
            ctx.suppose(f"whether relation {name} exists already is not known")
        return False
    if isinstance(existing, Relation) and identity_doubt(ctx, existing) is not None:
        ctx.suppose(f"whether relation {name} exists already is not known")
    ctx.warn(
        f'relation "{name}" already exists, skipping', rangevar.get("location", 0), sqlstate="42P07", level="NOTICE"
    )
    return True
