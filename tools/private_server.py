"""A private PostgreSQL server for the generators: a fresh cluster in a temporary directory, a Unix socket only, gone
afterwards.

As root the server runs as an unprivileged user (``--run-as``), as PostgreSQL demands.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

QUIET = (
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
    "jit=off",
    "max_connections=20",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that name a server."""
    parser.add_argument("--bindir", required=True, type=Path, help="directory of initdb and postgres")
    parser.add_argument("--major", type=int, help="refuse any other major version")
    parser.add_argument("--run-as", default="nobody", help="user of the server when this runs as root")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="such as shared_preload_libraries=pg_cron"
    )


@contextmanager
def private_server(bindir: Path, run_as: str = "nobody", settings: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the conninfo of the superuser ``postgres`` of a server that lives as long as the block."""
    home = Path(tempfile.mkdtemp(prefix="lockgate-generate-"))
    options: dict[str, str | int] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam(run_as)
        os.chown(home, user.pw_uid, user.pw_gid)
        options = {"user": user.pw_uid, "group": user.pw_gid}
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home)}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    data = home / "data"

    def run(*words: str) -> None:
        done = subprocess.run(  # type: ignore[call-overload]
            words, env=environment, cwd=home, capture_output=True, text=True, check=False, **options
        )
        if done.returncode:
            log = home / "log"
            raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}{log.read_text() if log.exists() else ''}")

    try:
        run(
            str(bindir / "initdb"),
            "-N",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-D",
            str(data),
        )
        words = " ".join(f"-c '{setting}'" for setting in (*QUIET, f"unix_socket_directories={home}", *settings))
        run(str(bindir / "pg_ctl"), "-D", str(data), "-l", str(home / "log"), "-w", "-o", words, "start")
        try:
            yield f"host={home} user=postgres dbname=postgres"
        finally:
            run(str(bindir / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
