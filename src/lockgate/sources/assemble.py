"""Named files become migrations: directions paired, in the runner's order, with what the runner passes over."""

from __future__ import annotations

import os
from collections import Counter

import msgspec
from msgspec.structs import replace

from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source, Span
from lockgate.sources import marks
from lockgate.sources.assembly import Assembly, LayoutFolder
from lockgate.sources.choose import chosen, journal
from lockgate.sources.folder import Direction, Named, Skipped, SlotFile, read, shown
from lockgate.sources.migration import Migration, Script, Transaction
from lockgate.sources.naming import Layout, coded, position, slot_number
from lockgate.sources.placeholders import Filled, fill
from lockgate.sources.scripts import is_checkpoint, scripts

_NEWEST = 3
_DOLLAR = pattern(r"\$(?:[A-Za-z_]\w*)?\$")


class _Part(msgspec.Struct, frozen=True):
    named: Named
    script: Script
    down: Script | None = None
    opaque: str = ""


def assemble(layout: Layout, place: LayoutFolder) -> Assembly:
    """The migrations of a folder that go by the names of their files."""
    out = Assembly()
    ups: list[_Part] = []
    downs: list[_Part] = []
    taken = chosen(layout, place, out)
    root = os.path.abspath(place.root)  # a Path for every file costs as much as reading it
    for item in taken:
        source = read(f"{root}/{item.relative}", place.cwd, place.root)
        if layout.name == "atlas" and is_checkpoint(source):
            item = replace(item, baseline=True)
        out.files.append(SlotFile(item, source))
        _take(layout, item, fill(source, layout.name, place.placeholders), place, (ups, downs), out)
    ups = _untorn(ups, layout)
    _add_code(layout, place, ups, out)
    paired = _pair(ups, downs)
    listed = layout.name == "versions" or (layout.name == "drizzle" and journal(place) is not None)
    places = {item.relative: (number,) if listed else position(layout, item) for number, item in enumerate(taken)}
    for part in _from_baseline(ups, layout):
        item = part.named
        fallen = paired.get(item.relative)
        down = part.down or (fallen.script if fallen is not None else None)
        at = places.get(item.relative) or position(layout, item)
        out.ordered.append(
            (at, Migration(item.id, item.slot, item.name, part.script, down, layout.afresh, part.opaque))
        )
    return out


def _take(
    layout: Layout,
    item: Named,
    filled: Filled,
    place: LayoutFolder,
    parts: tuple[list[_Part], list[_Part]],
    out: Assembly,
) -> None:
    """What one file holds: an up, a down or both; nothing where the runner's mark is missing."""
    ups, downs = parts
    source = filled.source
    if filled.opaque:
        parts[item.direction is Direction.DOWN].append(
            _Part(item, Script(source, (), Transaction.FILE), None, filled.opaque)
        )
        return
    up, down = (
        s and replace(s, made_up=filled.made_up) for s in scripts(layout.name, source, f"{place.root}/{item.relative}")
    )
    for script, does in (
        (up, "refuses the file"),
        (down, "will not roll it back" if layout.name == "goose" else "refuses the file"),
    ):
        if script is not None and script.refused:
            stops = does == "refuses the file"
            out.skipped.append(Skipped(source.path, f"{script.refused}: {layout.name} {does}", True, stops))
    if up is None:
        out.skipped.append(Skipped(source.path, _unmarked(layout.name), True))
    elif item.direction is Direction.DOWN:
        downs.append(_Part(item, up))
    else:
        ups.append(_Part(item, up, down))
        _tell_meta(layout, source, out)


def _untorn(ups: list[_Part], layout: Layout) -> list[_Part]:
    """goose and sql-migrate cut at semicolons, also in a body that nothing marks. Where that has gone well long ago,
    the runner is another one.

    Then what is torn is one piece; the newest migrations do not count, for they may be the mistake.
    """
    torn = [layout.name in ("goose", "sql-migrate") and _is_torn(part.script) for part in ups]
    if not any(torn[:-_NEWEST]):
        return ups
    return [
        replace(p, script=replace(p.script, pieces=_joined(p.script))) if is_torn else p
        for p, is_torn in zip(ups, torn, strict=True)
    ]


def _is_torn(script: Script) -> bool:
    pieces = [script.source.text[piece.start : piece.end] for piece in script.pieces]
    return any(count % 2 for text in pieces if "$" in text for count in Counter(_DOLLAR.findall(text)).values())


def _joined(script: Script) -> tuple[Span, ...]:
    return (Span(script.pieces[0].start, script.pieces[-1].end),)


def _add_code(layout: Layout, place: LayoutFolder, ups: list[_Part], out: Assembly) -> None:
    """Migrations in another language: they take a slot, and what they do is not known."""
    for relative in place.files:
        item = coded(layout, relative) if relative.count("/") < layout.depth else None
        if item is None:
            continue
        source = Source(shown(place.root / relative, place.cwd), "")
        out.files.append(SlotFile(item, source))
        if item.direction is not Direction.DOWN:
            ups.append(
                _Part(
                    item,
                    Script(source, (), Transaction.FILE),
                    None,
                    f"{source.path} is no SQL: what it does is not known",
                )
            )


def _from_baseline(ups: list[_Part], layout: Layout) -> list[_Part]:
    """What a new database gets: nothing that the last baseline stands for."""
    last = max(
        (part for part in ups if part.named.baseline), key=lambda part: position(layout, part.named), default=None
    )
    if last is None:
        return ups
    start = position(layout, last.named)
    number = slot_number(last.named.slot) or ()
    later = [p for p in ups if not p.named.baseline and position(layout, p.named) > start]
    return [last, *(p for p in later if layout.order == "text" or slot_number(p.named.slot) != number)]


def _unmarked(layout: str) -> str:
    mark = {"goose": "-- +goose Up", "sql-migrate": "-- +migrate Up", "dbmate": "-- migrate:up"}.get(layout, "up")
    return f"there is no `{mark}` in it: {layout} finds nothing to run, or refuses the folder"


def _tell_meta(layout: Layout, source: Source, out: Assembly) -> None:
    commands = marks.meta_commands(source) if layout.name == "plain" else ()
    if commands:
        more = f" and {len(commands) - 1} more" if len(commands) > 1 else ""
        out.skipped.append(
            Skipped(source.path, f"psql's meta-commands in it are not SQL and are left out: {commands[0]}{more}")
        )


def _pair(ups: list[_Part], downs: list[_Part]) -> dict[str, _Part]:
    """The down of every up: that of the same name, else the one left over for the same slot, as runners take it."""
    exact = {(slot_number(d.named.slot), d.named.name, d.named.relative.rpartition("/")[0]): d for d in downs}
    out: dict[str, _Part] = {}
    used: set[str] = set()
    for up in ups:
        found = exact.get((slot_number(up.named.slot), up.named.name, up.named.relative.rpartition("/")[0]))
        if found is not None:
            out[up.named.relative] = found
            used.add(found.named.relative)
    left = {slot_number(d.named.slot): d for d in downs if d.named.relative not in used and d.named.slot}
    for up in ups:
        number = slot_number(up.named.slot)
        if up.named.relative not in out and number is not None and number in left:
            out[up.named.relative] = left.pop(number)
    return out
