"""Findings that have one cause: told whole once, and the remedy that ends many of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lockgate.base.findings import Finding

_OR = " or once and for all: "  # between the two remedies of timeline/remedy.py
_MOST = 5


def cause(item: Finding) -> tuple[object, ...] | None:
    """What two findings share that have the same reason and the same remedy; None for one that names no remedy."""
    places = tuple((label.source.path, label.span, label.message) for label in item.related)
    return (item.rule, item.message, item.help, places) if item.help and item.fix is None else None


def remedies(findings: Iterable[Finding]) -> list[tuple[str, int]]:
    """The remedies that each end several findings, with how many of those that the ones before leave; most first."""
    left = [
        named for item in findings if item.sqlstate == "42501" and item.fix is None and (named := _named(item.help))
    ]
    found: list[tuple[str, int]] = []
    while left:
        ((best, count),) = Counter(sql for named in left for sql in named).most_common(1)
        if count == 1:
            break
        found.append((best, count))
        left = [named for named in left if best not in named]
    return found[:_MOST]


def _named(help: str) -> tuple[str, ...]:
    first, _, lasting = help.partition(_OR)
    who = first.partition(": ")[0] if first.startswith("run as ") else ""
    return (first, f"{who}: {lasting}") if lasting else (first,) if first else ()
