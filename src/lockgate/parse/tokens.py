"""Tokens of a text, for the spans that the parse tree leaves out."""

from __future__ import annotations

import re

_SPACE = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*)")
_TOKEN = re.compile(
    r"""(?:[uU]&)?"(?:[^"]|"")*"
      | [^\W\d][\w$]*
      | \$\d+
      | \d[\w.]*
      | (?:[eEbBxXnN]|[uU]&)?'(?:[^'\\]|''|\\.)*'
      | ::|:=|=>|<=|>=|<>|!=
      | .""",
    re.VERBOSE | re.DOTALL,
)


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
    while depth and at < end:
        opens, closes = text.find("/*", at, end), text.find("*/", at, end)
        if closes < 0:
            return end
        if 0 <= opens < closes:
            depth, at = depth + 1, opens + 2
        else:
            depth, at = depth - 1, closes + 2
    return at


def token_end(text: str, at: int) -> int:
    """The end of the token that starts at ``at``."""
    match = _TOKEN.match(text, at)
    return match.end() if match else min(at + 1, len(text))


def find_name(text: str, name: str, start: int, end: int) -> int:
    """The offset of the first token that spells the identifier ``name`` in a range; -1 if none."""
    at = skip_space(text, start, end)
    quoted = '"' + name.replace('"', '""') + '"'
    while at < end:
        stop = token_end(text, at)
        token = text[at:stop]
        if token == quoted or (token.lower() == name and not token.startswith('"')):
            return at
        if token.startswith("$") and not token[1:].isdigit():
            stop = _skip_dollar(text, at, end) or stop
        at = skip_space(text, max(stop, at + 1), end)
    return -1


def _skip_dollar(text: str, at: int, end: int) -> int | None:
    match = re.compile(r"\$(?:[^\W\d]\w*)?\$").match(text, at, end)
    if match is None:
        return None
    close = text.find(match.group(), match.end(), end)
    return end if close < 0 else close + len(match.group())
