"""Tokens of a PL/pgSQL body: those of SQL (src/backend/parser/scan.l), each with its place."""

from __future__ import annotations

import re
from typing import NamedTuple

from lockgate.base.lazy_imports import pattern
from lockgate.parse.tokens import skip_space

_DOLLAR = pattern(r"\$(?:[^\W\d]\w*)?\$")
# quotecontinue: literals with a line's end between them are one
_CONTINUED = pattern(r"(?:[ \t\r\f]++|--[^\n]*+)*+\n(?:\s++|--[^\n]*+\n)*+(?=')")
_TOKEN = pattern(
    r"""(?P<quoted>(?:[uU]&)?"(?:[^"]|"")*")
      | (?P<string>[eE]'(?:[^'\\]|''|\\.)*'|(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*')
      | (?P<word>[^\W\d][\w$]*)
      | (?P<param>\$\d+)
      | (?P<number>\d+(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
      | (?P<sign>::|:=|\.\.|<<|>>|=>|<=|>=|<>|!=|.)""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """``kind``: word quoted string param number sign, or "" at the end. ``value``: a word in lower case, a quoted name
    unquoted."""

    kind: str
    value: str
    start: int
    end: int


class BodySyntax(Exception):
    """A body that PL/pgSQL's grammar refuses; ``offset`` counts from the body's start."""

    def __init__(self, message: str, offset: int, sqlstate: str = "42601", token: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.sqlstate = sqlstate
        self.token = token


def scan(text: str) -> list[Token]:
    """All tokens of a body, the last one of kind "". Raises BodySyntax on an unterminated comment or string."""
    out: list[Token] = []
    at = skip_space(text, 0)
    end = len(text)
    while at < end:
        token = _next(text, at)
        while token.kind == "string" and text[token.end - 1] == "'" and (more := _CONTINUED.match(text, token.end)):
            rest = _next(text, more.end())
            token = Token("string", token.value + rest.value, token.start, rest.end)
        out.append(token)
        at = skip_space(text, token.end)
    out.append(Token("", "", end, end))
    return out


def _next(text: str, at: int) -> Token:
    if text[at] == "$":
        opening = _DOLLAR.match(text, at)
        if opening is not None:
            close = text.find(opening.group(), opening.end())
            if close < 0:
                raise BodySyntax("unterminated dollar-quoted string", at)
            return Token("string", text[opening.end() : close], at, close + len(opening.group()))
    match = _TOKEN.match(text, at)
    assert match is not None and match.lastgroup is not None
    kind, raw = match.lastgroup, match.group()
    if kind == "sign" and raw in "'\"":
        raise BodySyntax("unterminated quoted " + ("string" if raw == "'" else "identifier"), at)
    return Token(kind, _value(kind, raw), at, match.end())


def _value(kind: str, raw: str) -> str:
    if kind == "word":
        return raw.lower()
    if kind == "quoted":
        return raw[raw.index('"') + 1 : -1].replace('""', '"')
    if kind == "string":
        body = raw[raw.index("'") + 1 : -1].replace("''", "'")
        return re.sub(r"\\(.)", _escape, body, flags=re.DOTALL) if raw[0] in "eE" else body
    return raw


def _escape(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(match.group(1), match.group(1))
