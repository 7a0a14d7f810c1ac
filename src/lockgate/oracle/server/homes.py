"""Private directories of ours below a public one. Each holds a lock file; while somebody lives there it is locked, so a
later run knows what to sweep."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import secrets
import shutil
import signal
import time
from pathlib import Path

from lockgate.base.errors import CannotCheck
from lockgate.oracle.server import segments, supervisor
from lockgate.oracle.server.reach import UIDS

PREFIX = "lockgate-"
INITDB = PREFIX + "initdb-"
_NAME = re.compile(f"(?:{PREFIX}|{INITDB})[0-9a-f]{{12}}")  # as ``make`` names them: nobody else's folder is swept


def make(base: str, prefix: str = PREFIX) -> tuple[str, int]:
    """A new private directory and the descriptor of its locked lock file. Raises CannotCheck."""
    home = os.path.join(base, prefix + secrets.token_hex(6))
    try:
        os.mkdir(home, 0o700)
        lock = os.open(os.path.join(home, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        shutil.rmtree(home, ignore_errors=True)
        raise CannotCheck(f"{base} takes no scratch server: {error.strerror}", f"Make room in {base}.") from error
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return home, lock


def sweep(base: str) -> None:
    """Remove what a run left whose keeper died with it: directories of ours whose lock nobody holds, and the
    processes in them."""
    with contextlib.suppress(OSError):
        for name in os.listdir(base):
            if _NAME.fullmatch(name):
                with contextlib.suppress(OSError):
                    _sweep_one(os.path.join(base, name))


def _sweep_one(home: str) -> None:
    seen = os.lstat(home)
    if not _ours(home, seen.st_uid) or not os.path.isdir(home) or os.path.islink(home):
        return
    if not os.path.exists(os.path.join(home, "lock")):
        # else a run is just making it, or it is not ours
        if time.time() - seen.st_mtime > 60 and (Path(home, "data").exists() or not os.listdir(home)):
            clear(home)
        return
    lock = os.open(os.path.join(home, "lock"), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        clear(home)
    finally:
        os.close(lock)


def _ours(home: str, owner: int) -> bool:
    """Root's servers run as an unused uid, its initdb under an account's."""
    if owner == os.getuid():
        return True
    if os.getuid() != 0:
        return False
    return owner in UIDS or (os.path.basename(home).startswith(INITDB) and owner == account())


def clear(home: str) -> None:
    """Remove a directory and kill the processes of its owner that work in it."""
    owner = os.lstat(home).st_uid
    for place in (os.path.join(home, "data"), home):
        for pid in supervisor.inhabitants(place):
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{pid}").st_uid == owner:
                    os.kill(pid, signal.SIGKILL)
    if os.path.basename(home).startswith(INITDB):
        until = time.monotonic() + 1
        while any(supervisor.inhabitants(place) for place in (os.path.join(home, "data"), home)) and (
            time.monotonic() < until
        ):
            time.sleep(0.005)
        segments.remove(home, owner)
    shutil.rmtree(home, ignore_errors=True)


def account() -> int | None:
    """The uid to run initdb as (it needs a passwd entry and refuses root); None: as we are."""
    if os.getuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody").pw_uid
    others = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0]
    if not others:
        raise CannotCheck(
            "initdb refuses to run as root, and there is no other account",
            "Add a user, or give --dsn of a scratch server.",
        )
    return others[-1]
