"""Placeholders: what stands in a query for a value, and what stands for a fragment of SQL.

A value is bound: ``$1 ? :name @name %s %(name)s #{x} sqlc.arg(x)``. A fragment is put into the text before the server sees it: an interpolation of
the language, ``${x}`` and ``{x}`` of format strings, ``%s`` of printf, HugSQL's ``:i:name`` and ``:sql:name``. What looks like a placeholder may be an operator
of PostgreSQL (``?``, ``@``, ``%``) or a slice (``[1:n]``): every slot remembers how it was written, and fit.py lets the grammar choose.
"""

from __future__ import annotations

import re

from lockgate.queries.passage import HOLE
from lockgate.values import dataclass

_QUOTED = (
    r"--[^\n]*|/\*.*?\*/|[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$"
)  # fmt: skip
_FORMAT = r"%(?:\[\d+\])?(?P<verb>[+#]?[sdvqtfi])(?![A-Za-z0-9_])"
_TOKEN = re.compile(
    rf"""(?P<quoted>{_QUOTED})
      | (?P<identifier>"(?:[^"]|"")*")
      | (?P<embed>sqlc\.embed\(\s*(?P<embedded>\w+)\s*\))
      | sqlc\.n?arg\(\s*'?(?P<arg>\w+)'?\s*\) | sqlc\.slice\(\s*'?(?P<slice>\w+)'?\s*\)
      | (?P<number>\$(?P<n>\d+))
      | (?P<glued>[A-Za-z_]\w*_(?:{HOLE}|[$\#]?\{{[^{{}}]*\}}|%[svd])\w* | (?:{HOLE}|[$\#]?\{{[^{{}}]*\}}|%[svd])_\w+)
      | (?P<hole>{HOLE}|\$?\{{[^{{}}\n]*\}}|\$[A-Za-z_]\w*|:(?:i|id|identifier|i\*|identifier\*|sql|snip|snip\*|raw):[\w.-]+)
      | \#\{{(?P<batis>[^{{}}]*)\}}
      | %\((?P<python>[^()\s]+)\)[sdbt]
      | (?P<format>{_FORMAT})
      | (?P<percent>%%)
      | ::|:=
      | :(?:(?:v|value|l|t|tuple|n|p|v\*|value\*|l\*|t\*|tuple\*)\*?:)?(?P<colon>[A-Za-z_]\w*)(?:!(?!=))?
      | @(?P<at>[A-Za-z_]\w*)
      | (?P<question>\?(?![|&?]))
      | (?:[+\-*/<>=~!^&|`]|@\?|@(?![A-Za-z_])|\#(?!\{{)|%(?![(\[sdvqtfi%])|\?[|&?])+
      | [^\W\d][\w$]*
      | \d[\w.]*
      | .""",
    re.VERBOSE | re.DOTALL,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slot:
    """A placeholder: where it stands, and what it may be. ``name`` is that of a value ("": every one is another)."""

    start: int
    end: int
    kind: str  # value hole name text
    name: str = ""
    text: str = ""  # for kind text: what stands there for certain


def slots(text: str, language: str) -> list[Slot]:
    """The placeholders of a query, in order; a number (``$1``) is left as it is."""
    return [slot for match in _TOKEN.finditer(text) if (slot := _slot(match, language)) is not None]


def highest(text: str) -> int:
    """The highest number of a ``$n``."""
    return max((int(m["n"]) for m in _TOKEN.finditer(text) if m["n"]), default=0)


def renumbered(text: str) -> str:
    """One statement of several with its parameters counted from 1 (a server wants no gaps); every character keeps its place."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        if match["n"] is None:
            return match.group()
        return f"${numbers.setdefault(match['n'], len(numbers) + 1)}".ljust(len(match.group()))

    return _TOKEN.sub(number, text)


def _slot(match: re.Match[str], language: str) -> Slot | None:
    start, end = match.span()
    name = next((match[g] for g in ("arg", "slice", "batis", "python", "colon", "at") if match[g] is not None), None)
    if name is not None:
        return Slot(start, end, "value", name)
    if match["embed"] is not None:
        return Slot(start, end, "text", text=f"{match['embedded']}.*")
    if match["percent"] is not None:
        return Slot(start, end, "text", text="%")
    if match["question"] is not None:
        return Slot(start, end, "value")
    if match["format"] is not None:
        return Slot(start, end, "value" if language == "py" else "hole")
    if match["hole"] is not None:
        return Slot(start, end, "hole")
    if match["glued"] is not None:
        return Slot(start, end, "name")
    return _inside_quotes(match, start, end)


def _inside_quotes(match: re.Match[str], start: int, end: int) -> Slot | None:
    if match["identifier"] is not None and re.search(rf"{HOLE}|[$]?\{{|%[sqvd]", match.group()):
        return Slot(start, end, "name")
    if match["quoted"] is not None and HOLE in match.group():
        return Slot(start, end, "text", text=match.group().replace(HOLE, "x"))
    return None
