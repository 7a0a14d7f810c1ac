"""One object of the walk, told as a whole: what it is at a moment, whose, who may what with it, who reads it, and its
history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from lockgate.base.sql import quote_identifier
from lockgate.catalog.acl import NAMES
from lockgate.walk.document import AppQuery, Life, Moment, Version, Walk
from lockgate.walk.lookup import Finder
from lockgate.walk.story import typed


class Component(msgspec.Struct, frozen=True):
    """A column, key, finder, trigger or policy of a table, with its definition in words."""

    kind: str
    name: str
    definition: str
    properties: list[str]


class Right(msgspec.Struct, frozen=True):
    """What a role holds: SQL's own words for the privileges. ``role`` is "public" for PUBLIC."""

    role: str
    privileges: list[str]


class ReadBy(msgspec.Struct, frozen=True):
    """Who reads it: a view, a routine, a policy, ... or a query of the application's (``path`` and ``line`` then)."""

    kind: str
    name: str
    path: str | None = None
    line: int | None = None


class Turn(msgspec.Struct, frozen=True):
    """Something that became of it or of a part of it (``object``), and the statement that did it; ``line`` is None where
    none did it alone."""

    slot: str
    path: str
    line: int | None
    object: str
    change: str


class Account(msgspec.Struct, frozen=True):
    """Lockgate show, version 1. ``slot`` is the one after which it is told; ``there`` whether it is there then, else
    ``definition`` is its last."""

    version: Literal[1]
    name: str
    kind: str
    slot: str
    there: bool
    owner: str | None
    definition: str
    properties: list[str]
    parts: list[Component]
    grants: list[Right]
    readers: list[ReadBy]
    history: list[Turn]


def account(walk: Walk, finder: Finder, life: Life, at: int) -> Account:
    """Everything about one object after the moment ``at``."""
    now = finder.at(life, at)
    shown = now or finder.last(life, at)
    holder = finder.holder(life)
    held = finder.last(holder, at) if holder is not None else None
    return Account(
        1,
        finder.address(life, at),
        life.kind,
        _slot(walk.moments[at]),
        now is not None,
        shown.owner or (held.owner if held is not None else "") or None,
        _definition(finder, life, shown, at),
        list(shown.flags),
        list(_parts(finder, life, at)) if not life.num else [],
        [Right(grant.role, [NAMES[letter] for letter in grant.letters]) for grant in shown.grants],
        list(_readers(walk, finder, life, at)),
        list(_history(walk, finder, life)),
    )


def _slot(moment: Moment) -> str:
    return moment.slot or (moment.kind if moment.kind != "migration" else moment.name)


def _parts(finder: Finder, life: Life, at: int) -> Iterator[Component]:
    for part in (*finder.columns.get(life.id, ()), *finder.parts.get(life.id, ())):
        now = finder.at(part, at)
        if now is not None:
            yield Component(part.kind, quote_identifier(now.name), _definition(finder, part, now, at), list(now.flags))


def _definition(finder: Finder, life: Life, now: Version, at: int) -> str:
    """As it would be written down, but for expressions, which the catalog keeps no text of."""
    keys = ", ".join(finder.column_names(life.of, now.keys, at))
    if life.num:
        return typed(now) + (f" default {now.default}" if now.default else "")
    if life.kind == "foreign key":
        target = finder.name_of(now.target, at)
        return f"({keys}) references {target} ({', '.join(finder.column_names(now.target, now.target_keys, at))})"
    if life.kind == "trigger":
        return f"{now.text}{f' of {keys}' if keys else ''} execute {finder.name_of(now.target, at)}"
    if life.kind == "policy":
        return f"{now.text} to {', '.join(now.roles)}"
    if life.of and life.kind != "sequence":
        return f"({keys})" if keys else ""
    if life.kind in ("function", "procedure", "aggregate", "window function"):
        return f"({now.text}){f' returns {now.type}' if now.type else ''}"
    if life.kind == "role":
        return f"in {', '.join(now.roles)}" if now.roles else ""
    return now.text or now.type


def _readers(walk: Walk, finder: Finder, life: Life, at: int) -> Iterator[ReadBy]:
    for reader in finder.readers.get(life.id, ()):
        now = finder.at(reader, at)
        if now is not None and (reader.id, reader.num) != (life.id, life.num) and _reads(now.reads, life):
            yield ReadBy(reader.kind, finder.address(reader, at))
    queries: Iterable[AppQuery] = walk.queries if at == len(walk.moments) - 1 else ()
    yield from (ReadBy("query", one.text, one.path, one.line) for one in queries if _reads(one.reads, life))


def _reads(marks: Iterable[tuple[int, int]], life: Life) -> bool:
    return any(oid == life.id and (not life.num or num == life.num) for oid, num in marks)


def _history(walk: Walk, finder: Finder, life: Life) -> Iterator[Turn]:
    own = [life]
    if not life.num:
        own += [*finder.columns.get(life.id, ()), *finder.parts.get(life.id, ())]
    born, end = life.versions[0].at, life.versions[-1].at if life.versions[-1].gone else len(walk.moments)
    turns = [
        (version.at, version.line, one is not life, one, version)
        for one in own
        for number, version in enumerate(one.versions)
        # what was made or went with it is no news of its own
        if one is life or (not (number == 0 and version.at == born) and version.at < end)
    ]
    for at, line, _, one, version in sorted(turns, key=lambda turn: turn[:3]):
        moment = walk.moments[at]
        name = quote_identifier(finder.last(one, at).name)
        about = f"{one.kind} {name}" if one is not life else ""
        yield Turn(_slot(moment), moment.path, line or None, about, version.words)
