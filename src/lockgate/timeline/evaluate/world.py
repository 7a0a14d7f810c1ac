"""What an expression is evaluated in: the context of the statement, the variables around it, the rows of the queries
around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from lockgate.parse.statement import Node
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate.value import UNKNOWN, Row, Unknown, Value

Frame = Mapping[str, Row]  # alias -> the current row
Lookup = Callable[[tuple[str, ...]], "Value | Missing"]


class Missing:
    """No variable of that name."""


MISSING = Missing()


def no_variable(names: tuple[str, ...]) -> Value | Missing:
    """The lookup of a statement outside any body."""
    return MISSING


class World(msgspec.Struct, frozen=True):
    """``frames``: innermost query level first; ``variable`` finds a variable by its name parts; ``parameter`` the $n of
    EXECUTE ... USING.

    ``derived``: rows of WITH queries by name. ``grouped``: the rows of the group, while an aggregate's query is
    evaluated.
    """

    ctx: Context
    variable: Lookup = no_variable
    parameters: tuple[Value, ...] = ()
    frames: tuple[Frame, ...] = ()
    derived: Mapping[str, tuple[list[str], list[Row]]] = msgspec.field(default_factory=dict)
    grouped: tuple[tuple[Frame, bool], ...] | None = None
    local: frozenset[str] = frozenset()  # the aliases of the innermost FROM, whose rows are not combined yet
    hidden: frozenset[str] | None = None  # the columns of those, which hide variables; None where one's are not known

    def inside(self, frame: Frame) -> World:
        """The world of one combination of rows, one query level deeper."""
        return replace(self, frames=(frame, *self.frames), grouped=None)

    def column(self, names: tuple[str, ...]) -> Value | Missing:
        """A column of the rows in scope, innermost level first."""
        for frame in self.frames:
            if len(names) >= 2:
                row = frame.get(names[-2])
                if row is not None:
                    return row.values.get(names[-1], UNKNOWN)
                if len(names) == 2 and names[0] in frame:
                    return frame[names[0]].values.get(names[1], UNKNOWN)
                continue
            for row in frame.values():
                if names[0] in row.values:
                    return row.values[names[0]]
            if names[0] in frame:
                return frame[names[0]]
        return MISSING

    def reference(self, names: tuple[str, ...]) -> Value:
        """A column or else a variable; UNKNOWN where neither is found."""
        found = self.column(names)
        if isinstance(found, Missing):
            found = self.variable(names)
        return UNKNOWN if isinstance(found, Missing) else found


def constant(node: Node) -> Value:
    """The value of an A_Const."""
    if node.get("isnull"):
        return None
    if "ival" in node:
        return int(node["ival"].get("ival", 0))
    if "sval" in node:
        return node["sval"].get("sval", "")
    if "boolval" in node:
        return bool(node["boolval"].get("boolval", False))
    if "fval" in node:
        from decimal import Decimal

        raw = str(node["fval"].get("fval", "0"))
        return int(raw) if raw.isdigit() and len(raw) < 30 else Decimal(raw)
    return Unknown(notnull=True)
