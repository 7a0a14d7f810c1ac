"""The private cache: what earlier runs worked out, by keys that change with everything it was worked out from.

It lies in a folder of the user's own ($XDG_CACHE_HOME/lockgate, else ~/.cache/lockgate), never in a project, and is
used only while nobody else can write there. Entries are msgpack: reading one runs no code (columns.py). They appear
whole or not at all, a damaged one is none, and the oldest go when there are too many. ``LOCKGATE_CACHE=off`` turns it
off.
"""

from __future__ import annotations

import os
import stat
import sys
from functools import cache

_DIGEST = 16
_LIMIT = 256 * 1024 * 1024  # bytes, all entries together
_SELDOM = 8  # of 256 writes: a look at every entry costs more than the entry


class Unfit(Exception):
    """A value of a class that is not stored, or bytes that no writer of ours made."""


def digest(*parts: bytes) -> bytes:
    """A short fingerprint of some bytes; where one part ends and the next begins counts."""
    from _blake2 import blake2b  # hashlib would load OpenSSL for it

    state = blake2b(digest_size=_DIGEST)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.digest()


@cache
def identity() -> bytes:
    """A fingerprint of everything but the input that a result hangs on: our code and data, the interpreter, the
    compiled dependencies."""
    from importlib.machinery import PathFinder

    here = os.path.dirname(os.path.dirname(__file__))
    stamps: list[str] = []
    _stamp(here, stamps)
    _stamp(os.path.join(here, "..", "..", "rules"), stamps)
    for package in ("pglast", "immutables"):
        spec = PathFinder.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            _stamp(folder, stamps, deep=False)
    return digest(
        sys.version.encode(),
        str(sys.implementation.cache_tag).encode(),
        "\n".join(sorted(stamps)).encode("utf-8", "surrogateescape"),
    )


def _stamp(folder: str, out: list[str], deep: bool = True) -> None:
    """Every file below a folder with its size and its times (the change time cannot be set by whoever unpacks it)."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            if deep and entry.name != "__pycache__":
                _stamp(entry.path, out)
        else:
            seen = entry.stat()
            out.append(f"{entry.path} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}")


def user_caches() -> str:
    """The folder of the user's caches; empty where there is none. A relative one is to be ignored (XDG Base Directory
    Specification): it would lie in whatever project is checked."""
    for base in (os.environ.get("XDG_CACHE_HOME", ""), os.path.join(os.path.expanduser("~"), ".cache")):
        if os.path.isabs(base):
            return base
    return ""


def folder() -> str | None:
    """The cache's folder, made if need be; None where it is turned off, cannot be, or is not safe."""
    if os.environ.get("LOCKGATE_CACHE", "").lower() in ("off", "0", "no") or not hasattr(os, "getuid"):
        return None
    base = user_caches()
    if not base:
        return None
    path = os.path.join(base, "lockgate")
    try:
        if not os.path.lexists(path):
            os.makedirs(base, exist_ok=True)
            os.mkdir(path, 0o700)
        seen = os.lstat(path)
    except OSError:
        return None
    safe = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid() and not seen.st_mode & 0o077
    return path if safe else None


def read(key: bytes) -> bytes | None:
    """What lies under a key; None where there is nothing, or it is damaged."""
    home = folder()
    if home is None:
        return None
    path = os.path.join(home, _name(key))
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            if os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            data = file.read()
        os.utime(path)
    except OSError:
        return None
    return data[_DIGEST:] if data[:_DIGEST] == digest(data[_DIGEST:]) else None


def has(key: bytes) -> bool:
    """Whether something lies under a key."""
    home = folder()
    return home is not None and os.path.exists(os.path.join(home, _name(key)))


def write(key: bytes, data: bytes) -> None:
    """Put something under a key; a cache that cannot be written is none, and no failure."""
    home = folder()
    if home is None:
        return
    path = os.path.join(home, _name(key))
    draft = f"{path}.{os.getpid()}"
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(digest(data))
            file.write(data)
        os.replace(draft, path)
        if key[0] < _SELDOM:
            _evict(home)
    except OSError:
        _unlink(draft)


def _name(key: bytes) -> str:
    return digest(identity(), key).hex()


def _evict(home: str) -> None:
    """Delete the entries that were not used for longest until the rest fits."""
    mine = (
        entry for entry in os.scandir(home) if not entry.name.endswith(".pack")
    )  # a server's template lies here, too (oracle/server/template.py)
    entries = sorted(
        ((seen.st_mtime_ns, seen.st_size, entry.path) for entry in mine if (seen := entry.stat())), reverse=True
    )
    total = 0
    for _, size, path in entries:
        total += size
        if total > _LIMIT:
            _unlink(path)


def _unlink(path: str) -> None:
    from contextlib import suppress

    with suppress(OSError):
        os.unlink(path)
