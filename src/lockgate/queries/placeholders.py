"""Placeholders: what stands in a query for a value, and what stands for a fragment of SQL.

A value is bound: ``$1 ? :name @name %s %(name)s #{x} sqlc.arg(x)``. A fragment is put into the text before the server
sees it: an interpolation of the language, ``${x}`` and ``{x}`` of format strings, ``%s`` of printf, ``{{ x }}`` and
``{% if x %}`` of templates, JDBI's ``<x>``, knex' ``??``, HugSQL's ``:i:name`` and ``:sql:name``, a program's own
``%x%`` and ``SOME_NAME``. What looks like a placeholder may be an operator of PostgreSQL (``?``, ``@``, ``%``), a slice
(``[1:n]``) or a name: every slot remembers how it was written, and fit.py lets the grammar choose.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

import msgspec

from lockgate.queries.passage import HOLE
from lockgate.queries.unclosed import plain

_QUOTED = (
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$"
)
_FORMAT = r"%(?:\[\d+\]|\d+\$)?(?P<verb>[+#]?[sdvqtfic])(?![A-Za-z0-9_])"
_HOLES = (
    rf"{HOLE}|\{{\{{[^{{}}]*\}}\}}|\$?\{{(?!%)[^{{}}\n]*\}}|\$[A-Za-z_]\w*|</?@[^<>]*>|<[A-Za-z_]\w*>|(?<![\w)])%\w\w+%(?![\w%(])"
    r"|:(?:i|id|identifier|i\*|identifier\*|sql|snip|snip\*|raw):[\w.-]+"
)
# tags of templates (Jinja, FreeMarker, MyBatis), the other branch of a condition with all that is in it
_BLOCKS = (
    r"\{%-?\s*(?:else|elif)\b(?:(?!\{%-?\s*if\b).)*?\{%-?\s*endif\b.*?%\}|\{%.*?%\}"
    r"|\{\{-?\s*else\b(?:(?!\{\{-?\s*(?:if|range|with)\b).)*?\{\{-?\s*end\s*-?\}\}"
    r"|<\#--.*?-->|<\#else(?:(?!<\#if).)*?</\#if>|</?\#[^<>]*>|</?(?:script|if|where|set|trim|foreach|choose|when|otherwise)(?:\s[^<>]*)?>"
)
_TOKENS = rf"""(?P<quoted>{_QUOTED})
      | (?P<identifier>"(?:[^"]|"")*")
      | (?P<embed>sqlc\.embed\(\s*(?P<embedded>\w+)\s*\))
      | sqlc\.n?arg\(\s*'?(?P<arg>\w+)'?\s*\) | sqlc\.slice\(\s*'?(?P<slice>\w+)'?\s*\)
      | :(?P<psql>'\w+') | (?P<psqlname>:"\w+")
      | (?P<number>\$(?P<n>\d+))
      | (?P<numbered>\$(?:{HOLE}|%(?:\[\d+\])?[dsv]))
      | (?P<glued>[A-Za-z_]\w*_(?:{HOLE}|[$\#]?\{{[^{{}}]*\}}|%[svd])\w* | (?:{HOLE}|[$\#]?\{{[^{{}}]*\}}|%[svd])_\w+ | %s[A-Z]\w*)
      | (?P<block>{_BLOCKS})
      | (?P<hole>{_HOLES})
      | :?\#\{{(?P<batis>[^{{}}]*)\}}
      | %\((?P<python>[^()\s]+)\)[sdbt]
      | (?P<format>{_FORMAT})
      | (?P<percent>%%)
      | ::|:=
      | :(?:(?:v|value|l|t|tuple|n|p|v\*|value\*|l\*|t\*|tuple\*)\*?:)?(?P<colon>NAME)(?:!(?!=))?
      | @(?P<at>[A-Za-z_]\w*)
      | (?P<double>\?\?(?![|&?]))
      | (?P<question>\?(?![|&?]))
      | (?:[+\-*/<>=~!^&|`]|@\?|@(?![A-Za-z_])|\#(?!\{{)|%(?![(\[sdvqtfic%])|\?[|&?])+
      | (?P<loud>_*[A-Z][A-Z0-9]*_[A-Z0-9_]+(?![\w$]))
      | [^\W\d][\w$]*
      | \d[\w.]*
      | ."""
_TOKEN = re.compile(_TOKENS.replace("NAME", r"[A-Za-z_]\w*"), re.VERBOSE | re.DOTALL)
# HugSQL's and yesql's names are Clojure's, which have hyphens in them
_KEBAB = re.compile(r"\s*--[ \t]*(?::name\b|:snip\b|name:\s*\w+-)")


class Slot(msgspec.Struct, frozen=True):
    """A placeholder: where it stands, and what it may be. ``name`` is that of a value ("": every one is another)."""

    start: int
    end: int
    kind: str  # value hole name text block operator loud
    name: str = ""
    text: str = ""  # for kind text: what stands there for certain


def slots(text: str, language: str, loud: bool = False) -> list[Slot]:
    """The placeholders of a query, in order; a number (``$1``) is left as it is. ``loud``: words such as SOME_NAME are
    taken for placeholders, too."""
    token = _kebab_token() if language == "sql" and _KEBAB.match(text) else _TOKEN
    named = (
        match for match in token.finditer(plain(text)) if match.lastgroup is not None
    )  # nearly every token is none
    return [slot for match in named if (slot := _slot(match, language)) is not None and (loud or slot.kind != "loud")]


@cache
def _kebab_token() -> re.Pattern[str]:
    return re.compile(_TOKENS.replace("NAME", r"[A-Za-z_](?:\w|-(?=\w))*"), re.VERBOSE | re.DOTALL)


@lru_cache(8)
def highest(text: str) -> int:
    """The highest number of a ``$n``."""
    return max((int(m["n"]) for m in _TOKEN.finditer(plain(text)) if m["n"]), default=0) if "$" in text else 0


def renumbered(text: str) -> str:
    """One statement of several with its parameters counted from 1 (a server wants no gaps); every character keeps its
    place."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        if match["n"] is None:
            return match.group()
        return f"${numbers.setdefault(match['n'], len(numbers) + 1)}".ljust(len(match.group()))

    return _TOKEN.sub(number, plain(text)) if "$" in text else text


def _slot(match: re.Match[str], language: str) -> Slot | None:
    start, end = match.span()
    name = next(
        (match[g] for g in ("arg", "slice", "psql", "batis", "python", "colon", "at") if match[g] is not None), None
    )
    if name is not None:
        return Slot(start, end, "value", name)
    if match["embed"] is not None:
        return Slot(start, end, "text", text=f"{match['embedded']}.*")
    if match["percent"] is not None:
        return Slot(start, end, "text", text="%")
    if match["question"] is not None or match["numbered"] is not None:
        return Slot(start, end, "value")
    if match["format"] is not None:
        return Slot(start, end, "value" if language == "py" else "hole")
    if match["double"] is not None:
        return Slot(start, end, "operator")
    kind = next((kind for kind in ("hole", "block", "loud") if match[kind] is not None), None)
    if kind is not None:
        return Slot(start, end, kind)
    if match["glued"] is not None or match["psqlname"] is not None:
        return Slot(start, end, "name")
    return _inside_quotes(match, start, end)


def _inside_quotes(match: re.Match[str], start: int, end: int) -> Slot | None:
    if match["identifier"] is not None and re.search(rf"{HOLE}|[$]?\{{|%[sqvd]", match.group()):
        return Slot(start, end, "name")
    if match["quoted"] is not None and HOLE in match.group():
        return Slot(start, end, "text", text=match.group().replace(HOLE, "x"))
    return None
