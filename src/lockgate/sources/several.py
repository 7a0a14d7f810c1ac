"""Several histories below one folder: each is a history of its own, none may be taken for the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from lockgate.base.errors import UsageError
from lockgate.base.lazy_imports import pattern

TOLD = 8
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
        more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
        super().__init__(
            f"{label}: several histories of migrations: {', '.join(names[:TOLD])}{more}",
            "name one: --history NAME, or its folder",
        )
        self.found = tuple(found)
        self.passed = tuple(passed)

    def named(self, name: str) -> Separate:
        """The history of that name, or of the folder whose name ends so. Raises UsageError."""
        from lockgate.sources.passed import chosen

        return chosen(name, self.found, [one.name for one in self.found])


def in_earnest(found: Sequence[tuple[str, str]]) -> set[str]:
    """Of folders with their layouts (folder, layout) those that are histories: where a runner's own layout is known, or
    a folder is named after migrations, numbered SQL in some other folder is not one."""
    strong = {folder for folder, layout in found if layout not in ("plain", "auto") or _MIGRATION.search(folder)}
    return strong or {folder for folder, _ in found}
