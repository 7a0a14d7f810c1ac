"""Who claims a slot: a file in the tree, on a branch, or a reservation."""

from __future__ import annotations

import msgspec

from lockgate.base.findings import Label
from lockgate.base.text import Source, Span
from lockgate.sources import Direction, Folder, SlotFile
from lockgate.sources.naming import BY_NAME, slot_number


class Claim(msgspec.Struct, frozen=True):
    """One file that claims a slot. ``where`` is a branch, or "" for the tree."""

    slot: str
    name: str
    id: str
    direction: Direction
    source: Source
    relative: str  # to the folder of migrations
    key: str  # what the runner's ledger holds for it
    where: str = ""
    baseline: bool = False

    @property
    def number(self) -> tuple[int, ...] | None:
        """The slot as numbers."""
        return slot_number(self.slot)

    def label(self, message: str) -> Label:
        """The start of the file, with words about it."""
        return Label(self.source, Span(0, 0), message)


def claims(folder: Folder) -> tuple[Claim, ...]:
    """The claims of a folder's files, in the order of its layout; of its migrations where they come from no files."""
    if not folder.files:
        return tuple(Claim(m.slot, m.name, m.id, Direction.UP, m.up.source, "", m.id) for m in folder.migrations)
    return tuple(_claim(f) for f in folder.files)


def _claim(file: SlotFile) -> Claim:
    item = file.named
    return Claim(
        item.slot, item.name, item.id, item.direction, file.source, item.relative, item.key, baseline=item.baseline
    )


def by_name(folder: Folder) -> bool:
    """Whether the runner goes by whole names, so that two files may share a number."""
    layout = BY_NAME.get(folder.layout)
    return layout is not None and layout.by_name


def dated(slot: str) -> bool:
    """Whether a slot is a bare date, which two migrations of one day share."""
    digits = slot.replace("-", "").replace(".", "")
    return len(digits) == 8 and digits[:2] in ("19", "20") and digits[4:6] <= "12" and digits[6:] <= "31"
