"""Whether the containers of a release stay up. Docker's states, and its own words for how long a container has been
up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from lockgate.deploy.records import Container

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}
_TIME = re.compile(r"(?:About an? |(\d+) )(second|minute|hour|day|week|month|year)s?")
_EXITED_WELL = re.compile(r"Exited \(0\)|Complete")
_ENDED = re.compile(r"(?:Exited|Dead|Restarting)(?: \(\d+\))? (.*) ago")
_LONG = 3600.0  # seconds: what ended so long ago did so before any release that is followed
_BLUR = 2.0  # seconds by which Docker's words and our clock may differ
_CRASHES = 3  # restarts, or samples in a bad state, that make a crash loop


ENDED = frozenset({"exited", "dead", "failed", "rejected", "orphaned", "complete", "shutdown", "removing"})


def since(up: tuple[float, float], seconds: float) -> bool:
    """Whether a container with this uptime was started within the last ``seconds``."""
    return up[0] <= seconds + _BLUR


def uptime(status: str) -> tuple[float, float] | None:
    """Between how many seconds ``Up 3 minutes (healthy)`` lies; None for a container that is not up."""
    return _between(status.removeprefix("Up ")) if status.startswith("Up ") else None


def _between(words: str) -> tuple[float, float] | None:
    """The seconds that docker/go-units' HumanDuration words so."""
    if words.startswith("Less than a second"):
        return (0.0, 1.0)
    match = _TIME.match(words)
    if match is None:
        return None
    unit, count = _UNITS[match.group(2)], float(match.group(1) or 1)
    low = count - 0.5 if match.group(2) == "hour" else count  # hours are rounded, everything else is cut off
    return (low * unit, (low + 1) * unit)


def trouble(container: Container) -> str:
    """Why a container is not up as it should be; "" where it is, or where it ended well (a one-shot)."""
    if container.state in ENDED:
        return "" if _EXITED_WELL.search(container.status) else container.status or container.state
    if container.state == "running":
        if "(unhealthy)" in container.status:
            return "unhealthy"
        return "its healthcheck has not passed yet" if "(health: starting)" in container.status else ""
    return container.status or container.state or "no state"


def ended_since(status: str) -> float | None:
    """For how many seconds at the least a container has been over; None where Docker does not say."""
    match = _ENDED.match(status)
    times = _between(match.group(1)) if match is not None else None
    return times[0] if times is not None else None


class ContainerWatch(msgspec.Struct):
    """Samples of a project's containers over time. ``stale``: ids that had ended before the order; they say nothing
    unless they ran again."""

    stale: frozenset[str] = frozenset()
    ordered: float = 0.0  # by the caller's clock
    _bad: dict[str, int] = msgspec.field(default_factory=dict)
    _crashes: dict[str, int] = msgspec.field(default_factory=dict)
    _since: dict[str, float] = msgspec.field(default_factory=dict)  # when a container was first in trouble
    _up: dict[str, tuple[float, float]] = msgspec.field(
        default_factory=dict
    )  # when a container was first seen up, and for how long it had been
    _last: dict[str, Container] = msgspec.field(default_factory=dict)
    disturbed: float = 0.0  # when a container was last new, restarting or gone, by the caller's clock
    at: float = 0.0  # of the last sample
    now: tuple[Container, ...] = ()

    def sample(self, containers: Iterable[Container], at: float) -> None:
        """Take the containers as they are now."""
        relevant = [c for c in containers if c.state in ("running", "restarting") or not self._left_over(c, at)]
        self.now, self.at = tuple(self._counted(c) for c in relevant), at
        seen = {c.name: c for c in self.now}
        if seen.keys() != self._last.keys():
            self.disturbed = at
        for name, container in seen.items():
            self._note(name, container, self._last.get(name), at)
        self._last = seen

    def _left_over(self, container: Container, at: float) -> bool:
        """Whether it ended before the order, and has not run since: ``up`` starts a stopped container again under its
        old id."""
        match = _ENDED.match(container.status)
        since = _between(match.group(1)) if match is not None else None
        if since is None:
            return container.id in self.stale
        return since[0] >= (at - self.ordered - _BLUR if container.id in self.stale else _LONG)

    def _counted(self, now: Container) -> Container:
        """With the restart count that it had when it was last inspected."""
        before = self._last.get(now.name)
        return (
            replace(now, restarts=before.restarts)
            if now.restarts is None and before is not None and before.id == now.id
            else now
        )

    def _note(self, name: str, now: Container, before: Container | None, at: float) -> None:
        same = before is not None and before.id == now.id
        self._bad[name] = self._bad.get(name, 0) + 1 if trouble(now) else 0
        crashes = (
            max(_more_restarts(before, now), self._restarted(name, before, now, at))
            if before is not None and same
            else 0
        )
        self._crashes[name] = self._crashes.get(name, 0) + crashes if same else 0
        if trouble(now) or not same or crashes:
            self.disturbed = at
        if trouble(now) or crashes:
            self._since.setdefault(name, at)

    def _restarted(self, name: str, before: Container, now: Container, at: float) -> int:
        """1 where a container was started again between two samples: it has been up for less than it would have been,
        or it came back."""
        later, (then, low) = uptime(now.status), self._up.get(name, (at, 0.0))
        again = before.state == "restarting" and now.state == "running"
        again = again or (
            later is not None and uptime(before.status) is not None and later[1] < low + (at - then) - _BLUR
        )
        if later is not None and (again or name not in self._up):
            self._up[name] = (at, later[0])
        return int(again)

    def crash_loop(self, patience: float) -> str:
        """The container that does not stay up, in words; "" where none does. One that Docker restarts is given
        ``patience`` seconds."""
        for container in self.now:
            name, bad, crashes = container.name, self._bad.get(container.name, 0), self._crashes.get(container.name, 0)
            over = container.state in ("exited", "dead", "failed") and bad >= _CRASHES
            looping = (container.state == "restarting" and bad >= _CRASHES) or crashes >= _CRASHES
            if over or (looping and self.at - self._since.get(name, self.at) >= patience):
                count = container.restarts or crashes
                return f"{name} does not stay up: {container.status or container.state}" + (
                    f", restarted {count} times" if count else ""
                )
        return ""

    @property
    def troubles(self) -> tuple[str, ...]:
        """Every container that is not up, in words."""
        return tuple(f"{c.name}: {why}" for c in self.now if (why := trouble(c)))

    def calm(self, at: float) -> float:
        """Seconds since anything happened, by our clock and by Docker's; 0 while a container is in trouble."""
        times = [between[1] for c in self.now if (between := uptime(c.status)) is not None]
        return 0.0 if self.troubles else max(0.0, min([at - self.disturbed, *times]))


def _more_restarts(before: Container, now: Container) -> int:
    return max(0, now.restarts - before.restarts) if now.restarts is not None and before.restarts is not None else 0


def ended(containers: Sequence[Container] | None) -> frozenset[str]:
    """The ids of containers that are not running: what lay about before a release."""
    return frozenset(c.id for c in containers or () if c.state not in ("running", "restarting") and c.id)


def summary(containers: Sequence[Container]) -> str:
    """``web running (healthy), db running`` for a progress line."""
    return ", ".join(f"{c.name} {c.status or c.state}" for c in containers) or "none"
