"""The rows that one table is offered: shapes, and for each column the values to try in turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from lockgate.base.sql import literal, quote
from lockgate.oracle.rows.hints import literals, near, sized
from lockgate.oracle.rows.patterns import matching
from lockgate.oracle.rows.tables import FillCheck, FillColumn, FillReference, FillTable, FillType, FillTypes
from lockgate.oracle.rows.values import Range, Values

NULL, LEFT_OUT = "NULL", "DEFAULT"
_MOST_HINTED = 3  # rows with values that statements look for


class RowDraft(msgspec.Struct, frozen=True):
    """One row to be: SQL for each of its columns. ``number`` tells rows of one table apart."""

    name: str  # typical alike small large hinted
    number: int
    values: dict[str, str]


class Parent(msgspec.Struct, frozen=True):
    """A table that foreign keys may refer to."""

    name: str  # qualified
    rows: int


class Drafter:
    """Makes rows of tables. ``hints`` are values that statements compare columns of these names with."""

    def __init__(self, types: FillTypes, hints: Mapping[str, list[str]]) -> None:
        self.types, self.values, self.hints = types, Values(types), hints

    def shapes(self, table: FillTable, parents: Mapping[int, Parent]) -> list[RowDraft]:
        """The rows that a table is offered; ``parents`` are the tables with rows."""
        self.types.need(c.type for c in table.columns)
        names = ["typical", "alike", "small", "large"]
        hinted = {c.name: found for c in table.columns if (found := self.hints.get(c.name.lower())) and not c.by_itself}
        names += ["hinted"] * min(max(map(len, hinted.values()), default=0), _MOST_HINTED)
        return [self._shape(table, name, n, hinted, parents) for n, name in enumerate(names)]

    def _shape(
        self, table: FillTable, name: str, number: int, hinted: Mapping[str, list[str]], parents: Mapping[int, Parent]
    ) -> RowDraft:
        values, varied = {}, varying(table)
        for column in table.columns:
            if not column.by_itself:
                values[column.name] = self._value(column, name, number, column.num in varied)
        at = number - 4
        for hint, found in hinted.items() if name == "hinted" else ():
            values[hint] = literal(found[min(at, len(found) - 1)])
        for key in table.references:
            values |= self.reference(table, key, number if {*key.keys} & varied else 0, parents, name == "small")
        return RowDraft(name, number, values)

    def _value(self, column: FillColumn, shape: str, number: int, varied: bool) -> str:
        found = self.range(column)
        if shape == "small" and not column.notnull and not self.demanded(column):
            return NULL
        if shape in ("small", "large"):
            return literal(found.small if shape == "small" else found.large)
        if varied:
            return literal(found.many(number))
        return LEFT_OUT if column.default is not None else literal(found.typical)

    def range(self, column: FillColumn) -> Range:
        """Values of a column."""
        return self.values.of(column.type, column.typmod, column.name)

    def demanded(self, column: FillColumn) -> bool:
        """Whether the column's domain takes no NULL."""
        return any(one.notnull for one in self._domains(column))

    def _domains(self, column: FillColumn) -> Iterable[FillType]:
        kind = self.types[column.type]
        while kind.kind == "d":
            yield kind
            kind = self.types[kind.base]

    def reference(
        self, table: FillTable, key: FillReference, offset: int, parents: Mapping[int, Parent], empty: bool
    ) -> dict[str, str]:
        """What a foreign key's columns hold: a row of the other table, or NULL where there is none, or ``empty`` and that
        may be."""
        columns = [c for n in key.keys if (c := table.column(n)) is not None and not c.generated]
        free = [c for c in columns if not c.notnull and not self.demanded(c)]
        parent = parents.get(key.table)
        if parent is None or not parent.rows or (empty and free):
            return {c.name: NULL for c in free}
        order = ", ".join(map(quote, key.referenced))
        return {
            column.name: f"(SELECT {quote(other)} FROM {parent.name} ORDER BY {order} OFFSET {offset} LIMIT 1)"
            for column, other in zip(columns, key.referenced, strict=False)
        }

    def choices(self, table: FillTable, check: FillCheck) -> dict[str, list[str]]:
        """What to try for each column of a CHECK that a row breaks, the likeliest first."""
        columns = [c for n in check.keys if (c := table.column(n)) is not None and not c.by_itself]
        return {column.name: self.tries(column, check.text) for column in columns}

    def tries(self, column: FillColumn, words: str) -> list[str]:
        """Values of a column that a condition may want."""
        found, named = self.range(column), literals(words)
        texts = [*matching(words), *named, *near(named), found.typical, found.many(1), found.large, *sized(named)]
        texts += ["1", "0", "a", "A", "{}", found.small]
        sql = list(dict.fromkeys(literal(text) for text in texts))
        return sql if column.notnull else [*sql[:4], NULL, *sql[4:]]

    def of_domains(self, table: FillTable, name: str) -> dict[str, list[str]]:
        """The same for columns whose domains have CHECKs: which one was broken, its name alone does not tell."""
        out = {}
        for column in table.columns:
            words = " ".join(text for one in self._domains(column) for text in one.checks)
            if words and not column.by_itself:
                out[column.name] = self.tries(column, words)
        return out


def varying(table: FillTable) -> set[int]:
    """Columns that must differ from row to row: of each unique key the last that is no reference, else the last."""
    referring = {n for key in table.references for n in key.keys}
    out: set[int] = set()
    for key in table.keys:
        numbers = [n for n in key.keys if n > 0]
        mine = [c for n in numbers if (c := table.column(n)) is not None]
        if any(c.by_itself for c in mine):
            continue
        own = [c.num for c in mine if c.num not in referring]
        if numbers:
            out.add((own or numbers)[-1])
        if len(numbers) < len(key.keys):  # an expression: of which columns, its text alone tells
            out |= {c.num for c in table.columns if c.name in key.words}
    return out
