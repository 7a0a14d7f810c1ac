"""Migrations that are templates: their runner or the program puts values in before PostgreSQL sees them.

Flyway's ``${name}``, Go's and Jinja's ``{{ .Name }}``, psql's ``:NAME`` and ``:"name"``. A value that the configuration
gives is taken; for any other a name is made up, the same everywhere, so that what a migration makes under it the next
one finds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source

# text in quotes and comments, where braces are nobody's business; of what stands in dollar quotes only a body is SQL
_QUIET = r"\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|--[^\n]*|/\*.*?(?:\*/|\Z)|\b(?i:as|do)\s+(?P<body>\$\w*\$)|(?P<text>\$\w*\$)"
_BRACES = r"\$\{(?P<flyway>[^}\s]{1,200})\}|\{\{-?(?P<go>[^{}]*?)-?\}\}"
# in scripts that psql runs: sqitch's variables have any name, elsewhere only capitals tell them from what may be SQL
_PSQL = {
    name: rf"(?P<psql>:(?:(?<=[\s(,.=]:)|(?<=:::))(?:\"\w+\"|'\w+'|{word}\b))(?!:)"
    for name, word in (("plain", r"[A-Z][A-Z0-9_]+"), ("versions", r"[A-Z][A-Z0-9_]+"), ("sqitch", r"[A-Za-z_]\w*"))
}
_PATH = pattern(r"\bsearch_path\s*(?:=|\bto\b)\s*'?\"?(?:\$\{|\{\{)", re.IGNORECASE)
_CONTROL = pattern(r"\{\{-?\s*(?:if|else|end|range|with|define|template|block)\b")
_CONDITIONS = "it is a template with conditions: what it does is not known"


class Filled(msgspec.Struct, frozen=True):
    """A file with its placeholders replaced; lines stay lines, columns after a placeholder on its line count in what
    the server gets."""

    source: Source
    made_up: tuple[str, ...] = ()  # the names that stand for values that nobody gave
    opaque: str = ""  # why what it does is not known


def fill(source: Source, layout: str, values: Mapping[str, str]) -> Filled:
    """A file as the server gets it."""
    text, psql = source.text, _PSQL.get(layout, "")
    if not ("${" in text or "{{" in text or (psql and re.search(psql, text))):
        return Filled(source)
    places = f"{_BRACES}|{psql}" if psql else _BRACES
    template = _PATH.search(text) is not None or _outside(text, re.compile(f"{_QUIET}|{places}", re.DOTALL))
    if template and _CONTROL.search(text):
        return Filled(source, opaque=f"{source.path}: {_CONDITIONS}")
    made_up: dict[str, None] = {}

    def value(match: re.Match[str]) -> str:
        kind, inside = match.lastgroup or "", match.group(match.lastgroup or 0)
        if inside.lstrip().startswith("/*"):
            return ""
        words = re.findall(r"\w+", inside)
        given = next((values[key] for key in (inside, inside.strip(), *words[-1:]) if key in values), None)
        if given is None and not template:
            return match.group()
        name = given if given is not None else (words[-1].lower() if words else "placeholder")
        if given is None:
            made_up[name] = None
        return _quoted(name, inside) if kind == "psql" else name

    return Filled(Source(source.path, re.sub(places, value, text)), tuple(made_up))


def _outside(text: str, tokens: re.Pattern[str]) -> bool:
    """Whether a placeholder stands where SQL does."""
    at = 0
    while (found := tokens.search(text, at)) is not None:
        kind, at = found.lastgroup, found.end()
        if kind in ("body", "text"):
            mark = found.group(kind)
            end = text.find(mark, at)
            end = end if end >= 0 else len(text)
            if kind == "body" and _outside(text[at:end], tokens):
                return True
            at = end + len(mark)
        elif kind is not None:
            return True
    return False


def _quoted(name: str, variable: str) -> str:
    """psql's ``:'x'`` and ``:"x"`` bring their quotes."""
    return f"'{name}'" if variable[1] == "'" else f'"{name}"' if variable[1] == '"' else name
