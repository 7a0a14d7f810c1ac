"""Source text, spans, lines and columns: bytes become characters here and nowhere else."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

import msgspec


class Span(msgspec.Struct, frozen=True):
    """A half-open range of a text, in 0-based characters."""

    start: int
    end: int


class Position(msgspec.Struct, frozen=True):
    """A place in a text: line and column 1-based, offset 0-based, all in characters."""

    line: int
    column: int
    offset: int


class Source(msgspec.Struct, frozen=True, dict=True):
    """A named text, as it is on disk (line ends and byte order mark included).

    ``path`` is relative to the working directory, with forward slashes, ready for a report.
    """

    path: str
    text: str

    def __repr__(self) -> str:
        return f"Source(path={self.path!r})"

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        find = self.text.find
        at = find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> Position:
        """The line and column of a character offset; clamped to the text."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1, offset)

    def offset(self, line: int, column: int = 1) -> int:
        """The character offset of a 1-based line and column; clamped to the text."""
        starts = self._line_starts
        if line > len(starts):
            return len(self.text)
        return min(starts[max(line, 1) - 1] + max(column, 1) - 1, len(self.text))

    def line(self, number: int) -> str:
        """The text of a 1-based line without its line end; empty beyond the text."""
        starts = self._line_starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")


_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Offsets:
    """Translates UTF-8 byte offsets of a text (what PostgreSQL's parser gives) to character offsets."""

    __slots__ = ("_ascii", "_bytes", "_chars")

    def __init__(self, text: str) -> None:
        self._ascii = text.isascii()
        self._bytes: list[int] = []
        self._chars: list[int] = []
        if self._ascii:
            return
        at = last = 0
        for match in _NOT_ASCII.finditer(text):
            index = match.start()
            at += index - last + len(match.group().encode("utf-8", "surrogatepass"))
            last = index + 1
            self._bytes.append(at)
            self._chars.append(last)

    def char(self, byte: int) -> int:
        """The character offset that a byte offset falls on."""
        if self._ascii or not self._bytes:
            return byte
        index = bisect_right(self._bytes, byte)
        if index == 0:
            return byte
        return self._chars[index - 1] + (byte - self._bytes[index - 1])
