"""sqitch: the plan gives the order, deploy/ and revert/ the scripts (sqitchchanges, sqitch-plan)."""

from __future__ import annotations

import re
from pathlib import Path

from lockgate.errors import CannotCheck
from lockgate.sources.assemble import Assembly, Place
from lockgate.sources.folder import Direction, Named, Skipped, SlotFile, read, shown
from lockgate.sources.listing import is_sql
from lockgate.sources.migration import Migration, Script
from lockgate.sources.scripts import scripts
from lockgate.text import Source

_CHANGE = re.compile(r"^\s*(?P<sign>[+\-]?)(?P<name>[^\s@%#+\-\[][^\s\[:]*)")
_TAG = re.compile(r"^\s*@(?P<tag>\S+)")


def plan(source: Source) -> list[tuple[str, str]]:
    """The changes in order, each with the stem of its script: a change that is reworked later lies in ``name@tag``."""
    changes: list[tuple[str, str]] = []
    last: dict[str, int] = {}
    tags: list[tuple[int, str]] = []
    for line in source.text.splitlines():
        tag = _TAG.match(line)
        change = _CHANGE.match(line)
        if tag is not None:
            tags.append((len(changes), tag.group("tag")))
        elif change is not None:
            name = change.group("name")
            if name in last:
                after = next((t for at, t in tags if at > last[name]), "")
                changes[last[name]] = (f"{name}@{after}", f"{name}@{after}")
            last[name] = len(changes)
            changes.append((name, name))
    return changes


def load_plan(place: Place) -> Assembly:
    """The changes of sqitch.plan, deploy as up and revert as down."""
    source = read(place.root / "sqitch.plan", place.cwd)
    out = Assembly()
    known = set()
    for number, (name, stem) in enumerate(plan(source)):
        deploy, revert = place.root / "deploy" / f"{stem}.sql", place.root / "revert" / f"{stem}.sql"
        if not deploy.exists():
            raise CannotCheck(f"{source.path}: {name} is planned, and {shown(deploy, place.cwd)} does not exist", "add the script")
        known.add(f"deploy/{stem}.sql")
        up = _script(deploy, f"deploy/{stem}.sql", name, Direction.UP, place, out)
        down = _script(revert, f"revert/{stem}.sql", name, Direction.DOWN, place, out) if revert.exists() else None
        out.ordered.append(((number,), Migration(name, name, name, up, down)))
    for relative in place.files:
        if relative.startswith("deploy/") and is_sql(relative) and relative not in known:
            path = shown(place.root / relative, place.cwd)
            out.skipped.append(Skipped(path, "sqitch.plan does not name it: sqitch passes it over in silence", True))
    return out


def _script(path: Path, relative: str, name: str, direction: Direction, place: Place, out: Assembly) -> Script:
    source = read(path, place.cwd)
    out.files.append(SlotFile(Named(relative, "", name, name, direction, name), source))
    script, _ = scripts("sqitch", source, path)
    assert script is not None
    return script
