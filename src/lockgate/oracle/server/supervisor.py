"""The process that is postgres' parent: it outlives the run that asked for a server by a few milliseconds, however that
run ends.

Started in an interpreter of its own (``COMMAND``) and a session of its own, without an environment. It imports the
standard library only and starts in about 15 ms. It holds one end of a socket pair; end-of-file there means that the run is gone
(SIGKILL included): stop the server, remove the directory, exit. A lock that it holds on a file in the directory tells a
later run that the directory is in use.

Lines that it writes: ``ready WHAT HOLDS`` (sandbox.py), ``full`` (the migrations wrote more than the limit; the server is stopped), ``died
TEXT``, ``failed TEXT``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
import zlib
from types import FrameType
from typing import Any

from . import sandbox  # here, not where it is used: after setuid its file may be out of reach

# by path and not as part of Lockgate, whose package loads more than this needs
COMMAND = "import sys; sys.path.append(sys.argv.pop(1)); from server.supervisor import main; sys.exit(main())"

_TICK = 0.1  # seconds between two looks at the disk
_GRACE = 1.0  # seconds that an immediate shutdown may take; measured 2-4 ms
_START_LIMIT = 60.0


def main() -> int:
    """Run one server until the run that asked for it is gone. The only argument is a JSON object (see
    ``server.py``)."""
    wish: dict[str, Any] = json.loads(sys.argv[1])
    for descriptor in (wish["channel"], wish["lock"]):
        os.set_inheritable(descriptor, False)  # postgres must not keep the lock when only it is left
    channel = socket.socket(fileno=wish["channel"])
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    home: str = wish["home"]
    server = 0
    try:
        pack = _open(wish)
        server, held = _start(wish, pack)
        unpack(pack, os.path.join(home, "data"), databases=True)  # nobody reads them before the first connection
        if _await_ready(channel, server, home):
            _say(channel, f"ready {held}")
            _watch(channel, server, wish)
    except OSError as error:
        _say(channel, f"failed {error}")
    finally:
        _stop(server, home)
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise OSError("told to end")


def _say(channel: socket.socket, line: str) -> None:
    with contextlib.suppress(OSError):
        channel.sendall(line.replace("\n", "\\n").encode() + b"\n")


def _open(wish: dict[str, Any]) -> bytes:
    """Read the template and become the unprivileged user."""
    with open(wish["pack"], "rb") as pack:
        pack.seek(0)
        if wish["uid"] is not None:
            os.setgroups([])
            os.setgid(wish["uid"])
            os.setuid(wish["uid"])
        os.umask(0o077)
        return pack.read()


def _start(wish: dict[str, Any], pack: bytes) -> tuple[int, str]:
    """Fill the directory with what postgres reads at its start, and start it; its process id and what it is kept
    from."""
    data = os.path.join(wish["home"], "data")
    os.mkdir(data, 0o700)
    unpack(pack, data, databases=False)
    for path, text in wish["files"].items():
        target = os.path.join(wish["home"], path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        _become_postgres(wish, told)
    sandbox.conceal()  # the child first: one that hides itself may not make a user namespace
    os.close(told)
    with open(heard, encoding="utf-8") as file:
        return child, file.read()


def _become_postgres(wish: dict[str, Any], told: int) -> None:
    try:
        alone = wish["uid"] is not None
        held = [*(["user"] if alone else []), *sandbox.limit(wish["size_limit"], alone)]
        os.write(told, " ".join([*held, ""]).encode())
        log = os.open(os.path.join(wish["home"], "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sandbox.become(wish["argv"], wish["env"], wish["home"], wish["narrow"], told)
    finally:
        os._exit(127)


def unpack(pack: bytes, directory: str, databases: bool) -> None:
    """Write the files of a pack: those of the databases, or the rest with every directory.

    It is a JSON index ``[[path, size, CRC-32], ...]`` (a size of null: a directory) behind its length in 8 bytes and
    its CRC-32 in 4, then the contents. Raises OSError where they are not what the index says."""
    size = int.from_bytes(pack[:8], "big")
    at = 12 + size
    view = memoryview(pack)
    for path, length, checksum, *_ in json.loads(pack[12:at]):
        target = os.path.join(directory, path)
        if length is None:
            if not databases:
                os.mkdir(target, 0o700)
            continue
        if path.startswith("base/") == databases:
            file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            part = view[at : at + length]
            if zlib.crc32(part) != checksum:
                raise OSError(f"the server's template is damaged: {path}")
            if os.write(file, part) != length:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)
            os.close(file)
        at += length


def _await_ready(channel: socket.socket, server: int, home: str) -> bool:
    """Wait until postmaster.pid says ready (its eighth line, src/include/utils/pidfile.h)."""
    pidfile = os.path.join(home, "data", "postmaster.pid")
    until = time.monotonic() + _START_LIMIT
    while time.monotonic() < until:
        if _ended(server):
            _say(channel, "failed " + _log_tail(home))
            return False
        with contextlib.suppress(OSError), open(pidfile, "rb") as file:
            if b"\nready" in file.read():
                return True
        if _gone(channel, 0.002):
            return False
    _say(channel, f"failed not ready after {_START_LIMIT:.0f} s: " + _log_tail(home))
    return False


def _gone(channel: socket.socket, seconds: float) -> bool:
    """Whether the run is gone; waits that long for it. Anything that it writes means: stop."""
    return bool(select.select([channel], [], [], seconds)[0])


def _ended(server: int) -> bool:
    try:
        return os.waitpid(server, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _watch(channel: socket.socket, server: int, wish: dict[str, Any]) -> None:
    home, limit = wish["home"], wish["size_limit"]
    free = _free(home)
    while not _gone(channel, _TICK):
        if _ended(server):
            _say(channel, "died " + _log_tail(home))
            _gone(channel, _START_LIMIT)
            return
        # free space is cheap to ask but moves with everybody's files: only when it fell far are our own counted
        if (now := _free(home)) < free - limit or now < limit // 16:
            if _size(home) > limit:
                _stop(server, home)
                _say(channel, "full")
                _gone(channel, _START_LIMIT)
                return
            free = min(free, now + limit // 2)


def _free(home: str) -> int:
    stat = os.statvfs(home)
    return stat.f_bavail * stat.f_frsize


def _size(home: str) -> int:
    total = 0
    for directory, _, names in os.walk(home):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(directory, name)).st_blocks * 512
    return total


def _log_tail(home: str) -> str:
    try:
        with open(os.path.join(home, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:].strip() or "postgres ended without a word"
    except OSError:
        return "postgres could not be started"


def _stop(server: int, home: str) -> None:
    """Immediate shutdown; then SIGTERM (a postmaster without handlers yet), then SIGKILL, also of backends that it
    left."""
    for number in (signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL):
        if not server or _ended(server):
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, number)
        until = time.monotonic() + _GRACE
        while time.monotonic() < until and not _ended(server):
            time.sleep(0.001)
    for pid in inhabitants(os.path.join(home, "data")):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def inhabitants(directory: str) -> list[int]:
    """Processes of ours whose working directory is ``directory``: a server's backends. Empty where there is no
    /proc."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{name}/cwd") in (directory, directory + " (deleted)"):
                    found.append(int(name))
    return found
