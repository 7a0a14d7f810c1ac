"""One object for people: definition, grants, readers and history, each in aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lockgate.base.text import clean
from lockgate.walk.account import Account, Component, ReadBy, Turn

_GROUPS = {
    "column": "columns",
    "primary key": "keys and checks",
    "unique constraint": "keys and checks",
    "foreign key": "keys and checks",
    "check constraint": "keys and checks",
    "exclusion constraint": "keys and checks",
    "index": "indexes",
    "trigger": "triggers",
    "policy": "policies",
}
_TITLES = tuple(dict.fromkeys(_GROUPS.values()))
_WIDEST = 60  # characters of a column of the table: a longer cell moves its own line alone


def as_text(found: Account) -> str:
    """The whole account, one line a thing."""
    owner = f" of {found.owner}" if found.owner else ""
    gone = "" if found.there else ", which is not there"
    lines = [f"{found.name}: {found.kind}{owner}{gone}, after {found.slot}"]
    if found.definition:
        lines.append(f"  {found.definition}")
    if found.properties:
        lines.append(f"  {', '.join(found.properties)}")
    for title in _TITLES:
        some = [part for part in found.parts if _GROUPS.get(part.kind) == title]
        lines += _section(title, map(_part, some))
    lines += _section("granted", ([one.role, ", ".join(one.privileges).lower()] for one in found.grants))
    lines += _section("read by", map(_reader, found.readers))
    lines += _section("history", map(_turn, found.history))
    return "".join(clean(line) + "\n" for line in lines)


def _section(title: str, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    found = [list(row) for row in rows]
    if not found:
        return
    yield f"  {title}"
    count = max(map(len, found))
    widths = [
        max((len(row[n]) for row in found if len(row) > n and len(row[n]) <= _WIDEST), default=0) for n in range(count)
    ]
    for row in found:
        yield "    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()


def _part(part: Component) -> list[str]:
    words = (
        part.definition if part.kind in ("column", "index", "trigger", "policy") else f"{part.kind} {part.definition}"
    )
    return [part.name, words.strip(), ", ".join(part.properties)]


def _reader(one: ReadBy) -> list[str]:
    return [f"{one.path}:{one.line}", one.name] if one.path is not None else [one.kind, one.name]


def _turn(one: Turn) -> list[str]:
    place = f"{one.path}:{one.line}" if one.line is not None else one.path
    return [one.slot, ": ".join(filter(None, (one.object, one.change))), place]
