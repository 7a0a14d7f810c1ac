"""The ephemeral server: who runs it, who gets in, and that nothing stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lockgate.base.errors import CannotCheck
from lockgate.oracle.server import reach, supervisor, template
from lockgate.oracle.server.binaries import Binaries, at_hand, choose, inspect
from lockgate.oracle.server.embedded import Server, _base
from lockgate.oracle.server.homes import make, sweep
from lockgate.oracle.server.wire import Late, Lost, SocketConnection
from tests.conftest import default_signals
from tests.live_kit import majors
from tests.needs import lack

SRC = str(Path(__file__).parents[1] / "src")
SITE = str(Path(msgspec.__file__).parents[1])  # for the system's interpreter, which an ordinary user can run
BINARIES = list(at_hand())
root_only = pytest.mark.needs("root")


def gone(home: str, seconds: float = 5) -> bool:
    """Whether a server's directory and processes are gone within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not os.path.exists(home) and not supervisor.inhabitants(home + "/data"):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("binaries", BINARIES, ids=lambda found: f"{found.version} {found.source}")
def test_every_installation_at_hand_starts_and_leaves_nothing(binaries: Binaries) -> None:
    with Server(binaries) as server:
        server.ready()
        home = server._home
        connection = server.connect()
        rows = connection.query(
            "SELECT current_setting('server_version'), current_setting('listen_addresses'), inet_server_addr()"
        ).rows
        assert rows[0][0] and rows[0][0].split()[0] == binaries.version
        assert rows[0][1:] == ("", None)
        assert oct(os.stat(home).st_mode)[-3:] == "700"
        connection.close()
    assert gone(home, 0.5)


