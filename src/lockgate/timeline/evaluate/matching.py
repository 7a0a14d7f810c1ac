"""LIKE and regular expressions in time that grows with the text, whatever the pattern (src/backend/utils/adt/like.c,
src/backend/regex).

A pattern is matched by RE2, which never backtracks, where it means there what it means in PostgreSQL's advanced regular
expressions; other patterns are UNKNOWN.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from lockgate.base.lazy_imports import pattern as deferred
from lockgate.timeline.evaluate.value import UNKNOWN, Unknown, Value

_LONGEST = 1_000  # characters of a regular expression
_WORK = 10_000_000  # characters compared for one LIKE
_BOUND = 255  # DUPMAX (src/include/regex/regguts.h)
# What differs: escapes but of classes and punctuation (\b is a backspace, \y a boundary, \1 a reference), (?...) but
# groups, [.x.] and [=x=] and [[:<:]], directors (***:), quantifiers of constraints (^*) and of quantifiers (a**).
_DIFFERENT = deferred(
    r"\\[^dswDSW\W]|\\_|\\$|\(\?(?!:)|\[[.=]|\[:[<>]|^\*|[\^$][*+?{]|[(|][*+{]|\|\?|[*+?}][*+{]|[*+?}]\?[*+?{]|\{[^0-9]|\{$|[^ -~]"
)
_BOUNDS = deferred(r"\{([0-9]+)(?:,([0-9]*))?\}")
_BRACKETS = deferred(r"\[\^?\]?((?:\[:[a-z]+:\]|[^\]\[])*)\]")
_ESCAPED = deferred(r"\\.")
_PLAIN = deferred(r"[\t\n\r -~]*")  # what every locale sorts into the same classes


def like(text: str, pattern: str, *, fold: bool = False) -> Value:
    """LIKE; ILIKE with ``fold``. UNKNOWN where it fails, or what a letter folds to rests on the locale."""
    if fold:
        if not (text.isascii() and pattern.isascii()):
            return UNKNOWN
        text, pattern = text.lower(), pattern.lower()
    parts = _parts(pattern)
    return UNKNOWN if parts is None else _like(text, parts)


def _parts(pattern: str) -> list[list[str]] | None:
    """What stands between the % of a pattern, by characters, "" for any one; None where it ends in its escape (22025)."""
    parts: list[list[str]] = [[]]
    characters = iter(pattern)
    for char in characters:
        if char == "%":
            parts.append([])
        elif char == "\\":
            literal = next(characters, None)
            if literal is None:
                return None
            parts[-1].append(literal)
        else:
            parts[-1].append("" if char == "_" else char)
    return parts


def _like(text: str, parts: list[list[str]]) -> Value:
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return len(text) == len(first) and _stands(text, 0, first)
    end = len(text) - len(last)
    if end < len(first) or not _stands(text, 0, first) or not _stands(text, end, last):
        return False
    at = len(first)
    for part in parts[1:-1]:
        found = _find(text, part, at, end)
        if found is None or isinstance(found, Unknown):
            return False if found is None else found
        at = found + len(part)
    return True


def _stands(text: str, at: int, part: list[str]) -> bool:
    return all(not char or text[at + n] == char for n, char in enumerate(part))


def _find(text: str, part: list[str], at: int, end: int) -> int | Unknown | None:
    """Where a part first stands between two places; None for nowhere."""
    if "" not in part:
        found = text.find("".join(part), at, end)
        return found if found >= 0 else None
    if not any(part):
        return at if at + len(part) <= end else None
    if len(part) * (end - at) > _WORK:
        return UNKNOWN
    return next((n for n in range(at, end - len(part) + 1) if _stands(text, n, part)), None)


def matches(text: str, pattern: str, *, fold: bool = False) -> Value:
    """``~``, and ``~*`` with ``fold``."""
    found = _compiled(pattern, fold)
    if found is None or not _PLAIN.fullmatch(text):
        return UNKNOWN
    return found.search(text.encode()) is not None


def replaced(text: str, pattern: str, replacement: str, flags: str) -> Value:
    """regexp_replace(): the longest match from the first place that has one, as no quantifier here is lazy."""
    lazy = any(f"{quantifier}?" in pattern for quantifier in "*+?}")
    found = None if lazy or set(flags) - set("gi") or "\\" in replacement else _compiled(pattern, "i" in flags)
    if found is None or not _PLAIN.fullmatch(text):
        return UNKNOWN
    spans = [match.span() for match in found.finditer(text.encode())]
    spans = spans if "g" in flags else spans[:1]
    if any(start == end for start, end in spans):
        return UNKNOWN
    if len(spans) * len(replacement) > _WORK:
        return UNKNOWN
    starts, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
    return replacement.join(text[start:end] for start, end in zip(starts, ends, strict=True))


@lru_cache(maxsize=512)
def _compiled(pattern: str, fold: bool) -> Any:
    """RE2's program; None where the pattern may mean something else there."""
    bare = _ESCAPED.sub("x", pattern)
    if len(pattern) > _LONGEST or _DIFFERENT.search(pattern) or _bracketed(pattern):
        return None
    if any(int(n or 0) > _BOUND for bounds in _BOUNDS.findall(bare) for n in bounds):
        return None
    import re2

    options = re2.Options()
    options.dot_nl, options.never_nl, options.case_sensitive = True, False, not fold
    options.longest_match, options.log_errors, options.max_mem = True, False, 8 << 20
    try:
        return re2.compile(pattern.encode(), options=options)
    except re2.error:
        return None


def _bracketed(pattern: str) -> bool:
    """Whether a bracket expression holds what is read differently: an escape, or a range of classes."""
    return any("\\" in inner or "-[" in inner or "]-" in inner for inner in _BRACKETS.findall(pattern))
