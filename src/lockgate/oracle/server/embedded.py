"""A PostgreSQL server that lives as long as a ``with`` block: unix socket only, an unprivileged uid, nothing left
behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from lockgate.base.errors import CannotCheck
from lockgate.oracle.server import homes, keeper, sandbox, supervisor
from lockgate.oracle.server.binaries import Binaries
from lockgate.oracle.server.reach import reachable, unused_uid
from lockgate.oracle.server.stand_ins import CONTROL_PATH, extension_files
from lockgate.oracle.server.template import DATABASE, Template, template
from lockgate.oracle.server.wire import Lost, SocketConnection

_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 103  # bytes of a socket's path: macOS 103, Linux 107

# Every build accepts these (measured on 15 to 18). Nothing here needs to survive a crash.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "64MB",
    "shared_buffers": "64MB",
    "wal_init_zero": "off",
    "max_connections": "20",
    # twice the room of an ordinary server; each look at the locks walks through all of it
    "max_locks_per_transaction": "512",
    "dynamic_shared_memory_type": "mmap",
    "max_parallel_workers": "0",
    "max_worker_processes": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "max_prepared_transactions": "5",
    "timezone": "UTC",
    "log_min_messages": "fatal",
    "logging_collector": "off",
}
_SETTINGS_18 = {"io_method": "sync", "autovacuum_worker_slots": "1"}

# what the loader and postgres say where the sandbox hides a file of an installation with an unusual shape
_TOO_NARROW = ("Permission denied", "cannot open shared object", "Operation not permitted", "could not be started")


class Whereabouts(msgspec.Struct, frozen=True):
    """Where a server is, for a client program that shares its user."""

    home: str  # holds its socket
    database: str
    uid: int | None  # None: our own
    bindir: Path
    source: str  # whose programs these are


class Server:
    """An ephemeral server. ``start`` returns at once, so that other work goes on meanwhile; ``ready`` waits for it."""

    def __init__(self, binaries: Binaries, size_limit: int = 1024) -> None:
        """``size_limit`` in megabytes: what may be written to it before it is stopped."""
        self.binaries = reachable(binaries)
        self._limit = size_limit << 20
        self._home = ""
        self._template: Template | None = None
        self._uid: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._said = ""
        self._narrow = True
        self.isolation: tuple[str, ...] = ()  # once it is ready: what it is kept from, words of sandbox.HELD

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def template(self) -> Template:
        assert self._template is not None, "start() comes first"
        return self._template

    def start(self) -> None:
        """Start it; does not wait. Raises CannotCheck."""
        self._template, pack = template(self.binaries)
        with pack:
            self._launch(pack.fileno())

    def _launch(self, pack: int) -> None:
        base = _base(self._limit)
        for place in {base, tempfile.gettempdir()}:
            homes.sweep(place)
        self._home, lock = homes.make(base)
        uid = self._uid = unused_uid() if os.getuid() == 0 else None
        if uid is not None:
            os.chown(self._home, uid, uid)
        mine, theirs = socket.socketpair()
        with theirs:
            wish = self._wish(uid, theirs.fileno(), lock, pack)
            place = os.path.dirname(os.path.dirname(supervisor.__file__))
            command = [sys.executable, "-I", "-S", "-c", supervisor.COMMAND, place, json.dumps(wish)]
            try:
                self._process = subprocess.Popen(
                    command,
                    start_new_session=True,
                    pass_fds=(theirs.fileno(), lock, pack),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=sandbox.bare(),
                )
            except OSError as error:
                shutil.rmtree(self._home, ignore_errors=True)
                raise CannotCheck(
                    f"the server's supervisor could not be started: {error}", "Give --dsn of a scratch server."
                ) from error
            finally:
                os.close(lock)
        self._channel = mine
        if uid is None:
            sandbox.conceal()  # the server has our uid, and our environment may hold a key

    def _wish(self, uid: int | None, channel: int, lock: int, pack: int) -> dict[str, Any]:
        settings = dict(_SETTINGS)
        settings["temp_file_limit"] = f"{self._limit >> 11}kB"
        files = {}
        if self.binaries.major >= 18:
            files = extension_files()
            settings |= _SETTINGS_18 | {"extension_control_path": CONTROL_PATH.format(home=self._home)}
        argv = [str(self.binaries.bindir / "postgres"), "-D", f"{self._home}/data", "-k", self._home]
        argv += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return {
            "home": self._home,
            "pack": pack,
            "uid": uid,
            "channel": channel,
            "lock": lock,
            "size_limit": self._limit,
            "argv": argv,
            "env": {"LC_ALL": "C"},
            "files": files,
            "narrow": self._narrow,
        }

    def ready(self) -> None:
        """Wait until it accepts connections; a first start that fails is tried again with a template made anew.
        Raises CannotCheck with the server's own words when it does not start."""
        words = self._wait()
        if words and keeper.FULL not in words:
            self._again(words)
            words = self._wait()
        if keeper.FULL in words:
            place = os.path.dirname(self._home)
            raise CannotCheck(f"no room in {place} for the scratch server", f"Make room in {place}.")
        if words:
            raise CannotCheck(
                f"PostgreSQL {self.binaries.version} ({self.binaries.source}) did not start: {words[-800:]}",
                "Give other binaries, or --dsn of a scratch server.",
            )

    def _wait(self) -> str:
        """Why it did not start; empty once it is ready."""
        self._listen(70)
        word, _, rest = self._said.partition(" ")
        if word == "ready":
            self.isolation = tuple(name for name in sandbox.HELD if name in rest.split())
            return ""
        return rest.replace("\\n", "\n").strip() or "no answer"

    def _again(self, words: str) -> None:
        """Nothing hostile has run yet: an installation whose files lie where we did not look gets its wider view."""
        self.close()
        self._narrow = not any(sign in words for sign in _TOO_NARROW)
        self._template, pack = template(self.binaries, anew=True)
        with pack:
            self._launch(pack.fileno())

    def trouble(self) -> str:
        """Why the server is gone: ``full``, or its last words; empty while nothing is known. Waits up to a second for
        the news."""
        self._said = ""
        self._listen(1.0)
        word, _, rest = self._said.partition(" ")
        return word if word == "full" else rest.replace("\\n", "\n").strip()

    def _listen(self, seconds: float) -> None:
        assert self._channel is not None
        until = time.monotonic() + seconds
        got = b""
        while not got.endswith(b"\n") and select.select([self._channel], [], [], max(until - time.monotonic(), 0))[0]:
            part = self._channel.recv(65536)
            if not part:
                break
            got += part
        self._said = got.decode("utf-8", "replace").strip()

    @property
    def whereabouts(self) -> Whereabouts:
        return Whereabouts(self._home, DATABASE, self._uid, self.binaries.bindir, self.binaries.source)

    def connect(
        self, role: str = "", settings: dict[str, str] | None = None, database: str = DATABASE
    ) -> SocketConnection:
        """A connection as a role that was made with the template's verifier; as the superuser when none is named.
        Raises Lost."""
        made = self.template
        return SocketConnection(
            f"{self._home}/{_SOCKET}", role or made.superuser, made.password, database, settings or {}
        )

    def kill_backends(self, pid: int) -> None:
        """End one backend that ignores cancel and terminate (a loop in C without an interrupt check): the whole server
        goes with it."""
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)

    def leave(self) -> None:
        """Let the server stop; does not wait."""
        if self._channel is not None:
            with contextlib.suppress(OSError):
                self._channel.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Stop the server and wait until its directory is gone."""
        self.leave()
        if self._channel is not None:
            with contextlib.suppress(OSError):
                self._channel.settimeout(15)
                while self._channel.recv(
                    65536
                ):  # until its end: waiting for the process would poll in steps of up to 50 ms
                    pass
            self._channel.close()
            self._channel = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
            self._process = None
        if self._home and os.path.exists(self._home):  # the supervisor itself was killed
            homes.sweep(os.path.dirname(self._home))


def _base(limit: int) -> str:
    """Memory where there is room for what the migrations may write (a container's /dev/shm may have 64 MB), else the
    temporary directory."""
    for place in ("/dev/shm", tempfile.gettempdir(), "/tmp"):
        try:
            stat = os.statvfs(place)
        except OSError:
            continue
        if place == "/dev/shm" and stat.f_bavail * stat.f_frsize < limit + (256 << 20):
            continue
        room = len(os.path.join(place, homes.PREFIX + "x" * 12, _SOCKET).encode()) <= _LONGEST_SOCKET
        if room and os.access(place, os.W_OK | os.X_OK):
            return place
    raise CannotCheck("no directory for a scratch server", "Make /tmp writable, or give --dsn of a scratch server.")


__all__ = ["Lost", "Server"]
