"""What loading a folder needs, and what it collects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from lockgate.sources.folder import Skipped, SlotFile
from lockgate.sources.migration import Migration


class LayoutFolder(msgspec.Struct, frozen=True):
    """A folder to load: where it is, how errors name it, what lies in it."""

    root: Path
    cwd: Path
    files: tuple[str, ...]
    placeholders: Mapping[str, str] = msgspec.field(default_factory=dict)


class Assembly(msgspec.Struct):
    """What loading a folder collects. ``ordered``: migrations with their sort keys."""

    ordered: list[tuple[tuple[object, ...], Migration]] = msgspec.field(default_factory=list)
    files: list[SlotFile] = msgspec.field(default_factory=list)
    skipped: list[Skipped] = msgspec.field(default_factory=list)

    def migrations(self) -> list[Migration]:
        return [m for _, m in sorted(self.ordered, key=lambda item: item[0])]
