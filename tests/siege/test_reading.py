"""A tree that is read by somebody who does not trust it: links, devices, FIFOs, sockets, sizes (siege.md, K10)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Make = Callable[[Path, Path], None]
TWO = 2 * 1024**3


def check(cwd: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A run that may neither hang nor eat memory: 10 s, 1 GB."""
    command = f"ulimit -v 1500000; exec {sys.executable} -m lockgate " + " ".join(words or ("check",))
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=10,
        env=os.environ | {"LOCKGATE_CACHE": "off"} | env,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository, with a secret beside it."""
    (tmp_path / "secret.sql").write_text("the-secret-word;\n")
    root = tmp_path / "tree"
    (root / "migrations").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "migrations" / "0001_a.sql").write_text("CREATE TABLE a (x int);\n")
    return root


def device(path: Path, _: Path) -> None:
    path.symlink_to("/dev/zero")


def outside(path: Path, secret: Path) -> None:
    path.symlink_to(os.path.relpath(secret, path.parent))


def chain(path: Path, secret: Path) -> None:
    (path.parent / "hop").symlink_to(secret)
    path.symlink_to("hop")


def passwords(path: Path, _: Path) -> None:
    path.symlink_to("/etc/passwd")


def own_memory(path: Path, _: Path) -> None:
    path.symlink_to("/proc/self/environ")


def fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def listener(path: Path, _: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's name is short
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def sparse(path: Path, _: Path) -> None:
    with path.open("wb") as file:
        file.truncate(TWO)


MAKES: tuple[Make, ...] = (device, outside, chain, passwords, own_memory, fifo, listener, sparse)
# what the configuration and the layouts name, with the words that make it be read
PLACES = {
    "migrations/0002_b.sql": "",
    "lockgate.toml": "",
    "base.sql": '[migrations]\nbaseline = "base.sql"\n',
    "handover.sql": '[roles]\nowner = "o"\ndeployer = "d"\nhandover = "0001"\nhandover_sql = "handover.sql"\n',
    "ledger.json": '[ledger]\ntable = "t"\nsnapshot = "ledger.json"\n',
    "compose.yaml": "",
    ".gitea/workflows/x.yml": "",
    "app/q.sql": '[queries]\npaths = ["app"]\n',
}


@pytest.mark.parametrize("make", MAKES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_nothing_but_a_regular_file_of_the_tree_is_read(tree: Path, place: str, make: Make) -> None:
    path = tree / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if PLACES[place]:
        (tree / "lockgate.toml").write_text(PLACES[place])
    make(path, tree.parent / "secret.sql")
    done = check(tree)
    ignored = make in (device, fifo, listener) and place in ("compose.yaml", ".gitea/workflows/x.yml")
    assert done.returncode == (0 if ignored else 3), done.stdout + done.stderr
    assert ignored or (path.name in done.stderr and len(done.stderr.splitlines()) == 2), done.stderr
    assert "secret-word" not in done.stdout + done.stderr and "root:" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("../secret.sql", '[migrations]\nbaseline = "../secret.sql"\n'),
        ("/etc/passwd", '[migrations]\nbaseline = "/etc/passwd"\n'),
        ("/etc", '[migrations]\npaths = ["/etc"]\n'),
        ("link", '[migrations]\npaths = ["link"]\n'),
        ("../secret.sql", '[ledger]\ntable = "t"\nsnapshot = "../secret.sql"\n'),
    ],
)
def test_the_configuration_names_nothing_outside(tree: Path, name: str, text: str) -> None:
    (tree / "link").symlink_to("/etc")
    (tree / "lockgate.toml").write_text(text)
    done = check(tree)
    assert done.returncode == 3 and name in done.stderr and "out of the repository" in done.stderr, done.stderr


def test_links_inside_are_followed(tree: Path) -> None:
    (tree / "shared").mkdir()
    (tree / "shared" / "b.sql").write_text("CREATE TABLE b (x int);\n")
    (tree / "migrations" / "0002_b.sql").symlink_to("../shared/b.sql")
    assert check(tree).returncode == 0
    assert check(tree.parent, "check", "tree/migrations").returncode == 0
    assert check(Path("/"), "check", str(tree / "migrations")).returncode == 0
    (tree.parent / "by-another-name").symlink_to(tree)
    assert check(tree.parent, "check", "by-another-name/migrations").returncode == 0, "the operator's own link"


@pytest.mark.parametrize("words", [("check", "m"), ("check", "m/0002_b.sql"), ("timeline", "m"), ("slots", "m")])
def test_without_a_repository_the_named_folder_is_the_border(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "work" / "m").mkdir(parents=True)
    (tmp_path / "work" / "m" / "0001_a.sql").write_text("SELECT 1;\n")
    (tmp_path / "b.sql").write_text("SELECT 2;\n")
    (tmp_path / "work" / "m" / "0002_b.sql").symlink_to("../../b.sql")
    done = check(tmp_path / "work", *words)
    assert done.returncode == 3 and "leads out of the repository" in done.stderr, done.stderr


def test_includes_of_layouts_are_bounded_too(tree: Path) -> None:
    (tree / "changelog.xml").symlink_to("/dev/zero")
    plan = tree / "sqitch.plan"
    plan.write_text("%project=x\n\na 2024-01-01T00:00:00Z x <x@x>\n")
    (tree / "deploy").mkdir()
    (tree / "deploy" / "a.sql").symlink_to("/etc/passwd")
    done = check(tree, "check", ".", "--layout", "sqitch")
    assert done.returncode == 3 and "deploy/a.sql" in done.stderr, done.stderr


def test_the_sum_is_limited(tree: Path) -> None:
    comment = b"-- " + b"x" * 1_000_000 + b"\nSELECT 1;\n"
    for number in range(2, 20):
        (tree / "migrations" / f"{number:04}_b.sql").write_bytes(comment)
    done = check(tree, LOCKGATE_MAX_FILE_MB="1")
    assert done.returncode == 3 and "the files of this run are larger than 16 MB" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "text", ["root:x:0:0:root:/root:/bin/bash\n", "\x7fELF garbage", "{}", "PGDMP\0\1", "lorem; ipsum; dolor"]
)
def test_a_baseline_that_is_no_sql_is_refused(tree: Path, text: str) -> None:
    (tree / "lockgate.toml").write_text('[migrations]\nbaseline = "base.sql"\n')
    (tree / "base.sql").write_text(text)
    done = check(tree)
    assert done.returncode == 3 and "base.sql" in done.stderr and "no SQL" in done.stderr, done.stderr
    (tree / "base.sql").write_text("-- empty\n")
    assert check(tree).returncode == 0


def test_a_report_is_not_written_through_the_trees_links(tree: Path) -> None:
    victim = tree.parent / "secret.sql"
    (tree / "out.json").symlink_to(victim)
    (tree / "reports").symlink_to(tree.parent)
    before = victim.read_text()
    for name in ("out.json", "reports/new.json"):
        done = check(tree, "check", "--output", name)
        assert done.returncode == 3 and "leads out of the repository" in done.stderr, done.stderr
    assert victim.read_text() == before and not (tree.parent / "new.json").exists()
