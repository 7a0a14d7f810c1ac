"""Bad luck with the server's template: cut short, flipped, no room for it, killed while it is made (K7, K10)."""

from __future__ import annotations

import errno
import json
import mmap
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from lockgate.base.errors import CannotCheck
from lockgate.oracle.server import embedded, homes, supervisor, template
from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server

SRC = str(Path(__file__).parents[2] / "src")


@pytest.fixture(scope="module")
def pristine() -> Path:
    made, file = template.template(choose("", None))
    file.close()
    return made.pack


@pytest.fixture
def pack(tmp_path: Path, pristine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A template of our own, in a cache of our own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Path(shutil.copy(pristine, template.cache_dir()))


def works(server: Server) -> None:
    server.ready()
    assert server.connect().query("SELECT 1").rows == [("1",)]


def contents(pack: Path, name: str) -> tuple[int, int]:
    """Where a file's contents begin in a pack, and their length."""
    data = pack.read_bytes()
    size = int.from_bytes(data[:8], "big")
    at = 12 + size
    for path, length, *_ in json.loads(data[12:at]):
        if path == name or (path.startswith(name) and length):
            return at, length
        at += length or 0
    raise AssertionError(name)


def truncate(size: int) -> Callable[[Path], None]:
    return lambda pack: os.truncate(pack, size)


def flip(name: str) -> Callable[[Path], None]:
    def damage(pack: Path) -> None:
        at, length = contents(pack, name) if name else (40, 2)
        data = bytearray(pack.read_bytes())
        data[at + length // 2] ^= 0x10
        pack.write_bytes(data)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        *(truncate(size) for size in (0, 5, 100, 1_000_000)),
        *(flip(name) for name in ("", "postgresql.conf", "global/pg_control", "pg_wal/", "base/1/")),
    ],
    ids=["empty", "5 bytes", "100 bytes", "1 MB", "index", "settings", "control", "log", "tables"],
)
def test_a_damaged_template_is_made_anew_once(pack: Path, damage: Callable[[Path], None]) -> None:
    damage(pack)
    damaged = pack.stat().st_ino
    with Server(choose("", None)) as server:
        works(server)
    whole = pack.stat().st_ino
    assert whole != damaged
    with Server(choose("", None)) as server:
        works(server)
    assert pack.stat().st_ino == whole


def test_a_template_that_is_whole_but_does_not_start_is_made_anew(pack: Path) -> None:
    """As after a crash of the machine before there were checksums: every byte as it was written, and no checkpoint."""
    at, length = contents(pack, "global/pg_control")
    data = bytearray(pack.read_bytes())
    data[at : at + length] = bytes(length)
    size = int.from_bytes(data[:8], "big")
    index = json.loads(data[12 : 12 + size])
    for entry in index:
        if entry[0] == "global/pg_control":
            entry[2] = zlib.crc32(bytes(length))
    head = json.dumps(index).encode()
    pack.write_bytes(len(head).to_bytes(8, "big") + zlib.crc32(head).to_bytes(4, "big") + head + data[12 + size :])
    with Server(choose("", None)) as server:
        works(server)


def test_a_server_that_never_starts_is_tried_twice_and_says_why(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []
    launch = Server._launch

    def count(self: Server, file: int) -> None:
        launched.append(1)
        launch(self, file)

    monkeypatch.setattr(Server, "_launch", count)
    monkeypatch.setitem(embedded._SETTINGS, "port", "none")
    with Server(choose("", None)) as server, pytest.raises(CannotCheck, match=r"did not start: .*port"):
        server.ready()
    assert len(launched) == 2


def test_a_full_cache_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells of a full disk when the file is synced, at the latest."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with Server(choose("", None)) as server:
        works(server)
    assert not list((tmp_path / "lockgate").iterdir())


def test_no_room_at_all_is_one_plain_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(template, "_write", full)
    with pytest.raises(CannotCheck, match="no room for the server's template: No space left on device") as refusal:
        Server(choose("", None)).start()
    assert str(tmp_path) in refusal.value.remedy
    assert not list((tmp_path / "lockgate").iterdir())


def test_a_relative_cache_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG Base Directory Specification; it would put a password into the project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "rel")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert template.cache_dir() == tmp_path / "home" / ".cache" / "lockgate"
    assert not (tmp_path / "rel").exists()


