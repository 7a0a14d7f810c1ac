"""What is looked at before anything is triggered: key, permission, id, branch, and ways around the gate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from lockgate.base.errors import UsageError
from lockgate.deploy.dokploy import Dokploy
from lockgate.deploy.ending import Limits, Pace
from lockgate.deploy.records import Compose
from lockgate.deploy.secret import Secret


class Settings(msgspec.Struct, frozen=True):
    """What Dokploy holds for the compose, and what that means for the gate."""

    compose: Compose
    command: str  # what Dokploy will run, "" where it does not say
    reasons: tuple[str, ...] = ()  # each closes the gate
    notes: tuple[str, ...] = ()
    settled: tuple[str, ...] = ("autoDeploy",)  # the settings of which reasons and notes tell


def inspect(dokploy: Dokploy, compose_id: str, branch: str, *, allow_auto_deploy: bool) -> Settings:
    """Read the compose and its records. Raises Refused, Unsettled."""
    compose = dokploy.compose(compose_id)
    dokploy.deployments(compose_id)
    reasons: list[str] = []
    notes: list[str] = []
    if compose.auto_deploy:
        around = f'autoDeploy is on for "{compose.name}": a push deploys around the gate'
        if allow_auto_deploy:
            notes.append(around)
        else:
            reasons.append(f"{around} (turn it off in Dokploy and remove the webhook, or --allow-auto-deploy)")
    if compose.branch and compose.branch != branch:
        reasons.append(f"Dokploy deploys the branch {compose.branch}, the gate lets {branch} through")
    if compose.status == "running":
        notes.append("another deployment of this compose is running: ours waits behind it")
    # A command of one's own is written without the `docker` that Dokploy puts before it.
    command = compose.command or dokploy.effective_command(compose_id).removeprefix("docker ")
    return Settings(compose, command, tuple(reasons), tuple(notes))


def refuse_limited_key(keys: Iterable[dict[str, Any]], key: Secret, limits: Limits, pace: Pace) -> None:
    """Raise UsageError for a key whose limit would end it in the middle of a deploy. Every call counts twice
    (dokploy.md, A5)."""
    ours = [k for k in keys if isinstance(k["start"], str) and k["start"] and key.reveal().startswith(k["start"])]
    if not ours:
        return
    entry = ours[0]
    needed = most_calls(limits, pace) * 2
    remaining = entry["remaining"]
    if isinstance(remaining, int) and remaining < needed:
        raise UsageError(
            f"the API key has {remaining} requests left; each call counts twice, and a deploy may need {needed}",
            _UNLIMITED,
        )
    most, window = entry["rateLimitMax"], entry["rateLimitTimeWindow"]
    if (
        entry["rateLimitEnabled"] is not True
        or not isinstance(most, int)
        or not isinstance(window, int | float)
        or window <= 0
    ):
        return
    asked = min(needed, int(window / 1000 / pace.poll * 2) + 1)
    if most < asked:
        raise UsageError(
            f"the API key is limited to {most} requests in {window / 1000:.0f} s, each call counts twice, and a deploy needs {asked}",
            _UNLIMITED,
        )


def most_calls(limits: Limits, pace: Pace) -> int:
    """How many calls a deploy makes that uses all of its time: two for each look at the queue, one for each look
    later."""
    return int((limits.queue * 2 + limits.deploy + limits.health * 2) / pace.poll) + LEAST_CALLS


LEAST_CALLS = 20  # before the order 7, to find and to follow it, and while the containers settle; a test counts them

_UNLIMITED = "make a key in Dokploy's Settings > Profile > API/CLI, without rate limit (keys made through the API have one by default)"
