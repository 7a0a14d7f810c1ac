"""Which deployment is ours: titles carry a nonce while a job waits and runs, and are overwritten with the commit at its
end."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

import msgspec

from lockgate.deploy.records import Deployment, Job

_TITLE = re.compile(r"gate ([0-9a-f]+) ([0-9a-f]{12})")


class Ticket(msgspec.Struct, frozen=True):
    """One order to deploy: enough to find its deployment again, after our own death too."""

    compose_id: str
    commit: str
    nonce: str
    known: frozenset[str] = msgspec.field(default_factory=frozenset)  # ids of the deployments before the order

    @property
    def title(self) -> str:
        return f"gate {self.nonce} {self.commit[:12]}"

    @property
    def description(self) -> str:
        return f"lockgate {self.nonce} {self.commit}"


def fresh_nonce() -> str:
    """A word that no other order has."""
    return secrets.token_hex(6)


class FoundOrder(msgspec.Struct, frozen=True):
    """Our deployment."""

    deployment: Deployment


class Waiting(msgspec.Struct, frozen=True):
    """Our job is queued and has no record yet."""

    state: str


class Nowhere(msgspec.Struct, frozen=True):
    """Neither a job nor a record of ours. ``candidates``: new records that may be ours or another's."""

    candidates: tuple[Deployment, ...] = ()


Place = FoundOrder | Waiting | Nowhere


def locate(
    ticket: Ticket, deployments: Sequence[Deployment], jobs: Sequence[Job] | None, *, certain: bool = True
) -> Place:
    """Where our order is. By nonce as long as the record bears it; else the single new record of our commit.

    A record that has lost its title is taken only when it is alone: two would mean that a webhook deployed the same
    commit beside us; and only where it is ``certain`` that no queue holds ours still. No clock is asked: what was not
    there before the order came after it.
    """
    fresh = [d for d in deployments if d.id not in ticket.known]
    found = by_nonce(ticket, fresh)
    if found is not None:
        return FoundOrder(found)
    for job in jobs or ():
        if ticket.nonce in job.title or ticket.nonce in job.description:
            return Waiting(job.state)
    candidates = tuple(d for d in fresh if d.commit)
    ours = alone(ticket, candidates)
    return FoundOrder(ours) if ours is not None and certain else Nowhere(candidates)


def by_nonce(ticket: Ticket, deployments: Sequence[Deployment]) -> Deployment | None:
    """The record that bears the order's nonce still."""
    return next(
        (
            d
            for d in deployments
            if d.id not in ticket.known and (ticket.nonce in d.title or ticket.nonce in d.description)
        ),
        None,
    )


def alone(ticket: Ticket, candidates: Sequence[Deployment]) -> Deployment | None:
    """The one record of our commit."""
    ours = [d for d in candidates if d.commit == ticket.commit]
    return ours[0] if len(ours) == 1 else None


def under_way(
    compose_id: str, commit: str, deployments: Sequence[Deployment], jobs: Sequence[Job] | None
) -> Ticket | None:
    """The order of an earlier gate for the same commit that still waits or runs, or a webhook's: to be followed, not to
    be repeated."""
    titles = [j.title for j in jobs or ()] + [d.title for d in deployments if d.status == "running"]
    for title in titles:
        match = _TITLE.fullmatch(title)
        if match and match.group(2) == commit[:12]:
            return _ticket(compose_id, commit, match.group(1), deployments)
    told = [j.description for j in jobs or ()] + [d.description for d in deployments if d.status == "running"]
    pushed = any(words.strip() == f"Hash: {commit}" for words in told)
    return _ticket(compose_id, commit, commit, deployments) if pushed else None


def _ticket(compose_id: str, commit: str, nonce: str, deployments: Sequence[Deployment]) -> Ticket:
    known = frozenset(d.id for d in deployments if nonce not in d.title and nonce not in d.description)
    return Ticket(compose_id, commit, nonce, known)


def finished(compose_id: str, commit: str, deployments: Sequence[Deployment]) -> tuple[Ticket, Deployment] | None:
    """The newest deployment, where it is done and of this commit: what runs, if it runs."""
    newest = deployments[0] if deployments else None
    if newest is None or newest.status != "done" or newest.commit != commit:
        return None
    return Ticket(compose_id, commit, commit, frozenset(d.id for d in deployments[1:])), newest


def newer(ticket: Ticket, deployment_id: str, deployments: Sequence[Deployment]) -> tuple[Deployment, ...]:
    """The deployments that began after ours, newest first."""
    ids = [d.id for d in deployments]
    before = deployments[: ids.index(deployment_id)] if deployment_id in ids else deployments
    return tuple(d for d in before if d.id not in ticket.known)


def gated(titles: Sequence[str]) -> set[str]:
    """The commits (twelve digits) that gates ordered, by the titles of their orders."""
    return {match.group(2) for title in titles if (match := _TITLE.fullmatch(title))}


def by_id(deployments: Sequence[Deployment], deployment_id: str) -> Deployment | None:
    """The record of a locked id; None once it is gone from the list (about ten are kept)."""
    return next((d for d in deployments if d.id == deployment_id), None)
