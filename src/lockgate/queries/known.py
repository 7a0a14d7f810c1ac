"""Which relations a catalog knows or once knew, by their bare names: what makes a string a query."""

from __future__ import annotations

import re
from collections import defaultdict

import msgspec

from lockgate.catalog.builtin import Builtins
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Relation, Routine

_WORD = re.compile(rb"[\w\x80-\xff]+")
_BLANKED = bytes(c if _WORD.match(bytes([c])) else 32 for c in range(256))


class Known(msgspec.Struct, frozen=True):
    """Schemas by the names of their relations: those that are there, and those that were dropped or renamed."""

    there: dict[str, tuple[str, ...]]
    gone: dict[str, tuple[str, ...]]
    routines: frozenset[str]  # the user's, also those that were dropped
    builtins: Builtins
    words: frozenset[bytes]  # the last word of each name

    def routine(self, name: str) -> bool:
        """Whether there is, or was, a function of that name."""
        return name in self.routines or bool(self.builtins.functions("pg_catalog", name))

    def mentioned(self, data: bytes) -> bool:
        """Whether a text may have the name of such a relation in it, in whatever case."""
        return not self.words.isdisjoint(data.lower().translate(_BLANKED).split())  # four times as fast as the pattern

    def schemas(self, name: str) -> tuple[str, ...]:
        """The schemas that have a relation of that name, or had one where none has."""
        return self.there.get(name) or self.gone.get(name, ())


def known(catalog: Catalog) -> Known:
    """The user's tables and views of a catalog, and the fates that it remembers."""
    there: dict[str, list[str]] = defaultdict(list)
    gone: dict[str, list[str]] = defaultdict(list)
    for relation in catalog.objects(Relation):
        if relation.kind in "rpvmf":
            there[relation.name].append(catalog.namespace_name(relation.namespace))
    for key in catalog.events:
        if key[0] == "relation":
            gone[key[2]].append(key[1])
    routines = {r.name for r in catalog.objects(Routine)} | {key[2] for key in catalog.events if key[0] == "routine"}
    words = frozenset(found[-1] for name in (*there, *gone) if (found := _WORD.findall(name.lower().encode())))
    return Known(_frozen(there), _frozen(gone), frozenset(routines), catalog.builtins, words)


def _frozen(schemas: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(dict.fromkeys(found)) for name, found in schemas.items()}
