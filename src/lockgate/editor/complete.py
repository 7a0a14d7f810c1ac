"""Tables and columns to choose from at a place in a migration: those that are there at that point of the history.

A statement that is being written cannot be parsed: which tables it speaks of is taken from its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from lockgate.base.sql import quote_identifier
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import INFORMATION_SCHEMA, PG_CATALOG, Relation
from lockgate.catalog.typename import type_name
from lockgate.editor.desk import Asked
from lockgate.walk.build import catalogs_around

KINDS = {"r": "table", "p": "partitioned table", "f": "foreign table", "v": "view", "m": "materialized view"}
MOST = 1000  # choices of one answer
_LONGEST = 20_000  # characters of a statement before and after the place
_WORD = r'(?:"(?:[^"\n]|"")*"|[^\W\d][\w$]*)'
_NAME = re.compile(rf"({_WORD}(?:\.{_WORD})?)(?:\s+(?:as\s+)?({_WORD}))?", re.IGNORECASE)
_QUALIFIER = re.compile(rf'({_WORD}(?:\.{_WORD})?)\.(?:"[^"\n]*|[\w$]*)\Z')
_PART = re.compile(_WORD)


class Offer(msgspec.Struct, frozen=True):
    """Something to write: ``kind`` is a relation's kind, or column; ``detail`` the type of a column."""

    text: str
    kind: str
    detail: str = ""


def choices(asked: Asked, offset: int) -> list[Offer]:
    """What may be written at a character offset of the buffer. Raises LockgateError."""
    config, request = asked
    assert request.stdin is not None
    around, path = catalogs_around(config, request)
    relations = dict[str, tuple[Catalog, Relation]]()
    for catalog in around:  # what the file made, and what was there before it
        for relation in catalog.objects(Relation):
            if relation.kind in KINDS and relation.namespace not in (PG_CATALOG, INFORMATION_SCHEMA):
                for name in _names(catalog, relation, path):
                    relations.setdefault(name, (catalog, relation))
    return _chosen(request.stdin.text, offset, relations)[:MOST]


def _names(catalog: Catalog, relation: Relation, path: Sequence[str]) -> Iterator[str]:
    schema = catalog.namespace_name(relation.namespace)
    if schema in path:
        yield quote_identifier(relation.name)
    yield f"{quote_identifier(schema)}.{quote_identifier(relation.name)}"


def _chosen(text: str, offset: int, relations: dict[str, tuple[Catalog, Relation]]) -> list[Offer]:
    begin = max(text.rfind(";", 0, offset) + 1, offset - _LONGEST)
    end = text.find(";", offset, offset + _LONGEST)
    said = dict(_said(text[begin : end if end >= 0 else offset + _LONGEST], relations))
    before = _QUALIFIER.search(text, max(begin, offset - 300), offset)
    if before is not None:
        name = _folded(before.group(1))
        if name in said or name in relations:
            return _columns(*(said.get(name) or relations[name]))
        inside = [(n.partition(".")[2], r) for n, (_, r) in relations.items() if n.startswith(f"{name}.")]
        return [Offer(n, KINDS[r.kind]) for n, r in inside]
    spoken = {relation.oid: (catalog, relation) for catalog, relation in said.values()}
    bare = {r.oid for n, (_, r) in relations.items() if "." not in n}
    tables = [Offer(n, KINDS[r.kind]) for n, (_, r) in relations.items() if "." not in n or r.oid not in bare]
    return [*dict.fromkeys(c for one in spoken.values() for c in _columns(*one)), *tables]


def _said(
    statement: str, relations: dict[str, tuple[Catalog, Relation]]
) -> Iterator[tuple[str, tuple[Catalog, Relation]]]:
    """The relations that a statement names, by name and by alias."""
    at = 0
    while (found := _NAME.search(statement, at)) is not None:
        name, at = _folded(found.group(1)), found.end(1)
        if name in relations:
            yield name, relations[name]
            yield name.rpartition(".")[2], relations[name]
            if found.group(2):
                yield _folded(found.group(2)), relations[name]


def _columns(catalog: Catalog, relation: Relation) -> list[Offer]:
    return [
        Offer(quote_identifier(a.name), "column", type_name(catalog, a.type, a.typmod) if a.type else "")
        for a in relation.attributes
    ]


def _folded(name: str) -> str:
    """A name as it is spelled in ``relations``."""
    parts = (p[1:-1].replace('""', '"') if p.startswith('"') else p.lower() for p in _PART.findall(name))
    return ".".join(map(quote_identifier, parts))