def test_a_warm_start_needs_no_initdb(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(choose("", None)) as server:
        server.ready()
    monkeypatch.setattr(template, "cluster", lambda *_: pytest.fail("initdb again"))
    with Server(choose("", None)) as server:
        server.ready()
        assert server.connect().query("SELECT 1").rows == [("1",)]


def test_nobody_gets_in_without_the_password() -> None:
    with Server(choose("", None)) as server:
        server.ready()
        path = server._home + "/.s.PGSQL.5432"
        with pytest.raises(Lost, match="password authentication failed"):
            SocketConnection(path, server.template.superuser, "guess", "lockgate", {})
        server.connect().query("CREATE ROLE guest LOGIN")
        with pytest.raises(Lost, match="password authentication failed"):
            SocketConnection(path, "guest", "guess", "lockgate", {})


@root_only
def test_as_root_the_server_s_uid_owns_nothing_else() -> None:
    with Server(choose("", None)) as server:
        server.ready()
        backends = supervisor.inhabitants(server._home + "/data")
        owners = {os.stat(f"/proc/{pid}").st_uid for pid in backends}
    assert backends and len(owners) == 1 and owners.pop() in reach.UIDS


CHILD = """
import sys, time
sys.path[:0] = [{src!r}]
sys.path.append({site!r})
from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server
server = Server(choose({bindir!r}, None))
server.start()
{wait}
print(server._home, flush=True)
time.sleep(60)
"""


def child(wait: str, bindir: str = "", **options: object) -> tuple[subprocess.Popen[str], str]:
    code = textwrap.dedent(CHILD).format(src=SRC, site=SITE, wait=wait, bindir=bindir)
    python = "/usr/bin/python3" if "user" in options else sys.executable
    process: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
        [python, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
        **options,
    )
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise AssertionError(process.communicate()[1])
    return process, line


@pytest.mark.parametrize(
    "wait",
    [
        "server.ready()",
        "server.ready(); server.connect().query('SELECT 1')",
        "pass",
        "time.sleep(0.02)",
        "time.sleep(0.05)",
    ],
)
def test_sigkill_of_the_parent_leaves_nothing(wait: str) -> None:
    process, home = child(wait)
    process.kill()
    process.communicate()
    assert gone(home)


def test_a_backend_in_an_endless_loop_dies_with_the_parent() -> None:
    loop = "DO $$ BEGIN LOOP END LOOP; END $$"
    wait = f"server.ready(); import threading; threading.Thread(target=server.connect().query, args=({loop!r},), daemon=True).start(); time.sleep(0.1)"
    process, home = child(wait)
    process.kill()
    process.communicate()
    assert gone(home)


def test_ctrl_c_leaves_nothing() -> None:
    process, home = child("server.ready()")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert gone(home)


def test_the_next_run_sweeps_what_survived_parent_and_supervisor() -> None:
    server = Server(choose("", None))
    server.start()
    server.ready()
    assert server._process is not None
    server._process.kill()
    server._process.wait()
    assert os.path.exists(server._home)
    sweep(os.path.dirname(server._home))
    assert gone(server._home)
    server.close()


def test_a_directory_in_use_is_not_swept() -> None:
    with Server(choose("", None)) as server:
        server.ready()
        sweep(os.path.dirname(server._home))
        assert server.connect().query("SELECT 1").rows == [("1",)]


def test_a_directory_that_is_being_made_is_not_swept() -> None:
    home, lock = make(_base(1))
    sweep(os.path.dirname(home))
    assert os.path.exists(home)
    os.close(lock)
    sweep(os.path.dirname(home))
    assert not os.path.exists(home)


@pytest.fixture
def home() -> Iterator[Path]:
    """An ordinary user's home; another pytest makes the parents of ``tmp_path`` root's alone at any time."""
    with tempfile.TemporaryDirectory() as made:
        os.chown(made, 65534, -1)
        yield Path(made)


@pytest.mark.needs("root", "system-python", "system-server")
def test_an_ordinary_user_needs_no_root(home: Path) -> None:
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    system = [found for found in BINARIES if str(found.bindir).startswith("/usr/")]
    if subprocess.run(["/usr/bin/test", "-r", f"{SRC}/lockgate"], user=65534, group=65534, check=False).returncode:
        lack("readable")
    process, where = child("server.ready(); server.connect()", str(system[0].bindir), user=65534, group=65534, env=env)
    assert os.stat(where).st_uid == 65534
    process.kill()
    process.communicate()
    assert gone(where)


@root_only
def test_binaries_below_a_private_directory_are_copied(tmp_path: Path) -> None:
    wheel = next(found for found in BINARIES if "wheel" in found.source)
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    shutil.copytree(wheel.prefix, private / wheel.prefix.parent.name / wheel.prefix.name, symlinks=True)
    libraries = wheel.prefix.parent.with_name(wheel.prefix.parent.name + ".libs")
    shutil.copytree(libraries, private / libraries.name)
    found = inspect(private / wheel.prefix.parent.name / wheel.prefix.name / "bin", "test")
    assert found is not None
    copy = reach.reachable(found)
    server = Server(found)
    try:
        assert copy.bindir != found.bindir and reach.readable_by_others(copy.bindir)
        assert oct(private.stat().st_mode)[-3:] == "700"
        with server:
            server.ready()
            assert server.connect().query("SELECT 1").rows == [("1",)]
    finally:
        shutil.rmtree(copy.prefix.parent.parent)
        server.template.pack.unlink()


def test_a_configured_major_is_never_replaced() -> None:
    assert choose("", majors()[0]).major == majors()[0]
    with pytest.raises(CannotCheck, match=r"no PostgreSQL 12 at hand, the configured version \(at hand: ") as refusal:
        choose("", 12)
    assert "--dsn" in refusal.value.remedy
    with pytest.raises(CannotCheck, match="version 12 is configured"):
        choose(str(BINARIES[0].bindir), 12)
    with pytest.raises(CannotCheck, match="holds no usable postgres"):
        choose("/nowhere", None)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    tmp_path.chmod(0o755)
    for name in ("postgres", "initdb"):
        script = tmp_path / "bin" / name
        script.write_text(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'postgres (PostgreSQL) 17.1'; else echo no luck >&2; exit 1; fi\n"
        )
        script.chmod(0o755)
    with pytest.raises(CannotCheck, match=r"initdb of PostgreSQL 17\.1"):
        Server(choose(str(tmp_path / "bin"), None)).start()


def test_a_query_has_a_deadline_and_its_rest_can_be_read() -> None:
    with Server(choose("", None)) as server:
        server.ready()
        connection = server.connect()
        with pytest.raises(Late):
            connection.query("SELECT pg_sleep(30)", 0.05)
        connection.cancel()
        reply = connection.read(5)
        assert reply.failure and reply.failure["C"] == "57014"
        assert connection.query("SELECT repeat('x', 3000000), NULL").rows == [("x" * 3000000, None)]
        assert len(connection.query("SELECT generate_series(1, 100000)").rows) == 100000
        assert connection.query("SELECT generate_series(1, 100000)", keep=False).rows == []


def test_the_template_may_vanish_while_a_server_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run may make it anew, with another password: what was read and what is started are one file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    launch = Server._launch

    def late(self: Server, pack: int) -> None:
        self.template.pack.unlink()
        launch(self, pack)

    monkeypatch.setattr(Server, "_launch", late)
    with Server(choose("", None)) as server:
        server.ready()
        assert server.connect().query("SELECT 1").rows == [("1",)]


def test_several_servers_at_once() -> None:
    servers = [Server(choose("", None)) for _ in range(3)]
    for server in servers:
        server.start()
    for server in servers:
        server.ready()
    assert len({server._home for server in servers}) == 3
    for server in servers:
        server.close()
        assert gone(server._home, 0.5)
