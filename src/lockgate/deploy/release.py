"""One release: order it once, find it, follow it to its end, prove its commit, and wait until it is healthy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from lockgate.deploy import containers as docker
from lockgate.deploy.dokploy import Dokploy, DokployRefused, Unsettled
from lockgate.deploy.ending import Clock, DeployResult, End, Limits, Pace, Stop
from lockgate.deploy.follow import FoundOrder, Nowhere, Place, Ticket, Waiting, alone, by_id, locate
from lockgate.deploy.health import HealthProbe, host
from lockgate.deploy.records import Compose, Container, Deployment
from lockgate.deploy.screen import Screen
from lockgate.deploy.state import Memory, Store

T = TypeVar("T")


RESUME = "`lockgate deploy --resume` follows it; do not deploy again before you know"


class ReleaseRun(msgspec.Struct):
    """The hands of a release: the server, the screen, the memory, the limits."""

    dokploy: Dokploy
    compose: Compose
    store: Store
    screen: Screen
    probe: HealthProbe | None
    limits: Limits = msgspec.field(default_factory=Limits)
    pace: Pace = msgspec.field(default_factory=Pace)
    notes: tuple[str, ...] = ()
    _elsewhere: bool = False  # the order went into a queue that this Dokploy does not show

    def run(self, memory: Memory, *, order: bool) -> DeployResult:
        """Order (or only follow) and see it through. Never raises for anything that a server does."""
        ticket, locked = memory.ticket, memory.deployment
        ordered = time.monotonic() - max(0.0, time.time() - memory.at)
        try:
            if order:
                self._order(ticket)
            locked = locked or self._find(ticket).id
            self.store.advance("running", locked)
            self._await_end(locked)
            self._prove_commit(ticket, locked)
            watch = self._await_containers(docker.ContainerWatch(memory.stale, ordered))
            self._await_health(watch)
            self._prove_latest(ticket, locked)
            self.store.advance("ended")
        except Stop as stop:
            if stop.result.end is not End.UNKNOWN:
                self.store.advance("ended")
            return replace(stop.result, deployment=locked, notes=self.notes)
        except DokployRefused as error:
            return DeployResult(End.UNKNOWN, error.message, f"{error.remedy}; then {RESUME}", "", locked, self.notes)
        return DeployResult(End.HEALTHY, f"{ticket.commit[:12]} is deployed and healthy", "", "", locked, self.notes)

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

    def _search(self, ticket: Ticket, error: Unsettled) -> None:
        """After a POST without an answer: it is never repeated, its traces are looked for."""
        self.screen.say(f"{error.message}: looking for the order before anything else is done")
        self.screen.phase("search", self.pace.lookup)
        clock = Clock(self.pace.lookup)
        while isinstance(place := self._ask(lambda: self._place(ticket), clock, "looking for the order"), Nowhere):
            if clock.over and alone(ticket, place.candidates) is not None:
                return
            if clock.over:
                raise Stop(
                    End.UNKNOWN, "nobody knows whether Dokploy took the order: no answer, and no trace of it", RESUME
                )
            time.sleep(self.pace.poll)

    def _place(self, ticket: Ticket) -> Place:
        jobs = self.dokploy.queue(ticket.compose_id)
        # The queue first: a job that starts between the two questions is then in the records.
        return locate(ticket, self.dokploy.deployments(ticket.compose_id), jobs, certain=self._queue_is_known)

    def _find(self, ticket: Ticket) -> Deployment:
        self.screen.phase("queue", self.limits.queue)
        clock, lost = Clock(self.limits.queue), Clock(self.pace.lost)
        while True:
            place = self._ask(lambda: self._place(ticket), clock, "the deployment was not found in time")
            match place:
                case FoundOrder(deployment):
                    return deployment
                case Waiting(state):
                    lost = Clock(self.pace.lost)
                    self.screen.detail(f"queued ({state})")
                case Nowhere(candidates):
                    self.screen.detail("no record yet")
                    if lost.over and (found := alone(ticket, candidates)) is not None:
                        return found
                    if lost.over and self._queue_is_known:
                        raise self._lost(ticket, candidates)
            if clock.over:
                raise Stop(End.UNKNOWN, f"the deployment did not start within {self.limits.queue:.0f} s", RESUME)
            time.sleep(self.pace.poll)

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
        clock = Clock(self.limits.deploy)
        while True:
            record = self._record(deployment_id, clock)
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
                why = f": {record.error}" if record.error else ""
                raise Stop(
                    End.FAILED,
                    f"Dokploy's deployment failed{why}",
                    f"containers now: {self._standing()}. Mend what the log shows and push again",
                    self.dokploy.log_tail(deployment_id),
                )
            self.screen.detail(record.status)
            if clock.over:
                raise Stop(End.UNKNOWN, f"the deployment still runs after {self.limits.deploy:.0f} s", RESUME)
            time.sleep(self.pace.poll)

    def _record(self, deployment_id: str, clock: Clock) -> Deployment:
        rows = self._ask(
            lambda: self.dokploy.deployments(self.compose.id), clock, "the deployment could not be followed"
        )
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
        clock = Clock(self.pace.grace)
        record = self._record(deployment_id, clock)
        while not record.commit and not clock.over:
            time.sleep(self.pace.poll)
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
            )

    def _await_containers(self, watch: docker.ContainerWatch) -> docker.ContainerWatch | None:
        self.screen.phase("containers", self.limits.health)
        clock, empty = Clock(self.limits.health), 0
        while True:
            found = self._containers(clock, inspect=not watch.now)
            empty = empty + 1 if not found else 0
            if found is None or empty >= 3:
                self._note("Dokploy does not list the containers: a crash loop can only be seen by its health")
                return None
            watch.sample(found, time.monotonic())
            self._stop_on_crash_loop(watch, clock)
            if found and not watch.troubles:
                return watch
            self.screen.detail("; ".join(watch.troubles) or "none yet")
            if clock.over:
                raise Stop(End.UNHEALTHY, "containers are not up: " + "; ".join(watch.troubles), _ROLL_BACK)
            time.sleep(self.pace.poll)

    def _containers(self, clock: Clock, *, inspect: bool) -> tuple[Container, ...] | None:
        """The containers; with their restart counts, which cost a call each, at the beginning and at the end."""
        found = self._ask(lambda: self.dokploy.containers(self.compose), clock, "the containers could not be seen")
        if not found or not inspect:
            return found
        return tuple(
            replace(c, restarts=self.dokploy.restarts(c.id, self.compose.server_id)) if c.id else c for c in found
        )

    def _stop_on_crash_loop(self, watch: docker.ContainerWatch, clock: Clock) -> None:
        looping = watch.crash_loop(0.0 if clock.over else self.pace.patience)
        if looping:
            raise Stop(End.CRASH_LOOP, f'Dokploy says "done", but {looping}', _ROLL_BACK)

    def _await_health(self, watch: docker.ContainerWatch | None) -> None:
        if self.probe is None and watch is None:
            raise Stop(
                End.UNKNOWN,
                "neither a health_url nor the containers' states tell whether the release runs",
                "set [deploy] health_url",
            )
        if self.probe is None:
            self._note("no health_url is configured: only the containers' states were looked at")
        self.screen.phase("health", self.limits.health)
        clock, row, wanted = Clock(self.limits.health), 0, self.probe.expectation.successes if self.probe else 0
        while True:
            wrong = self.probe.ask() if self.probe else ""
            row = 0 if wrong else row + 1
            calm = self._calm(watch, clock)
            if row >= wanted and calm:
                return
            self.screen.detail(
                wrong
                or f"{min(row, wanted)} of {wanted} good answers"
                + ("" if calm else ", waiting for the containers to settle")
            )
            if clock.over:
                raise self._unhealthy(wrong, watch)
            time.sleep(self.pace.poll)

    def _calm(self, watch: docker.ContainerWatch | None, clock: Clock) -> bool:
        if watch is None:
            return True
        calm = False
        for inspect in (False, True):
            found = self._containers(clock, inspect=inspect)
            if found:
                watch.sample(found, time.monotonic())
            self._stop_on_crash_loop(watch, clock)
            calm = watch.calm(time.monotonic()) >= min(self.pace.settle, self.limits.health / 2)
            if not calm:
                break
        return calm

    def _unhealthy(self, wrong: str, watch: docker.ContainerWatch | None) -> Stop:
        what = wrong or "the containers do not settle"
        where = f" ({host(self.probe.expectation.url)})" if self.probe else ""
        states = f"; containers: {docker.summary(watch.now)}" if watch else ""
        return Stop(End.UNHEALTHY, f"not healthy within {self.limits.health:.0f} s{where}: {what}{states}", _ROLL_BACK)

    def _prove_latest(self, ticket: Ticket, deployment_id: str) -> None:
        """What was healthy must have been ours: nothing else may have been deployed meanwhile."""
        rows = self._ask(
            lambda: self.dokploy.deployments(self.compose.id), Clock(self.pace.grace), "the last look failed"
        )
        if rows and rows[0].id != deployment_id and rows[0].id not in ticket.known and rows[0].commit != ticket.commit:
            raise Stop(
                End.UNKNOWN,
                f'another deployment began before this one was proven healthy: "{rows[0].title[:60]}"',
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

    def _ask(self, question: Callable[[], T], clock: Clock, what: str) -> T:
        """Ask until there is an answer, or the phase is over."""
        while True:
            try:
                return question()
            except Unsettled as error:
                self.screen.detail(error.message)
                if clock.over:
                    raise Stop(End.UNKNOWN, f"{what}: {error.message}", RESUME) from None
                time.sleep(self.pace.poll)


_MOVED = "the branch moved between proof and deploy: let the newer commit pass the gate now, or put the branch back and deploy again"
_ROLL_BACK = "Dokploy has no rollback for compose: revert the commit, let the gate deploy the revert; then mend"
