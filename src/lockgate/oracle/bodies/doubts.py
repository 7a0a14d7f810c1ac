"""Which refusals of a body's parts are certain whenever the part is reached, and which hang on the caller or on what
the routine does before."""

from __future__ import annotations

import re
from functools import lru_cache

from lockgate.base.sql import literal
from lockgate.oracle.apply.plan import ServerFailure
from lockgate.oracle.bodies.probe import ProbePart
from lockgate.oracle.bodies.routines import ServerRoutine
from lockgate.oracle.server.qualify import qualified
from lockgate.parse.plpgsql.conditions import catches

_WORD = re.compile(r"\w+")
_MISSING = frozenset({"42703", "42P01", "42704", "3F000"})
# names, types and constraints that the catalog settles: nothing that rows, privileges or the arguments of a call decide
_CERTAIN = _MISSING | {"42883", "42702", "42725", "42804", "42803", "42809", "42846", "42P10", "42P13", "428C9"}
# states that name other things as well
_WORDED = {"42601": "INSERT has more ", "22P02": "invalid input value for enum "}
_NAMED = re.compile(
    r'(relation|function|procedure|type|operator)(?: does not exist:)? "?(.+?)"?(?:\(| does not exist|$)'
)
_MADE = re.compile(
    r"\b(?:create\s+(?:\w+\s+){0,6}?(?:table|view|sequence|index|schema|type|function|procedure)|add\s+column|rename\s+to)\s+(?:if\s+not\s+exists\s+)?([\w.\"]+)",
    re.IGNORECASE,
)
_MAKING = re.compile(r"\b(?:create|into)\b([^;]*)", re.IGNORECASE)
_DYNAMIC = re.compile(r"\bexecute\b", re.IGNORECASE)
_OF_ROW = re.compile(r'record "(?:new|old)" has no field')
_ELSEWHERE = {
    "relation": "pg_catalog.pg_class WHERE relname = {name} AND relnamespace",
    "type": "pg_catalog.pg_type WHERE typname = {name} AND typnamespace",
    "operator": "pg_catalog.pg_operator WHERE oprname = {name} AND oprnamespace",
}
_ROUTINES = "pg_catalog.pg_proc WHERE proname = {name} AND pronamespace"
_UNSEEN = "<> ALL (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY (pg_catalog.current_schemas(true)))"


def certain(routine: ServerRoutine, part: ProbePart | None, failure: ServerFailure) -> bool:
    """Whether a call that reaches the part fails so. ``part``: None for what fails before the body begins."""
    state, message = failure.sqlstate, failure.message
    if state not in _CERTAIN and not message.startswith(_WORDED.get(state, "\0")):
        return False
    if routine.polymorphic and (state not in _MISSING or "record" in message):
        return False
    if made(routine.source) & set(_WORD.findall(message.lower())):
        return False  # a temporary table, or another name that the body makes
    if part is None:
        return True
    if part.loose or (part.call and state != "42883") or (state == "42P13" and routine.language != "sql"):
        return False
    if part.guarded and _OF_ROW.match(message) and len({firing.oid for firing in routine.firings}) > 1:
        return False  # what a function of several tables does under a condition may be meant for the others
    return not any(catches(condition.name, condition.sqlstate, state) for condition in part.caught)


def elsewhere(routine: ServerRoutine, failure: ServerFailure) -> str:
    """A query that finds what is missed in a schema outside of the search_path, which a caller may have set; empty
    where that cannot be."""
    named = _NAMED.match(failure.message)
    settled = routine.search_path is not None and "search_path" not in routine.source.lower()
    if named is None or settled or failure.sqlstate not in ("42P01", "42883", "42704", "42725"):
        return ""
    kind, name = named.groups()
    if kind == "operator":  # "integer = text"
        name = next((word for word in name.split() if not re.match(r"[\w\"]", word)), name)
    elif "." in name:
        return ""
    return qualified(f"SELECT FROM {_ELSEWHERE.get(kind, _ROUTINES).format(name=literal(name))} {_UNSEEN} LIMIT 1")


def unmade(routine: ServerRoutine, failure: ServerFailure, sources: list[str]) -> bool:
    """Whether what a new body misses is perhaps made at run time: by its own dynamic SQL, or as a table of its
    caller's."""
    if failure.sqlstate != "42P01":
        return False
    named = _NAMED.match(failure.message)
    name = named.group(2).rpartition(".")[2].lower() if named else ""
    return bool(_DYNAMIC.search(routine.source)) or any(name in _perhaps_made(source) for source in sources)


def strangers(failure: ServerFailure) -> str:
    """A query that has a row where a missing name's schema holds nothing of its kind: somebody else fills it (a
    service, a tool); or empty."""
    named = _NAMED.match(failure.message)
    if named is None or named.group(1) == "operator" or "." not in named.group(2):
        return ""
    schema = named.group(2).partition(".")[0].strip('"')
    held = {
        "relation": "pg_catalog.pg_class WHERE relkind <> 'i' AND relnamespace",
        "type": "pg_catalog.pg_type WHERE typnamespace",
    }.get(named.group(1), "pg_catalog.pg_proc WHERE pronamespace")
    home = f"(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = {literal(schema)})"
    return qualified(f"SELECT WHERE NOT EXISTS (SELECT FROM {held} = {home})")


@lru_cache(maxsize=4096)
def made(source: str) -> frozenset[str]:
    """The names that a body makes."""
    return frozenset(name.replace('"', "").rpartition(".")[2].lower() for name in _MADE.findall(source))


@lru_cache(maxsize=4096)
def _perhaps_made(source: str) -> frozenset[str]:
    """The words that follow CREATE or INTO in the statements of a body: what it may make is among them, however it is
    put together."""
    return frozenset(word.lower() for part in _MAKING.findall(source) for word in _WORD.findall(part))
