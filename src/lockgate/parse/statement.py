"""A parsed SQL statement with its place in the source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lockgate.base.text import Offsets, Span
from lockgate.sources.migration import Script

Node = dict[str, Any]


def nodes(tree: Any) -> Iterator[Node]:
    """Every node of a parse tree or of a list of them, in no order that means anything; each before what is in it."""
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            yield item
            stack.extend(v for v in item.values() if isinstance(v, (dict, list)))


class Origin(msgspec.Struct, frozen=True):
    """Where a parsed text lies: translates the parser's byte offsets into characters of the file."""

    start: int  # character offset of the parsed text in the file
    offsets: Offsets

    def __repr__(self) -> str:
        return f"Origin(start={self.start})"

    def at(self, location: int) -> int:
        """The character offset in the file of a byte offset of the parsed text."""
        return self.start + self.offsets.char(location)


class Statement(msgspec.Struct, frozen=True):
    """One SQL statement as PostgreSQL's grammar read it.

    ``node`` is the body of the raw parse tree's top node (JSON, locations in bytes, zero values omitted) and ``tag``
    its name.
    """

    script: Script
    index: int  # 1-based in the script
    span: Span  # first token to last, without the semicolon
    tag: str
    node: Node
    origin: Origin

    def __repr__(self) -> str:
        return f"Statement({self.script.source.path!r}, {self.index}, {self.tag}, {self.span})"

    @property
    def text(self) -> str:
        """The statement as written."""
        return self.script.source.text[self.span.start : self.span.end]

    def at(self, location: int | None) -> int:
        """The character offset in the file of a parse location; the statement's start where there is none."""
        if location is None or location < 0:
            return self.span.start
        return self.origin.at(location)


class SyntaxFailure(msgspec.Struct, frozen=True):
    """A statement that PostgreSQL's grammar refuses (42601), or that could not be analysed at all (sqlstate "")."""

    script: Script
    index: int
    span: Span
    at: Span  # the token that the parser names
    message: str
    sqlstate: str = "42601"
