"""Production's tables as a later statement of the pending migrations would find them, as subqueries over what is there
now."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from lockgate.base.sql import quote_identifier
from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Attribute, Relation, Trigger


class View(msgspec.Struct, frozen=True):
    """One table: ``source`` is what stands in FROM, with the names that it has by now."""

    oid: int
    base: str  # its name in production
    schema: str
    name: str
    columns: tuple[tuple[int, str], ...]  # number and name
    source: str
    doubt: str = ""  # why its rows may be others by then

    def layer(self, items: dict[int, str], where: str = "", alias: str = "") -> View:
        """The same with other expressions for some columns, over the rows that satisfy a condition."""
        listed = [
            f"{items[num]} AS {quote_identifier(name)}" if num in items else quote_identifier(name)
            for num, name in self.columns
        ]
        text = (
            f"(SELECT {', '.join(listed) or '1'} FROM {self.source} AS {quote_identifier(alias or self.name)}{where})"
        )
        return replace(self, source=text)

    def reshaped(self, new: Relation, values: dict[int, str]) -> View:
        """After its columns or its name changed; ``values`` are those of new columns."""
        old = dict(self.columns)
        attributes = new.attributes
        same = [(a.num, a.name) for a in attributes] == list(self.columns)
        if same:
            return replace(self, name=new.name)
        listed = [_item(a, old, values) for a in attributes]
        text = f"(SELECT {', '.join(listed) or '1'} FROM {self.source} AS {quote_identifier(self.name)})"
        return replace(self, name=new.name, columns=tuple((a.num, a.name) for a in attributes), source=text)

    @property
    def named(self) -> str:
        """As it stands in FROM."""
        return f"{self.source} AS {quote_identifier(self.name)}"


def _item(column: Attribute, old: dict[int, str], values: dict[int, str]) -> str:
    name = quote_identifier(column.name)
    if column.num in values:
        return f"{values[column.num]} AS {name}"
    was = quote_identifier(old.get(column.num, column.name))
    return was if was == name else f"{was} AS {name}"


class Tables:
    """All tables of production, by oid, each as it is after the statements so far."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[int, View] = {}
        self._gone: set[int] = set()

    def of(self, oid: int) -> View | None:
        """A table that production has; None for one that the migrations make."""
        if oid not in self._known:
            relation = self._catalog.find(Relation, oid)
            if relation is None or relation.kind not in "rp" or oid in self._gone:
                return None
            schema = self._catalog.namespace_name(relation.namespace)
            base = f"{quote_identifier(schema)}.{quote_identifier(relation.name)}"
            columns = tuple((a.num, a.name) for a in relation.attributes)
            self._known[oid] = View(oid, base, schema, relation.name, columns, base)
        return self._known[oid]

    def put(self, view: View) -> None:
        self._known[view.oid] = view

    def doubt(self, names: Iterable[str], why: str) -> None:
        """Tables of these bare names may be written by a statement that cannot be asked."""
        wanted = set(names)
        for relation in self._catalog.objects(Relation):
            view = self.of(relation.oid) if relation.name in wanted or self._renamed(relation.oid, wanted) else None
            if view is not None and not view.doubt:
                self.put(replace(view, doubt=why))

    def _renamed(self, oid: int, wanted: set[str]) -> bool:
        return oid in self._known and self._known[oid].name in wanted

    def called(self, schema: str, name: str) -> View | None:
        """The table that a statement means by a name, where only one can be meant."""
        renamed = {oid for oid, view in self._known.items() if view.name == name}
        same = {r.oid for r in self._catalog.objects(Relation) if r.name == name and r.oid not in self._known}
        found = [v for oid in renamed | same if (v := self.of(oid)) is not None and schema in ("", v.schema)]
        return found[0] if len(found) == 1 else None

    def fires(self, view: View) -> bool:
        """Whether triggers write along with UPDATE."""
        triggers = self._catalog.of_relation(view.oid, Trigger)
        return any(not t.internal and "U" in t.events and t.timing == "B" for t in triggers)
