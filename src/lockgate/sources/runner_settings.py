"""What a runner's own configuration sets for the sessions that apply migrations: timeouts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lockgate.base import files
from lockgate.base.errors import CannotCheck
from lockgate.base.lazy_imports import pattern

# where runners and the clients beneath them keep what a session begins with
_FILES = (
    ".env",
    "alembic.ini",
    "atlas.hcl",
    "config/database.yml",
    "database.json",
    "database.yml",
    "dbconfig.yml",
    "drizzle.config.ts",
    "env.py",
    "flyway.conf",
    "flyway.toml",
    "conf/flyway.conf",
    "conf/flyway.toml",
    "knexfile.js",
    "knexfile.ts",
    "sqitch.conf",
)
# lock_timeout=5s, lock_timeout: 5000, "lock_timeout" = '5s', lock_timeout%3D5s
_SET = pattern(
    r"""(?im)^(?!\s*(?:#|//|--)).*?\b(lock_timeout|statement_timeout)['"]?\s*(?:=|:|%3D|\bTO\b)\s*['"]?(\d+\s*(?:ms|s|min)?)"""
)


def runner_settings(root: Path, cwd: Path, roots: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The timeouts that a file of a runner's sets, by name; those of the file nearest to the migrations count."""
    found: dict[str, str] = {}
    for folder in _folders(root, [cwd / each for each in roots]):
        names = set(os.listdir(folder)) if folder.is_dir() else set()
        for name in _FILES:
            if name.partition("/")[0] in names and (folder / name).is_file():
                for setting, value in _of(folder / name, root):
                    found.setdefault(setting, value)
    return tuple(sorted(found.items()))


def _folders(root: Path, places: list[Path]) -> Iterator[Path]:
    """The folders of migrations and those above them, up to the project's own."""
    seen: set[Path] = set()
    for place in places:
        for folder in (place, *place.parents):
            if folder not in seen and (folder == root or root in folder.parents):
                seen.add(folder)
                yield folder
    if root not in seen:
        yield root


def _of(path: Path, root: Path) -> list[tuple[str, str]]:
    try:
        text = files.read_text(path, root)
    except (CannotCheck, OSError):
        return []  # it is the runner's, not ours
    return [(m.group(1).lower(), m.group(2)) for m in _SET.finditer(text)] if "_timeout" in text else []
