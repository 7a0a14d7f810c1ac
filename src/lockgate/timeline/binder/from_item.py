"""What a FROM clause holds: items with their columns, and the scope that they make (src/include/parser/parse_node.h)."""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.catalog.catalog import Catalog
from lockgate.catalog.objects import Relation
from lockgate.timeline.binder.state import State, Use
from lockgate.timeline.binder.term import Term
from lockgate.timeline.binder.values import Column

RECORD = 2249


WHOLE_ROW = -1  # the position that stands for an item's whole row; system columns stand at their number minus 100


SYSTEM_COLUMNS = {
    "tableoid": (-6, 26),
    "cmax": (-5, 29),
    "xmax": (-4, 28),
    "cmin": (-3, 29),
    "xmin": (-2, 28),
    "ctid": (-1, 27),
}


class Col:
    """A column of an item; ``num`` its attribute number; ``term`` what it stands for, if not itself (columns of
    joins)."""

    __slots__ = ("coll", "name", "num", "term", "type", "typmod")

    def __init__(
        self, name: str, type: int, typmod: int = -1, coll: int = 0, num: int = 0, term: Term | None = None
    ) -> None:
        self.name = name
        self.type = type
        self.typmod = typmod
        self.coll = coll
        self.num = num
        self.term = term


class Item:
    """An entry of the range table, as the namespace sees it (ParseNamespaceItem with its RangeTblEntry)."""

    __slots__ = (
        "alias",
        "cols",
        "cols_visible",
        "composite",
        "index",
        "kind",
        "lateral_ok",
        "lateral_only",
        "name",
        "open",
        "parts",
        "rel",
        "rel_visible",
        "rowtype",
        "scalar",
        "state",
        "use",
    )

    def __init__(
        self, kind: str, name: str, cols: list[Col], state: State, *, alias: bool = False, open: bool = False
    ) -> None:
        self.kind = kind  # relation subquery join function values cte tablefunc
        self.name = name
        self.cols = cols
        self.state = state
        self.alias = alias
        self.open = open
        self.rel: Any = None
        self.use: Use | None = None
        self.rowtype = RECORD
        self.composite = 0  # relation of a function's composite result
        self.scalar = False
        self.rel_visible = self.cols_visible = True
        self.lateral_only = False
        self.lateral_ok = True
        self.index: dict[str, list[int]] | None = None
        self.parts: tuple[Item, ...] = ()  # the two sides of a join

    def positions(self, name: str) -> list[int]:
        """Where columns of that name stand."""
        if self.index is None:
            index: dict[str, list[int]] = {}
            for number, col in enumerate(self.cols):
                index.setdefault(col.name, []).append(number)
            self.index = index
        return self.index.get(name, [])


class Part(msgspec.Struct, frozen=True):
    """A relation in a public scope."""

    relation: Any
    name: str
    qualified_only: bool = False


class Scope(msgspec.Struct, frozen=True):
    """What an expression outside a query may refer to: relations by name, and VALUE. Scopes add."""

    parts: tuple[Part, ...] = ()
    value: Column | None = None

    def __add__(self, other: Scope) -> Scope:
        return Scope(self.parts + other.parts, self.value or other.value)

    def enter(self, state: State) -> None:
        """Make it the namespace of a state."""
        for part in self.parts:
            item = relation_item(state, part.relation, part.name, 0)
            item.use = None
            item.cols_visible = not part.qualified_only
            state.items.append(item)
            state.range.append(item)
        if self.value is not None:
            state.value = self.value


def relation_cols(catalog: Catalog, relation: Any) -> list[Col]:
    """The live columns of a relation, built-in ones too."""
    if isinstance(relation, Relation):
        return [Col(a.name, a.type, a.typmod, a.collation, a.num) for a in relation.attributes]
    return [Col(c[0], c[1], c[2], 0, n) for n, c in enumerate(relation.columns, 1)]


def relation_item(state: State, relation: Any, name: str, location: int, *, alias: bool = False) -> Item:
    """An item for a relation."""
    item = Item("relation", name, relation_cols(state.catalog, relation), state, alias=alias)
    item.rel = relation
    item.use = Use(relation.oid, location)
    if isinstance(relation, Relation):
        item.rowtype = relation.rowtype
        item.open = bool(state.catalog.taints) and state.catalog.taint_of(("object", relation.oid)) is not None
        if relation.persistence == "t":
            state.gathered.temporary = True
    else:
        item.rowtype = 0
    return item
