"""The end state as pg_dump writes it: for a restore that shows whether a dump of it could be restored at all.

pg_dump is the server's own. It connects as the ordinary role that is a member of every role of the run, under a
password that opens nothing else, as the server's own user, and sees no file but the server's and its own installation.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from lockgate.base.sql import literal, quote
from lockgate.oracle.server import sandbox
from lockgate.oracle.server.backend import Backend, EmbeddedBackend, ask
from lockgate.oracle.server.embedded import Whereabouts

# what a restore by default may cost: below a second is the aim
MOST_RELATIONS, MOST_BYTES = 300, 1 << 20
_MOST_DUMPED = 64 << 20  # bytes; above it the rows are left out
_SECONDS = 60
_OPTIONS = (
    *("--no-owner", "--no-privileges", "--no-comments", "--no-tablespaces", "--no-security-labels"),
    *("--no-publications", "--no-subscriptions", "--no-password", "--encoding=UTF8", "--lock-wait-timeout=5s"),
)
_ROWS = ("--rows-per-insert=100", "--enable-row-security")
_SIZE = (
    "SELECT pg_catalog.count(*), coalesce(pg_catalog.sum(pg_catalog.pg_table_size(c.oid)) FILTER (WHERE c.relkind IN ('r', 'm')), 0)"
    " FROM pg_catalog.pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
)


def end_state(backend: Backend, role: str, wanted: bool | None, notes: list[str]) -> str:
    """The end state's dump; empty where none is wanted or can be had, and ``notes`` say why. ``wanted`` None: where it
    costs little. Raises Lost."""
    if wanted is False:
        return ""
    if not isinstance(backend, EmbeddedBackend):
        if wanted:
            notes.append("The end state was not dumped and restored: that needs Lockgate's own server, not --dsn.")
        return ""
    ((relations, size),) = ask(backend.reader, _SIZE)
    if wanted is None and (int(relations or 0) > MOST_RELATIONS or int(size or 0) > MOST_BYTES):
        notes.append(
            f"The end state was not dumped and restored: {relations} relations, {size} bytes; --restore does it."
        )
        return ""
    if not relations:
        return ""
    place = backend.whereabouts
    if not os.access(place.bindir / "pg_dump", os.X_OK):
        notes.append(f"The end state was not dumped and restored: {place.source} has no pg_dump.")
        return ""
    text, password = "", secrets.token_hex(32)
    reply = backend.control.query(f"ALTER ROLE {quote(role)} PASSWORD {literal(password)}", 20)
    said = reply.failure.get("M", "") if reply.failure else ""
    for options in ((*_OPTIONS, *_ROWS), (*_OPTIONS, "--schema-only")) if not said else ():
        text, said = _dump(place, role, password, options)
        if text:
            break
    backend.control.query(f"ALTER ROLE {quote(role)} PASSWORD {literal(backend.verifier)}", 20)
    if not text:
        notes.append(f"The end state was not dumped and restored: pg_dump: {said}")
    return text


def _dump(place: Whereabouts, role: str, password: str, options: tuple[str, ...]) -> tuple[str, str]:
    """The dump, or why there is none."""
    tool = str(Path(place.bindir / "pg_dump"))
    environ = sandbox.bare() | {"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"}
    command = [tool, "-h", place.home, "-p", "5432", "-U", role, "-d", place.database, *options]
    user = {"user": place.uid, "group": place.uid, "extra_groups": []} if place.uid is not None else {}

    def shut_in() -> None:
        sandbox.limit(_MOST_DUMPED, False)
        if sys.platform == "linux":
            sandbox.landlock(place.home, tool)

    with tempfile.TemporaryFile() as out:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
                env=environ,
                cwd="/",
                timeout=_SECONDS,
                check=False,
                preexec_fn=shut_in,
                **user,  # type: ignore[call-overload]
            )
        except subprocess.TimeoutExpired:
            return "", f"no answer within {_SECONDS} s"
        except (OSError, subprocess.SubprocessError) as error:
            return "", str(error)
        if done.returncode:
            lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "error:" in line]
            return "", lines[0].partition("error:")[2].strip() if lines else f"exit code {done.returncode}"
        out.seek(0)
        return _without_key(out.read().decode("utf-8", "replace")), ""


def _without_key(dump: str) -> str:
    """Without psql's \\restrict and \\unrestrict, which newer releases write with a random key: no SQL."""
    key = re.search(r"^\\restrict (\w+)$", dump, re.MULTILINE)
    return re.sub(rf"^\\(?:un)?restrict {key[1]}$", "", dump, flags=re.MULTILINE) if key else dump
