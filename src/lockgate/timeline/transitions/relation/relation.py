"""Relations in the catalog: made, found, and their columns (src/backend/catalog/heap.c, tablecmds.c)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from lockgate.base.text import Span
from lockgate.catalog.objects import FIRST_USER_OID, PG_CATALOG, Attribute, Namespace, Other, Relation, Type
from lockgate.catalog.typename import type_of
from lockgate.timeline.binder import find_relation
from lockgate.timeline.binder.names import did_you_mean, nearest
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import MissingColumn, NoPrivilege, Refused
from lockgate.timeline.naming import array_type_name
from lockgate.timeline.privileges.check import initial_acl, need_owner
from lockgate.timeline.transitions.relation.new_name import doubt, ensure_free, ensure_type_free

SYSTEM_COLUMNS = frozenset({"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"})
MAX_COLUMNS = 1600
_TYPED = frozenset("rvmfcp")


def user_relation(ctx: Context, rangevar: Node, *, missing_ok: bool = False, owned: bool = False) -> Relation | None:
    """The user's relation that a RangeVar names; system catalogs are out of reach (42501). ``owned``: their owner is
    asked for first."""
    found = find_relation(ctx, rangevar, missing_ok=missing_ok)
    if found is None:
        if missing_ok:
            name = rangevar.get("relname", "")
            ctx.warn(
                f'relation "{name}" does not exist, skipping',
                rangevar.get("location", 0),
                level="NOTICE",
                sqlstate="00000",
            )
        return None
    if not isinstance(found, Relation):
        name = rangevar.get("relname", "")
        if owned:
            need_owner(ctx, found, rangevar.get("location", 0), name=name)
        raise is_system_catalog(ctx, name, rangevar.get("location", 0))
    return found


def column_of(
    ctx: Context,
    relation: Relation,
    name: str,
    location: int | None = None,
    *,
    span: Span | None = None,
    message: str = "",
) -> Attribute:
    """A column by name. Refuses with 42703, unless the column list is in doubt."""
    found = relation.attribute(name)
    if found is not None:
        return found
    if doubt(ctx, relation, name) is not None:
        raise ctx.unsure(f"whether column {name} of relation {relation.name} exists is not known")
    schema, names = ctx.catalog.namespace_name(relation.namespace), [a.name for a in relation.attributes]
    raise ctx.refuse(
        "42703",
        message or f'column "{name}" of relation "{relation.name}" does not exist',
        location,
        name=None if span else name,
        span=span,
        object=f"{schema}.{relation.name}.{name}",
        kind="column",
        event=ctx.catalog.events.get(("column", schema, relation.name, name)),
        subject=MissingColumn(name, relation.name),
        help=did_you_mean(name, names),
        instead=nearest(name, names),
    )


def create_relation(
    ctx: Context,
    name: str,
    namespace: Namespace,
    kind: str,
    attributes: Iterable[Attribute],
    *,
    location: int | None = None,
    owner: int | None = None,
    persistence: str = "p",
    **more: Any,
) -> Relation:
    """heap_create_with_catalog: the relation, its row type and array type, its dependencies. Refuses with 42P07, 42710,
    42701, 54011."""
    columns = tuple(attributes)
    if namespace.oid == PG_CATALOG and kind not in "iI" and "extension" not in more:
        raise _system_catalog(ctx, name, location)
    check_names(ctx, columns, kind, location)
    ensure_free(ctx, name, namespace.oid, location)
    if kind in _TYPED:
        ensure_type_free(ctx, name, namespace.oid, location)
    if namespace.oid == ctx.session.temp_namespace:
        persistence = "t"
    owner = ctx.session.role if owner is None else owner
    catalog = ctx.catalog
    if kind not in "iIc":
        more.setdefault("acl", initial_acl(ctx, "sequence" if kind == "S" else "table", namespace.oid, owner))
    relation = Relation(
        catalog.new_oid(),
        name,
        namespace.oid,
        kind,
        owner,
        columns,
        max((a.num for a in columns), default=0) + 1,
        persistence,
        **more,
    )
    if kind in _TYPED:
        relation = replace(relation, rowtype=add_rowtype(ctx, relation))
    catalog.put(relation)
    catalog.untaint(("name", "relation", namespace.oid, name))
    _depend(ctx, relation)
    if ctx.supposed:
        catalog.taint(("object", relation.oid), ctx.supposed, ctx.place)
    ctx.created(relation, location=location, name=name)
    return relation


def is_system_catalog(ctx: Context, name: str, location: int | None = None) -> Refused:
    """Nobody changes a system catalog (allowSystemTableMods)."""
    message = f'permission denied: "{name}" is a system catalog'
    return ctx.refuse("42501", message, location, name=name, kind="relation", subject=NoPrivilege())


def _system_catalog(ctx: Context, name: str, location: int | None) -> Refused:
    return ctx.refuse(
        "42501",
        f'permission denied to create "pg_catalog.{name}"',
        location,
        name=name,
        kind="relation",
        subject=NoPrivilege(),
        help="System catalog modifications are currently disallowed.",
    )


def _depend(ctx: Context, relation: Relation) -> None:
    """The rows of pg_depend that a relation begins with."""
    catalog, kind = ctx.catalog, relation.kind
    if kind == "c":  # a stand-alone composite type: the relation is part of the type, not the other way round
        catalog.depend((relation.oid, 0), [(relation.rowtype, 0)], "i")
    else:
        catalog.depend((relation.oid, 0), [(relation.namespace, 0)])
    if relation.of_type:
        catalog.depend((relation.oid, 0), [(relation.of_type, 0)])
    if relation.rowtype and kind != "c":
        catalog.depend((relation.rowtype, 0), [(relation.oid, 0)], "i")
    # an index hangs on its table's columns alone (AppendAttributeTuples)
    for attribute in relation.attributes if kind not in "iI" else ():
        depend_column(ctx, relation.oid, attribute)


def add_rowtype(ctx: Context, relation: Relation) -> int:
    """The composite type of a relation, with its array type; returns its oid."""
    catalog = ctx.catalog
    oid, array = catalog.new_oid(), catalog.new_oid()
    acl = initial_acl(ctx, "type", relation.namespace, relation.owner) if relation.kind == "c" else None
    row = Type(
        oid, relation.name, relation.namespace, relation.owner, "c", "C", array=array, relation=relation.oid, acl=acl
    )
    catalog.put(row)
    catalog.untaint(("name", "type", relation.namespace, relation.name))
    catalog.put(
        Type(
            array,
            array_type_name(catalog, relation.name, relation.namespace),
            relation.namespace,
            relation.owner,
            "b",
            "A",
            elem=oid,
        )
    )
    catalog.depend((array, 0), [(oid, 0)], "i")
    if relation.kind == "c":
        catalog.depend((oid, 0), [(relation.namespace, 0)])
    return oid


def depend_column(ctx: Context, relation: int, attribute: Attribute) -> None:
    """A column depends on its type and collation (add_column_datatype_dependency)."""
    if attribute.type >= FIRST_USER_OID or attribute.collation >= FIRST_USER_OID:
        ctx.catalog.depend((relation, attribute.num), [(attribute.type, 0), (attribute.collation, 0)])


def check_names(ctx: Context, columns: tuple[Attribute, ...], kind: str, location: int | None) -> None:
    """CheckAttributeNamesTypes: no system column's name (but in views and composite types), none twice."""
    if len(columns) > MAX_COLUMNS:
        raise ctx.refuse("54011", f"tables can have at most {MAX_COLUMNS} columns", location, kind="column")
    seen: set[str] = set()
    for attribute in columns:
        name = attribute.name
        if kind not in "vc" and name in SYSTEM_COLUMNS:
            raise ctx.refuse(
                "42701", f'column name "{name}" conflicts with a system column name', location, name=name, kind="column"
            )
        if name in seen:
            raise ctx.refuse("42701", f'column "{name}" specified more than once', location, name=name, kind="column")
        seen.add(name)


