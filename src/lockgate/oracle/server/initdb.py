"""A new cluster for the template: initdb, then one scratch database. Killed at any moment, it leaves nothing behind."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import pwd
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockgate.base.errors import CannotCheck
from lockgate.oracle.server import homes, keeper, sandbox
from lockgate.oracle.server.binaries import Binaries

DATABASE = "lockgate"
_REMEDY = "Where a container drops CAP_SETUID, run as an ordinary user or give --dsn of a scratch server."
# the scratch database, and without what a run never needs (a third of the files)
_COMMANDS = (
    f"CREATE DATABASE {DATABASE};",
    "UPDATE pg_database SET datistemplate = false WHERE datname = 'template0';",
    "DROP DATABASE template0;",
    "DROP DATABASE postgres;",
)


@contextlib.contextmanager
def cluster(binaries: Binaries, superuser: str, verifier: str) -> Iterator[str]:
    """The directory of a new cluster, gone when the block ends. Raises CannotCheck."""
    base = tempfile.gettempdir()
    work, lock = homes.make(base, homes.INITDB)
    mine, theirs = socket.socketpair()
    process = None
    try:
        with theirs:
            uid = _prepare(work, verifier)
            wish = _wish(binaries, work, superuser, uid, (theirs.fileno(), lock))
            process = _keeper(wish)
        _judge(binaries, _listen(mine))
        yield os.path.join(work, "data")
    except OSError as error:
        raise CannotCheck(f"initdb could not be run in {base}: {error}", _REMEDY) from error
    finally:
        mine.close()
        os.close(lock)
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
        if os.path.exists(work):  # the keeper was killed
            homes.clear(work)


def _prepare(work: str, verifier: str) -> int | None:
    secret = Path(work, "pw")
    secret.write_text(verifier + "\n", encoding="ascii")
    uid = homes.account()
    if uid is not None:
        for place in (work, secret, os.path.join(work, "lock")):
            os.chown(place, uid, -1)
    return uid


def _wish(binaries: Binaries, work: str, superuser: str, uid: int | None, kept: tuple[int, int]) -> dict[str, Any]:
    data = os.path.join(work, "data")
    initdb = [str(binaries.bindir / "initdb"), "-N", "-U", superuser, "-A", "trust", "-E", "UTF8", "--wal-segsize=1"]
    initdb += [f"--pwfile={work}/pw", "-D", data]
    single = [str(binaries.bindir / "postgres"), "--single", "-F", "-c", "wal_recycle=off", "-D", data, "template1"]
    single[3:3] = ["-c", "dynamic_shared_memory_type=mmap"]  # nothing in /dev/shm that a kill would leave
    locales = [[*initdb, f"--locale={name}"] for name in ("C.UTF-8", "C")]  # macOS knows no C.UTF-8
    return {
        "work": work,
        "uid": uid,
        "gid": None if uid is None else pwd.getpwuid(uid).pw_gid,
        "channel": kept[0],
        "lock": kept[1],
        "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        "steps": [
            {"commands": locales, "input": "", "makes": "data", "refuses": ""},
            {"commands": [single], "input": "\n".join(_COMMANDS) + "\n", "makes": "", "refuses": "ERROR"},
        ],
    }


def _keeper(wish: dict[str, Any]) -> subprocess.Popen[bytes]:
    place = os.path.dirname(os.path.dirname(keeper.__file__))
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", keeper.COMMAND, place, json.dumps(wish)],
        start_new_session=True,
        pass_fds=(wish["channel"], wish["lock"]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=sandbox.bare(),
    )


def _listen(channel: socket.socket) -> dict[str, Any]:
    channel.settimeout(300)
    got = b""
    while not got.endswith(b"\n") and (part := channel.recv(65536)):
        got += part
    return dict(json.loads(got)) if got else {"step": -1, "status": 1, "words": "it was killed"}


def _judge(binaries: Binaries, said: dict[str, Any]) -> None:
    if said["status"] == 0:
        return
    words, room = str(said["words"])[-600:], tempfile.gettempdir()
    if said.get("full") or keeper.FULL in words:
        raise CannotCheck(f"no room in {room} to make the scratch server's template", f"Make room in {room}.")
    if said["step"] == 1:
        raise CannotCheck(
            f"PostgreSQL {binaries.version} does not run here: {words}", "Give --dsn of a scratch server."
        )
    remedy = _REMEDY if said["step"] < 0 else "Give other binaries, or --dsn of a scratch server."
    raise CannotCheck(f"initdb of PostgreSQL {binaries.version} ({binaries.source}) failed: {words}", remedy)


def scram_verifier(password: str) -> str:
    """A SCRAM-SHA-256 verifier with one iteration: our passwords are 256 random bits, stretching them would only cost
    time."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return "SCRAM-SHA-256$1:{}${}:{}".format(*(base64.b64encode(part).decode() for part in (salt, stored, server)))
