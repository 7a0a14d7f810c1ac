"""sqitch: the plan gives the order, deploy/ and revert/ the scripts (sqitchchanges, sqitch-plan)."""

from __future__ import annotations

import os
import re

import msgspec
from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.base.lazy_imports import pattern
from lockgate.base.text import Source
from lockgate.sources.assembly import Assembly, LayoutFolder
from lockgate.sources.folder import Direction, Named, Skipped, SlotFile, read, shown
from lockgate.sources.listing import is_sql
from lockgate.sources.migration import Migration, Script
from lockgate.sources.placeholders import fill
from lockgate.sources.scripts import scripts

_CHANGE = pattern(r"^\s*(?P<sign>[+\-]?)(?P<name>[^\s@%#+\-\[][^\s\[:]*)")
_TAG = pattern(r"^\s*@(?P<tag>\S+)")


class SqitchChange(msgspec.Struct, frozen=True):
    """One change of a plan. ``tags``: those since it, newest first, where it is reworked later (its script then bears
    one of them)."""

    name: str
    tags: tuple[str, ...] = ()


def plan(source: Source) -> list[SqitchChange]:
    """The changes in order (App::Sqitch::Plan, _parse)."""
    changes: list[SqitchChange] = []
    last: dict[str, int] = {}
    tags: list[tuple[int, str]] = []
    for line in source.text.splitlines():
        tag, change = _TAG.match(line), _CHANGE.match(line)
        if tag is not None:
            tags.append((len(changes), tag.group("tag")))
        elif change is not None:
            name = change.group("name")
            if name in last:
                since = [t for at, t in tags if at > last[name]]
                changes[last[name]] = SqitchChange(name, tuple(reversed(since)))
            last[name] = len(changes)
            changes.append(SqitchChange(name))
    return changes


def load_plan(place: LayoutFolder) -> Assembly:
    """The changes of sqitch.plan, deploy as up and revert as down."""
    source = read(place.root / "sqitch.plan", place.cwd, place.root)
    out = Assembly()
    known = set()
    folders = {what: _folder(place, what) for what in ("deploy", "revert")}
    for number, change in enumerate(plan(source)):
        up = _script(
            f"{folders['deploy']}/{_stem(place, folders['deploy'], change)}.sql", change, Direction.UP, place, out
        )
        down = _script(
            f"{folders['revert']}/{_stem(place, folders['revert'], change)}.sql", change, Direction.DOWN, place, out
        )
        if up is None:
            deploy = shown(place.root / folders["deploy"] / f"{_stem(place, folders['deploy'], change)}.sql", place.cwd)
            raise CannotCheck(f"{source.path}: {change.name} is planned, and {deploy} does not exist", "add the script")
        known.add(up.source.path)
        ident = f"{change.name}@{change.tags[0]}" if change.tags else change.name
        out.ordered.append(((number,), Migration(ident, ident, change.name, up, down)))
    for relative in place.files:
        path = shown(place.root / relative, place.cwd)
        if relative.startswith(f"{folders['deploy']}/") and is_sql(relative) and path not in known:
            out.skipped.append(Skipped(path, "sqitch.plan does not name it: sqitch passes it over in silence", True))
    return out


def _folder(place: LayoutFolder, what: str) -> str:
    """The folder of scripts: as sqitch.conf says (``deploy_dir``, or ``top_dir``, of the engine, the target or the
    core), else its usual name."""
    for folder in (place.root, *place.root.resolve().parents):
        settings = folder / "sqitch.conf"
        if settings.is_file():
            text = read(settings, place.cwd, place.root).text
            found, top = (
                re.search(rf"^\s*{key}_dir\s*=\s*[\"']?([^\"'\s#;]+)", text, re.MULTILINE) for key in (what, "top")
            )
            wanted = found.group(1) if found else f"{top.group(1) if top else '.'}/{what}"
            return os.path.relpath(folder / wanted, place.root.resolve()).replace(os.sep, "/") if found or top else what
        if (folder / ".git").exists():
            break
    return what


def _stem(place: LayoutFolder, folder: str, change: SqitchChange) -> str:
    """Of a change that is reworked later: ``name@tag``, with the first of its tags that has a script
    (App::Sqitch::Plan::Change)."""
    stems = [f"{change.name}@{tag}" for tag in change.tags] or [change.name]
    return next((s for s in stems if (place.root / folder / f"{s}.sql").exists()), stems[0])


def _script(
    relative: str, change: SqitchChange, direction: Direction, place: LayoutFolder, out: Assembly
) -> Script | None:
    path = place.root / relative
    if not path.exists():
        return None
    source = read(path, place.cwd, place.root)
    ident = f"{change.name}@{change.tags[0]}" if change.tags else change.name
    out.files.append(SlotFile(Named(relative, "", ident, ident, direction, change.name), source))
    filled = fill(source, "sqitch", place.placeholders)
    script = scripts("sqitch", filled.source, str(path))[0]
    return script and replace(script, made_up=filled.made_up)
