"""What a program does between its statements and nobody could print: it puts in doubt what it may touch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lockgate.catalog.catalog import Place
from lockgate.sources.migration import Migration, Unprinted

if TYPE_CHECKING:
    from lockgate.catalog.doubt import TaintKey
    from lockgate.catalog.draft import Draft
    from lockgate.timeline.session import Session


def leap(draft: Draft, session: Session, gap: Unprinted, migration: Migration) -> None:
    """Take a gap: rows are not known any more, and the relations that it may touch, or everything, are in doubt."""
    draft.forget()
    place = Place(migration.up.source, gap.span, migration.slot or migration.id)
    keys: list[TaintKey] = [("any",)] if gap.wide else []
    for key in keys + [key for name in gap.names for key in _keys(draft, session, gap.column, *name)]:
        draft.taint(key, gap.why, place)


def _keys(draft: Draft, session: Session, column: str, schema: str, name: str) -> Iterator[TaintKey]:
    """A relation's column, a relation as a whole, or whether there is one of that name."""
    for at in [schema] if schema else session.search_path:
        space = draft.namespace(draft.role_name(session.role) if at == "$user" else at)
        if space is None:
            continue
        found = draft.relation_named(space.oid, name)
        if found is not None:
            yield ("column", found.oid, column) if column else ("object", found.oid)
        else:
            yield ("name", "relation", space.oid, name)
            yield ("name", "type", space.oid, name)
