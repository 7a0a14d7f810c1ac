"""Variables of a running or analysed body (pl_comp.c's namespaces)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lockgate.catalog.objects import Relation
from lockgate.catalog.typename import RECORD, type_of
from lockgate.parse.plpgsql.tree import Declaration
from lockgate.timeline.binder.values import Column, Variable, VariableBlock, Variables
from lockgate.timeline.context import Context
from lockgate.timeline.evaluate.value import UNKNOWN, Row, Value
from lockgate.timeline.evaluate.world import MISSING, Missing


class Var(msgspec.Struct):
    """A variable: its static type and, while a body runs, its value. ``fields`` None: a scalar; ``open``: a record of
    unknown shape."""

    name: str
    type: int = 0
    typmod: int = -1
    collation: int = 0
    fields: tuple[Column, ...] | None = None
    open: bool = False
    constant: bool = False
    cursor: Declaration | None = None
    value: Value = UNKNOWN
    record: bool = False  # declared RECORD: takes the shape of what it is given

    def variable(self) -> Variable:
        """As the binder wants it."""
        return Variable(self.name, self.type, self.typmod, self.collation, self.fields, self.open)


class Frame(msgspec.Struct):
    """A block's variables."""

    names: dict[str, Var]
    label: str = ""


class VariableScope(msgspec.Struct):
    """The frames in force, outermost first, and the positional parameters."""

    frames: list[Frame] = msgspec.field(default_factory=list)
    positional: tuple[Var, ...] = ()
    conflict: str = "error"

    def find(self, name: str) -> Var | None:
        """The innermost variable of that name."""
        for frame in reversed(self.frames):
            found = frame.names.get(name)
            if found is not None:
                return found
        return None

    def resolve(self, parts: tuple[str, ...]) -> tuple[Var, tuple[str, ...]] | None:
        """A variable by its name parts, and the field names left over (plpgsql_ns_lookup)."""
        if parts[0].startswith("$") and parts[0][1:].isdigit():
            index = int(parts[0][1:]) - 1
            return (self.positional[index], parts[1:]) if 0 <= index < len(self.positional) else None
        for frame in reversed(self.frames):
            found = frame.names.get(parts[0])
            if found is not None:
                return found, parts[1:]
            if frame.label == parts[0] and len(parts) > 1 and parts[1] in frame.names:
                return frame.names[parts[1]], parts[2:]
        return None

    def labelled(self, label: str) -> bool:
        """Whether a block or loop of that label surrounds us."""
        return any(frame.label == label for frame in self.frames)

    def variables(self) -> Variables:
        """As the binder wants them: innermost block first."""
        blocks = tuple(
            VariableBlock({name: var.variable() for name, var in frame.names.items()}, frame.label)
            for frame in reversed(self.frames)
            if frame.names
        )
        positional = tuple(Column(var.name, var.type, var.typmod, var.collation) for var in self.positional)
        return Variables(blocks, positional, self.conflict)

    def lookup(self, parts: tuple[str, ...]) -> Value | Missing:
        """A value for the evaluator."""
        found = self.resolve(parts)
        if found is None:
            return MISSING
        value: Any = found[0].value
        for name in found[1]:
            if value is None:
                return None
            if not isinstance(value, Row):
                return UNKNOWN
            value = value.values.get(name, UNKNOWN)
        return value

    def all(self) -> Iterator[Var]:
        """Every variable in force."""
        for frame in self.frames:
            yield from frame.names.values()


def fields_of(ctx: Context, oid: int) -> tuple[Column, ...] | None:
    """The columns of a composite type; None for a type that has none, or is not known."""
    catalog = ctx.catalog
    found = type_of(catalog, oid)
    if found is None:
        return None
    if oid >= 16384:
        relation = catalog.find(Relation, found.relation) if found.kind == "c" else None
        return columns_of(relation) if relation is not None else None
    builtin = catalog.builtins.relation_by_oid(found.relation) if found.relation else None
    return tuple(Column(c[0], c[1], c[2]) for c in builtin.columns) if builtin is not None else None


def columns_of(relation: Relation) -> tuple[Column, ...]:
    """A relation's columns."""
    return tuple(Column(a.name, a.type, a.typmod, a.collation) for a in relation.attributes)


def typed(ctx: Context, name: str, oid: int, typmod: int = -1, value: Value = UNKNOWN) -> Var:
    """A variable of a type: a record where that is composite, an open one for RECORD and unknown types."""
    if oid == RECORD:
        return Var(name, oid, fields=(), open=True, value=value, record=True)
    fields = fields_of(ctx, oid)
    doubtful = oid == 0
    if fields is not None:
        found = type_of(ctx.catalog, oid)
        relation = getattr(found, "relation", 0)
        doubtful = relation != 0 and ctx.catalog.taint_of(("any",), ("object", relation)) is not None
    return Var(
        name, oid, typmod, getattr(type_of(ctx.catalog, oid), "collation", 0) or 0, fields, doubtful, value=value
    )
