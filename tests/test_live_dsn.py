"""``verify --dsn``: the scratch server of the user's says what our own says, nothing of ours stays on it, and what it
lacks is told in a sentence."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tools.private_server import private_server

from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.reach import reachable
from tests.conftest import ROOT, Run

OUTAGES = ROOT / "examples/three-outages"
SECRET = "very-secret-word"


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with private_server(reachable(choose("", None)).bindir) as dsn:
        yield dsn


@pytest.fixture
def roles(dsn: str) -> Iterator[None]:
    """Roles that may do all that a run needs, or only a part of it."""
    names = ("may_both", "no_createdb", "no_createrole")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "".join(f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE PASSWORD '{SECRET}';" for name in names)
        )
        connection.execute("ALTER ROLE no_createdb NOCREATEDB; ALTER ROLE no_createrole NOCREATEROLE")
        yield
        connection.execute("".join(f"DROP ROLE {name};" for name in names))


@pytest.fixture
def outages(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OUTAGES, tmp_path / "outages"))


def of(dsn: str, name: str) -> str:
    return psycopg.conninfo.make_conninfo(dsn, user=name, password=SECRET)


def held(dsn: str) -> tuple[set[str], set[str]]:
    """Databases and roles of the server."""
    with psycopg.connect(dsn) as connection:
        databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        return databases, {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}


def told(report: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    document = json.loads(report)
    return document["findings"], document["coverage"]


def test_it_says_what_our_own_server_says_and_keeps_nothing(lockgate: Run, dsn: str, outages: Path) -> None:
    before = held(dsn)
    own = lockgate("verify", "--format", "json", cwd=outages)
    users = lockgate("verify", "--format", "json", "--dsn", dsn, cwd=outages)
    assert (own.returncode, users.returncode, users.stderr) == (1, 1, "")
    assert told(own.stdout) == told(users.stdout)
    assert sum((f.get("evidence") or {}).get("verdict") == "confirmed" for f in told(users.stdout)[0]) == 7
    assert held(dsn) == before


def test_from_a_variable_and_as_an_ordinary_role(lockgate: Run, dsn: str, outages: Path, roles: None) -> None:
    before = held(dsn)
    config = outages / "lockgate.toml"
    config.write_text(config.read_text() + '\n[database]\ndsn_env = "SCRATCH"\n')
    done = lockgate("verify", cwd=outages, SCRATCH=of(dsn, "may_both"))
    assert done.returncode == 1 and "7 confirmed" in done.stdout and "(--dsn)" in done.stdout, done.stderr
    assert held(dsn) == before
    unset = lockgate("verify", cwd=outages)
    assert unset.returncode == 2 and "set SCRATCH" in unset.stderr


@pytest.mark.parametrize("name", ["no_createdb", "no_createrole", "nobody_at_all"])
def test_a_role_that_may_not(lockgate: Run, dsn: str, outages: Path, roles: None, name: str) -> None:
    before = held(dsn)
    done = lockgate("verify", "--dsn", of(dsn, name), cwd=outages)
    words = {"no_createdb": "CREATEDB", "no_createrole": "CREATEROLE", "nobody_at_all": "role and password"}
    assert (
        done.returncode == 3
        and words[name] in done.stderr
        and SECRET not in done.stderr + done.stdout
        and "Traceback" not in done.stderr
    )
    assert held(dsn) == before


def test_a_role_of_the_migrations_that_is_there_already_is_not_touched(lockgate: Run, dsn: str, outages: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE paliad_app")
        done = lockgate("verify", "--dsn", dsn, cwd=outages)
        assert done.returncode == 3 and "the role paliad_app already exists" in done.stderr
        connection.execute("DROP ROLE paliad_app")


def test_a_major_that_is_not_the_configured_one(lockgate: Run, dsn: str, outages: Path) -> None:
    config = outages / "lockgate.toml"
    config.write_text(config.read_text() + "\n[database]\nversion = 17\n")
    done = lockgate("verify", "--dsn", dsn, cwd=outages)
    assert done.returncode == 3 and "version 17 is configured" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:very-secret-word@/x?host=/nowhere",
        "host=/nowhere password=very-secret-word bogus=1",
        "very-secret-word",
    ],
)
def test_a_server_that_is_not_there_and_a_malformed_dsn(lockgate: Run, outages: Path, text: str) -> None:
    done = lockgate("verify", "--dsn", text, cwd=outages)
    assert done.returncode == 3 and "the server of --dsn cannot be reached" in done.stderr and SECRET not in done.stderr
    assert "no answer within" not in done.stderr


def test_what_a_killed_run_left_goes_with_the_next(lockgate: Run, dsn: str, outages: Path) -> None:
    before = held(dsn)
    (outages / "migrations/131_long.up.sql").write_text("SELECT pg_sleep(60);")
    command = [sys.executable, "-m", "lockgate", "verify", "--dsn", dsn]
    running = subprocess.Popen(
        command, cwd=outages, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        until = time.monotonic() + 30
        while not sleeping(dsn) and time.monotonic() < until:
            time.sleep(0.05)
        assert sleeping(dsn)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert held(dsn) != before
    (outages / "migrations/131_long.up.sql").unlink()
    done = lockgate("verify", "--dsn", dsn, cwd=outages)
    assert done.returncode == 1 and "7 confirmed" in done.stdout, done.stderr
    assert held(dsn) == before


def sleeping(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        there = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
        return connection.execute(there).fetchone() is not None
