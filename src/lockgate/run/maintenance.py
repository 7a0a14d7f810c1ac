"""Functions of the user's that maintenance runs: from 17 on with a safe search_path (the manual: "Functions used in
expression indexes and materialized views that reference non-default schemas must specify a search path", release notes
of 17)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec.structs import replace

from lockgate.base.findings import Finding, Severity
from lockgate.base.lazy_imports import pattern
from lockgate.run.plan import NEWEST_MAJOR, Replayed
from lockgate.sources.migration import Migration
from lockgate.timeline.plan import Plan

SAFE_PATH = 17  # the first major that restricts the path (RestrictSearchPath in usercontext.c)
_WORDS = "it calls a function without SET search_path, and PostgreSQL 17 and later run it with pg_catalog alone"
_HELP = (
    "name the schemas in the function's body, or CREATE FUNCTION ... SET search_path = ...; or set [database] version"
)

_FUNCTION = pattern(r"(?i)\bCREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+([\w.\"$]+)\s*\(")
_RUN = pattern(
    r"(?is)\bCREATE\s+(?:UNIQUE\s+)?INDEX\b[^;]*|\b(?:CREATE|REFRESH)\s+MATERIALIZED\s+VIEW\b[^;]*|\bUNIQUE\s+INDEX\b[^;]*"
)


def from_17_on(plan: Plan, told: Iterable[Finding], replayed: Callable[[Plan], Replayed]) -> list[Finding]:
    """Nobody says which PostgreSQL it is: what 17 and later alone refuse of maintenance, as warnings."""
    places = maintained(plan.migrations) if plan.major < SAFE_PATH else []
    if not places:
        return []
    later = replayed(replace(plan, major=NEWEST_MAJOR, migrations=plan.migrations[: max(places) + 1]))
    return list(_later_alone(later.findings, told, [plan.migrations[at] for at in places]))


def maintained(migrations: Sequence[Migration]) -> list[int]:
    """Which migrations may run a function of these migrations' in an index or a materialized view, by what their text
    says: too many rather than too few."""
    texts = [one.up.source.text for one in migrations]
    lower = [text.lower() for text in texts]  # most texts hold neither word: the patterns are for the rest
    making = [text for text, low in zip(texts, lower, strict=True) if "function" in low]
    names = {name.rpartition(".")[2].strip('"') for text in making for name in _FUNCTION.findall(text)}
    if not names:
        return []
    running = [n for n, low in enumerate(lower) if "index" in low or "materialized" in low]
    called = re.compile(rf"(?i)(?<![\w$])(?:{'|'.join(map(re.escape, sorted(names)))})\"?\s*\(")
    return [at for at in running if any(called.search(part) for part in _RUN.findall(texts[at]))]


def _later_alone(later: Iterable[Finding], told: Iterable[Finding], places: Iterable[Migration]) -> Iterator[Finding]:
    """Of what a later major refuses, the maintenance that the major in force takes."""
    known = {(f.at.source.path, f.slot, f.statement) for f in told if f.sqlstate}
    paths = {(one.up.source.path, one.slot) for one in places}
    for item in later:
        place = item.at.source.path, item.slot, item.statement
        if item.sqlstate in _MISSED and place not in known and place[:2] in paths and _maintains(item):
            words = f"PostgreSQL {SAFE_PATH} and later refuse it ({item.sqlstate}): {item.message}; {_WORDS}"
            # no SQLSTATE and no statement: a server of an earlier major cannot refute it
            yield replace(item, severity=Severity.WARNING, message=words, help=_HELP, sqlstate=None, statement=None)


_MISSED = frozenset({"42P01", "42883", "42703", "42704"})


def _maintains(item: Finding) -> bool:
    """Whether the statement that is refused is one that maintenance runs."""
    text, at = item.at.source.text, item.at.span.start
    return any(found.start() <= at <= found.end() for found in _RUN.finditer(text))
