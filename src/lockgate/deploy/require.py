"""Green is more than ours: the other checks of the commit, by their commit statuses."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from lockgate.deploy.ending import Clock, Pace
from lockgate.deploy.gitea import GiteaClient, GiteaError
from lockgate.deploy.proof import GateVerdict
from lockgate.deploy.screen import Screen

_RED = ("failure", "error", "cancelled", "timed_out", "action_required", "stale")


class Standing(msgspec.Struct, frozen=True):
    """How the required statuses stand."""

    red: tuple[str, ...] = ()
    open: tuple[str, ...] = ()  # pending, or not there yet


def standing(required: Sequence[str], states: Mapping[str, str]) -> Standing:
    """Each required status by its state; only success is success. A ``*`` stands for any text, and every status that it
    matches counts."""
    red: list[str] = []
    open_: list[str] = []
    for name in required:
        found = {c: s for c, s in states.items() if c == name or ("*" in name and fnmatchcase(c, _escaped(name)))}
        if not found and (job := _job(name)) in states:
            found = {job: states[job]}
        for context, state in found.items():
            if state in _RED or state not in ("success", "pending"):
                red.append(f"{context}: {state}")
            elif state == "pending":
                open_.append(f"{context}: pending")
        if not found:
            open_.append(f"{name}: not there")
    return Standing(tuple(dict.fromkeys(red)), tuple(dict.fromkeys(open_)))


def _job(name: str) -> str:
    """The job of ``workflow / job (event)``, which is all that GitHub's check runs name."""
    return name.rpartition(" / ")[2].rpartition(" (")[0] or name.rpartition(" / ")[2]


def _escaped(pattern: str) -> str:
    return pattern.replace("[", "[[]").replace("?", "[?]")


def wait(
    forge: GiteaClient, commit: str, required: Sequence[str], timeout: float, pace: Pace, screen: Screen
) -> GateVerdict:
    """Wait until all are green (green), one is red (1), or the time is over (3)."""
    clock, pause, states = Clock(timeout), max(pace.poll, min(5.0, timeout / 20)), dict[str, str]()
    while True:
        try:
            states = forge.latest(commit)
            now, trouble = standing(required, states), ""
        except GiteaError as error:
            now, trouble = Standing(open=tuple(required)), str(error)
        if now.red:
            return GateVerdict(False, tuple(f"required status {words}" for words in now.red), 1)
        if not now.open:
            return GateVerdict(True, (), 0, f"{len(required)} required statuses are green")
        if clock.over:
            return GateVerdict(False, (_late(now, states, timeout, trouble),), 3)
        screen.detail(trouble or "; ".join(now.open))
        time.sleep(min(pause, clock.left + pace.poll))


def _late(now: Standing, states: Mapping[str, str], timeout: float, trouble: str) -> str:
    if trouble:
        return f"the required statuses could not be read: {trouble}"
    there = ", ".join(sorted(c for c in states if not c.startswith("lockgate/"))) or "none"
    return f"required and not green within {timeout:.0f} s: {'; '.join(now.open)} (statuses of this commit: {there})"


def own(required: Sequence[str], environ: Mapping[str, str]) -> str:
    """The required status that is this job's own, which would wait for itself; "" where none is."""
    job = f"{environ.get('GITHUB_WORKFLOW', '')} / {environ.get('GITHUB_JOB', '')} ({environ.get('GITHUB_EVENT_NAME', 'push')})"
    mine = {job, "lockgate/deploy", "lockgate/promote"}
    return next((name for name in required if name in mine), "")
