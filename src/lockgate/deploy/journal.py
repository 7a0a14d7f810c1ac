"""What the gate did, one line per run: for ``gate-report``, and for whoever asks later. No secrets in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lockgate.base.errors import CannotCheck
from lockgate.base.files import read_bytes

ENOUGH = 5  # green deploys in a row after which the webhook may go
GREEN = "deployed and healthy"  # how the description of a green deploy's status begins
OVERRIDDEN = "OVERRIDE"


class JournalEntry(msgspec.Struct, frozen=True):
    """One run of the gate."""

    commit: str
    green: bool
    what: str  # its end, or its commit status's description
    at: str = ""


class Count(msgspec.Struct, frozen=True):
    """What the runs come to; ``row`` is the number of green deploys since the last that was not."""

    runs: int
    green: int
    row: int
    last_red: JournalEntry | None

    @property
    def enough(self) -> bool:
        return self.row >= ENOUGH


def count(entries: Sequence[JournalEntry]) -> Count:
    """Count entries, oldest first."""
    row, last_red = 0, None
    for entry in entries:
        row, last_red = (row + 1, last_red) if entry.green else (0, entry)
    return Count(len(entries), sum(e.green for e in entries), row, last_red)


def append(path: Path, document: dict[str, Any]) -> None:
    """Add a run. A journal that cannot be written stops nothing."""
    keys = ("commit", "end", "exit_code", "override", "mode", "verdict", "at")
    line = json.dumps({key: document.get(key, "") for key in keys})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError:
        return


def read(path: Path) -> list[JournalEntry]:
    """The runs of a journal, oldest first; lines that are none are left out."""
    try:
        lines = read_bytes(path).decode("utf-8", "replace").splitlines()
    except (OSError, CannotCheck):
        return []
    return [entry for line in lines if (entry := _entry(line)) is not None]


def _entry(line: str) -> JournalEntry | None:
    try:
        row = json.loads(line)
        commit, end, at = str(row["commit"]), str(row["end"]), str(row["at"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if end == "dry-run":
        return None
    return JournalEntry(
        commit,
        end == "healthy" and not row.get("override"),
        "overridden" if row.get("override") else end or str(row.get("verdict", "")),
        at,
    )


def of_statuses(commits: Iterable[tuple[str, Sequence[dict[str, Any]]]]) -> list[JournalEntry]:
    """The runs that commit statuses tell of; ``commits`` newest first, each with its statuses, newest first."""
    found = []
    for commit, statuses in commits:
        # Gitea answers with ``status``, GitHub with ``state``.
        rows = [
            s
            for s in statuses
            if s.get("context") == "lockgate/deploy" and (s.get("status") or s.get("state")) != "pending"
        ]
        if rows:
            newest = rows[0]
            state, words = newest.get("status") or newest.get("state"), str(newest.get("description", ""))
            found.append(
                JournalEntry(
                    commit, state == "success" and words.startswith(GREEN), words, str(newest.get("created_at", ""))
                )
            )
    return found[::-1]
