"""What a gate remembers of its order, so that another can follow it after the first one's death. No secrets in it."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import read_text
from lockgate.deploy.follow import Ticket

PHASES = ("ordering", "ordered", "running", "ended")


class Memory(msgspec.Struct, frozen=True):
    """An order and how far it is known to have come."""

    server: str
    ticket: Ticket
    phase: str = "ordering"  # ordering: the POST may or may not have arrived
    deployment: str = ""  # the locked id
    stale: frozenset[str] = msgspec.field(default_factory=frozenset)  # containers that had ended before
    override: str = ""
    before: frozenset[str] | None = None  # the containers when it was ordered; None where they were not listed
    at: float = msgspec.field(default_factory=time.time)  # of the order, in seconds since 1970


class Store:
    """The file of one memory; every write is whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.memory: Memory | None = None

    def begin(self, memory: Memory) -> None:
        """Remember an order before it is sent. Raises CannotCheck: without memory nothing is sent."""
        self.memory = memory
        self._write(memory)

    def advance(self, phase: str, deployment: str = "") -> None:
        """Note a step. A full disk does not stop a deploy that is under way."""
        if self.memory is None:
            return
        self.memory = replace(self.memory, phase=phase, deployment=deployment or self.memory.deployment)
        with contextlib.suppress(CannotCheck):
            self._write(self.memory)

    def read(self) -> Memory | None:
        """What the file holds; None where there is none. Raises UsageError for a file that no gate wrote."""
        try:
            text = read_text(self.path)
        except FileNotFoundError:
            return None
        except CannotCheck as error:
            raise CannotCheck(error.message, "remove it, or name another with --state") from None
        try:
            self.memory = _parse(json.loads(text))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UsageError(
                f"{self.path}: not a state file of this version", "remove it, or name another with --state"
            ) from None
        return self.memory

    def _write(self, memory: Memory) -> None:
        try:
            write_whole(self.path, json.dumps(_as_json(memory), indent=1) + "\n")
        except OSError as error:
            raise CannotCheck(f"{self.path}: {error.strerror}", "name a writable file with --state") from None


def write_whole(path: Path, text: str) -> None:
    """Replace a file by a new one, readable by its owner only, in one step. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _as_json(memory: Memory) -> dict[str, Any]:
    ticket = memory.ticket
    return {
        "version": 1,
        "server": memory.server,
        "compose": ticket.compose_id,
        "commit": ticket.commit,
        "nonce": ticket.nonce,
        "known": sorted(ticket.known),
        "phase": memory.phase,
        "deployment": memory.deployment,
        "stale": sorted(memory.stale),
        "override": memory.override,
        "before": None if memory.before is None else sorted(memory.before),
        "at": memory.at,
    }


def _parse(value: Any) -> Memory:
    if value["version"] != 1 or value["phase"] not in PHASES:
        raise ValueError
    words = [value[key] for key in ("server", "compose", "commit", "nonce", "deployment", "override")]
    if not all(isinstance(word, str) for word in [*words, *value["known"], *value["stale"]]) or not words[3]:
        raise ValueError
    before = value.get("before")
    if before is not None and not all(isinstance(word, str) for word in before):
        raise ValueError
    ticket = Ticket(words[1], words[2], words[3], frozenset(value["known"]))
    return Memory(
        words[0],
        ticket,
        value["phase"],
        words[4],
        frozenset(value["stale"]),
        words[5],
        None if before is None else frozenset(before),
        float(value["at"]),
    )


def default_path(git_dir: Path | None) -> Path:
    """Inside the repository's git directory, else in the user's state directory."""
    if git_dir is not None:
        return git_dir / "lockgate" / "deploy.json"
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(base) / "lockgate" / "deploy.json"