BUILD = """
import sys
sys.path.insert(0, {src!r})
from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server
with Server(choose("", None)) as server:
    server.ready()
"""


def begin(tmp_path: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """A run whose template is being made: its process, and the folder it is made in."""
    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    tmp_path.chmod(0o1777)  # as a temporary folder is
    for parent in tmp_path.parents:  # initdb runs as another user where we are root
        if parent.stat().st_uid == os.getuid() and str(parent).startswith(tempfile.gettempdir() + "/"):
            parent.chmod(0o755)
    code = textwrap.dedent(BUILD).format(src=SRC)
    process = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if found := list(tmp_path.glob(homes.INITDB + "*")):
            return process, found[0]
        assert process.poll() is None
        time.sleep(0.005)
    raise AssertionError("initdb never began")


def empty(work: Path, seconds: float = 5) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not work.exists() and not supervisor.inhabitants(str(work)) + supervisor.inhabitants(f"{work}/data"):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.15, 0.3, 0.5])
def test_a_kill_while_the_template_is_made_leaves_nothing(tmp_path: Path, moment: float) -> None:
    process, work = begin(tmp_path)
    time.sleep(moment)
    begun = (work / "data").exists()
    process.kill()
    process.wait()
    if not begun and not empty(work, 1):  # before the keeper was there the next run sweeps; without a lock, in a minute
        if not (work / "lock").exists():
            os.utime(work, (time.time() - 61, time.time() - 61))
        homes.sweep(str(tmp_path))
    assert empty(work)


def test_the_next_run_sweeps_what_survived_run_and_keeper(tmp_path: Path) -> None:
    process, work = begin(tmp_path)
    until = time.monotonic() + 10
    while not (work / "data" / "base").exists() and time.monotonic() < until:
        time.sleep(0.005)
    homes.sweep(str(tmp_path))
    assert work.exists(), "it is in use"
    keepers = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _is_keeper(pid, str(work))]
    assert len(keepers) == 1
    for pid in (keepers[0], process.pid):
        os.kill(pid, signal.SIGSTOP)
    for pid in (keepers[0], process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    assert work.exists()
    time.sleep(0.05)
    homes.sweep(str(tmp_path))
    assert empty(work)


def test_a_folder_of_somebody_else_is_not_swept(tmp_path: Path) -> None:
    for name in ("lockgate-data", "lockgate-generate-x1", "lockgate-0123456789abc", "lockgate-initdb-"):
        (tmp_path / name / "data").mkdir(parents=True)
        os.utime(tmp_path / name, (1, 1))
    homes.sweep(str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="no /dev/shm")
def test_shared_memory_of_a_killed_initdb_goes_and_that_of_others_stays(tmp_path: Path) -> None:
    home, lock = homes.make(str(tmp_path), homes.INITDB)
    os.close(lock)
    uid = homes.account() or os.getuid()
    os.chown(home, uid, -1)

    def segment(age: float = 0) -> Path:
        path = Path(f"/dev/shm/PostgreSQL.{secrets.randbelow(1 << 31)}")
        path.write_bytes(b"x" * 4096)
        os.chown(path, uid, -1)
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    left, earlier, held = segment(), segment(3600), segment()
    try:
        with held.open("r+b") as file, mmap.mmap(file.fileno(), 4096):
            homes.sweep(str(tmp_path))
        assert not Path(home).exists() and not left.exists()
        assert earlier.exists() and held.exists()
    finally:
        for path in (left, earlier, held):
            path.unlink(missing_ok=True)


def _is_keeper(pid: str, work: str) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"keeper" in command and work.encode() in command
