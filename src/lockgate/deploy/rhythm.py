"""How often Dokploy is asked. A key may have a limit that no answer tells, so the gate asks often at first and then ever
more seldom; what the limit is known to allow is spent evenly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from lockgate.deploy.dokploy import DokployRefused
from lockgate.deploy.ending import Limits, Pace
from lockgate.deploy.secret import Secret

COSTS = 2  # requests that Dokploy counts for one call: it validates the key twice (server/api/trpc.ts)
LEAST_CALLS = 14  # the order, and to follow it at the slowest rhythm; a test counts them
_UNLIMITED = "make a key in Dokploy's Settings > Profile > API/CLI, without rate limit (keys made through the API have one by default)"


class Allowance(msgspec.Struct, frozen=True):
    """How many calls a key still allows. ``calls`` is None where there is no limit, or where nobody tells it."""

    calls: int | None
    words: str
    known: bool = True


def allowance(keys: Iterable[dict[str, Any]], key: Secret, left: int | None, now: datetime | None = None) -> Allowance:
    """What the key allows, by what ``user.get`` tells of it (everything up to v0.29.8, nothing of limits since v0.29.9)
    and by what an answer's headers said is ``left``."""
    if left is not None:
        return Allowance(left // COSTS, f"an answer's headers leave {left} requests")
    ours = [k for k in keys if isinstance(k.get("start"), str) and k["start"] and key.reveal().startswith(k["start"])]
    if len(ours) != 1 or "rateLimitEnabled" not in ours[0]:
        return Allowance(None, "Dokploy does not tell whether the key has a limit", known=False)
    entry = ours[0]
    told = [_remaining(entry), _window(entry, now or datetime.now(UTC))]
    found = [a for a in told if a is not None]
    return min(found, key=lambda a: a.calls or 0) if found else Allowance(None, "the key has no limit")


def _remaining(entry: dict[str, Any]) -> Allowance | None:
    remaining = entry.get("remaining")
    if type(remaining) is not int:
        return None
    return Allowance(remaining // COSTS, f"the API key has {remaining} requests left")


def _window(entry: dict[str, Any], now: datetime) -> Allowance | None:
    """The count starts again only after a whole window without a request (better-auth, api-key/rate-limiter.ts)."""
    most, window = entry.get("rateLimitMax"), entry.get("rateLimitTimeWindow")
    if entry.get("rateLimitEnabled") is not True or type(most) is not int or not isinstance(window, int | float):
        return None
    used = entry.get("requestCount")
    left = most - used if type(used) is int and not _stale(entry.get("lastRequest"), window, now) else most
    return Allowance(max(0, left) // COSTS, f"the API key is limited to {most} requests in {window / 1000:.0f} s")


def _stale(last: object, window: float, now: datetime) -> bool:
    try:
        at = datetime.fromisoformat(str(last).replace("Z", "+00:00"))
    except ValueError:
        return False
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (now - at).total_seconds() * 1000 > window


def refuse(allowed: Allowance) -> None:
    """Raise DokployRefused for a key whose limit would end it in the middle of a deploy."""
    if allowed.calls is not None and allowed.calls < LEAST_CALLS:
        raise DokployRefused(
            "key",
            f"{allowed.words}; each call counts twice, and a deploy needs {LEAST_CALLS * COSTS} at the least",
            _UNLIMITED,
        )


def most_calls(limits: Limits, pace: Pace) -> int:
    """How many calls a deploy makes that uses all of its time and asks as often as it may: two for each look at the
    queue, one for each look later."""
    return int((limits.queue * 2 + limits.deploy + limits.health * 2) / pace.poll) + LEAST_CALLS


class Rhythm(msgspec.Struct):
    """The pause between two questions: ``poll`` at first, then ``growth`` times the last, up to ``longest``."""

    poll: float
    growth: float = 1.0
    longest: float = 0.0
    sleep: Callable[[float], None] = time.sleep
    _next: float = 0.0

    @property
    def spare(self) -> bool:
        """Whether each call counts."""
        return self.growth >= 2

    def next(self) -> float:
        """The seconds of the next pause, which makes the one behind it longer."""
        now = self._next or self.poll
        self._next = max(self.poll, min(now * self.growth, self.longest))
        return now

    def pause(self, most: float = float("inf"), wake: Callable[[], bool] | None = None) -> None:
        """Wait, for no longer than ``most`` and a moment; less where ``wake``, which is asked meanwhile, says so."""
        left = min(self.next(), most + self.poll)
        while wake is not None and left > self.poll:
            self.sleep(self.poll)
            left -= self.poll
            if wake():
                return
        self.sleep(left)

    def brisk(self) -> Rhythm:
        """For a few looks that are worth their calls: at something that went wrong."""
        return Rhythm(self.poll * 3, 1.5, self.longest, self.sleep) if self.spare else self.again()

    def again(self) -> Rhythm:
        """The same from its beginning, for a new phase; a spare one goes on as it is."""
        return self if self.spare else Rhythm(self.poll, self.growth, self.longest, self.sleep)


def rhythm(allowed: Allowance, limits: Limits, pace: Pace, *, app_tells: bool) -> Rhythm:
    """The rhythm that fits a key. ``app_tells``: the app proves its commit, so that a deploy ends well without Dokploy."""
    if allowed.known and (allowed.calls is None or allowed.calls >= most_calls(limits, pace)):
        return Rhythm(pace.poll)
    return Rhythm(pace.poll, 2.0, pace.poll * (30 if app_tells and allowed.calls is None else 120))
