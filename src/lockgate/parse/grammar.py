"""pglast, entered through its JSON functions (about ten times faster than its Python nodes; see perf.md)."""

from __future__ import annotations

import sys
from typing import Any, cast

import msgspec

from lockgate.base.lazy_imports import compiled
from lockgate.parse.tokens import skip_space

_parser = compiled("pglast", "parser", "ast", "enums", Error="error")

# JSON of a few hundred chained operators nests deeper than Python's default limit allows
_DEEP = 20_000
_decode = msgspec.json.Decoder().decode  # half of what json.loads takes
NEWEST = 18  # the major whose grammar pglast is
_COMMENTS = 64  # beginnings of comments in a text whose scanning takes no time worth speaking of


class GrammarError(Exception):
    """The grammar's refusal: message, and the 0-based character offset in the parsed text."""

    def __init__(self, message: str, offset: int, sqlstate: str = "42601") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.sqlstate = sqlstate  # "" where the text could not be analysed at all

    @property
    def unfinished(self) -> bool:
        """Whether the grammar misses nothing but a text's rest; only its words tell."""
        return "end of input" in self.message


def _loads(text: str) -> Any:
    try:
        return _decode(text)
    except RecursionError:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_DEEP)
        try:
            return _decode(text)
        except RecursionError as error:
            raise GrammarError("the statement nests too deeply to be analysed", 0, "") from error
        finally:
            sys.setrecursionlimit(limit)


_major = [NEWEST]


def speak(major: int) -> None:
    """Whose keywords the texts are read with from now on: the grammar is the newest major's, but what ``major`` takes
    for a name is one."""
    _major[0] = major


def spoken() -> int:
    """The major whose keywords are in force."""
    return _major[0]


def parse_json(text: str) -> dict[str, Any]:
    """The raw parse tree of a text of statements, as PostgreSQL's JSON (locations are UTF-8 byte offsets)."""
    try:
        return cast(dict[str, Any], _loads(_parser.parse_sql_json(_level(text))))
    except _parser.ParseError as error:
        if _major[0] < NEWEST:
            return _as_older(text, error)
        raise _refusal(error) from error


def _as_older(text: str, error: Any) -> dict[str, Any]:
    """A text that the newest grammar refuses, with the words that the major in force does not keep for itself as
    names."""
    from lockgate.parse.older import as_names, restored

    written, names = as_names(text, _major[0])
    if not names:
        raise _refusal(error) from error
    try:
        return cast(dict[str, Any], _loads(restored(_parser.parse_sql_json(_level(written)), names)))
    except _parser.ParseError as again:
        refusal = _refusal(again)
        raise GrammarError(restored(refusal.message, names), refusal.offset, refusal.sqlstate) from error


def _refusal(error: Any) -> GrammarError:
    message = str(error.args[0]) if error.args else "syntax error"
    offset = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else 0
    state = "" if "stack depth" in message else "42601"
    return GrammarError(message, max(offset, 0), state)


def _level(text: str) -> str:
    """The text as the scanner reads it in linear time."""
    if text.count("/*") <= _COMMENTS:
        return text
    from lockgate.parse.comments import level

    return level(text)


def split_offsets(text: str) -> list[tuple[int, int]]:
    """Where each statement of a text begins and ends, by the scanner alone (works on text that does not parse).

    The scanner is quadratic on non-ASCII text, so it sees an ASCII twin of the same length.
    """
    text = _level(text)
    twin = text if text.isascii() else "".join(c if c < "\x80" else "x" for c in text)
    try:
        pieces = _parser.split(twin, with_parser=False, only_slices=True)
    except _parser.ParseError:
        return [(0, len(text))]
    out: list[tuple[int, int]] = []
    at = 0
    for piece in pieces:
        out += _gap(text, at, piece.start)
        out.append((piece.start, piece.stop))
        at = piece.stop
    return out + _gap(text, at, len(text))


def _gap(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """What the scanner passed over because no keyword stands in it: a misspelled statement, cut at its semicolon."""
    start = skip_space(text, start, end)
    while text[start:end].startswith(";"):
        start = skip_space(text, start + 1, end)
    body = text[start:end].rstrip().rstrip(";")
    return [(start, start + len(body))] if body.strip() else []
