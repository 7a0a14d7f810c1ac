"""Where there are several histories: which folders are none, and which one a name means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lockgate.base.errors import UsageError
from lockgate.sources.listing import is_sql, meant
from lockgate.sources.naming import looks_like_migration
from lockgate.sources.several import TOLD

T = TypeVar("T")
_LAST = frozenset(("migration.sql", "up.sql"))  # in a folder per migration


def passed_over(files: list[str], taken: list[str], prefix: str) -> list[str]:
    """The folders that hold migrations and are no history of the project's, each with the reason."""
    homes: dict[str, str] = {}
    for file in files:
        folder, _, name = file.rpartition("/")
        if not is_sql(file) or not (looks_like_migration(file) or name in _LAST):
            continue
        home = folder.rpartition("/")[0] if name in _LAST else folder
        if not any(f"{home}/".startswith(f"{one}/") for one in taken):
            named_for = "tests or examples" if not meant(home) else "another database, or holds no runner's marks"
            homes[home] = f"its name is for {named_for}"
    return [f"{prefix}{home}: passed over: {why}" for home, why in sorted(homes.items()) if home]


def chosen(name: str, found: Sequence[T], names: Sequence[str]) -> T:
    """The one of that name, or the only one whose name ends in it. Raises UsageError."""
    wanted = name.strip("/").removeprefix("./")
    exact = [one for one, its in zip(found, names, strict=True) if its == wanted]
    near = exact or [one for one, its in zip(found, names, strict=True) if f"/{its}".endswith(f"/{wanted}")]
    if len(near) != 1:
        raise UsageError(
            f"--history {name}: {'several histories have' if near else 'no history has'} that name",
            "there are: " + ", ".join(names[:TOLD]),
        )
    return near[0]
