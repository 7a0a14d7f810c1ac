"""How a release can end, and in what rhythm it is followed."""

from __future__ import annotations

import time
from enum import Enum

import msgspec


class End(str, Enum):
    """How a release ended; the exit code of the contract beside it."""

    HEALTHY = "healthy"
    FAILED = "failed"  # Dokploy says so
    CANCELLED = "cancelled"
    WRONG_COMMIT = "wrong-commit"
    CRASH_LOOP = "crash-loop"
    UNHEALTHY = "unhealthy"
    NOT_ORDERED = "not-ordered"  # Dokploy certainly did not take the order
    UNKNOWN = "unknown"  # could not be found out
    UNCHANGED = "unchanged"  # nothing was replaced: what runs is what ran before
    SUPERSEDED = "superseded"  # a newer commit that passed the gate took over

    @property
    def exit_code(self) -> int:
        return {"healthy": 0, "superseded": 0, "unknown": 3, "not-ordered": 3, "unchanged": 3}.get(self.value, 1)


class GoneLive(msgspec.Struct, frozen=True):
    """A commit that went live in place of the gated one, and how it stands."""

    commit: str
    words: str


class DeployResult(msgspec.Struct, frozen=True):
    """What became of a release."""

    end: End
    message: str
    remedy: str = ""
    log: str = ""  # masked
    deployment: str = ""
    notes: tuple[str, ...] = ()
    unproven: str = ""  # what of a healthy release was not proven, in words
    other: GoneLive | None = None


class Stop(Exception):
    """Ends the release with a result."""

    def __init__(self, end: End, message: str, remedy: str = "", log: str = "", other: GoneLive | None = None) -> None:
        super().__init__(message)
        self.result = DeployResult(end, message, remedy, log, other=other)


class Limits(msgspec.Struct, frozen=True):
    """How long each phase may take, in seconds."""

    queue: float = 600
    deploy: float = 900
    health: float = 120


class Pace(msgspec.Struct, frozen=True):
    """The gate's rhythm, in seconds."""

    poll: float = 1.0
    grace: float = 30.0  # Dokploy sends its notifications first; between "done" and the title that tells the commit
    settle: float = 10.0  # containers must have been calm for so long
    patience: float = 20.0  # a container that is restarted may only be waiting for its database
    lookup: float = 30.0  # searching for an order whose POST had no answer; for a webhook's deployment beside us
    lost: float = 30.0  # neither queued nor recorded for so long: dropped
    restart: float = 45.0  # a Dokploy that gives no answer before the order may only be restarting


RESUME = "`lockgate deploy --resume` follows it; do not deploy again before you know"


class Clock:
    """A phase's time."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._end

    @property
    def left(self) -> float:
        """Seconds."""
        return max(0.0, self._end - time.monotonic())


class LostClock:
    """For how long the order has been nowhere, by answers: the time in which none came does not count."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._clock = Clock(patience)
        self._looks = 0

    def look(self, nowhere: bool, *, fresh: bool) -> None:
        """Take an answer; ``fresh``: it is the first after a silence."""
        if not nowhere or fresh or not self._looks:
            self._clock = Clock(self._patience)
        self._looks = self._looks + 1 if nowhere else 0

    @property
    def calm(self) -> bool:
        return not self._looks

    @property
    def over(self) -> bool:
        return self._looks > 1 and self._clock.over

    @property
    def left(self) -> float:
        return self._clock.left or self._patience
