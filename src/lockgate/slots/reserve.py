"""Reservations: one small file for each, named after its slot, so that two branches that reserve never conflict in a
merge."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck
from lockgate.base.files import read_text
from lockgate.slots import git
from lockgate.slots.branches import GitView
from lockgate.sources.naming import slot_number

FOLDER = "lockgate/reserved"


class Reservation(msgspec.Struct, frozen=True):
    """A slot that somebody announced. ``where``: the branch, or "" for the tree."""

    slot: str
    name: str
    who: str = ""
    path: str = ""
    where: str = ""

    @property
    def number(self) -> tuple[int, ...] | None:
        """The slot as numbers."""
        return slot_number(self.slot)


def of_name(file: str, where: str = "", who: str = "", path: str = "") -> Reservation | None:
    """The reservation that a file's name tells: ``0132-name.json``."""
    slot, _, name = file.removesuffix(".json").partition("-")
    return Reservation(slot, name, who, path or file, where) if slot_number(slot) is not None and name else None


def in_tree(config: Config) -> list[Reservation]:
    """The reservations of the tree."""
    folder = config.root / FOLDER
    if not folder.is_dir():
        return []
    found = [
        of_name(p.name, "", _who(p), f"{FOLDER}/{p.name}") for p in sorted(folder.iterdir()) if p.suffix == ".json"
    ]
    return [r for r in found if r is not None]


def on_branches(config: Config, view: GitView | None) -> list[Reservation]:
    """The reservations that other branches hold and the tree does not."""
    if view is None or not view.refs:
        return []
    prefix = os.path.relpath(config.root.resolve() / FOLDER, view.top.resolve()).replace(os.sep, "/")
    if prefix.startswith(".."):
        return []  # the migrations lie in a submodule: its branches hold no reservations
    mine, *others = git.trees(view.top, [view.head, *(commit for _, commit in view.refs)], prefix)
    added = git.differing(view.top, [(mine, other) for other in others], "A")
    present = {Path(r.path).name for r in in_tree(config)}
    found = [
        (file, name) for (name, _), files in zip(view.refs, added, strict=True) for file in files if file not in present
    ]
    reservations = (of_name(file, where, "", f"{prefix}/{file}") for file, where in dict(reversed(found)).items())
    return [r for r in reservations if r is not None]


def _who(path: Path) -> str:
    import json

    try:
        data = json.loads(read_text(path, path.parent))
    except (OSError, ValueError, RecursionError, CannotCheck):
        return ""
    return str(data.get("who", "")) if isinstance(data, Mapping) else ""


def write(config: Config, slot: str, name: str, who: str) -> Path:
    """Record a reservation. Raises CannotCheck where the file cannot be written."""
    import json

    path = config.root / FOLDER / f"{slot}-{name}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"slot": slot, "name": name, "who": who}, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise CannotCheck(f"{path}: cannot be written: {error.strerror}", "make the folder writable") from error
    return path
