"""What stands under the cursor, at its point of the history: the object, its readers, and what the statement locks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from lockgate.base.text import Source, Span, clean
from lockgate.editor.desk import Asked
from lockgate.editor.names import Pointed, meant, name_at
from lockgate.parse import Statement, parse_script
from lockgate.sources.migration import Script, Transaction
from lockgate.walk.account import Account, account
from lockgate.walk.build import planned, walk_of
from lockgate.walk.document import Life, Moment, Version, Walk
from lockgate.walk.lookup import Finder

MOST_LINES = 40  # of columns in one hover
_WORK = {"scan": "read whole", "build": "an index is built on it", "rewrite": "written anew"}


class Walked(msgspec.Struct, frozen=True):
    """The walk of a folder with a buffer in the place of its file."""

    walk: Walk
    finder: Finder
    path: str
    source: Source
    search_path: tuple[str, ...]
    root: Path  # where paths begin


class Spot(msgspec.Struct, frozen=True):
    """An object that a name in a buffer means, and where the name stands."""

    history: Walked
    life: Life
    moment: int
    span: Span
    statement: Statement


def history_of(asked: Asked, root: Path) -> Walked | None:
    """Replay the folder of a file, with the buffer. None where the file is no migration of it. Raises LockgateError."""
    config, request = asked
    plan = planned(config, request)
    walk = walk_of(plan, "")
    assert request.stdin is not None
    there = any(moment.path == request.stdin.path for moment in walk.moments)
    return Walked(walk, Finder(walk), request.stdin.path, request.stdin, plan.search_path, root) if there else None


def spot_at(history: Walked, offset: int) -> Spot | None:
    """The object under a character offset of the buffer."""
    named = name_at(history.source.text, offset)
    moment = max((n for n, one in enumerate(history.walk.moments) if one.path == history.path), default=-1)
    statement = _statement_at(history.source, offset)
    if named is None or statement is None or moment < 0:
        return None
    life = _life(named, statement, history, moment)
    return Spot(history, life, moment, named.span, statement) if life is not None else None


def _life(named: Pointed, statement: Statement, history: Walked, moment: int) -> Life | None:
    """What is there after the migration, else what was there before it: a name that the migration gives up."""
    finder, path = history.finder, history.search_path
    after = meant(named, statement, finder, moment, path)
    if after is not None and finder.at(after, moment) is not None:
        return after
    return (meant(named, statement, finder, moment - 1, path) if moment else None) or after


def _statement_at(source: Source, offset: int) -> Statement | None:
    for one in parse_script(Script.whole(source, Transaction.STATEMENT)):
        if isinstance(one, Statement) and one.span.start <= offset <= one.span.end:
            return one
    return None


def markdown(spot: Spot) -> str:
    """The hover's text. Names are a stranger's: each stands in code, where nothing is markup."""
    history, moment = spot.history, spot.history.walk.moments[spot.moment]
    found = account(history.walk, history.finder, spot.life, spot.moment)
    return "\n\n".join(
        filter(None, (_head(found), _definition(found), _readers(found), _since(found), _locks(spot, moment)))
    )


def _head(found: Account) -> str:
    owner = f", owned by {_code(found.owner)}" if found.owner else ""
    gone = "" if found.there else f", gone after {_code(found.slot)}"
    return f"**{found.kind}** {_code(found.name)}{owner}{gone}"


def _definition(found: Account) -> str:
    lines = [f"{part.name} {part.definition}" for part in found.parts if part.kind == "column"]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"-- {len(lines) - MOST_LINES} more"]
    text = "\n".join(lines) or found.definition
    return f"```sql\n{_fenced(text)}\n```" if text else ""


def _readers(found: Account) -> str:
    readers = [f"{one.kind} {_code(one.name)}" for one in found.readers]
    more = f" and {len(readers) - 8} more" if len(readers) > 8 else ""
    return f"read by {', '.join(readers[:8])}{more}" if readers else ""


def _since(found: Account) -> str:
    own = [turn for turn in found.history if not turn.object]
    return ", ".join(f"{_code(turn.slot)} {_plain(turn.change)}" for turn in own[-4:])


def _locks(spot: Spot, moment: Moment) -> str:
    """What the statement holds on tables that others use, by the simulator."""
    line = spot.history.source.position(spot.statement.span.start).line
    told = []
    for wait in moment.waits:
        if wait.first <= line <= wait.last:
            work = f", {_WORK[wait.work]}" if wait.work in _WORK and wait.first == line else ""
            told.append(f"- {_code(wait.relation)}: {wait.lock or 'no lock'}{work}")
    return "its transaction then holds\n" + "\n".join(told[:10]) if told else ""


def _code(text: str) -> str:
    return f"`{clean(text).replace('`', chr(39))}`"


def _plain(text: str) -> str:
    return clean(text) if text.replace(" ", "").isalnum() else _code(text)


def _fenced(text: str) -> str:
    return "\n".join(clean(line).replace("```", "'''") for line in text.split("\n"))


def made(spot: Spot) -> tuple[Moment, int] | None:
    """Where the object was made: its file and line."""
    return next(_places(spot.history.walk, spot.life.versions), None)


def touched(spot: Spot) -> Iterator[tuple[Moment, int]]:
    """Every statement that made something of it."""
    yield from _places(spot.history.walk, spot.life.versions)


def _places(walk: Walk, versions: list[Version]) -> Iterator[tuple[Moment, int]]:
    seen = set()
    for version in versions:
        place = (version.at, version.line)
        if version.line and place not in seen:
            seen.add(place)
            yield walk.moments[version.at], version.line
