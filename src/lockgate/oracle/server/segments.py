"""Shared memory that a killed initdb leaves in /dev/shm: PostgreSQL.NUMBER (dsm_impl_posix in
src/backend/storage/ipc/dsm_impl.c). initdb tries that kind of memory before any setting of ours counts."""

from __future__ import annotations

import contextlib
import os
import time

_PLACE = "/dev/shm"
_PREFIX = "PostgreSQL."
_PAUSE = 0.02  # seconds; a server maps a segment as soon as it has made it
_SLACK = 3.0  # seconds between the last word of initdb's and its end


def remove(home: str, owner: int) -> None:
    """Remove the segments that a process of ``owner`` made while somebody worked in ``home``, and that no process maps
    any more. Those of another server of the same user are mapped by it."""
    first, last = _worked(home)
    left = [path for path, made in _of(owner) if first <= made <= last]
    if not left or not os.path.isdir("/proc/self"):
        return
    held = _mapped()
    time.sleep(_PAUSE)
    for path in set(left) - held - _mapped():
        with contextlib.suppress(OSError):
            os.unlink(path)


def _of(owner: int) -> list[tuple[str, float]]:
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir(_PLACE):
            if name.startswith(_PREFIX) and name.removeprefix(_PREFIX).isdecimal():
                path = os.path.join(_PLACE, name)
                with contextlib.suppress(OSError):
                    seen = os.lstat(path)
                    if seen.st_uid == owner:
                        found.append((path, seen.st_mtime))
    return found


def _worked(home: str) -> tuple[float, float]:
    """From when to when somebody wrote there, as far as its files tell."""
    times = []
    for folder, _, names in os.walk(home):
        for name in (".", *names):
            with contextlib.suppress(OSError):
                times.append(os.lstat(os.path.join(folder, name)).st_mtime)
    return (min(times) - 0.1, max(times) + _SLACK) if times else (0.0, 0.0)


def _mapped() -> frozenset[str]:
    """What processes map of it: those whose maps we may see."""
    found: set[str] = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/maps", encoding="utf-8", errors="replace") as file:
                found |= {line.split(maxsplit=5)[5].strip() for line in file if f"{_PLACE}/{_PREFIX}" in line}
    return frozenset(found)
