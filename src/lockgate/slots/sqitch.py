"""What is wrong in a sqitch.plan by itself: sqitch reads the whole plan before it deploys anything (App::Sqitch::Plan,
_parse)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lockgate.base.findings import Label
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.slots.conflicts import DeclaredTwice, PassedOver
from lockgate.sources import Folder
from lockgate.sources.folder import read

_LINE = pattern(
    r"^[ \t]*(?:(?P<pragma>%)|(?P<tag>@[^\s#]+)|[+]?[ \t]*(?P<change>[^\s@%#+\-\[][^\s\[:]*))[ \t]*(?:\[(?P<needs>[^\]]*)\])?",
    re.MULTILINE,
)


def plan_faults(folder: Folder, cwd: Path) -> Iterator[DeclaredTwice | PassedOver]:
    """Changes and tags that the plan declares twice, and changes that need one which comes later or never."""
    path = cwd / folder.roots[0] / "sqitch.plan" if folder.roots else Path("sqitch.plan")
    if not path.is_file():
        return
    source = read(path, cwd)
    changes: dict[str, Span] = {}
    tags: dict[str, Span] = {}
    every = {m.group("change") for m in _LINE.finditer(source.text) if m.group("change")}
    for line in _LINE.finditer(source.text):
        if line.group("pragma"):
            continue
        tag, change = line.group("tag"), line.group("change")
        seen = tags if tag else changes
        reworked = not tag and bool(set(_needs(line)) & {f"{change}@{t[1:]}" for t in tags})
        if (name := tag or change) in seen and not reworked:
            yield _twice(source, name, seen[name], Span(*line.span("tag" if tag else "change")))
        yield from _early(source, line, changes, every)
        seen[name] = Span(*line.span("tag" if tag else "change"))


def _twice(source: Source, name: str, first: Span, second: Span) -> DeclaredTwice:
    what = "tag" if name.startswith("@") else "change"
    does = f"sqitch refuses to run (the {what} duplicates an earlier declaration in the plan)"
    return DeclaredTwice(name, Label(source, first, "declared here"), Label(source, second, "and again"), does)


def _needs(line: re.Match[str]) -> list[str]:
    return [word for word in (line.group("needs") or "").split() if not word.startswith("!")]


def _early(source: Source, line: re.Match[str], before: dict[str, Span], every: set[str]) -> Iterator[PassedOver]:
    """Requirements within this project that stand below, or nowhere; ``project:change`` is another project's."""
    for word in _needs(line):
        name = word.partition("@")[0]
        if ":" in word or not name or name in before:
            continue
        when = "comes later" if name in every else "is not in the plan"
        why = f"{line.group('change') or line.group('tag')} requires {name}, which {when}: sqitch refuses to run"
        yield PassedOver(source, why, True, Span(*line.span("needs")))
