"""Where the values of a domain are stored: what a new condition on them is held against (get_rels_with_domain in
src/backend/commands/typecmds.c)."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Relation, Type
from lockgate.timeline.context import Context, Node

_STORED = "rmp"


def held_against_rows(catalog: Catalog, domain: Type, node: Node) -> bool:
    """Whether ALTER DOMAIN looks at stored values: a new CHECK, NOT NULL, VALIDATE."""
    match node.get("subtype"):
        case "O":
            return not domain.notnull
        case "C":
            constraint = node["def"]["Constraint"]
            kind = constraint["contype"]
            known = kind == "CONSTR_NOTNULL" and domain.notnull
            return kind in ("CONSTR_CHECK", "CONSTR_NOTNULL") and not constraint.get("skip_validation") and not known
        case "V":
            return True
    return False


def ensure_stored_plain(ctx: Context, domain: Type) -> None:
    """A domain that is part of what a table stores (of an array, of a composite or range type) cannot get a new
    condition (find_composite_type_dependencies). Refuses with 0A000."""
    for one in _over(ctx.catalog, domain):
        for container in _containers(ctx.catalog, one):
            for table, column in stored_columns(ctx.catalog, container):
                name = f"{table.name}.{column}"
                message = f'cannot alter type "{domain.name}" because column "{name}" uses it'
                raise ctx.refuse("0A000", message, None, name=name, kind="column")


def _over(catalog: Catalog, domain: Type) -> Iterator[Type]:
    """The domain and those over it."""
    yield domain
    for edge in catalog.dependents(domain.oid):
        found = catalog.find(Type, edge.dependent[0])
        if found is not None and found.kind == "d" and found.base == domain.oid:
            yield from _over(catalog, found)


def _containers(catalog: Catalog, kind: Type, seen: frozenset[int] = frozenset()) -> Iterator[Type]:
    """The types whose values hold values of another."""
    if kind.oid in seen:
        return
    seen |= {kind.oid}
    array = catalog.find(Type, kind.array) if kind.array else None
    if array is not None:
        yield array
        yield from _containers(catalog, array, seen)
    for edge in catalog.dependents(kind.oid):
        oid, number = edge.dependent
        found = catalog.get(oid)
        row = None
        if isinstance(found, Relation) and number and found.rowtype:
            row = catalog.find(Type, found.rowtype)
        elif isinstance(found, Type) and (
            (found.kind == "r" and found.subtype == kind.oid)
            or (found.kind == "d" and found.base == kind.oid and len(seen) > 1)
        ):
            row = found
        if row is not None:
            yield row
            yield from _containers(catalog, row, seen)


def stored_columns(catalog: Catalog, kind: Type) -> Iterator[tuple[Relation, str]]:
    """The tables' columns of a type."""
    for edge in catalog.dependents(kind.oid):
        oid, number = edge.dependent
        table = catalog.find(Relation, oid)
        if table is not None and number and table.kind in _STORED:
            column = table.attribute_by_num(number)
            if column is not None and column.type == kind.oid:
                yield table, column.name
