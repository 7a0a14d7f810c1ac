"""The state of analysing one query level (ParseState in src/include/parser/parse_node.h)."""

from __future__ import annotations

from typing import Any

from lockgate.catalog.catalog import Address
from lockgate.timeline.binder.term import Term
from lockgate.timeline.binder.values import Column, RelationUse, Variables
from lockgate.timeline.context import Context, Node
from lockgate.timeline.failure import Refused

_WORSE = {"i": 0, "s": 1, "v": 2, "": 3}


class Use:
    """A RelationUse being collected."""

    __slots__ = ("defaulted", "inserted", "location", "privileges", "relation", "selected", "updated")

    def __init__(self, relation: int, location: int) -> None:
        self.relation = relation
        self.location = location
        self.privileges: set[str] = set()
        self.selected: set[int] = set()
        self.inserted: set[int] = set()
        self.updated: set[int] = set()
        self.defaulted: set[int] = set()

    def frozen(self) -> RelationUse:
        """As a value."""
        return RelationUse(
            self.relation,
            frozenset(self.privileges),
            self.location,
            frozenset(self.selected),
            frozenset(self.inserted),
            frozenset(self.updated),
            frozenset(self.defaulted),
        )


class Gathered:
    """What one whole analysis gathers over all its levels."""

    __slots__ = ("ctes", "depends", "late", "levels", "modifies", "routines", "temporary", "uses", "volatility")

    def __init__(self) -> None:
        self.depends: set[Address] = set()
        self.uses: list[Use] = []
        self.routines: set[int] = set()
        self.ctes: list[Cte] = []
        self.volatility = "i"
        self.temporary = False
        self.modifies = False
        self.late: list[Refused] = []
        self.levels: list[State] = []

    def settle(self) -> None:
        """Take in what the WITH queries need that will be planned: those that are referred to, or modify data
        (SS_process_ctes)."""
        for cte in self.ctes:
            if cte.references or cte.dml:
                self.uses += cte.uses
                self.routines |= cte.routines
        self.ctes.clear()

    def release(self) -> None:
        """The analysis is over: level and item hold each other, and cut apart they go without the garbage collector."""
        for level in self.levels:
            level.items = level.range = level.aggregates = level.window_terms = level.outer_vars = []
            level.outer_aggregates, level.target = [], None
        self.levels.clear()

    def worse(self, volatility: str) -> None:
        """Take note of a function's volatility."""
        if _WORSE.get(volatility, 3) > _WORSE[self.volatility]:
            self.volatility = volatility


class Cte:
    """A common table expression: its columns once analysed."""

    __slots__ = (
        "analysed",
        "columns",
        "dml",
        "has_returning",
        "level",
        "name",
        "node",
        "open",
        "recursive",
        "references",
        "routines",
        "self_reference",
        "uses",
    )

    def __init__(self, name: str, node: Node, level: int) -> None:
        self.name = name
        self.node = node
        self.level = level
        self.columns: list[Any] = []  # values.Column
        self.open = False
        self.analysed = False
        self.recursive = False
        self.self_reference = 0
        self.dml = False
        self.has_returning = True
        self.references = 0
        self.uses: list[Use] = []
        self.routines: set[int] = set()


class State:
    """One query level: what is visible, and what has been seen."""

    __slots__ = (
        "aggregates",
        "catalog",
        "cte_parent",
        "ctes",
        "ctx",
        "depth",
        "future_ctes",
        "gathered",
        "items",
        "joins",
        "kind",
        "lateral_active",
        "lateral_self",
        "locked",
        "merge_when",
        "outer_aggregates",
        "outer_vars",
        "parent",
        "range",
        "resolve_unknowns",
        "sees_values",
        "set_returning",
        "sublinks",
        "target",
        "target_use",
        "value",
        "variables",
        "window_terms",
        "windows",
    )

    def __init__(self, ctx: Context, parent: State | None = None, variables: Variables | None = None) -> None:
        self.ctx = ctx
        self.catalog = ctx.catalog
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent else 0
        self.gathered: Gathered = parent.gathered if parent else Gathered()
        self.gathered.levels.append(self)
        self.variables: Variables | None = variables if variables is not None or parent is None else parent.variables
        self.value: Column | None = parent.value if parent else None  # VALUE of a domain's constraint
        self.items: list[Any] = []  # scope.Item, in order of the namespace
        self.range: list[Any] = []  # every item of the range table
        self.ctes: dict[str, Cte] = {}
        self.future_ctes: dict[str, Node] = {}
        self.kind = ""  # ParseExprKind
        self.lateral_active = False
        self.aggregates: list[Term] = []
        self.window_terms: list[Term] = []
        self.windows: list[Any] = []  # WindowDef nodes and clauses
        self.set_returning = False
        self.sublinks = False
        self.outer_vars: list[Term] = []
        self.outer_aggregates: list[Term] = []
        self.target: Any = None  # the item of the DML's target
        self.target_use: Use | None = None
        self.resolve_unknowns = True
        self.locked = False
        self.cte_parent: Cte | None = None
        self.lateral_self = False
        self.joins = 0
        self.merge_when = ""
        self.sees_values = False
