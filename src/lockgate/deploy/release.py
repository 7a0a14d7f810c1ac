"""One release: order it once, find it, follow it to its end, prove its commit, and wait until it is healthy."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace

from lockgate.deploy import containers as docker
from lockgate.deploy import follow
from lockgate.deploy.asking import AppProof, Asker, ProvenByApp
from lockgate.deploy.dokploy import Dokploy, DokployRefused, Unsettled
from lockgate.deploy.ending import RESUME, Clock, DeployResult, End, GoneLive, Limits, LostClock, Pace, Stop
from lockgate.deploy.follow import FoundOrder, Nowhere, Place, Ticket, Waiting, alone, by_id, locate
from lockgate.deploy.health import HealthProbe
from lockgate.deploy.loglines import cause
from lockgate.deploy.records import Compose, Deployment
from lockgate.deploy.rhythm import Rhythm
from lockgate.deploy.rollout import Rollout
from lockgate.deploy.screen import Screen
from lockgate.deploy.state import Memory, Store


class ReleaseRun(msgspec.Struct):
    """The hands of a release: the server, the screen, the memory, the limits."""

    dokploy: Dokploy
    compose: Compose
    store: Store
    screen: Screen
    probe: Callable[[str], HealthProbe | None]  # of the commit that must answer
    limits: Limits = msgspec.field(default_factory=Limits)
    pace: Pace = msgspec.field(default_factory=Pace)
    rhythm: Rhythm = msgspec.field(default_factory=lambda: Rhythm(1.0))
    passed: Callable[[str], bool] = lambda commit: False  # whether the forge says that a commit passed the gate
    answered: bool | None = None  # whether the health URL was right before the order; None: not asked
    notes: tuple[str, ...] = ()
    locked: str = ""  # the deployment's id
    _asker: Asker | None = None  # while it runs
    _elsewhere: bool = False  # the order went into a queue that this Dokploy does not show
    _titles: dict[str, str] = msgspec.field(default_factory=dict)  # of the records, before they are overwritten
    _seen: Deployment | None = None  # ours, as it was last
    _started: str = ""

    @property
    def asker(self) -> Asker:
        """Who asks Dokploy."""
        assert self._asker is not None, "only while it runs"
        return self._asker

    def run(self, memory: Memory, *, order: bool) -> DeployResult:
        """Order (or only follow) and see it through. Never raises for anything that a server does."""
        ticket, self.locked = memory.ticket, memory.deployment
        probe = self.probe(ticket.commit)
        app = AppProof(probe, self.pace.settle) if probe is not None and probe.expectation.commit else None
        self._asker = Asker(self.screen, self.rhythm, self.pace, app)
        unproven = ""
        try:
            if order:
                self._order(ticket)
            self._see_through(ticket)
            unproven = self._await_running(memory, probe)
            self._prove_latest(ticket)
        except ProvenByApp as proof:
            self._note(f"{proof}: the app itself proved the commit, and the containers were not looked at")
        except Stop as stop:
            return self._stopped(stop, memory)
        except DokployRefused as error:
            return DeployResult(
                End.UNKNOWN, error.message, f"{error.remedy}; then {RESUME}", "", self.locked, self.notes
            )
        self.store.advance("ended")
        words = f"{ticket.commit[:12]} is deployed and healthy" + (f"; {unproven}" if unproven else "")
        return DeployResult(End.HEALTHY, words, "", "", self.locked, self.notes, unproven)

    def _stopped(self, stop: Stop, memory: Memory) -> DeployResult:
        """How it ended, unless a newer commit that passed the gate has taken over."""
        result = stop.result
        red = (End.WRONG_COMMIT, End.UNHEALTHY, End.CRASH_LOOP, End.UNCHANGED)
        if result.end in red and (newer := self._superseded(memory.ticket, result.other)):
            result = newer
        elif result.end is End.WRONG_COMMIT and result.other is not None:
            other = GoneLive(result.other.commit, self._look_at(result.other.commit, memory))
            result = replace(result, other=other, message=f"{result.message}; {other.commit[:12]} is {other.words}")
        if result.end is not End.UNKNOWN:
            self.store.advance("ended")
        return replace(result, deployment=self.locked, notes=self.notes)

    @property
    def _wake(self) -> Callable[[], bool] | None:
        """While Dokploy is asked seldom, the app is asked: where it has the commit, it is time to look."""
        return self.asker.app.look if self.asker.app is not None and self.rhythm.spare else None

    def _see_through(self, ticket: Ticket) -> None:
        if not self.locked:
            self._seen = self._find(ticket)
            self.locked = self._seen.id
        self.store.advance("running", self.locked)
        self._await_end(self.locked)
        self._prove_commit(ticket, self.locked)

    def _await_running(self, memory: Memory, probe: HealthProbe | None) -> str:
        """Watch containers and health; what was not proven. Raises Stop."""
        ordered = time.monotonic() - max(0.0, time.time() - memory.at)
        rollout = Rollout(
            self.dokploy,
            self.compose,
            self.asker,
            probe,
            self.limits,
            self.pace,
            docker.ContainerWatch(memory.stale, ordered),
            memory.before,
            self._began(memory),
            self.answered,
            lambda: self._superseded(memory.ticket, None) is not None,
        )
        try:
            return rollout.await_running()
        finally:
            self.notes += rollout.notes

    def _began(self, memory: Memory) -> float | None:
        """Seconds since the deployment began, by Dokploy's clock; since the order where its record does not tell."""
        try:
            at = datetime.fromisoformat(self._started.replace("Z", "+00:00")).timestamp()
        except (ValueError, AttributeError):
            return max(0.0, time.time() - memory.at)
        return max(0.0, self.dokploy.now() - at)

    def _look_at(self, commit: str, memory: Memory) -> str:
        """How a commit stands that went live unproven, in words."""
        self._note(f"{commit[:12]} went live without proof: it is looked at all the same")
        try:
            unproven = self._await_running(memory, self.probe(commit))
        except Stop as stop:
            return f"{stop.result.end.value}: {stop.result.message}"
        except (ProvenByApp, DokployRefused) as error:
            return f"not looked at: {error}"
        return "healthy" + (f"; {unproven}" if unproven else "")

    def _superseded(self, ticket: Ticket, other: GoneLive | None) -> DeployResult | None:
        """The result where a newer commit that passed the gate took over; None where none did, or nobody can tell."""
        try:
            jobs = self.dokploy.queue(ticket.compose_id) or ()
            rows = self._rows()
        except (DokployRefused, Unsettled):
            return None
        newer = follow.newer(ticket, self.locked, rows)
        gated = follow.gated([*(r.title for r in newer), *(self._titles.get(r.id, "") for r in newer)])
        if other is not None:
            gated |= follow.gated([j.title for j in jobs])
        wanted = [other.commit] if other else [r.commit for r in newer if r.commit]
        found = next((c for c in wanted if c != ticket.commit and (c[:12] in gated or self.passed(c))), "")
        if not found and other is None:
            found = next(iter(gated - {ticket.commit[:12]}), "")
        return _superseded_by(ticket, found) if found else None

    def _order(self, ticket: Ticket) -> None:
        self.screen.phase("order")
        try:
            self._elsewhere = self.dokploy.deploy(ticket.compose_id, ticket.title, ticket.description)
        except DokployRefused as error:
            raise Stop(End.NOT_ORDERED, f"Dokploy did not take the order: {error.message}", error.remedy) from None
        except Unsettled as error:
            if not error.sent:
                self.store.advance("ended")
                raise Stop(
                    End.NOT_ORDERED,
                    f"the order did not reach Dokploy: {error.message}",
                    "nothing was triggered: run the gate again",
                ) from None
            self._search(ticket, error)
        self.store.advance("ordered")
        if self.rhythm.spare:
            self.rhythm.pause()

    def _search(self, ticket: Ticket, error: Unsettled) -> None:
        """After a POST without an answer: it is never repeated, its traces are looked for."""
        self.screen.say(f"{error.message}: looking for the order before anything else is done")
        self.screen.phase("search", self.pace.lookup)
        clock, pause = Clock(self.pace.lookup), self.rhythm.again()
        while isinstance(place := self.asker.ask(lambda: self._place(ticket), clock, "looking for the order"), Nowhere):
            if clock.over and alone(ticket, place.candidates) is not None:
                return
            if clock.over:
                raise Stop(
                    End.UNKNOWN, "nobody knows whether Dokploy took the order: no answer, and no trace of it", RESUME
                )
            pause.pause(clock.left)

    def _place(self, ticket: Ticket, taken: bool = False) -> Place | None:
        """Where the order is. The records first, which mostly tell; a job that starts or ends between the two questions
        is found by the next look. None where the queue was not asked, to spare a call: an order that was taken is in it."""
        rows = self._rows()
        found = follow.by_nonce(ticket, rows)
        if found is not None:
            return FoundOrder(found)
        if taken and self.rhythm.spare and not any(d.commit for d in rows if d.id not in ticket.known):
            return None
        return locate(ticket, rows, self.dokploy.queue(ticket.compose_id), certain=self._queue_is_known)

    def _rows(self) -> tuple[Deployment, ...]:
        """The records, of which the titles are written down before Dokploy overwrites them."""
        rows = self.dokploy.deployments(self.compose.id)
        self._titles |= {r.id: r.title for r in rows if follow.gated([r.title])}
        return rows

    def _find(self, ticket: Ticket) -> Deployment:
        self.screen.phase("queue", self.limits.queue)
        clock, lost, pause = Clock(self.limits.queue), LostClock(self.pace.lost), self.rhythm.again()
        late = Clock(self.pace.lost)
        while True:
            errors = self.asker.errors
            taken = lost.calm and not late.over
            place = self.asker.ask(partial(self._place, ticket, taken), clock, "the deployment was not found in time")
            # A Dokploy that has just come back may not have read its queue yet.
            if place is not None:
                lost.look(isinstance(place, Nowhere), fresh=self.asker.errors != errors)
            match place:
                case None:
                    self.screen.detail("no record yet")
                case FoundOrder(deployment):
                    return deployment
                case Waiting(state):
                    self.screen.detail(f"queued ({state})")
                case Nowhere(candidates):
                    self.screen.detail("no record yet")
                    if lost.over and (found := alone(ticket, candidates)) is not None:
                        return found
                    if lost.over and self._queue_is_known:
                        raise self._lost(ticket, candidates)
            if clock.over:
                raise Stop(End.UNKNOWN, f"the deployment did not start within {self.limits.queue:.0f} s", RESUME)
            pause.pause(min(clock.left, lost.left), self._wake)

    @property
    def _queue_is_known(self) -> bool:
        return self.dokploy.queue_is_known and not self._elsewhere and not self.compose.server_id

    def _lost(self, ticket: Ticket, candidates: tuple[Deployment, ...]) -> Stop:
        same = [d for d in candidates if d.commit == ticket.commit]
        if len(same) > 1:
            return Stop(
                End.UNKNOWN,
                f"{len(same)} deployments of this commit ran at once: none can be told to be the gate's",
                "cut the webhook",
            )
        if candidates:
            other = candidates[0]
            return Stop(
                End.WRONG_COMMIT,
                f"the only new deployment is of commit {other.commit[:12]}, not of {ticket.commit[:12]}",
                _MOVED,
                other=GoneLive(other.commit, ""),
            )
        asked = self.store.memory is None or self.store.memory.phase != "ordering"
        return Stop(
            End.UNKNOWN,
            "Dokploy no longer has the order, and no deployment came of it: a restart empties its queue"
            if asked
            else "no trace of the order: most likely it never reached Dokploy",
            "see Dokploy's list of deployments; if there is none of this commit, run the gate again",
        )

    def _await_end(self, deployment_id: str) -> None:
        self.screen.phase("deploy", self.limits.deploy)
        clock, pause, first = Clock(self.limits.deploy), self.rhythm.again(), True
        while True:
            record = self._seen if self._seen is not None and first else self._record(deployment_id, clock)
            first, self._seen, self._started = False, record, record.started_at or record.created_at
            if record.status == "done":
                return
            if record.status == "cancelled":
                raise Stop(
                    End.CANCELLED,
                    "the deployment was cancelled: Dokploy restarted, or somebody stopped it",
                    f"see what runs now ({self._standing()}), then run the gate again",
                    self.dokploy.log_tail(deployment_id),
                )
            if record.status == "error":
                raise self._failed(record)
            self.screen.detail(record.status)
            if clock.over:
                raise Stop(End.UNKNOWN, f"the deployment still runs after {self.limits.deploy:.0f} s", RESUME)
            pause.pause(clock.left, self._wake)

    def _failed(self, record: Deployment) -> Stop:
        log = self.dokploy.log_tail(record.id)
        why = record.error or cause(log)
        return Stop(
            End.FAILED,
            "Dokploy's deployment failed" + (f": {why}" if why else ""),
            f"containers now: {self._standing()}. Mend what the log shows and push again",
            log,
        )

    def _record(self, deployment_id: str, clock: Clock) -> Deployment:
        rows = self.asker.ask(self._rows, clock, "the deployment could not be followed")
        record = by_id(rows, deployment_id)
        if record is None:
            raise Stop(
                End.UNKNOWN,
                f"the deployment {deployment_id} is gone from Dokploy's list",
                "see Dokploy's list of deployments",
            )
        return record

    def _prove_commit(self, ticket: Ticket, deployment_id: str) -> None:
        """Dokploy clones the branch when the job starts: only the title it writes at the end tells what went live."""
        if self.compose.source_type == "raw":
            self._note("the compose file lies in Dokploy (raw source): no commit can be compared")
            return
        self.screen.phase("commit", self.pace.grace)
        clock, pause = Clock(self.pace.grace), self.rhythm.again()
        record = self._seen or self._record(deployment_id, clock)
        while not record.commit and not clock.over:
            pause.pause(clock.left)
            record = self._record(deployment_id, clock)
        if not record.commit:
            raise Stop(
                End.UNKNOWN,
                "Dokploy does not say which commit it deployed: unverified",
                f"see the deployment in Dokploy; the gated commit is {ticket.commit}",
            )
        if record.commit != ticket.commit:
            raise Stop(
                End.WRONG_COMMIT,
                f"Dokploy deployed {record.commit[:12]}, and the gate proved {ticket.commit[:12]}",
                _MOVED,
                other=GoneLive(record.commit, ""),
            )

    def _prove_latest(self, ticket: Ticket) -> None:
        """What was healthy must have been ours: nothing else may have been deployed meanwhile."""
        rows = self.asker.ask_once(self._rows, Clock(self.pace.grace), "the last look failed")
        if rows is None:
            self._note("whether another deployment began meanwhile was not looked at: the key's limit is used up")
            return
        newer = follow.newer(ticket, self.locked, rows)
        if not newer or newer[0].commit == ticket.commit:
            return
        result = self._superseded(ticket, None)
        if result is not None:
            raise Stop(result.end, result.message, result.remedy)
        raise Stop(
            End.UNKNOWN,
            f'another deployment began before this one was proven healthy: "{newer[0].title[:60]}"',
            "if it is the next gate's, that one will tell; if not, something deploys around the gate: turn autoDeploy off",
        )

    def _standing(self) -> str:
        try:
            found = self.dokploy.containers(self.compose)
        except (DokployRefused, Unsettled):
            return "unknown"
        return docker.summary(found) if found else "none listed"

    def _note(self, text: str) -> None:
        self.notes += (text,)
        self.screen.say(f"note: {text}")


def _superseded_by(ticket: Ticket, commit: str) -> DeployResult:
    return DeployResult(
        End.SUPERSEDED,
        f"{ticket.commit[:12]} is superseded: {commit[:12]} passed the gate and took over",
        "nothing to do: the newer one's gate tells how it stands",
    )


_MOVED = (
    "the branch moved between proof and deploy: let the newer commit pass the gate now, or put the branch back and deploy "
    "again; for good: a branch that only the gate moves ([deploy] branch, `lockgate promote`)"
)
