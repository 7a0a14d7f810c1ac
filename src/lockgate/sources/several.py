"""Several histories below one folder: each is a history of its own, none may be taken for the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from lockgate.base.errors import UsageError
from lockgate.base.lazy_imports import pattern

T = TypeVar("T")
_TOLD = 8
_MIGRATION = pattern(r"migrat|upgrade|versions?\b|deploy|changelog|alembic", re.IGNORECASE)


class Separate(msgspec.Struct, frozen=True):
    """One history of several. ``name`` is the folder it was found in, as reports name it; ``root`` the folder that it is
    loaded from; ``home`` is set for migrations in code: the first folder that holds them."""

    name: str
    layout: str
    root: Path
    home: str = ""


class SeveralHistories(UsageError):
    """Below a folder lie several histories; ``passed`` are folders that are no history, each with the reason."""

    def __init__(self, label: str, found: Sequence[Separate], passed: Iterable[str] = ()) -> None:
        names = [one.name for one in found]
        more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
        super().__init__(
            f"{label}: several histories of migrations: {', '.join(names[:_TOLD])}{more}",
            "name one: --history NAME, or its folder",
        )
        self.found = tuple(found)
        self.passed = tuple(passed)

    def named(self, name: str) -> Separate:
        """The history of that name, or of the folder whose name ends so. Raises UsageError."""
        return chosen(name, self.found, [one.name for one in self.found])


def chosen(name: str, found: Sequence[T], names: Sequence[str]) -> T:
    """The one of that name, or the only one whose name ends in it. Raises UsageError."""
    wanted = name.strip("/").removeprefix("./")
    exact = [one for one, its in zip(found, names, strict=True) if its == wanted]
    near = exact or [one for one, its in zip(found, names, strict=True) if f"/{its}".endswith(f"/{wanted}")]
    if len(near) != 1:
        raise UsageError(
            f"--history {name}: {'several histories have' if near else 'no history has'} that name",
            "there are: " + ", ".join(names[:_TOLD]),
        )
    return near[0]


def in_earnest(found: Sequence[tuple[str, str]]) -> set[str]:
    """Of folders with their layouts (folder, layout) those that are histories: where a runner's own layout is known, or
    a folder is named after migrations, numbered SQL in some other folder is not one."""
    strong = {folder for folder, layout in found if layout not in ("plain", "auto") or _MIGRATION.search(folder)}
    return strong or {folder for folder, _ in found}
