"""Values that statements and conditions speak of: what their rows are looked for by."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 200_000  # characters of statements that are searched
_VALUE = r"(?:[EeNn]?'((?:[^'\\]|''){0,200})'|(-?\d{1,18}(?:\.\d{1,10})?)(?![\w.]))"
_COMPARED = re.compile(
    r'"?([A-Za-z_][\w$]{0,62})"?\s{0,3}(?:=|<>|!=|<=|>=|<|>|~~?\*?|\b(?:not )?i?like\b|\b(?:not )?in\b|\bis distinct from\b|= ?any)\s{0,3}\(?(?:array\[)?\s{0,3}'
    rf"((?:{_VALUE}(?:::\w+)?\s{{0,3}},?\s{{0,3}}){{1,20}})",
    re.IGNORECASE,
)
_LITERAL = re.compile(_VALUE)
_MOST = 6  # values of one column


def compared(texts: Iterable[str]) -> dict[str, list[str]]:
    """The literals that each column is compared with somewhere, by the column's bare name."""
    out: dict[str, list[str]] = {}
    left = _LONGEST
    for text in texts:
        for match in _COMPARED.finditer(text[:left]):
            values = out.setdefault(match[1].lower(), [])
            for value in literals(match[2]):
                if value not in values and len(values) < _MOST:
                    values.append(value)
        left -= len(text)
        if left <= 0:
            break
    return out


def literals(text: str) -> list[str]:
    """Every literal of an expression, in order, each once."""
    found = (match[1].replace("''", "'") if match[1] is not None else match[2] for match in _LITERAL.finditer(text))
    return list(dict.fromkeys(found))


def near(values: Iterable[str]) -> list[str]:
    """Numbers beside those that a condition names, and texts as long as it wants them."""
    out = []
    for value in values:
        if re.fullmatch(r"-?\d{1,9}", value):
            number = int(value)
            out += [str(number + 1), str(number - 1)]
    return out


def sized(values: Iterable[str]) -> list[str]:
    """Texts of as many characters as a condition names."""
    return ["x" * int(value) for value in values if re.fullmatch(r"\d{1,3}", value)]
