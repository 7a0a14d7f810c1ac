"""A query of the application: one statement that PostgreSQL's grammar takes, with its places in the file that it comes
from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from lockgate.base.text import Source, Span
from lockgate.parse import Statement
from lockgate.parse.facts import QUERIES
from lockgate.parse.script import parse_text
from lockgate.queries.fit import Fitted
from lockgate.queries.placeholders import renumbered
from lockgate.queries.servers import Meant
from lockgate.sources.migration import Script, Transaction

Name = tuple[str, str]  # schema ("" where none is written) and relation


class Query(msgspec.Struct, frozen=True, dict=True):
    """One statement, the ``number``-th of its fitted text, where it is ``at``.

    ``relations`` are the names that its FROM clauses and targets have, WITH queries left out.
    """

    source: Source
    fitted: Fitted
    number: int
    at: Span
    relations: tuple[Name, ...] = ()
    meant: Meant = Meant.HERE

    def __repr__(self) -> str:
        return f"Query({self.source.path!r}, {self.number}, {self.at})"

    @cached_property
    def statement(self) -> Statement:
        """The statement itself; a query that an earlier run left behind is parsed when somebody asks."""
        return next(one for one in _statements(self.source, self.fitted) if one.index == self.number)

    @property
    def sql(self) -> str:
        """What the server can prepare: placeholders are ``$1``, ...; offsets are those of the statement."""
        return renumbered(self.fitted.passage.text[self.at.start : self.at.end])

    def place(self, span: Span) -> Span:
        """Where in the file a span of the fitted text stands."""
        passage = self.fitted.passage
        start = passage.place(span.start)
        return Span(start, max(passage.place(span.end - 1) + 1 if span.end > span.start else start, start))

    @property
    def span(self) -> Span:
        """Where in the file it stands."""
        return self.place(self.at)


def queries(source: Source, fitted: Fitted, meant: Meant = Meant.HERE) -> Iterator[Query]:
    """The queries among the statements of a fitted text."""
    for statement in _statements(source, fitted):
        relations = tuple(dict.fromkeys(_relations(statement.node, frozenset())))
        query = Query(source, fitted, statement.index, statement.span, relations, meant)
        query.__dict__["statement"] = statement
        yield query


def _statements(source: Source, fitted: Fitted) -> Iterator[Statement]:
    script = Script.whole(Source(source.path, fitted.passage.text), Transaction.STATEMENT)
    for statement in parse_text(script, script.pieces[0]):
        if isinstance(statement, Statement) and statement.tag in QUERIES:
            yield statement


def _relations(node: Any, hidden: frozenset[str]) -> Iterator[Name]:
    """The relations that a tree names; ``hidden`` are the WITH queries in sight."""
    if isinstance(node, list):
        for item in node:
            yield from _relations(item, hidden)
        return
    if not isinstance(node, dict):
        return
    if "relname" in node:
        name = (node.get("schemaname", ""), node["relname"])
        if name[0] or name[1] not in hidden:
            yield name
        return
    tables = node.get("withClause", {}).get("ctes", ())
    hidden |= {t["CommonTableExpr"]["ctename"] for t in tables}
    for value in node.values():
        if isinstance(value, dict | list):
            yield from _relations(value, hidden)


def columns(node: Any) -> set[str]:
    """The columns that a tree names, and that nothing in it defines: no alias of a table, an output column or a WITH
    query."""
    named, defined = set[str](), set[str]()
    _columns(node, named, defined)
    return named - defined


def _columns(node: Any, named: set[str], defined: set[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _columns(item, named, defined)
    elif isinstance(node, dict):
        if "ColumnRef" in node and (name := node["ColumnRef"]["fields"][-1].get("String")):
            named.add(name["sval"])
        defined |= {node[key] for key in ("aliasname", "ctename") if key in node}
        defined |= {each["String"]["sval"] for each in node.get("colnames", ())}
        for key, value in node.items():
            if key in ("cols", "targetList", "returningList") and isinstance(value, list):
                targets = named if key == "cols" or (key == "targetList" and "relation" in node) else defined
                targets |= {name for each in value if (name := each.get("ResTarget", {}).get("name"))}
            if isinstance(value, dict | list):
                _columns(value, named, defined)
