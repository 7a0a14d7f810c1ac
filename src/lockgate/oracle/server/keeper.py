"""The process that is initdb's parent: it ends initdb, and removes what it made, when the run that asked for it is
gone.

Like the supervisor it runs in an interpreter and a session of its own, without an environment, and holds one end of a
socket pair. It says one line of JSON, ``{"status": 0}`` or ``{"step": NUMBER, "status": ..., "words": ...}``, and waits
until the run has read what was made.
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
import subprocess
import sys
import time
from types import FrameType
from typing import Any

COMMAND = "import sys; sys.path.append(sys.argv.pop(1)); from server.keeper import main; sys.exit(main())"
FULL = os.strerror(errno.ENOSPC)
_LIMIT = 120.0  # seconds; initdb takes 0.5 to 1
_TICK = 0.005


def main() -> int:
    """Take the steps in order: each a list of commands of which one must succeed. The only argument is a JSON object
    (see ``initdb.py``)."""
    wish: dict[str, Any] = json.loads(sys.argv[1])
    for descriptor in (wish["channel"], wish["lock"]):
        os.set_inheritable(descriptor, False)
    channel = socket.socket(fileno=wish["channel"])
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        if wish["uid"] is not None:
            os.setgroups([])
            os.setgid(wish["gid"])
            os.setuid(wish["uid"])
        os.umask(0o077)
        said = _steps(channel, wish)
        with contextlib.suppress(OSError):
            channel.sendall(json.dumps(said).encode() + b"\n")
            select.select([channel], [], [])
    except OSError as error:
        with contextlib.suppress(OSError):
            channel.sendall(json.dumps({"step": -1, "status": 1, "words": str(error)}).encode() + b"\n")
    finally:
        shutil.rmtree(wish["work"], ignore_errors=True)
    return 0


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise OSError("told to end")


def _steps(channel: socket.socket, wish: dict[str, Any]) -> dict[str, Any]:
    for number, step in enumerate(wish["steps"]):
        status, words = 1, ""
        for argv in step["commands"]:
            shutil.rmtree(os.path.join(wish["work"], step["makes"]), ignore_errors=True) if step["makes"] else None
            status, words = _run(channel, argv, step["input"], wish)
            if status == 0:
                break
        if status != 0 or (step["refuses"] and step["refuses"] in words):
            return {"step": number, "status": status or 1, "words": words[-2000:], "full": FULL in words}
    return {"status": 0}


def _run(channel: socket.socket, argv: list[str], text: str, wish: dict[str, Any]) -> tuple[int, str]:
    """Run one command to its end; its status and what it wrote. It is killed, with all that it started, when the run
    is gone."""
    log = os.path.join(wish["work"], "log")
    given = os.path.join(wish["work"], "input")
    with open(given, "w", encoding="utf-8") as file:
        file.write(text)
    with open(given, "rb") as stdin, open(log, "wb") as out:
        child = subprocess.Popen(
            argv, cwd=wish["work"], env=wish["env"], stdin=stdin, stdout=out, stderr=out, process_group=0
        )
    until = time.monotonic() + _LIMIT
    try:
        while child.poll() is None:
            if select.select([channel], [], [], _TICK)[0]:
                raise OSError("the run is gone")
            if time.monotonic() > until:
                raise OSError(f"not done after {_LIMIT:.0f} s")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    with open(log, encoding="utf-8", errors="replace") as file:
        return child.returncode, file.read().strip()
