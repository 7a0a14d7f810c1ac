"""Named files become migrations: directions paired, in the runner's order, with what the runner passes over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lockgate.errors import CannotCheck
from lockgate.sources import marks
from lockgate.sources.folder import Direction, Named, Skipped, SlotFile, read, shown
from lockgate.sources.listing import is_sql, meant
from lockgate.sources.migration import Migration, Script
from lockgate.sources.naming import Layout, looks_like_migration, named, other_database, position, slot_number
from lockgate.sources.scripts import filled, scripts
from lockgate.text import Source
from lockgate.values import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to load: where it is, how errors name it, what lies in it."""

    root: Path
    cwd: Path
    files: tuple[str, ...]
    placeholders: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Assembly:
    """What loading a folder collects. ``ordered``: migrations with their sort keys."""

    ordered: list[tuple[tuple[object, ...], Migration]] = field(default_factory=list)
    files: list[SlotFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def migrations(self) -> list[Migration]:
        return [m for _, m in sorted(self.ordered, key=lambda item: item[0])]


@dataclass(frozen=True, slots=True)
class _Part:
    named: Named
    script: Script


def assemble(layout: Layout, place: Place) -> Assembly:
    """The migrations of a folder that go by the names of their files."""
    out = Assembly()
    ups: list[_Part] = []
    downs: list[_Part] = []
    both: dict[str, Script] = {}
    chosen = _chosen(layout, place, out)
    for item in chosen:
        path = place.root / item.relative
        source = filled(read(path, place.cwd), place.placeholders)
        out.files.append(SlotFile(item, source))
        up, down = scripts(layout.name, source, path)
        if item.direction is Direction.DOWN and up is not None:
            downs.append(_Part(item, up))
            continue
        if up is None:
            out.skipped.append(Skipped(source.path, _unmarked(layout.name), True))
            continue
        ups.append(_Part(item, up))
        if down is not None:
            both[item.relative] = down
        _tell_meta(layout, source, out)
    paired = _pair(ups, downs)
    journal = layout.name == "drizzle" and "meta/_journal.json" in place.files
    places = {item.relative: (number,) if journal else position(layout, item) for number, item in enumerate(chosen)}
    for part in ups:
        item = part.named
        fallen = paired.get(item.relative)
        second = both.get(item.relative) or (fallen.script if fallen is not None else None)
        out.ordered.append((places[item.relative], Migration(item.id, item.slot, item.name, part.script, second)))
    return out


def _unmarked(layout: str) -> str:
    mark = {"goose": "-- +goose Up", "sql-migrate": "-- +migrate Up", "dbmate": "-- migrate:up"}.get(layout, "up")
    return f"there is no `{mark}` in it: {layout} finds nothing to run, or refuses the folder"


def _tell_meta(layout: Layout, source: Source, out: Assembly) -> None:
    commands = marks.meta_commands(source) if layout.name == "plain" else ()
    if commands:
        more = f" and {len(commands) - 1} more" if len(commands) > 1 else ""
        out.skipped.append(Skipped(source.path, f"psql's meta-commands in it are not SQL and are left out: {commands[0]}{more}"))


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


def _chosen(layout: Layout, place: Place, out: Assembly) -> list[Named]:
    """The files that the runner takes, without those that it passes over."""
    candidates = [f for f in place.files if is_sql(f) and f.count("/") < layout.depth]
    if layout.name == "plain":
        candidates = _shallow(candidates)
    listed = _journal(place) if layout.name == "drizzle" else None
    chosen = []
    for relative in candidates:
        item = named(layout, relative)
        if item is None:
            out.skipped.append(Skipped(shown(place.root / relative, place.cwd), _why(layout, relative), _alike(layout, relative)))
        elif listed is not None and item.id not in listed:
            why = "meta/_journal.json does not list it: drizzle passes it over in silence"
            out.skipped.append(Skipped(shown(place.root / relative, place.cwd), why, True))
        else:
            chosen.append(replace(item, key=listed[item.id]) if listed is not None else item)
    if layout.name == "plain":
        chosen = _dialect(chosen, place, out)
    if listed is not None:
        places = {tag: number for number, tag in enumerate(listed)}
        return sorted(chosen, key=lambda item: places[item.id])
    return sorted(chosen, key=lambda item: position(layout, item))


def _shallow(candidates: list[str]) -> list[str]:
    """The files of the folder itself where it has any, else of the folders below it."""
    own = [f for f in candidates if "/" not in f]
    return own or [f for f in candidates if meant(f.rpartition("/")[0])]


def _dialect(chosen: list[Named], place: Place, out: Assembly) -> list[Named]:
    """``x.postgres.up.sql`` goes before ``x.up.sql`` of the same slot, as in pop."""
    ours = {(i.slot, i.direction) for i in chosen if ".postgres" in i.relative}
    kept = []
    for item in chosen:
        if ".postgres" not in item.relative and item.slot and (item.slot, item.direction) in ours:
            out.skipped.append(Skipped(shown(place.root / item.relative, place.cwd), "there is one for postgres in its place"))
        else:
            kept.append(item)
    return kept


def _alike(layout: Layout, relative: str) -> bool:
    return looks_like_migration(relative) and not other_database(relative)


def _why(layout: Layout, relative: str) -> str:
    other = other_database(relative)
    if other:
        return f"it is for another database: {other}"
    if relative.endswith(".sql") or not relative.lower().endswith(".sql"):
        return f"{layout.name} does not name its files so, and passes it over in silence"
    return f"{layout.name} looks for .sql in small letters, and passes it over in silence"


def _journal(place: Place) -> dict[str, str] | None:
    """The tags of drizzle's journal, each with its time, which is what the ledger keeps; None in drizzle's newer form, which has none."""
    path = place.root / "meta" / "_journal.json"
    if not path.exists():
        return None
    source = read(path, place.cwd)
    try:
        entries = json.loads(source.text)["entries"]
        return {str(entry["tag"]): str(entry.get("when", "")) for entry in entries}
    except json.JSONDecodeError as error:
        raise CannotCheck(f"{source.path}:{error.lineno}:{error.colno}: not JSON: {error.msg}", "mend it (a merge conflict?)") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotCheck(f"{source.path}: no drizzle journal: it has no entries with tags", "run drizzle-kit again") from error
