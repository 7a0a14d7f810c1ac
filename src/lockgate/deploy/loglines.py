"""What of a deployment's log is worth a look: no progress bars, and the line that tells why it failed."""

from __future__ import annotations

import re

_PROGRESS = re.compile(
    r"(?i)^(?:remote:\s*)?(?:enumerating|counting|compressing|receiving|resolving|unpacking|updating|writing|filtering|checking out)"
    r"[\w ]*:?\s*\d*%?.*\(\d+/\d+\)"
    r"|^(?:#\d+ )?(?:sha256:|extracting|downloading|pulling fs layer|waiting|verifying checksum|download complete|pull complete)"
    r"|^[0-9a-f]{12}[: ](?:pulling|extracting|downloading|waiting|verifying|download|pull|already)"
)
# Dokploy's own last words, and those of programs that only pass a failure on
_HOLLOW = re.compile(
    r"(?i)^error occurred|check the logs for details|^error: \W*(?:docker command failed|script execution failed)"
    r"|^exit status \d+$|^npm ERR! (?:code|errno|A complete log)"
)
_STRONG = re.compile(
    r"(?i)\b(?:pq|psql|sqlstate|postgres\w*)\b.*:|\b(?:ERROR|FATAL|PANIC):|\bpanic:|\bfatal:|migration failed|permission denied"
    r"|must be owner|\b[0-9A-Z]{5}\)$|Traceback|Exception\b"
)
_WEAK = re.compile(
    r"(?i)\berror\b|\bfailed\b|\bfailure\b|didn't complete|unhealthy|not found|no such|denied|cannot|could not|exited"
    r"|exit code"
)
_LINE = 200  # characters of the line in a message


def without_progress(text: str) -> str:
    """The log without the lines that only count: git's ``Receiving objects``, Docker's layers. Of a line that was
    written over and over (carriage returns) the last state stays."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    return "\n".join(line for line in lines if not _PROGRESS.search(line.strip()))


def cause(log: str) -> str:
    """The line that says why a deployment failed; "" where none does. The last strong one: what PostgreSQL, a panic or
    git says; else the last that speaks of an error at all."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not _HOLLOW.search(line.strip())]
    for pattern in (_STRONG, _WEAK):
        found = next((line for line in reversed(lines) if pattern.search(line)), "")
        if found:
            return found if len(found) <= _LINE else found[: _LINE - 1] + "…"
    return ""
