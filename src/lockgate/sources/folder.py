"""What a folder of migrations turned out to be."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

import msgspec

from lockgate.base.errors import CannotCheck
from lockgate.base.files import read_text
from lockgate.base.text import Source
from lockgate.sources.migration import Migration

FOUND_BELOW = "found below "  # begins the explanation of a folder that nobody named


class Direction(str, Enum):
    """What a file of a migration does."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Skipped(msgspec.Struct, frozen=True):
    """A file that the runner does not run, and why.

    ``alike``: it is named so much like a migration that somebody may expect it to run. ``stops``: the runner refuses to
    run at all.
    """

    path: str
    why: str
    alike: bool = False
    stops: bool = False


class Named(msgspec.Struct, frozen=True):
    """What a runner reads from the name of a file, ``relative`` to the folder of migrations."""

    relative: str
    slot: str
    name: str
    id: str
    direction: Direction
    key: str  # what the runner's ledger holds for it: the slot, or the whole name
    baseline: bool = False  # stands for everything up to its slot on a new database: flyway's B, atlas's checkpoint


class SlotFile(msgspec.Struct, frozen=True):
    """A file of a migration with its text."""

    named: Named
    source: Source


class Revision(msgspec.Struct, frozen=True):
    """One file of a runner that goes by a graph. ``below``: the ids of what has to run before it; ``known``: all of that
    is written out."""

    id: str  # alembic's revision; Django's ``app.0001_name``
    runner: str
    home: str  # what one head is wanted of: the folder of alembic's, the app of Django's
    source: Source
    below: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    known: bool = True
    labelled: bool = False  # alembic: a branch of its own, on purpose


class Folder(msgspec.Struct, frozen=True):
    """The migrations of one runner in the order in which it applies them; ``explain`` tells how the layout was found.

    ``files`` are all of them by direction, also a down without an up; ``roots`` the folders, relative to the working
    directory.
    """

    layout: str
    migrations: tuple[Migration, ...]
    skipped: tuple[Skipped, ...] = ()
    explain: tuple[str, ...] = ()
    files: tuple[SlotFile, ...] = ()
    roots: tuple[str, ...] = ()
    revisions: tuple[Revision, ...] = ()  # alembic's and Django's own, where their files lie here
    span: str = "file"  # "pending": the runner sends all that is pending in one transaction
    before: str = ""  # SQL of what other packages' migrations, which do not lie here, have made before
    strange: tuple[str, ...] = ()  # the tables among that of which no more is known than that they are there
    unread: tuple[str, str] | None = None  # migrations that nobody reads here, and what would let it
    failed: CannotCheck | None = None  # why the command printed nothing: the migrations are then known by name alone


def shown(path: Path | str, cwd: Path) -> str:
    """A path as reports name it: relative to the working directory, with forward slashes."""
    name, top = str(path), f"{cwd}{os.sep}"
    if name.startswith(top) and ".." not in name and os.sep == "/":  # as nearly always; relpath costs ten times as much
        return name[len(top) :] or "."
    try:
        return os.path.relpath(path, cwd).replace(os.sep, "/")
    except ValueError:
        return str(path).replace(os.sep, "/")


def read(path: Path | str, cwd: Path, root: Path | None = None) -> Source:
    """A file's text; ``root`` is the folder of migrations that it belongs to (its own, if nothing else is said).

    Raises CannotCheck, naming the file and the byte, where it cannot be read, leads out of the repository, or is not
    UTF-8.
    """
    name = shown(path, cwd)
    # spelled as text: for every file of a folder a Path costs as much as reading it
    below = str(cwd) != cwd.anchor and not os.path.isabs(name) and not name.startswith("..")
    try:
        text = read_text(path, root or Path(path).parent, *((cwd,) if below else ()), name=name)
    except FileNotFoundError as error:
        raise CannotCheck(f"{name}: cannot be read: {error.strerror}", "make the file readable") from error
    nul = text.find("\0")
    if nul >= 0:
        raise CannotCheck(
            f"{name}:{text.count(chr(10), 0, nul) + 1}: a NUL byte at byte {len(text[:nul].encode())}",
            "PostgreSQL takes no NUL: remove it",
        )
    return Source(name, text)