def check_column_type(
    ctx: Context, name: str, type_oid: int, location: int | None = None, *, relation: Relation | None = None
) -> None:
    """CheckAttributeType: no pseudo-types, no composite type that contains the table itself (42P16)."""
    found = type_of(ctx.catalog, type_oid)
    if found is None:
        return
    if type_kind(ctx, type_oid) == "p":
        from lockgate.catalog.typename import type_name

        shown = type_name(ctx.catalog, type_oid, None, ctx.path())
        raise ctx.refuse(
            "42P16",
            f'column "{name}" has pseudo-type {shown}',
            location,
            name=name if location is None else None,
            kind="type",
        )
    if relation is not None and _contains(ctx, type_oid, relation.oid):
        raise ctx.refuse(
            "42P16", f"composite type {relation.name} cannot be made a member of itself", location, kind="type"
        )


def _contains(ctx: Context, oid: int, relation: int) -> bool:
    """Whether a type is made of a relation's row type: through arrays, domains and composite types, too."""
    found = ctx.catalog.find(Type, oid)
    if found is None:
        return False
    holder = ctx.catalog.find(Relation, found.relation)
    if holder is not None:
        return holder.oid == relation or any(_contains(ctx, a.type, relation) for a in holder.attributes)
    return any(_contains(ctx, inner, relation) for inner in (found.elem, found.base, found.subtype) if inner)


def type_kind(ctx: Context, oid: int) -> str:
    """typtype of a type, the user's or built in; "" where it is not known."""
    found = type_of(ctx.catalog, oid)
    return str(getattr(found, "kind", "") or getattr(found, "typtype", "")) if found is not None else ""


def column_collation(ctx: Context, type_oid: int, node: Node | None, location: int | None = None) -> int:
    """GetColumnDefCollation: the clause's collation, or the type's; 42804 where the type takes none."""
    from lockgate.timeline.binder import find_collation

    found = type_of(ctx.catalog, type_oid)
    own = int(getattr(found, "collation", 0) or 0) if found is not None else 0
    if not node:
        return own
    chosen = find_collation(ctx, node.get("collname", []), node.get("location", location))
    if (
        found is not None and not own and type_oid and getattr(found, "kind", "") != "d"
    ):  # a domain's may be one that is not known
        from lockgate.catalog.typename import type_name

        shown = type_name(ctx.catalog, type_oid, None, ctx.path())
        raise ctx.refuse(
            "42804", f"collations are not supported by type {shown}", node.get("location", location), kind="collation"
        )
    return chosen


def defaults_of(ctx: Context, relation: int, number: int) -> Other | None:
    """The default (pg_attrdef) of a column."""
    return ctx.catalog.one(Other, ("default", 0, f"{relation}.{number}"))


def add_attribute(ctx: Context, relation: Relation, attribute: Attribute) -> Relation:
    """Append a column (its number is the relation's next)."""
    changed = replace(
        relation, attributes=(*relation.attributes, attribute), next_attnum=max(relation.next_attnum, attribute.num) + 1
    )
    ctx.catalog.put(changed)
    depend_column(ctx, relation.oid, attribute)
    return changed
