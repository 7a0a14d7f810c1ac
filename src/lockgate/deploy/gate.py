"""The gate: proof, then preflight, then one order to Dokploy, then health. Everything but 0 is closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from lockgate.base.errors import LockgateError, UsageError
from lockgate.base.findings import Finding
from lockgate.deploy import attestation, follow, git, preflight
from lockgate.deploy.dokploy import Dokploy, DokployRefused, Unsettled
from lockgate.deploy.ending import Clock, Pace
from lockgate.deploy.gitea import GiteaClient
from lockgate.deploy.health import HealthProbe
from lockgate.deploy.order import Order
from lockgate.deploy.proof import GateVerdict, Outcome, of_attestation, of_outcome
from lockgate.deploy.records import Compose
from lockgate.deploy.release import ReleaseRun
from lockgate.deploy.screen import Screen
from lockgate.deploy.secret import Masker, Secret
from lockgate.deploy.state import Memory, Store
from lockgate.deploy.voice import Voice

T = TypeVar("T")


class Gate(msgspec.Struct, dict=True):
    """The gate's hands. ``verify`` proves the tree; ``connect`` opens Dokploy only when the proof allows it."""

    order: Order
    verify: Callable[[], Outcome]
    connect: Callable[[], Dokploy]
    key: Secret | None
    probe: Callable[[str], HealthProbe | None]  # of the commit that must answer
    store: Store
    screen: Screen
    masker: Masker
    gitea: GiteaClient | None = None
    missing: str = ""  # what Dokploy cannot be reached without; advisory only
    pace: Pace = msgspec.field(default_factory=Pace)
    show: Callable[[Outcome], None] = lambda outcome: None
    check_settings: Callable[[preflight.Settings, bool], Sequence[Finding]] = lambda settings, allowed: ()

    @cached_property
    def _voice(self) -> Voice:
        return Voice(self.order, self.screen, self.masker, self.gitea)

    @property
    def report(self) -> dict[str, Any]:
        """What the run came to, for ``--output`` and the journal."""
        return self._voice.report

    def run(self) -> int:
        """Open, or stay closed; the exit code of the contract."""
        started = time.monotonic()
        try:
            code = self._resume() if self.order.resume else self._through()
        except Exception as error:
            self._voice.failed(error)
            raise
        finally:
            self.screen.close()
            self.report["seconds"] = round(time.monotonic() - started, 1)
        self.report["exit_code"] = code
        return code

    def _through(self) -> int:
        self._check_place()
        self._voice.announce_override()
        self._voice.status("lockgate/deploy", "pending", "verifying")
        verdict = self._by_attestation() if self.order.attested is not None else self._by_verifying()
        self._voice.proven(verdict)
        if not (verdict.green or self.order.override):
            return self._voice.closed(verdict)
        self._voice.opened(verdict)
        return self._deploy()

    def _check_place(self) -> None:
        head, wanted = self.order.head, self.order.config.deploy.branch
        if not head.branch:
            raise UsageError("no branch is checked out", f"check out {wanted}: only it deploys")
        if head.branch != wanted:
            raise UsageError(
                f"this is the branch {head.branch}; only {wanted} deploys", "merge first, or mend [deploy] branch"
            )
        changed = git.dirty(head.top, attestation.paths_in(self.order.files))
        if changed:
            raise UsageError(
                f"not as committed: {', '.join(changed[:5])}",
                "commit or remove these: Dokploy deploys the commit, not your files",
            )

    def _by_attestation(self) -> GateVerdict:
        order = self.order
        assert order.attested is not None
        self.screen.phase("attestation")
        tree = attestation.tree(order.head.commit, order.files, order.head.top)
        verdict = of_attestation(order.attested, tree, order.config.deploy.max_age)
        if verdict.green:
            self.screen.say(f"attestation of {order.attested.made_at} fits: PostgreSQL {order.attested.server}")
        return verdict

    def _by_verifying(self) -> GateVerdict:
        self.screen.phase("verify")
        try:
            outcome = self.verify()
        except LockgateError as error:
            if not (self.order.override or self.order.advisory) or error.exit_code == 2:
                self._voice.status("lockgate/verify", "error", error.message)
                raise
            return GateVerdict(False, (f"the tree could not be verified: {error.message}",), 3)
        self.screen.close()
        self.show(outcome)
        return of_outcome(outcome)

    def _deploy(self) -> int:
        order = self.order
        if self.missing:
            return self._voice.unconnected(self.missing)
        dokploy = self.connect()
        try:
            settings = self._preflight(dokploy)
            if settings.reasons:
                return self._voice.closed(GateVerdict(False, settings.reasons, 1))
            ticket, adopted = self._patiently(lambda: self._ticket(dokploy))
            if order.dry_run:
                return self._voice.would_send(settings, ticket, adopted)
            return self._release(dokploy, settings.compose, ticket, adopted)
        except (DokployRefused, Unsettled) as error:
            if not order.advisory:
                raise
            return self._voice.closed(GateVerdict(False, (error.message,), 3))
        finally:
            dokploy.close()

    def _preflight(self, dokploy: Dokploy) -> preflight.Settings:
        order, deploy = self.order, self.order.config.deploy
        self.screen.phase("preflight")
        allowed = order.allow_auto_deploy or order.advisory or bool(order.override)
        settings = self._patiently(
            lambda: preflight.inspect(dokploy, deploy.compose_id, deploy.branch, allow_auto_deploy=allowed)
        )
        if self.key is not None:
            preflight.refuse_limited_key(dokploy.key_limits(), self.key, order.limits, self.pace)
        for note in settings.notes:
            self.screen.say(f"note: {note}")
        reasons, compose = list(settings.reasons), settings.compose
        if compose.source_type != "raw" and not (order.head.top / compose.compose_path).is_file():
            self.screen.say(
                f"note: this commit has no {compose.compose_path}, which Dokploy deploys: it may clone another repository"
            )
        for found in self.check_settings(settings, allowed):
            self.screen.say(
                f"{found.severity.value}[{found.rule}] {found.message}" + (f"\n  {found.help}" if found.help else "")
            )
            told = found.object in settings.settled  # among the reasons, or allowed
            if found.severity.value == "error" and not (order.override or told):
                reasons.append(found.message)
        tip = git.remote_tip(order.head.top, deploy.branch)
        if tip and tip != order.head.commit:
            ahead = git.is_ancestor(order.head.top, tip, order.head.commit)
            what = (
                f"this commit is not pushed: {deploy.branch} is at {tip[:12]}"
                if ahead
                else f"{deploy.branch} has moved on to {tip[:12]}"
            )
            reasons.append(f"{what}, and Dokploy would deploy that; this is {order.head.commit[:12]}")
        return preflight.Settings(settings.compose, settings.command, tuple(reasons), settings.notes)

    def _patiently(self, question: Callable[[], T]) -> T:
        """Ask again for a while where Dokploy restarts, or a proxy stands in for it; nothing has been ordered yet."""
        clock, refusals = Clock(self.pace.lookup), 3
        while True:
            try:
                return question()
            except Unsettled as error:
                refusals -= not error.sent
                if clock.over or not refusals:
                    raise
                self.screen.detail(error.message)
                time.sleep(self.pace.poll)

    def _ticket(self, dokploy: Dokploy) -> tuple[follow.Ticket, bool]:
        """A new order; or the order of an earlier gate for this commit that is still under way (True). The queue is
        asked first: a job that starts between the two questions is then in the records."""
        compose_id, commit = self.order.config.deploy.compose_id, self.order.head.commit
        queue = dokploy.queue(compose_id)
        records = dokploy.deployments(compose_id)
        earlier = follow.under_way(compose_id, commit, records, queue)
        if earlier is not None:
            return earlier, True
        return follow.Ticket(compose_id, commit, follow.fresh_nonce(), frozenset(d.id for d in records)), False

    def _release(self, dokploy: Dokploy, compose: Compose, ticket: follow.Ticket, adopted: bool) -> int:
        stale = frozenset[str]() if adopted else docker_stale(dokploy, compose)
        memory = Memory(dokploy.base, ticket, "ordered" if adopted else "ordering", "", stale, self.order.override)
        self.store.begin(memory)
        if adopted:
            self.screen.say("an earlier gate's deployment of this commit is under way: it is followed, not repeated")
        self._voice.status("lockgate/deploy", "pending", "deploying")
        return self._follow(dokploy, compose, memory, order=not adopted)

    def _follow(self, dokploy: Dokploy, compose: Compose, memory: Memory, *, order: bool) -> int:
        probe = self.probe(memory.ticket.commit)
        release = ReleaseRun(dokploy, compose, self.store, self.screen, probe, self.order.limits, self.pace)
        return self._voice.ended(release.run(memory, order=order))

    def _resume(self) -> int:
        memory = self.store.read()
        dokploy = self.connect()
        try:
            config = self.order.config.deploy
            if memory is not None and (memory.server != dokploy.base or memory.ticket.compose_id != config.compose_id):
                raise UsageError(
                    f"{self.store.path}: the order was given to another Dokploy or compose",
                    "use the configuration it was given with",
                )
            if memory is not None and memory.phase == "ended":
                raise UsageError(
                    "the last order has ended: there is nothing to resume", "run the gate again without --resume"
                )
            compose = self._patiently(lambda: dokploy.compose(config.compose_id))
            if memory is None:
                memory = self._patiently(lambda: self._memory_from_dokploy(dokploy))
            self._voice.resumed(memory.ticket, memory.override)
            return self._follow(dokploy, compose, memory, order=False)
        finally:
            dokploy.close()

    def _memory_from_dokploy(self, dokploy: Dokploy) -> Memory:
        ticket, adopted = self._ticket(dokploy)
        if not adopted:
            raise UsageError(
                f"nothing to resume: no state in {self.store.path}, and no gate's deployment of {ticket.commit[:12]} is under way",
                "run the gate without --resume",
            )
        memory = Memory(dokploy.base, ticket, "ordered")
        self.store.begin(memory)
        return memory


def docker_stale(dokploy: Dokploy, compose: Compose) -> frozenset[str]:
    """Containers that had ended before the release."""
    from lockgate.deploy.containers import ended

    try:
        return ended(dokploy.containers(compose))
    except (DokployRefused, Unsettled):
        return frozenset()
