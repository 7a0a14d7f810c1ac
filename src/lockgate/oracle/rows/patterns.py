"""Texts that match a pattern of a CHECK: what a person would write, drawn from the pattern's own tree."""

from __future__ import annotations

import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

_LONGEST_PATTERN, _MOST = 500, 64
# the classes of PostgreSQL's regular expressions (manual: functions-matching) in Python's words
_CLASSES = {
    "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9",
    "[:alnum:]": "a-zA-Z0-9",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:space:]": " ",
    "[:punct:]": "!-",
    "[:xdigit:]": "0-9a-f",
}
_PATTERN = re.compile(r"(!?~~?\*?) '((?:[^']|'')*)'")


def matching(text: str) -> list[str]:
    """Texts for each pattern in an expression, as the server prints it: ``(code ~ '^[A-Z]{3}$'::text)``."""
    out = []
    for operator, pattern in _PATTERN.findall(text):
        written = pattern.replace("''", "'")
        if operator.startswith("!") or len(written) > _LONGEST_PATTERN:
            continue
        found = _liked(written) if "~~" in operator else drawn(written)
        out += [found] if found is not None else []
    return out


def _liked(pattern: str) -> str:
    """A text that LIKE takes."""
    return re.sub(r"\\(.)|%|_", lambda m: m[1] if m[1] else "a", pattern)


def drawn(pattern: str) -> str | None:
    """A text that a regular expression takes; None where it cannot be read."""
    for theirs, ours in _CLASSES.items():
        pattern = pattern.replace(theirs, ours)
    pattern = pattern.replace(r"\m", r"\b").replace(r"\M", r"\b").replace(r"\Z", "$")
    try:
        return _Draw().sequence(_parser.parse(pattern))[: 4 * _MOST]
    except (re.error, RecursionError, OverflowError, ValueError, KeyError):
        return None


class _Draw:
    """Walks the tree of Python's own parser, and takes the least of each choice."""

    def sequence(self, tree: Any) -> str:
        return "".join(self.one(op, value) for op, value in tree)

    def one(self, op: Any, value: Any) -> str:
        match op:
            case _constants.LITERAL:
                return chr(value)
            case _constants.NOT_LITERAL:
                return "a" if value != 97 else "b"
            case _constants.ANY:
                return "a"
            case _constants.IN:
                return _of_set(value)
            case _constants.BRANCH:
                return self.sequence(value[1][0])
            case _constants.SUBPATTERN:
                return self.sequence(value[3])
            case _constants.MAX_REPEAT | _constants.MIN_REPEAT:
                least, most, part = value
                times = min(max(least, 1), _MOST) if most else 0
                return (self.sequence(part) * times)[: 4 * _MOST]
            case _constants.CATEGORY:
                return _CATEGORIES.get(value, "a")
            case _:
                return ""


_CATEGORIES = {_constants.CATEGORY_DIGIT: "1", _constants.CATEGORY_SPACE: " ", _constants.CATEGORY_WORD: "a"}


def _of_set(items: Any) -> str:
    refused = items[0][0] is _constants.NEGATE
    for op, value in items[1:] if refused else items:
        if refused:
            continue
        if op is _constants.LITERAL:
            return chr(value)
        if op is _constants.RANGE:
            return chr(value[0])
        if op is _constants.CATEGORY:
            return _CATEGORIES.get(value, "a")
    shut = [
        (v, v) if op is _constants.LITERAL else v for op, v in items if op in (_constants.LITERAL, _constants.RANGE)
    ]
    return next((c for c in "a1A-_. " if not any(low <= ord(c) <= high for low, high in shut)), "~")
