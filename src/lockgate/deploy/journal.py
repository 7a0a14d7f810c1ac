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
# how those begin that tell of no deployment: a gate that stayed closed did its work, a newer one took over, or the gate
# itself was stopped
_ASIDE = ("closed:", "advisory:", "superseded", "could not be carried out", "the gate itself broke")


class JournalEntry(msgspec.Struct, frozen=True):
    """One run of the gate."""

    commit: str
    green: bool
    what: str  # its end, or its commit status's description
    at: str = ""
    aside: bool = False  # nothing was deployed by it: it neither counts nor breaks a row


class Count(msgspec.Struct, frozen=True):
    """What the runs come to; ``row`` is the number of green deploys since the last that was not."""

    runs: int
    green: int
    row: int
    last_red: JournalEntry | None
    unproven: int = 0  # of the green ones, those of which the app did not prove the commit

    @property
    def enough(self) -> bool:
        return self.row >= ENOUGH


def count(entries: Sequence[JournalEntry]) -> Count:
    """Count entries, oldest first."""
    row, last_red = 0, None
    for entry in entries:
        if entry.green:
            row += 1
        else:
            row, last_red = row if entry.aside else 0, entry
    unproven = sum(e.green and "not proven" in e.what for e in entries)
    return Count(len(entries), sum(e.green for e in entries), row, last_red, unproven)


def append(path: Path, document: dict[str, Any]) -> None:
    """Add a run. A journal that cannot be written stops nothing."""
    keys = ("commit", "end", "exit_code", "override", "mode", "verdict", "message", "at")
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
    told = end or str(row.get("verdict", ""))
    if "not proven" in str(row.get("message", "")) and end == "healthy":
        told += "; commit not proven by the app"
    overridden = bool(row.get("override"))
    return JournalEntry(
        commit,
        end == "healthy" and not overridden,
        "overridden" if overridden else told,
        at,
        not overridden and (end == "superseded" or not end),
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
            green, at = state == "success" and words.startswith(GREEN), str(newest.get("created_at", ""))
            found.append(JournalEntry(commit, green, words, at, words.startswith(_ASIDE)))
    return found[::-1]
