"""The release that is running, as git has it: which of the migrations here it has not, and its queries."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lockgate.queries.files import commit, paths_of
from lockgate.sources.folder import shown
from lockgate.sources.migration import Migration


def pending(root: Path, cwd: Path, ref: str, migrations: Iterable[Migration]) -> frozenset[str]:
    """The ids of the migrations whose files that release has not. Raises UsageError where there is no such commit."""
    there = frozenset(shown(root / path, cwd) for path in paths_of(root, commit(root, ref)))
    return frozenset(m.id for m in migrations if m.up.source.path not in there)
