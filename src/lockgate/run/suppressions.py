"""Suppressions: ``-- lockgate: ignore rule-name: reason`` on the line of a finding, or on a line of its own above the
statement.

In source code the language's own comment does it: ``// lockgate: ...`` or ``# lockgate: ...``.

One names one or more rules by slug or code, and gives a reason. A suppression that silences nothing, names no rule, or
has no reason is itself reported.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator

import msgspec

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span

WORD = "lockgate:"  # no directive without it
_DIRECTIVE = pattern(
    r"(?:--|//|#)[ \t]*lockgate:[ \t]*ignore\b[ \t]*(?P<rules>[\w,\- ]*?)[ \t]*(?::[ \t]*(?P<reason>.*?))?[ \t]*$",
    re.MULTILINE,
)


class Suppression(msgspec.Struct):
    """One directive: where it stands, which rules it names, the first and last line that it covers."""

    source: Source
    span: Span
    rules: tuple[str, ...]
    reason: str
    first: int
    last: int
    used: set[str] = msgspec.field(default_factory=set)


def find(source: Source, statements: Iterable[Span]) -> list[Suppression]:
    """The directives of a file. ``statements`` are the spans of its statements: a directive above one covers it
    whole."""
    if WORD not in source.text:
        return []
    spans = sorted(statements, key=lambda span: span.start)
    return list(_directives(source, spans))


def _quoted(text: str, first: int, at: int) -> bool:
    """Whether a quote stands before it on its line, in the same statement."""
    return text.find("'", max(first, text.rfind("\n", first, at) + 1), at) >= 0


def _directives(source: Source, spans: list[Span]) -> Iterator[Suppression]:
    for match in _DIRECTIVE.finditer(source.text):
        start = match.start()
        around = bisect_left(spans, start, key=lambda span: span.start) - 1  # the last that begins before it
        if around >= 0 and start < spans[around].end and _quoted(source.text, spans[around].start, start):
            continue
        rules = tuple(filter(None, re.split(r"[,\s]+", match.group("rules").strip())))
        line = source.position(start).line
        alone = not source.line(line)[: source.position(start).column - 1].strip()
        first = last = line
        if alone:
            free = around < 0 or spans[around].end <= start
            below = spans[around + 1] if free and around + 1 < len(spans) else None
            if below is not None and _near(source, line, below):
                last = source.position(below.end).line
            else:
                last = line + 1
        yield Suppression(source, Span(start, match.end()), rules, (match.group("reason") or "").strip(), first, last)


def _near(source: Source, line: int, below: Span) -> bool:
    """In SQL the next statement is the one that is meant; in a program only one that begins at once."""
    return source.path.endswith(".sql") or source.position(below.start).line <= line + 3


def covering(found: Iterable[Suppression], path: str, line: int, name: str, code: str) -> Suppression | None:
    """The suppression that silences a rule at a line of a file."""
    for item in found:
        if item.source.path == path and item.first <= line <= item.last and (name in item.rules or code in item.rules):
            return item
    return None


class Faulty(msgspec.Struct, frozen=True):
    """A suppression that does not do what its author may think."""

    source: Source
    span: Span
    why: str
    help: str


def faults(item: Suppression, known: Collection[str], *, whole: bool) -> Iterator[Faulty]:
    """What is wrong with a suppression. ``known``: slugs and codes of all rules; ``whole``: every rule had its say,
    those of the server included."""
    if not item.rules:
        yield Faulty(
            item.source,
            item.span,
            "this suppression names no rule, and silences nothing",
            "name the rule: -- lockgate: ignore RULE: reason",
        )
        return
    for name in item.rules:
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, sorted(known), 1)
            yield Faulty(
                item.source,
                item.span,
                f"there is no rule {name}",
                f"did you mean {near[0]}?" if near else "see `lockgate rules`",
            )
    if not item.reason:
        yield Faulty(
            item.source,
            item.span,
            "this suppression gives no reason",
            "say why, after a colon: the next reader wants to know",
        )
    if whole and not item.used and all(name in known for name in item.rules):
        yield Faulty(
            item.source, item.span, f"nothing is silenced here: {', '.join(item.rules)} has nothing to say", "remove it"
        )
