"""The initdb template: made once per installation, kept as one file in the user's cache, written out again in about 25
ms.

A pack instead of a tar: reading it back needs neither ``tar`` nor the tarfile module, and costs the supervisor half the
time. It holds a superuser with a random name and a random password, so it is readable by its user only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from lockgate.base.errors import CannotCheck
from lockgate.cache.store import user_caches
from lockgate.oracle.server.binaries import Binaries
from lockgate.oracle.server.initdb import DATABASE, cluster, scram_verifier

_FORMAT = "3"  # raise it when what a template holds changes
_KEPT, _UNUSED = 8, 30 * 86_400  # templates of so many installations, and seconds without use
_UNFINISHED = ".tmp"
# a clear password over our own 0700 socket: no hashing on the way, and peer would trust the server's own uid
_HBA = "local all all password\n"


class Template(msgspec.Struct, frozen=True):
    """A cached cluster: one database ``lockgate``, one superuser whose password only this user's cache knows."""

    pack: Path
    superuser: str
    password: str
    verifier: str  # the password as pg_authid holds it, for further roles


def template(binaries: Binaries, anew: bool = False) -> tuple[Template, BinaryIO]:
    """The template of an installation, made on first use (about a second) or ``anew``, and its file, open: another run
    may put a new one in its place."""
    pack = cache_dir() / f"cluster-{_key(binaries)}.pack"
    if not anew:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            _used(pack)
            return _read(pack, open(pack, "rb"))
    return _read(pack, _build(binaries, pack))


def _read(pack: Path, file: BinaryIO) -> tuple[Template, BinaryIO]:
    """Raises ValueError where the file is cut short or its index damaged; the supervisor looks at the contents."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(file)
        file.seek(0)
        lead = file.read(12)
        size = int.from_bytes(lead[:8], "big")
        if size > os.fstat(file.fileno()).st_size:
            raise ValueError("damaged")
        text = file.read(size)
        if zlib.crc32(text) != int.from_bytes(lead[8:], "big"):
            raise ValueError("damaged")
        head = json.loads(text)
        if os.fstat(file.fileno()).st_size != 12 + size + sum(length or 0 for _, length, *_ in head):
            raise ValueError("cut short")
        meta = head[0][3]
        made = Template(pack, meta["superuser"], meta["password"], meta["verifier"])
        stack.pop_all()
        return made, file


def _used(pack: Path) -> None:
    """Say by the time of its change when a template was last used, to the day."""
    with contextlib.suppress(OSError):
        if time.time() - pack.stat().st_mtime > 86_400:
            os.utime(pack)


def _key(binaries: Binaries) -> str:
    stat = os.stat(binaries.bindir / "postgres")
    facts = (_FORMAT, str(binaries.bindir.resolve()), binaries.version, stat.st_size, stat.st_mtime_ns, os.getuid())
    return f"{binaries.version}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}"


def cache_dir() -> Path:
    """The user's cache directory for Lockgate, made private; a directory in the temporary one where there is no
    home."""
    home, spare = user_caches(), Path(tempfile.gettempdir()) / f"lockgate-cache-{os.getuid()}"
    for place in (Path(home) / "lockgate", spare) if home else (spare,):
        with contextlib.suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            stat = place.lstat()
            if stat.st_uid == os.getuid() and not stat.st_mode & 0o022 and os.access(place, os.W_OK):
                return place
    raise CannotCheck(
        "no directory to keep the server's template in", "Set XDG_CACHE_HOME to a writable directory of your own."
    )


def _build(binaries: Binaries, pack: Path) -> BinaryIO:
    superuser, password = "lg_" + secrets.token_hex(8), secrets.token_hex(32)
    verifier = scram_verifier(password)
    meta = {"superuser": superuser, "password": password, "verifier": verifier}
    with cluster(binaries, superuser, verifier) as data:
        head, parts = _contents(data, meta)
    try:
        return _keep(head, parts, pack)
    except OSError:  # the cache is full: without one
        pass
    try:
        file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  # the caller closes it
        _write(file, head, parts)
    except OSError as error:
        raise CannotCheck(
            f"no room for the server's template: {error.strerror}",
            f"Make room in {pack.parent} or {tempfile.gettempdir()}.",
        ) from error
    return file


def _keep(head: bytes, parts: list[bytes], pack: Path) -> BinaryIO:
    _evict(pack.parent)
    handle, temporary = tempfile.mkstemp(_UNFINISHED, "cluster-", pack.parent)  # 0600
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, head, parts)
            os.fsync(file.fileno())  # a loss of power must not leave the name without the contents
        os.replace(temporary, pack)
    except BaseException:
        os.unlink(temporary)
        raise
    return open(pack, "rb")


def _evict(folder: Path) -> None:
    """Remove the templates of installations that are gone, and what a killed run left of one. A run that has one open
    keeps it."""
    now = time.time()
    with contextlib.suppress(OSError):
        found = sorted(((place.stat().st_mtime, place) for place in folder.glob("cluster-*.pack")), reverse=True)
        old = [place for at, (used, place) in enumerate(found) if at >= _KEPT or now - used > _UNUSED]
        halves = [place for place in folder.glob(f"cluster-*{_UNFINISHED}") if now - place.stat().st_mtime > 600]
        for place in (*old, *halves):
            place.unlink(missing_ok=True)


def _write(file: BinaryIO, head: bytes, parts: list[bytes]) -> None:
    file.write(len(head).to_bytes(8, "big") + zlib.crc32(head).to_bytes(4, "big") + head)
    file.writelines(parts)
    file.flush()


def _contents(data: str, meta: dict[str, str]) -> tuple[bytes, list[bytes]]:
    """The index (supervisor.py says how it reads) and the files' contents behind it."""
    index: list[list[object]] = []
    parts = []
    for path, content in _files(data):
        index.append([path, None, 0] if content is None else [path, len(content), zlib.crc32(content)])
        parts.append(content or b"")
    index[0].append(meta)
    return json.dumps(index).encode(), parts


def _files(data: str) -> Iterator[tuple[str, bytes | None]]:
    yield "pg_hba.conf", _HBA.encode()
    yield "pg_ident.conf", b""
    for directory, _, names in os.walk(data):
        relative = os.path.relpath(directory, data)
        if relative != ".":
            yield relative, None
        for name in names:
            path = os.path.normpath(os.path.join(relative, name))
            if path not in ("pg_hba.conf", "pg_ident.conf", "postmaster.opts", "postmaster.pid"):
                yield path, Path(directory, name).read_bytes()


__all__ = ["DATABASE", "Template", "cache_dir", "scram_verifier", "template"]
