"""Whether the containers of a release stay up. Docker's states, and its own words for how long a container has been up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lockgate.deploy.records import Container
from lockgate.values import dataclass, field

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}
_UP = re.compile(r"Up (?:About an? |(\d+) )(second|minute|hour|day|week|month|year)s?")
_EXITED_WELL = re.compile(r"Exited \(0\)|Complete")
_LONG_AGO = re.compile(r"(?:Exited|Dead) .*\b(?:hours?|days?|weeks?|months?|years?) ago")  # before any release that is followed
_CRASHES = 3  # restarts, or samples in a bad state, that make a crash loop


def uptime(status: str) -> float | None:
    """Seconds in ``Up 3 minutes (healthy)`` (docker/go-units HumanDuration); None for a container that is not up."""
    if status.startswith("Up Less than a second"):
        return 0.0
    match = _UP.match(status)
    return float(match.group(1) or 1) * _UNITS[match.group(2)] if match else None


def trouble(container: Container) -> str:
    """Why a container is not up as it should be; "" where it is, or where it ended well (a one-shot)."""
    if container.state in ("exited", "dead", "failed", "rejected", "orphaned", "complete", "shutdown"):
        return "" if _EXITED_WELL.search(container.status) else container.status or container.state
    if container.state == "running":
        if "(unhealthy)" in container.status:
            return "unhealthy"
        return "its healthcheck has not passed yet" if "(health: starting)" in container.status else ""
    return container.status or container.state or "no state"


@dataclass
class Watch:
    """Samples of a project's containers over time. ``stale``: ids that had ended before the release; they say nothing about it."""

    stale: frozenset[str] = frozenset()
    _bad: dict[str, int] = field(default_factory=dict)
    _crashes: dict[str, int] = field(default_factory=dict)
    _last: dict[str, Container] = field(default_factory=dict)
    disturbed: float = 0.0  # when a container was last new, restarting or gone, by the caller's clock
    now: tuple[Container, ...] = ()

    def sample(self, containers: Iterable[Container], at: float) -> None:
        """Take the containers as they are now."""
        self.now = tuple(c for c in containers if c.state == "running" or not (c.id in self.stale or _LONG_AGO.match(c.status)))
        seen = {c.name: c for c in self.now}
        if seen.keys() != self._last.keys():
            self.disturbed = at
        for name, container in seen.items():
            self._note(name, container, self._last.get(name), at)
        self._last = seen

    def _note(self, name: str, now: Container, before: Container | None, at: float) -> None:
        self._bad[name] = self._bad.get(name, 0) + 1 if trouble(now) else 0
        if trouble(now) or before is None or before.id != now.id:
            self.disturbed = at
        if before is not None and before.id == now.id:
            crashes = max((now.restarts or 0) - (before.restarts or 0) if before.restarts is not None else 0, int(_restarted(before, now)))
            if crashes:
                self.disturbed = at
                self._crashes[name] = self._crashes.get(name, 0) + crashes

    @property
    def crash_loop(self) -> str:
        """The container that keeps crashing, in words; "" where none does."""
        for container in self.now:
            restarting = container.state in ("restarting", "exited", "dead", "failed") and self._bad.get(container.name, 0) >= _CRASHES
            if restarting or self._crashes.get(container.name, 0) >= _CRASHES:
                count = container.restarts if container.restarts is not None else self._crashes.get(container.name, 0)
                times = f", restarted {count} times" if count else ""
                return f"{container.name} does not stay up: {container.status or container.state}{times}"
        return ""

    @property
    def troubles(self) -> tuple[str, ...]:
        """Every container that is not up, in words."""
        return tuple(f"{c.name}: {why}" for c in self.now if (why := trouble(c)))

    def calm(self, at: float) -> float:
        """Seconds since anything happened; 0 while a container is in trouble."""
        return 0.0 if self.troubles else max(0.0, at - self.disturbed)


def _restarted(before: Container, now: Container) -> bool:
    """Whether a container was started again between two samples: its time up shrank, or it came back."""
    earlier, later = uptime(before.status), uptime(now.status)
    if earlier is not None and later is not None:
        return later < earlier
    return before.state == "restarting" and now.state == "running"


def ended(containers: Sequence[Container] | None) -> frozenset[str]:
    """The ids of containers that are not running: what lay about before a release."""
    return frozenset(c.id for c in containers or () if c.state not in ("running", "restarting") and c.id)


def summary(containers: Sequence[Container]) -> str:
    """``web running (healthy), db running`` for a progress line."""
    return ", ".join(f"{c.name} {c.status or c.state}" for c in containers) or "none"
