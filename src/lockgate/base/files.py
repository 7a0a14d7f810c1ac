"""Files of a tree that nobody vouches for: read only where they are regular, lie inside of it and are not too large.

A repository can hold symbolic links to anything (git keeps them), and a working tree FIFOs, devices and files of any
size: each would hang the run, eat its memory, or put another's secrets into a report.
"""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path

from lockgate.base.errors import CannotCheck

_MEGABYTE = 1024 * 1024
_VARIABLE = "LOCKGATE_MAX_FILE_MB"  # the operator's; a tree cannot raise it
_LARGEST = 32  # megabytes of one file
_SUM = 16  # times as much of all files of a run
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class _Total:
    """Bytes of the files that this process has read; one that is read again (in an editor) counts once."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._sum = 0

    def add(self, path: str, size: int) -> int:
        self._sum += size - self._sizes.get(path, 0)
        self._sizes[path] = size
        return self._sum


_total = _Total()


def read_bytes(path: Path | str, *roots: Path, name: str = "") -> bytes:
    """What is in a regular file whose real place is inside of one of ``roots``, or of the repositories that hold them;
    without roots, in a file that the operator named. ``name`` is how errors call it.

    Raises FileNotFoundError; CannotCheck for everything else that keeps it from being read.
    """
    path, shown = os.fspath(path), name or os.fspath(path)
    handle, size = _opened(path, roots, shown)
    try:
        return _bounded(handle, size, path, shown)
    finally:
        os.close(handle)


def read_text(path: Path | str, *roots: Path, name: str = "") -> str:
    """The same as text. Raises CannotCheck with line and byte where it is not UTF-8, too."""
    data, shown = read_bytes(path, *roots, name=name), name or os.fspath(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(shown, data, error.start) from error


def peek(path: Path | str, *roots: Path) -> str:
    """The beginning of a file of which nothing hangs but a guess; "" where it cannot be read."""
    try:
        handle, _ = _opened(os.fspath(path), roots, "")
        try:
            return os.read(handle, 65_536).decode("utf-8", "replace")
        finally:
            os.close(handle)
    except (OSError, CannotCheck):
        return ""


def inside(path: Path | str, *roots: Path) -> bool:
    """Whether a path's real place lies inside of one of these folders, or of the repositories that hold them."""
    folder, name = os.path.split(os.fspath(path))
    if not os.path.isabs(folder) or name in ("", ".", ".."):
        folder, name = os.path.split(os.path.abspath(path))
        path = os.path.join(folder, name)
    if os.path.islink(path):
        folder = os.path.realpath(path)
    return _inside(folder, tuple(map(os.fspath, roots)))


@lru_cache(maxsize=4096)
def _inside(folder: str, roots: tuple[str, ...]) -> bool:
    """The same of a folder: of its files nothing is asked but whether they are links."""
    place = os.path.join(_real(folder), "")
    return any(place.startswith(fence(root)) for root in roots)


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder)


@lru_cache(maxsize=4096)
def fence(root: str) -> str:
    """The working tree that a folder lies in, with a slash at its end; the folder itself where it is in none."""
    real = folder = _real(os.path.abspath(root))
    while not os.path.lexists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return os.path.join(real, "")
        folder = os.path.dirname(folder)
    return os.path.join(folder, "")


def checked_output(path: Path, cwd: Path) -> Path:
    """Where a report may be written: a path below the working folder must not lead out of it by a link of the tree's.
    Raises CannotCheck."""
    if Path(os.path.abspath(path)).is_relative_to(cwd) and not inside(path, cwd):
        raise CannotCheck(
            f"{path}: leads out of the repository, to {os.path.realpath(path)}",
            "remove the link, or name the real file",
        )
    return path


def limit() -> int:
    """The most bytes that one file may have."""
    word = os.environ.get(_VARIABLE, "")
    return (int(word) if word.isdecimal() and 0 < int(word) <= 65_536 else _LARGEST) * _MEGABYTE


def _opened(path: str, roots: tuple[Path, ...], shown: str) -> tuple[int, int]:
    """A regular file's descriptor, and its size. Of descriptors, not of file objects: a folder has hundreds."""
    if roots and not inside(path, *roots):
        raise CannotCheck(
            f"{shown}: leads out of the repository, to {os.path.realpath(path)}",
            "only files inside of the repository are read: put the file itself there",
        )
    handle = _descriptor(path, shown)
    seen = os.fstat(handle)
    if not stat.S_ISREG(seen.st_mode):
        os.close(handle)
        raise _refused(shown, seen.st_mode)
    return handle, seen.st_size


def _descriptor(path: str, shown: str) -> int:
    """Without waiting for a FIFO's other end."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    except FileNotFoundError:
        raise
    except OSError as error:
        mode = _mode(path)
        if mode is not None and not stat.S_ISREG(mode):
            raise _refused(shown, mode) from error
        raise CannotCheck(f"{shown}: cannot be read: {error.strerror}", "make the file readable") from error


def _bounded(handle: int, size: int, path: str, shown: str) -> bytes:
    most = limit()
    data = _read(handle, most + 1, size) if size <= most else b""  # it may be another by now, or a lie (/proc)
    size = max(size, len(data))
    if size > most:
        raise CannotCheck(
            f"{shown}: larger than {most // _MEGABYTE} MB",
            f"move data out of it, or set {_VARIABLE} in the environment of the run",
        )
    if _total.add(path, size) > most * _SUM:
        raise CannotCheck(
            f"{shown}: with it the files of this run are larger than {most * _SUM // _MEGABYTE} MB",
            f"name fewer of them, or set {_VARIABLE}, of which a run may read {_SUM} times as much",
        )
    return data


def _read(handle: int, most: int, size: int) -> bytes:
    """Up to so many bytes: at once where the file is as large as it says."""
    data = os.read(handle, min(size + 1, most))
    if len(data) == size:
        return data
    parts = [data]
    while most > (got := sum(map(len, parts))) and (data := os.read(handle, min(most - got, 1 << 20))):
        parts.append(data)
    return b"".join(parts)


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except OSError:
        return None


def _refused(shown: str, mode: int) -> CannotCheck:
    kind = next((words for test, words in _KINDS if test(mode)), "no file")
    return CannotCheck(f"{shown}: {kind}, not a regular file", "only regular files are read: put the file itself there")


def _not_utf8(name: str, data: bytes, at: int) -> CannotCheck:
    line = data.count(b"\n", 0, at) + 1
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return CannotCheck(
            f"{name}:1: UTF-16, not UTF-8 (byte order mark at byte 0)", f"convert it: iconv -f UTF-16 -t UTF-8 {name}"
        )
    return CannotCheck(f"{name}:{line}: not UTF-8 at byte {at} (0x{data[at]:02x})", "save the file as UTF-8")
