"""SIGKILL at random moments: of Lockgate, of its supervisor, of both, while the template is made, and with ``--dsn``.

After each the processes end by themselves, or with the next run where the supervisor was killed, too; after the last
run nothing is left: no process, no server's directory, no half of a template, no role, no database. Where we are root
all of it plays in name spaces of its own, so that nothing else's leavings count; else only the kills that a process of
ours can tell from others' are counted.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import psycopg
from tools.private_server import private_server

from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.reach import reachable

ROOT = Path(__file__).parents[2]
_INSIDE = "LOCKGATE_SIEGE_INSIDE"
KINDS = ("lockgate", "lockgate", "supervisor", "both", "template", "dsn")
MOST_SECONDS = 8.0  # that anything may live on


def run(count: int, seed: int) -> list[str]:
    """What was wrong, in words."""
    if os.getuid() == 0 and not os.environ.get(_INSIDE) and shutil.which("unshare"):
        return _apart(count, seed)
    with ExitStack() as stack:
        return _Series(stack, seed).play(count)


def _apart(count: int, seed: int) -> list[str]:
    command = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        sys.executable,
        "-m",
        "tests.siege",
    ]
    command += ["--kills", str(count), "--seed", str(seed)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {_INSIDE: "1"}, capture_output=True, text=True, check=False
    )
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


class _Series:
    def __init__(self, stack: ExitStack, seed: int) -> None:
        self._random = Random(seed)
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        self._folder.chmod(0o755)
        if os.environ.get(_INSIDE):
            _mount_tmpfs("/dev/shm")
        (self._folder / "tmp").mkdir()
        (self._folder / "tmp").chmod(0o1777)
        (self._folder / "tree").mkdir()
        (self._folder / "tree" / "001_a.sql").write_text(_SQL)
        self._dsn = stack.enter_context(private_server(reachable(choose("", None)).bindir))
        self._before = self._state()
        self._own = set(_processes())  # ours and the private server's
        self._elder: set[int] = set()
        self._normal = self._result("warm")
        self._warm = self._length("warm")

    def play(self, count: int) -> list[str]:
        wrong = [words for number in range(count) if (words := self._one(number))]
        for cache, dsn in (("warm", ""), ("warm", self._dsn)):
            if self._result(cache, dsn) != self._normal:
                wrong.append(f"a run after the kills says something else ({dsn})")
        return [*wrong, *self._left()]

    def _one(self, number: int) -> str:
        """One kill; what was wrong."""
        kind = self._random.choice(KINDS)
        cold = kind == "template"
        moment = self._random.uniform(0, (1.5 if cold else 1.1) * self._warm)
        self._elder = set(_processes())  # what a supervisor that was killed left, the next run that lives sweeps
        process = self._start(f"cold{number}" if cold else "warm", self._dsn if kind == "dsn" else "")
        time.sleep(moment)
        victims = _children(process.pid) if kind in ("supervisor", "both") else []
        victims += [process.pid] if kind != "supervisor" else []
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        said = process.communicate(timeout=90)[1]
        label = f"{number}: {kind} after {moment:.3f} s"
        if kind == "supervisor" and (process.returncode not in (0, 1, 3) or "Traceback" in said):
            return f"{label}: exit {process.returncode}, {said}"
        if kind in ("supervisor", "both"):
            return ""  # what they leave the next run sweeps
        return "" if self._calm() else f"{label}: {self._alive()} live on"

    def _alive(self) -> list[str]:
        """Command lines of what is neither ours nor a backend of the private server, or of an earlier kill's."""
        found = (_status(pid) for pid in _processes() if pid not in self._own | self._elder)
        # a server whose supervisor was killed while it booted goes on to make its own processes until the next sweep
        backends = self._own - {os.getpid()} | self._elder
        return [
            line[:200] for parent, line in found if line and not (parent in backends and line.startswith("postgres"))
        ]

    def _calm(self) -> bool:
        until = time.monotonic() + MOST_SECONDS
        while time.monotonic() < until:
            if not os.environ.get(_INSIDE) or not self._alive():
                return True
            time.sleep(0.02)
        return False

    def _start(self, cache: str, dsn: str = "") -> subprocess.Popen[str]:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder / "tmp"),
            "XDG_CACHE_HOME": str(self._folder / cache),
        }
        command = [sys.executable, "-m", "lockgate", "verify", "--format", "json", *(["--dsn", dsn] if dsn else [])]
        return subprocess.Popen(
            command, cwd=self._folder / "tree", env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _result(self, cache: str, dsn: str = "") -> list[str]:
        out, said = self._start(cache, dsn).communicate(timeout=90)
        assert out.startswith("{"), said
        return sorted(finding["fingerprint"] for finding in json.loads(out)["findings"])

    def _length(self, cache: str) -> float:
        began = time.monotonic()
        self._result(cache)
        return time.monotonic() - began

    def _state(self) -> list[object]:
        with psycopg.connect(self._dsn) as connection:
            queries = ("SELECT rolname FROM pg_roles ORDER BY 1", "SELECT datname FROM pg_database ORDER BY 1")
            return [connection.execute(query.encode()).fetchall() for query in queries]

    def _left(self) -> Iterator[str]:
        """What is there at the end and should not be."""
        self._elder = set()
        if not self._calm():
            yield f"at the end {self._alive()} live on"
        if self._state() != self._before:
            yield f"the server of --dsn keeps {self._state()}"
        places = [self._folder / "tmp", *([Path("/dev/shm")] if os.environ.get(_INSIDE) else [])]
        for found in (path for place in places for path in place.glob("lockgate-*")):
            yield f"{found} is left: {sorted(os.listdir(found))}"
        for found in self._folder.glob("warm/lockgate/*.tmp"):
            yield f"{found} is left"


_SQL = """CREATE TABLE a (id int PRIMARY KEY, name text);
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT gone FROM a); END';
INSERT INTO a SELECT i, 'x' FROM generate_series(1, 20000) i;
ALTER TABLE a ALTER COLUMN name TYPE int USING length(name);
ALTER TABLE a ADD COLUMN name int;
"""


def _mount_tmpfs(place: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(b"none", place.encode(), b"tmpfs", ctypes.c_ulong(0), b"size=2g,mode=1777") == 0, os.strerror(
        ctypes.get_errno()
    )


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _status(pid: int) -> tuple[int, str]:
    """Parent and command line; (0, "") of a process that is gone or dead."""
    try:
        after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return 0, ""
    return (0, "") if after[0] == "Z" else (int(after[1]), line)


def _children(pid: int) -> list[int]:
    """Supervisor and keeper: processes of ours that watch over others."""
    return [other for other in _processes() if (found := _status(other))[0] == pid and "server." in found[1]]
