"""Secrets: where they may come from, and how they are kept out of everything that is shown."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from lockgate.base.errors import UsageError
from lockgate.base.text import REPLACED, clean_text

HIDDEN = "***"
_SHORTEST = 4  # shorter values would mask innocent text
_HARMLESS = frozenset(
    {
        "true",
        "false",
        "null",
        "none",
        "production",
        "development",
        "staging",
        "test",
        "localhost",
        "info",
        "debug",
        "warn",
        "warning",
        "error",
        "postgres",
        "public",
        "main",
        "master",
        "docker",
        "compose",
        "https",
        "http",
        "disable",
        "require",
        "prefer",
        "0.0.0.0",
        "127.0.0.1",
    }
)
_SHAPES = (
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@'\"]+@"), rf"\g<1>{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic|token|x-api-key:?)(\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\g<1>\g<2>{HIDDEN}"),
    (
        re.compile(
            r"(?i)((?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)[\"']?\s*[=:]\s*)[^\s,;&]+"
        ),
        rf"\g<1>{HIDDEN}",
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abp]-|AKIA)[A-Za-z0-9_-]{10,}"), HIDDEN),
    (re.compile(r"(?m)^\s*[A-Za-z0-9+/]{60,76}={0,2}\s*$"), HIDDEN),  # a line of a key whose beginning is not shown
    (re.compile(r"/api/deploy/(compose/)?[A-Za-z0-9_-]{8,}"), rf"/api/deploy/\g<1>{HIDDEN}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
)


class Secret:
    """A value that shows itself only to ``reveal``: not in a message, a repr, a format, a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not stored")


def from_environment(name: str, environ: Mapping[str, str]) -> Secret | None:
    """The secret of ``NAME``, or of the file that ``NAME_FILE`` names; None where neither is set.

    Raises UsageError for a file that others may read and for a value that no header can carry.
    """
    value, where = environ.get(name, ""), name
    if not value.strip() and environ.get(f"{name}_FILE"):
        where = f"{name}_FILE"
        value = _from_file(where, Path(environ[where]))
    value = value.strip()
    if not value:
        return None
    if not all("!" <= char <= "~" for char in value):
        raise UsageError(
            f"{where}: holds a space, a line break or a character that no HTTP header can carry",
            "set it to the bare key",
        )
    return Secret(value)


def _from_file(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno())
            if not stat.S_ISREG(mode.st_mode):
                raise UsageError(f"{variable}: {path} is no regular file", "name a file that holds the key")
            if os.name == "posix" and mode.st_mode & 0o077:
                bits = oct(stat.S_IMODE(mode.st_mode))[2:]
                raise UsageError(f"{variable}: {path} may be read by others (mode {bits})", f"chmod 600 {path}")
            return file.read(65536).decode("utf-8")
    except OSError as error:
        raise UsageError(
            f"{variable}: {path}: {error.strerror}", "name a readable file, or set the variable itself"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{variable}: {path}: not UTF-8 at byte {error.start}", "write the bare key into the file"
        ) from error


class Masker:
    """Replaces known secrets, and what looks like one, in any text that is shown or stored."""

    def __init__(self, values: Iterable[str | Secret | None] = ()) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(*values)

    def add(self, *values: str | Secret | None) -> None:
        """Mask these from now on; their URL-encoded and JSON-escaped forms and each line of a long one too."""
        for value in values:
            plain = value.reveal() if isinstance(value, Secret) else value
            if plain:
                self._values.update(_forms(plain))
        longest_first = sorted(self._values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        for shape, shown in _SHAPES:
            text = shape.sub(shown, text)
        return text


def _forms(value: str) -> set[str]:
    value = value.strip()
    parts = {value, quote(value, safe=""), value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")}
    parts.update(line.strip() for line in value.splitlines() if len(line.strip()) >= 8)
    return {p for p in parts if len(p) >= _SHORTEST and p.lower() not in _HARMLESS and not (p.isdigit() and len(p) < 6)}


def values_of_env(env: str) -> tuple[str, ...]:
    """The values of a ``.env`` text, as Dokploy keeps it: quotes taken off, values over several lines kept whole."""
    found: list[str] = []
    for match in re.finditer(
        r"^\s*(?:export\s+)?[A-Za-z_][\w.-]*\s*=\s*(\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\n]*)", env, re.MULTILINE
    ):
        value = match.group(1).strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found.append(value)
        credentials = re.match(r"[a-zA-Z][\w+.-]*://(?:[^\s:/@]*):([^\s@]+)@", value)
        if credentials:
            found.append(credentials.group(1))
    return tuple(v for v in found if v)


def printable(text: str) -> str:
    """A foreign text without what steers a terminal: escape sequences, carriage returns, other control characters."""
    text = re.sub(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])", "", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return clean_text(text).replace(REPLACED, "?")
