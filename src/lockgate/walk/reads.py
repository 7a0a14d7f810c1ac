"""Who reads what: by pg_depend where PostgreSQL keeps it, by the binder where a body is only text."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.catalog.catalog import Address, Catalog
from lockgate.catalog.objects import Object, Relation, Routine
from lockgate.timeline.session import Session
from lockgate.walk.document import Mark


def depended(catalog: Catalog, obj: Object) -> tuple[Mark, ...]:
    """The relations and columns that an object depends on by pg_depend, itself left out; a relation of which columns are
    named is not told once more as a whole."""
    return marks(catalog, (edge.referenced for edge in catalog.dependencies(obj.oid)), obj.oid)


def marks(catalog: Catalog, addresses: Iterable[Address], itself: int = 0) -> tuple[Mark, ...]:
    """Those of some addresses that are relations with columns, or columns of them, sorted."""
    found = {
        (oid, num)
        for oid, num in addresses
        if oid != itself and (relation := catalog.find(Relation, oid)) is not None and relation.kind in "rpfvm"
    }
    named = {oid for oid, num in found if num}
    return tuple(sorted((oid, num) for oid, num in found if num or oid not in named))


def of_body(catalog: Catalog, session: Session, routine: Routine) -> tuple[Mark, ...]:
    """What the text of a routine's body reads and writes, as its caller's session would bind it; dynamic SQL that is not
    known is left out."""
    from lockgate.timeline.routines.missing import read_by

    return marks(catalog, read_by(catalog, session, routine))
