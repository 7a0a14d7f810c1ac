"""Where a body stands: spans of its fragments in the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from lockgate.base.text import Offsets, Source, Span
from lockgate.catalog.objects import RoutineBody
from lockgate.parse.plpgsql.tree import Fragment
from lockgate.parse.routine import EXPRESSION_PREFIX, TYPE_PREFIX
from lockgate.parse.statement import Origin, Statement
from lockgate.parse.tokens import skip_space, token_end
from lockgate.timeline.context import Context

_SHIFT = {"expression": len(EXPRESSION_PREFIX), "type": len(TYPE_PREFIX), "query": 0}
_PREFIX = {"expression": EXPRESSION_PREFIX, "type": TYPE_PREFIX, "query": ""}


class _Nowhere(Offsets):
    """Every offset is the start: for texts that do not stand in a file as they are."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("")

    def char(self, byte: int) -> int:
        return 0


class BodyPlace(msgspec.Struct, frozen=True):
    """A body's place: its file and the offset of its first character; -1 where escapes make inner places unknowable
    (``bounds`` then holds)."""

    source: Source
    start: int
    bounds: Span

    @staticmethod
    def of(ctx: Context, body: RoutineBody) -> BodyPlace:
        """The place of a routine's body; that of the running statement where it has none."""
        statement = body.statement
        if not isinstance(statement, Statement) or not isinstance(body.source, Source):
            return BodyPlace(ctx.text_source, -1, ctx.bounds or ctx.statement.span)
        if body.start < 0 or body.source.text[body.start : body.start + len(body.text)] != body.text:
            return BodyPlace(body.source, -1, statement.span)
        return BodyPlace(body.source, body.start, Span(body.start, body.start + len(body.text)))

    def span(self, offset: int, end: int | None = None) -> Span:
        """The token at an offset of the body, or up to ``end``."""
        if self.start < 0:
            return Span(self.bounds.start, token_end(self.source.text, self.bounds.start))
        at = self.start + offset
        return Span(at, self.start + end if end is not None else token_end(self.source.text, at))

    @contextmanager
    def enter(self, ctx: Context, fragment: Fragment) -> Iterator[None]:
        """Spans count in a fragment for a while."""
        if self.start < 0:
            origin, bounds = Origin(self.bounds.start, _Nowhere()), self.bounds
        else:
            at = self.start + fragment.start
            origin = Origin(at - _SHIFT[fragment.mode], Offsets(_PREFIX[fragment.mode] + fragment.text))
            bounds = Span(at, at + len(fragment.text))
        with ctx.inside(self.source, origin, bounds):
            yield

    @contextmanager
    def enter_statement(self, ctx: Context, offsets: Offsets, first: int, last: int) -> Iterator[None]:
        """Spans count in a statement of an SQL body for a while; ``first`` and ``last`` are bytes of it."""
        if self.start < 0:
            origin, bounds = Origin(self.bounds.start, _Nowhere()), self.bounds
        else:
            origin = Origin(self.start, offsets)
            bounds = Span(skip_space(self.source.text, origin.at(first), origin.at(last)), origin.at(last))
        with ctx.inside(self.source, origin, bounds):
            yield

    @contextmanager
    def enter_text(self, ctx: Context, fragment: Fragment) -> Iterator[None]:
        """Spans are the fragment's own for a while: for text that it computes."""
        at = self.bounds.start if self.start < 0 else self.start + fragment.start
        end = self.bounds.end if self.start < 0 else at + len(fragment.text)
        with ctx.inside(self.source, Origin(at, _Nowhere()), Span(at, end)):
            yield
