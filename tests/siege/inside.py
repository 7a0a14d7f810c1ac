"""What a superuser inside the scratch server can reach: a program of its own, so that it runs as any user and on a
kernel that lacks what the test takes away. Prints one JSON object.

Usage: inside.py SITE BINDIR FOLDER [MISSING ...]; SITE is where the libraries lie that Lockgate needs; MISSING names system calls to refuse: landlock, seccomp, unshare.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
sys.path += sys.argv[1:2]  # the system's interpreter knows none of ours

from lockgate.oracle.server import sandbox
from lockgate.oracle.server.binaries import choose
from lockgate.oracle.server.embedded import Server
from lockgate.oracle.server.wire import SocketConnection

SECRET = "siege-secret-4711"


def refuse(missing: list[str]) -> None:
    """Make this process' kernel an older or a stricter one."""
    intel = os.uname().machine == "x86_64"
    unshare, prctl = (272, 157) if intel else (97, 167)
    steps = [sandbox._step(sandbox._LOAD, 0)]
    for name, number in (("landlock", 444), ("unshare", unshare)):
        if name in missing:
            steps += [sandbox._step(sandbox._EQUAL, number, 0, 1), sandbox._refuse(38)]
    if "seccomp" in missing:
        steps += [sandbox._step(sandbox._EQUAL, prctl, 0, 3), sandbox._step(sandbox._LOAD, 16)]
        steps += [sandbox._step(sandbox._EQUAL, 22, 0, 1), sandbox._refuse(22)]
    assert sandbox._prctl(38, 1) and sandbox.install([*steps, sandbox._step(sandbox._RETURN, sandbox._ALLOW)])


def attacks(server: Server, folder: str, port: int) -> dict[str, str]:
    """SQL of a superuser, by what it tries."""
    made, mark = server.template, f"{folder}/marker"
    home = server._home
    inside = f"host={home} user={made.superuser} dbname=lockgate"
    outside = f"host=127.0.0.1 port={port} user=x password=x dbname=x connect_timeout=3"
    assert server._process is not None
    processes = {"ours": os.getpid(), "parent": os.getppid(), "supervisor": server._process.pid}
    return {
        "read from a program": f"COPY loot FROM PROGRAM 'echo {SECRET}'",
        "write to a program": f"COPY (SELECT 1) TO PROGRAM 'touch {mark}'",
        "copy a file": "COPY loot FROM '/etc/passwd'",
        "copy to a file": f"COPY (SELECT 1) TO '{mark}'",
        "large object to a file": f"SELECT lo_export(4711, '{mark}')",
        "large object from a file": "SELECT lo_import('/etc/passwd')",
        "the folder of processes": "SELECT count(*) FROM pg_ls_dir('/proc')",
        "the kernel's files": "SELECT count(*) FROM pg_ls_dir('/sys')",
        "the user's files": f"SELECT pg_read_file('{folder}/secret')",
        "a tablespace": f"CREATE TABLESPACE away LOCATION '{folder}'",
        "a library": f"LOAD '{folder}/library.so'",
        "dblink to the network": f"SELECT dblink_connect('{outside}')",
        "dblink to itself": f"SELECT dblink_connect('{inside}')",
        "a subscription": f"CREATE SUBSCRIPTION s CONNECTION '{outside}' PUBLICATION p",
        **{f"environment: {who}": f"SELECT pg_read_file('/proc/{pid}/environ')" for who, pid in processes.items()},
        **{f"memory: {who}": f"SELECT pg_read_binary_file('/proc/{pid}/mem', 0, 1)" for who, pid in processes.items()},
    }


def play(server: Server, folder: str) -> dict[str, str]:
    """Each attack and what came of it: the SQLSTATE, or the rows that it got."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = server.connect()
        connection.query("CREATE TABLE loot (line text); SELECT lo_from_bytea(4711, 'x')")
        connection.query("CREATE EXTENSION dblink; SET statement_timeout = '2s'")
        seen = {}
        for what, sql in attacks(server, folder, listener.getsockname()[1]).items():
            reply = connection.query(sql, 30)
            failed = f"{reply.failure['C']} {reply.failure['M']}" if reply.failure else ""
            seen[what] = failed or f"GOT {reply.rows or reply.tags}"
        listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            listener.accept()
            seen["dblink to the network"] = "GOT a connection"
        return seen


def ordinary(connection: SocketConnection) -> list[str]:
    """What an installation must still be able to do: its time zones, dictionaries, collations, extensions, files."""
    work = (
        "SELECT now() AT TIME ZONE 'Europe/Berlin'",
        "SELECT to_tsvector('german', 'Schleusen')",
        "SELECT 'a' < 'b' COLLATE \"C\"",
        "CREATE TABLE big AS SELECT i, repeat('x', 100) AS t FROM generate_series(1, 100000) AS i",
        "CREATE INDEX ON big (t, i)",
        "CREATE DATABASE other",
        "CHECKPOINT",
        "DO LANGUAGE plpgsql 'BEGIN PERFORM 1; END'",
        "CREATE TABLE pairs AS SELECT i FROM generate_series(1, 100000) AS i ORDER BY -i",
    )
    return [reply.failure["M"] for sql in work if (reply := connection.query(sql, 60)).failure]


def main() -> None:
    bindir, folder, *missing = sys.argv[2:]
    if missing:
        refuse(missing)
    with Server(choose(bindir, None)) as server:
        server.ready()
        broken = ordinary(server.connect())
        seen = play(server, folder)
        print(json.dumps({"isolation": server.isolation, "broken": broken, "seen": seen}))


if __name__ == "__main__":
    main()
