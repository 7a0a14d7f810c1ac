"""Tokens of a text, for the spans that the parse tree leaves out."""

from __future__ import annotations

import re

from lockgate.base.lazy_imports import pattern
from lockgate.base.sql import quote

_EDGE = pattern(r"/\*|\*/")
_SPACE = pattern(r"(?:\s+|--[^\n]*(?:\n|$)|/\*)")
_ONE = r"""(?:[uU]&)?"(?:[^"]|"")*"
      | [^\W\d][\w$]*
      | \$\d+
      | \d[\w.]*
      | (?:[eEbBxXnN]|[uU]&)?'(?:[^'\\]|''|\\.)*'
      | ::|:=|=>|<=|>=|<>|!=
      | ."""
_TOKEN = pattern(_ONE, re.VERBOSE | re.DOTALL)
_ENDED = pattern(r"[^\w$\"&]|\Z")  # what follows a whole identifier
_NEXT = pattern(rf"(?:\s++|--[^\n]*+)*+(/\*|{_ONE})", re.VERBOSE | re.DOTALL)


def skip_space(text: str, at: int, end: int | None = None) -> int:
    """The offset of the first character from ``at`` that is neither white space nor comment (comments nest)."""
    end = len(text) if end is None else end
    while at < end:
        match = _SPACE.match(text, at, end)
        if match is None:
            return at
        at = match.end()
        if match.group().endswith("/*"):
            at = _close_comment(text, at, end)
    return end


def _close_comment(text: str, at: int, end: int) -> int:
    depth = 1
    for edge in _EDGE.finditer(text, at, end):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return end


def token_end(text: str, at: int) -> int:
    """The end of the token that starts at ``at``."""
    match = _TOKEN.match(text, at)
    return match.end() if match else min(at + 1, len(text))


def find_name(text: str, name: str, start: int, end: int) -> int:
    """The offset of the first token that spells the identifier ``name`` in a range; -1 if none."""
    quoted = quote(name)
    for word in (name, quoted) if name.isidentifier() else (quoted,):  # where a tree points, it mostly is
        if text.startswith(word, start) and start < end and _ENDED.match(text, start + len(word)):
            return start
    if name.isascii() and name not in text[start:end].lower() and quoted not in text[start:end]:
        return -1
    at = start
    while match := _NEXT.match(text, at):
        first, token = match.start(1), match[1]
        if first >= end:
            break
        if token == quoted or (token.lower() == name and token[0] != '"'):
            return first
        at = match.end()
        if token == "/*":
            at = _close_comment(text, at, end)
        elif token[0] == "$" and not token[1:].isdigit():
            at = _skip_dollar(text, first, end) or at
    return -1


def _skip_dollar(text: str, at: int, end: int) -> int | None:
    match = re.compile(r"\$(?:[^\W\d]\w*)?\$").match(text, at, end)
    if match is None:
        return None
    close = text.find(match.group(), match.end(), end)
    return end if close < 0 else close + len(match.group())
