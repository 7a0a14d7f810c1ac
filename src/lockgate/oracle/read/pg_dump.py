"""pg_dump of the server's own major version: found, run read-only, and its output without what differs between two
runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lockgate.base.conninfo import CONNECT_TIMEOUT, address, cannot, parts_of
from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.extras import told
from lockgate.base.sql import quote
from lockgate.base.trust import without_secrets
from lockgate.oracle.read import production
from lockgate.oracle.server.binaries import at_hand

# lines in which two dumps of one schema differ: versions, and the random key of newer psql restrictions
_NOISE = re.compile(
    r"^(?:-- Dumped (?:from|by) .*|-- (?:Started|Completed) on .*|\\(?:un)?restrict .*\n)\n", re.MULTILINE
)
# the password of a user mapping: the only secret that the schema itself holds (subscriptions are left out)
_PASSWORD = re.compile(r"(\bpassword\s+)'(?:[^']|'')*'", re.IGNORECASE)
_MAPPING = re.compile(r"^CREATE USER MAPPING .*?\);$", re.MULTILINE | re.DOTALL)
_OPTIONS = (
    "--schema-only",
    "--encoding=UTF8",
    "--no-password",
    "--no-subscriptions",
    "--no-tablespaces",
    "--no-security-labels",
    "--lock-wait-timeout=5s",
)


def choose(major: int, given: str = "") -> str:
    """The pg_dump for a server of a major: the given one, that of the same major, else the oldest newer one. Raises
    CannotCheck."""
    found = (
        {given: _major(given)} if given else {path: number for path in _candidates(major) if (number := _major(path))}
    )
    usable = sorted((number, path) for path, number in found.items() if number >= major)
    if usable:
        return usable[0][1]
    if given and not found[given]:
        raise UsageError(f"{given} is no pg_dump that runs here", "give --pg-dump the path of pg_dump")
    others = ", ".join(f"{number} at {path}" for path, number in found.items())
    raise CannotCheck(
        f"no pg_dump for PostgreSQL {major} at hand"
        + (f": {others} {'is' if len(found) == 1 else 'are'} older" if others else ""),
        f"install postgresql-client-{major}, or give --pg-dump PATH",
    )


def _candidates(major: int) -> Iterator[str]:
    for binaries in at_hand(major):
        if os.access(path := binaries.bindir / "pg_dump", os.X_OK):
            yield str(path)
    for base in (f"/usr/lib/postgresql/{major}/bin", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin")))):
        if os.access(f"{base}/pg_dump", os.X_OK):  # a client without its server
            yield f"{base}/pg_dump"
    if path_of := shutil.which("pg_dump"):
        yield path_of


def _major(path: str) -> int:
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, check=False, env=without_secrets()
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(match.group(1)) if match else 0


def dump(dsn: str, tool: str, variable: str = "") -> str:
    """The schema with owners and grants: one read-only transaction, under no lock but ACCESS SHARE. Raises CannotCheck
    without a secret of the DSN."""
    # through the environment: a DSN in the arguments would show in the process list
    environ = {"PGCONNECT_TIMEOUT": CONNECT_TIMEOUT, **without_secrets(), **_libpq(dsn)}
    environ["PGOPTIONS"] = f"{environ.get('PGOPTIONS', '')} -c default_transaction_read_only=on".strip()
    done = subprocess.run(
        [tool, *_OPTIONS], capture_output=True, text=True, env=environ, check=False, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        raise _failed(done.stderr, dsn, variable)
    return _MAPPING.sub(lambda m: _PASSWORD.sub(r"\1'****'", m.group()), _NOISE.sub("", done.stdout))


def _failed(said: str, dsn: str, variable: str) -> CannotCheck:
    """pg_dump's own words: of several lines the first that tells of an error (the last is the query)."""
    lines = [line for line in said.splitlines() if "error:" in line] or said.strip().splitlines() or ["failed"]
    if "permission denied for" not in said:
        return cannot("pg_dump cannot read the database", "\n".join(lines), None, dsn, variable)
    at, closed = address(dsn), production.unreadable(dsn, variable)
    more = f", and {len(closed) - 5} more" if len(closed) > 5 else ""
    what = f" It may not read {', '.join(closed[:5])}{more}." if closed else ""
    return CannotCheck(
        f"pg_dump cannot read the database ({at.shown}): {lines[0].partition('ERROR:')[2].strip() or lines[0]}.{what}",
        f"GRANT pg_read_all_data TO {quote(at.role)}; or USAGE on these schemas and SELECT on these tables",
    )


def _libpq(dsn: str) -> dict[str, str]:
    """A DSN as libpq's environment variables."""
    with told():
        from psycopg import pq

    names = {option.keyword.decode(): option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar}
    return {names[key]: value for key, value in parts_of(dsn).items() if key in names}
