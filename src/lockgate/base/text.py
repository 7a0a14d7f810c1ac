"""Source text, spans, lines and columns: bytes become characters here and nowhere else."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import Any

import msgspec

from lockgate.base.lazy_imports import pattern

# Unicode's Cf, Zl and Zp: what turns the direction of a line, breaks it or hides in it (bidi, joiners, tags, marks)
_UNSEEN = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
_STEERS = pattern(f"[\x00-\x08\x0a-\x1f\x7f-\x9f{_UNSEEN}]")
_STEERS_OR_BREAKS = pattern(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_UNSEEN}]")
_RAW_IN_JSON = pattern(f"[\x7f-\x9f{_UNSEEN}\ud800-\udfff]")
_COMMANDS = pattern(r"^([^\S\n]*)(?=::[a-z])", re.MULTILINE)
_NOT_XML = pattern("[\ud800-\udfff\ufffe\uffff]")  # beside the control characters: https://www.w3.org/TR/xml/#charsets
REPLACED = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """A line of foreign text (names, paths, SQL, a server's words) without what steers the reader's terminal or turns
    the order of its characters: control characters but the tab, bidirectional and invisible ones."""
    return text if text.isprintable() else _STEERS.sub(REPLACED, text)


def clean_text(text: str) -> str:
    """The same for a text of several lines: its line ends stay."""
    return text if text.isprintable() else _STEERS_OR_BREAKS.sub(REPLACED, text)


def unheard(text: str) -> str:
    """A text for the log of a run in which no line is one of the runner's commands (``::error::``, ``##[group]``), as
    names and messages of a stranger's could be: the runner passes over white space before them."""
    return _COMMANDS.sub(r"\1| ", text).replace("##[", "## [") if "::" in text or "##[" in text else text


def clean_xml(text: str) -> str:
    """A line that any XML 1.0 document may hold."""
    return text if text.isprintable() and text.isascii() else _NOT_XML.sub(REPLACED, clean(text))


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON whose text steers no terminal either: such characters stand as escapes, and mean the same. Lone surrogates
    (of file names that are not UTF-8) too, so that the text can always be written."""
    try:
        text = msgspec.json.format(msgspec.json.encode(value), indent=indent or 0).decode()
    except UnicodeEncodeError:
        import json

        text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text if text.isascii() and "\x7f" not in text else _RAW_IN_JSON.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    data = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at : at + 2].hex()}" for at in range(0, len(data), 2))


class Span(msgspec.Struct, frozen=True):
    """A half-open range of a text, in 0-based characters."""

    start: int
    end: int


class Position(msgspec.Struct, frozen=True):
    """A place in a text: line and column 1-based, offset 0-based, all in characters."""

    line: int
    column: int
    offset: int


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of a printed text and the part of the program that sends it; ``verbatim`` is where in the program it
    stands letter for letter, -1 where it does not."""

    start: int
    end: int
    code: Span
    verbatim: int = -1


class Printed(msgspec.Struct, frozen=True):
    """The program that a text was printed from, and what of it sends which stretch, in order. ``how``: "read" from its
    syntax tree or "recorded" when it ran."""

    code: Source
    stretches: tuple[Stretch, ...]
    how: str = "read"

    def span(self, span: Span) -> Span:
        """The place in the program of a place in the printed text."""
        at = bisect_right(self.stretches, span.start, key=lambda one: one.start) - 1
        if at < 0:
            return Span(0, 0)
        one = self.stretches[at]
        if one.verbatim < 0 or span.start > one.end:
            return one.code
        start = one.verbatim + span.start - one.start
        return Span(start, start + max(0, min(span.end, one.end) - span.start))


class Source(msgspec.Struct, frozen=True, dict=True):
    """A named text, as it is on disk (line ends and byte order mark included).

    ``path`` is relative to the working directory, with forward slashes, ready for a report. Where the text is what a
    program sends, ``printed`` tells which, the path is the program's, and lines and columns are those of the program.
    """

    path: str
    text: str
    printed: Printed | None = None

    def __repr__(self) -> str:
        return f"Source(path={self.path!r})"

    @property
    def written(self) -> Source:
        """What somebody wrote: the program where this was printed, else this."""
        return self if self.printed is None else self.printed.code

    def where(self, span: Span) -> Span:
        """A span's place in what somebody wrote."""
        return span if self.printed is None else self.printed.span(span)

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
        if self.printed is not None:
            return self.printed.code.position(self.printed.span(Span(offset, offset)).start)
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
        if self.printed is not None:
            return self.printed.code.line(number)
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
