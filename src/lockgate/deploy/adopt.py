"""An order, or what there is of one already: under way, or finished. What an earlier gate knew is read from its state, or
from the commit status that it posted, which outlives the machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lockgate.base.errors import LockgateError
from lockgate.deploy import follow
from lockgate.deploy.containers import ended
from lockgate.deploy.dokploy import Dokploy
from lockgate.deploy.follow import Ticket
from lockgate.deploy.records import Container
from lockgate.deploy.state import Memory, Store

ORDER = re.compile(r"order ([0-9a-f]{12}) at (\d+)(?:; before((?: [0-9a-f]{8})*))?")
_ROOM = 10  # container ids in a status


_UNENDED = ("could not be carried out", "unknown", "the gate itself broke")


class Posted(msgspec.Struct, frozen=True):
    """What the commit statuses tell of an order: its nonce, when, and what ran before. ``open``: none tells its end."""

    nonce: str = ""
    at: float = 0.0
    before: frozenset[str] | None = None
    open: bool = False


class Start(msgspec.Struct, frozen=True):
    """Where a release begins."""

    ticket: Ticket
    new: bool
    words: str = ""  # why nothing is ordered
    deployment: str = ""  # of one that has a record


def look(dokploy: Dokploy, compose_id: str, commit: str) -> Start:
    """The order under way for this commit, its finished deployment, or a new order. The queue is asked first: a job that
    starts between the two questions is then in the records. Raises DokployRefused, Unsettled."""
    queue = dokploy.queue(compose_id)
    records = dokploy.deployments(compose_id)
    earlier = follow.under_way(compose_id, commit, records, queue)
    if earlier is not None:
        whose = "the webhook's" if earlier.nonce == commit else "an earlier gate's"
        return Start(earlier, False, f"{whose} deployment of this commit is under way: it is followed, not repeated")
    done = follow.finished(compose_id, commit, records)
    if done is not None:
        words = "this commit is deployed already: its health is proven, and nothing is ordered (--again orders it anew)"
        return Start(done[0], False, words, done[1].id)
    return Start(Ticket(compose_id, commit, follow.fresh_nonce(), frozenset(d.id for d in records)), True)


def fresh(start: Start) -> Start:
    """A new order, whatever there is."""
    ticket = start.ticket
    known = ticket.known | ({start.deployment} if start.deployment else frozenset())
    return Start(Ticket(ticket.compose_id, ticket.commit, follow.fresh_nonce(), known), True)


def memory(
    start: Start,
    server: str,
    store: Store,
    posted: Posted,
    found: Sequence[Container] | None,
    override: str,
) -> Memory:
    """What is remembered of the order from here on; of an earlier gate's also what that one remembered."""
    if start.new and not posted.nonce:
        before = None if found is None else frozenset(c.id for c in found if c.id)
        return Memory(server, start.ticket, "ordering", "", ended(found), override, before)
    earlier = _earlier(store, start, server)
    if earlier is not None:
        deployment = start.deployment or earlier.deployment
        return msgspec.structs.replace(earlier, phase="ordered", deployment=deployment)
    if not posted.nonce:
        return Memory(server, start.ticket, "ordered", start.deployment, override=override)
    known = start.ticket
    ticket = Ticket(known.compose_id, known.commit, posted.nonce, known.known) if start.new else known
    return Memory(server, ticket, "ordered", start.deployment, override=override, before=posted.before, at=posted.at)


def posted(rows: Sequence[Mapping[str, Any]]) -> Posted:
    """The order of an earlier gate, by the statuses of a commit, newest first."""
    open_ = True
    for row in rows:
        if row.get("context") != "lockgate/deploy":
            continue
        words_, state = str(row.get("description", "")), row.get("status") or row.get("state")
        match = ORDER.search(words_) if state == "pending" else None
        if match is not None:
            before = None if match.group(3) is None else frozenset(match.group(3).split())
            return Posted(match.group(1), float(match.group(2)), before, open_)
        open_ = open_ and (state == "pending" or words_.startswith(_UNENDED))
    return Posted()


def _earlier(store: Store, start: Start, server: str) -> Memory | None:
    try:
        found = store.read()
    except LockgateError:
        return None
    if found is None or found.server != server or found.ticket.commit != start.ticket.commit:
        return None
    return found if found.ticket.compose_id == start.ticket.compose_id else None


def words(memory: Memory) -> str:
    """The memory in a commit status: ``deploying: order 1a2b3c4d5e6f at 1732999999; before 0a1b2c3d``."""
    nonce = memory.ticket.nonce if len(memory.ticket.nonce) == 12 else ""
    if not nonce:
        return "deploying"
    text = f"deploying: order {nonce} at {memory.at:.0f}"
    ids = sorted(i[:8] for i in memory.before or ())
    fits = memory.before is not None and len(ids) <= _ROOM and all(re.fullmatch("[0-9a-f]{8}", i) for i in ids)
    return text + ("; before" + "".join(f" {i}" for i in ids) if fits else "")
