"""What root must arrange so that an unprivileged server can run: a uid that owns nothing else, and binaries that it can
read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import tempfile
from pathlib import Path

from msgspec.structs import replace

from lockgate.base.errors import CannotCheck
from lockgate.oracle.server.binaries import Binaries

UIDS = range(61184, 65520)  # systemd's range for dynamic users: no account is ever made there


def unused_uid() -> int:
    """A uid without account and without process, so that nothing else on the machine is owned by whom the server runs
    as."""
    busy = set()
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError):
                    busy.add(os.stat(f"/proc/{name}").st_uid)
    while True:
        uid = secrets.choice(UIDS)
        if uid not in busy and not _has_account(uid):
            return uid


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def readable_by_others(directory: Path) -> bool:
    """Whether every user can enter a directory (its files are taken to be as open as the directory itself)."""
    real = directory.resolve()
    return all(place.stat().st_mode & 0o001 for place in (real, *real.parents))


def reachable(binaries: Binaries) -> Binaries:
    """The same binaries where any uid can run them: copied once below a 0700 directory (a virtual environment in
    /root).

    The parents' permissions are never changed.
    """
    if os.getuid() != 0 or readable_by_others(binaries.bindir):
        return binaries
    prefix = binaries.prefix.resolve()
    stat = os.stat(binaries.bindir / "postgres")
    key = hashlib.sha256(repr((str(prefix), stat.st_size, stat.st_mtime_ns)).encode()).hexdigest()[:16]
    target = _open_cache() / f"{binaries.version}-{key}"
    copy = replace(binaries, bindir=target / prefix.parent.name / prefix.name / binaries.bindir.name)
    if not (copy.bindir / "postgres").exists():
        _copy(prefix, target)
    return copy


def _open_cache() -> Path:
    """A directory of root's that everybody may read and nobody else may write."""
    for base in (Path("/var/cache/lockgate"), Path(tempfile.gettempdir()) / "lockgate-bin-0"):
        with contextlib.suppress(OSError):
            base.mkdir(mode=0o755, parents=True, exist_ok=True)
            stat = base.lstat()
            if stat.st_uid == 0 and not stat.st_mode & 0o022 and readable_by_others(base):
                return base
    raise CannotCheck(
        "the PostgreSQL binaries lie below a private directory, and there is no public one to copy them to",
        "Make /var/cache writable, put the virtual environment outside of /root, or give --dsn of a scratch server.",
    )


def _copy(prefix: Path, target: Path) -> None:
    work = Path(tempfile.mkdtemp(dir=target.parent))
    package = prefix.parent
    shutil.copytree(prefix, work / package.name / prefix.name, symlinks=True)
    libraries = package.with_name(
        package.name + ".libs"
    )  # what a wheel's contrib modules link against, relative to themselves
    if libraries.is_dir():
        shutil.copytree(libraries, work / libraries.name, symlinks=True)
    for directory, names, files in os.walk(work):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                mode = os.stat(path).st_mode
                os.chmod(path, (mode | 0o055 if mode & 0o100 else mode | 0o044) & ~0o022)
    work.chmod(0o755)
    try:
        os.rename(work, target)
    except OSError:  # another run was faster
        shutil.rmtree(work, ignore_errors=True)
