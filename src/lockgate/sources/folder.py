"""What a folder of migrations turned out to be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lockgate.errors import CannotCheck
from lockgate.sources.migration import Migration
from lockgate.text import Source


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that the runner does not run, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Folder:
    """The migrations of one runner in the order in which it applies them; ``explain`` tells how the layout was found."""

    layout: str
    migrations: tuple[Migration, ...]
    skipped: tuple[Skipped, ...] = ()
    explain: tuple[str, ...] = ()


def shown(path: Path, cwd: Path) -> str:
    """A path as reports name it: relative to the working directory, with forward slashes."""
    try:
        return os.path.relpath(path, cwd).replace(os.sep, "/")
    except ValueError:
        return str(path).replace(os.sep, "/")


def read(path: Path, cwd: Path) -> Source:
    """A file's text. Raises CannotCheck, naming the file and the byte, where it cannot be read or is not UTF-8."""
    name = shown(path, cwd)
    try:
        return Source(name, path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise CannotCheck(f"{name}: {error.strerror}", "make the file readable") from error
    except UnicodeDecodeError as error:
        data = path.read_bytes()
        line = data.count(b"\n", 0, error.start) + 1
        raise CannotCheck(f"{name}:{line}: not UTF-8 at byte {error.start} (0x{data[error.start]:02x})", "save the file as UTF-8") from error
