"""Whether what was deployed runs: containers that are new and stay up, and a health URL that answers as it should."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from lockgate.deploy import containers as docker
from lockgate.deploy.asking import Asker
from lockgate.deploy.dokploy import Dokploy
from lockgate.deploy.ending import Clock, End, Limits, Pace, Stop
from lockgate.deploy.health import HealthProbe, host
from lockgate.deploy.records import Compose, Container
from lockgate.deploy.rhythm import Rhythm

UNPROVEN = "commit not proven by the app"
ROLL_BACK = "Dokploy has no rollback for compose: revert the commit, let the gate deploy the revert; then mend"
_ASK_WHEN_BAD = (5, 20, 60)  # bad answers in a row after which it is worth a call whether another release runs by now
_BLAME = "the containers are calm, so see the probe first: health_url, health_status, health_body, health_field; if it is right: "


class Rollout(msgspec.Struct):
    """The look at one release. ``before``: the containers' ids when it was ordered, None where nobody wrote them down;
    ``began``: seconds since the deployment began, by Dokploy's clock."""

    dokploy: Dokploy
    compose: Compose
    asker: Asker
    probe: HealthProbe | None
    limits: Limits
    pace: Pace
    watch: docker.ContainerWatch
    before: frozenset[str] | None = None
    began: float | None = None
    answered: bool | None = None  # whether the probe was right before the order
    overtaken: Callable[[], bool] = lambda: False  # whether a newer gate's deployment took over
    notes: tuple[str, ...] = ()
    listed: bool = True
    _due: float = 0.0  # of the next sample

    def await_running(self) -> str:
        """Wait until the release runs; what of it was not proven, in words ("" where nothing). Raises Stop."""
        self._await_containers()
        if self.probe is None and not self.listed:
            raise Stop(
                End.UNKNOWN,
                "neither a health_url nor the containers' states tell whether the release runs",
                "set [deploy] health_url",
            )
        if not (self.probe and self.probe.expectation.commit):
            self._await_replaced()
        if self.probe is None:
            self._note("no health_url is configured: only the containers' states were looked at")
        self._await_health()
        if self.dokploy.lacks("docker.getConfig"):
            self._note("the key may not inspect containers: their restart counts were not looked at, only their states")
        if self.probe is not None and self.probe.expectation.commit:
            if self.listed and self._replaced() is False:
                self._note("no container was replaced: the app itself proves the commit")
            return ""
        return UNPROVEN + ("" if self.listed else ", containers not listed")

    def _await_containers(self) -> None:
        self.asker.screen.phase("containers", self.limits.health)
        clock, empty, pause = Clock(self.limits.health), 0, self.asker.rhythm.brisk()
        while True:
            found = self._sample(clock)
            empty = 0 if found else empty + 1
            if found is None or empty >= 3:
                self._unlisted("the key's limit is used up" if self.asker.limited else "Dokploy does not list them")
                return
            if found and not self.watch.troubles:
                return
            self.asker.screen.detail("; ".join(self.watch.troubles) or "none yet")
            if clock.over:
                raise Stop(End.UNHEALTHY, "containers are not up: " + "; ".join(self.watch.troubles), ROLL_BACK)
            pause.pause(clock.left)

    def _unlisted(self, why: str) -> None:
        self.listed = False
        self._note(f"the containers were not looked at ({why}): a crash loop can only be seen by its health")

    def _sample(self, clock: Clock) -> tuple[Container, ...] | None:
        """One look at the containers; None where there is none to be had."""
        first = not self.watch.now
        found = self.asker.ask_once(
            lambda: self.dokploy.containers(self.compose), clock, "the containers could not be seen"
        )
        if found:
            # What is new has not been restarted yet, whatever may be counted later.
            born = [replace(c, restarts=0) if first and self._is_new(c) else c for c in found]
            self.watch.sample(born, time.monotonic())
            self._stop_on_crash_loop(clock)
        return found

    def _is_new(self, container: Container) -> bool:
        """A commit status holds the ids' first eight digits only."""
        return self.before is not None and bool(container.id) and not container.id.startswith(tuple(self.before))

    def _replaced(self) -> bool | None:
        """Whether a server is new since the order; None where that cannot be told."""
        servers = [c for c in self.watch.now if c.state not in docker.ENDED]
        if self.before is not None:
            return any(self._is_new(c) for c in servers)
        times = [up for c in servers if (up := docker.uptime(c.status)) is not None]
        if self.began is None or not times:
            return None
        return any(docker.since(up, self.began) for up in times)

    def _await_replaced(self) -> None:
        """A stack's tasks are replaced behind Docker's back; a compose's containers were before Dokploy said done."""
        clock, pause = Clock(self.pace.patience), self.asker.rhythm.brisk()
        while self.listed and self._replaced() is False:
            if clock.over:
                raise Stop(
                    End.UNCHANGED,
                    f"nothing was replaced: the containers are those from before ({docker.summary(self.watch.now)})",
                    "see whether the image is built (`build:`; Dokploy does not pull a tag that it has), and for -p in the "
                    "command; if this release was running already, let the app prove it: [deploy] health_field",
                )
            self.asker.screen.detail("no container was replaced yet")
            pause.pause(clock.left)
            if self._sample(clock) is None:
                self._unlisted("the key's limit is used up")

    def _stop_on_crash_loop(self, clock: Clock) -> None:
        looping = self.watch.crash_loop(0.0 if clock.over else self.pace.patience)
        if looping:
            raise Stop(End.CRASH_LOOP, f'Dokploy says "done", but {looping}', ROLL_BACK)

    def _await_health(self) -> None:
        self.asker.screen.phase("health", self.limits.health)
        clock, row, wanted = Clock(self.limits.health), 0, self.probe.expectation.successes if self.probe else 0
        bad = 0
        good, pause, settle = time.monotonic(), self.asker.rhythm.brisk(), min(self.pace.settle, self.limits.health / 2)
        while True:
            wrong = self.probe.ask() if self.probe else ""
            row, good = (0, time.monotonic()) if wrong else (row + 1, good)
            bad = bad + 1 if wrong else 0
            if bad in _ASK_WHEN_BAD and self.overtaken():
                raise self._unhealthy(wrong)
            calm = self._calm(clock, pause, settle) if self.listed else time.monotonic() - good >= settle
            if row >= wanted and calm:
                return
            waiting = "" if calm else ", waiting for the containers to settle"
            self.asker.screen.detail(wrong or f"{min(row, wanted)} of {wanted} good answers{waiting}")
            if clock.over:
                raise self._unhealthy(wrong)
            time.sleep(self.pace.poll)

    def _calm(self, clock: Clock, pause: Rhythm, settle: float) -> bool:
        """Whether the containers have been calm for long enough; they are looked at when that may have changed."""
        now = time.monotonic()
        if now < self._due:
            return False
        found = self._sample(clock)
        if found is None:
            self._unlisted("the key's limit is used up")
            return False
        calm = self.watch.calm(time.monotonic())
        if calm >= settle and self._inspected(found, clock):
            return True
        calm = min(calm, self.watch.calm(time.monotonic()))
        self._due = now + (settle - calm if 0 < calm < settle else pause.next())
        return False

    def _inspected(self, found: Sequence[Container], clock: Clock) -> bool:
        """Whether the restart counts of what was started since the order, too, say that all is calm. A call each."""
        counted = [
            replace(c, restarts=self._restarts(c)) if self._is_new(c) or self.before is None else c for c in found
        ]
        at = time.monotonic()
        self.watch.sample(counted, at)
        self._stop_on_crash_loop(clock)
        return self.watch.disturbed < at

    def _restarts(self, container: Container) -> int | None:
        if not container.id or container.state in docker.ENDED or self.asker.limited:
            return None
        return self.dokploy.restarts(container.id, self.compose.server_id)

    def _unhealthy(self, wrong: str) -> Stop:
        what = wrong or "the containers do not settle"
        where = f" ({host(self.probe.expectation.url)})" if self.probe else ""
        states = f"; containers: {docker.summary(self.watch.now)}" if self.listed and self.watch.now else ""
        if self.listed and self._replaced() is False:
            states += "; nothing was replaced"
        calm = self.listed and not self.watch.troubles and bool(wrong)
        remedy = _BLAME + ROLL_BACK if calm and self.answered is not True else ROLL_BACK
        return Stop(End.UNHEALTHY, f"not healthy within {self.limits.health:.0f} s{where}: {what}{states}", remedy)

    def _note(self, text: str) -> None:
        self.notes += (text,)
        self.asker.screen.say(f"note: {text}")
