"""Stamps: whether a file is still what an earlier run read, without reading it."""

from __future__ import annotations

import os

Stamp = tuple[int, ...] | None  # None: there is nothing of that name
_SLACK = 50_000_000  # nanoseconds: a file system's clock may lag behind ours
_COARSE = 2_000_000_000  # one that counts in seconds


def stamp(path: str) -> Stamp:
    """What tells a file from any other of that name, and from itself before a change; None where there is none."""
    try:
        seen = os.stat(path)
    except (OSError, ValueError):
        return None
    return seen.st_mode, seen.st_ino, seen.st_dev, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def settled(seen: tuple[int, ...], start: int) -> bool:
    """Whether a file was last changed before the run began, so that what the run read is what the stamp is of."""
    slack = _COARSE if seen[-1] % 1_000_000_000 == 0 else _SLACK
    return max(seen[-2:]) < start - slack
