"""The gate: proof, then preflight, then one order to Dokploy, then health. Everything but 0 is closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from lockgate.base.errors import LockgateError, UsageError
from lockgate.base.findings import Finding
from lockgate.deploy import adopt, attestation, git, preflight, probing, promote, require, rhythm
from lockgate.deploy.adopt import Start
from lockgate.deploy.dokploy import Dokploy, DokployRefused, Unsettled
from lockgate.deploy.ending import Clock, Pace
from lockgate.deploy.gitea import GiteaClient, GiteaError
from lockgate.deploy.health import HealthProbe
from lockgate.deploy.order import Order
from lockgate.deploy.proof import GateVerdict, Outcome, of_attestation, of_outcome
from lockgate.deploy.records import Compose, Container
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
    forge: GiteaClient | None = None  # to read from: as ``gitea``, and where nothing is posted too
    missing: str = ""  # what Dokploy cannot be reached without; advisory only
    pace: Pace = msgspec.field(default_factory=Pace)
    show: Callable[[Outcome], None] = lambda outcome: None
    allowed: rhythm.Allowance = rhythm.Allowance(None, "Dokploy was not asked for the key's limit", known=False)
    found: tuple[Container, ...] | None = None  # before the order
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
        self._voice.begin("verifying")
        verdict = self._by_attestation() if self.order.attested is not None else self._by_verifying()
        self._voice.proven(verdict)
        if not (verdict.green or self.order.override):
            return self._voice.closed(verdict)
        waited = self._required()
        if not (waited.green or self.order.override):
            return self._voice.closed(waited)
        self._voice.opened(verdict if waited.green or not verdict.green else waited)
        return self._promote_only() if self.order.promote_only else self._deploy()

    def _required(self) -> GateVerdict:
        """Whether the other checks of this commit are green: ``[deploy] require``."""
        deploy, forge = self.order.config.deploy, self.forge or self.gitea
        if not deploy.require:
            return GateVerdict(True, (), 0)
        if forge is None:
            raise UsageError("[deploy] require: commit statuses cannot be read", "set GITEA_TOKEN")
        self.screen.phase("require", deploy.require_timeout)
        self._voice.begin("waiting for " + ", ".join(deploy.require))
        return require.wait(
            forge, self.order.head.commit, deploy.require, deploy.require_timeout, self.pace, self.screen
        )

    def _promote_only(self) -> int:
        head, branch = self.order.head, self.order.config.deploy.branch
        if self.order.dry_run:
            return self._voice.would_promote(branch)
        return self._voice.promoted(branch, promote.push(head, branch))

    def _check_place(self) -> None:
        head = self.order.head
        if not head.branch:
            raise UsageError("no branch is checked out", f"check out {self.order.sources[0]}: only it deploys")
        if head.branch not in self.order.sources and not self._moved_already():
            raise UsageError(
                f"this is the branch {head.branch}; only {self.order.sources[0]} deploys",
                "merge first, or mend [deploy] branch and promote_from",
            )
        changed = git.dirty(head.top, attestation.paths_in(self.order.files))
        if changed:
            raise UsageError(
                f"not as committed: {', '.join(changed[:5])}",
                "commit or remove these: Dokploy deploys the commit, not your files",
            )

    def _moved_already(self) -> bool:
        """Whether the branch that Dokploy deploys was moved to this commit, by `lockgate promote`."""
        head, branch = self.order.head, self.order.config.deploy.branch
        return not self.order.promote_only and git.remote_tip(head.top, branch) == head.commit

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
        if self.missing:
            return self._voice.unconnected(self.missing)
        dokploy = self.connect()
        try:
            settings, looked = self._preflight(dokploy)
            if settings.reasons:
                return self._voice.closed(GateVerdict(False, settings.reasons, 1))
            start = self._start(dokploy, settings.compose)
            if self.order.dry_run:
                return self._voice.would_send(settings, start)
            return self._release(dokploy, settings.compose, start, looked)
        except (DokployRefused, Unsettled) as error:
            if not self.order.advisory:
                raise
            return self._voice.closed(GateVerdict(False, (error.message,), 3))
        finally:
            dokploy.close()

    def _preflight(self, dokploy: Dokploy) -> tuple[preflight.Settings, bool | None]:
        """What Dokploy holds, with what closes the gate; and whether the health URL was right, None where not asked."""
        order, deploy = self.order, self.order.config.deploy
        self.screen.phase("preflight")
        allowed = order.allow_auto_deploy or order.advisory or bool(order.override)
        settings = self._patiently(
            lambda: preflight.inspect(dokploy, deploy.compose_id, deploy.branch, allow_auto_deploy=allowed)
        )
        if self.key is not None:
            self.allowed = rhythm.allowance(self._patiently(dokploy.key_limits), self.key, dokploy.left)
            rhythm.refuse(self.allowed)
            if deploy.unlimited_key and self.allowed.calls is None:
                self.allowed = rhythm.Allowance(None, "[deploy] unlimited_key")
            if not self.allowed.known:
                self.screen.say(f"note: {self.allowed.words}: it is asked as seldom as will do")
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
        reasons += promote.reasons(order.head, order.sources[0], deploy.branch)
        self.found = self._patiently(lambda: _listed(dokploy, compose))
        looked = self._probed(reasons)
        return msgspec.structs.replace(settings, reasons=tuple(reasons)), looked

    def _probed(self, reasons: list[str]) -> bool | None:
        probe = self.probe(self.order.head.commit)
        if probe is None:
            return None
        try:
            before = probing.before(probe, self.found, self.pace.poll, new=self.order.new_health_url)
        finally:
            probe.close()
        if before.reason and not self.order.override:
            reasons.append(before.reason)
        elif before.reason or before.note:
            self.screen.say(f"note: {before.reason or before.note}")
        return before.good

    def _patiently(self, question: Callable[[], T]) -> T:
        """Ask again for a while where Dokploy restarts, or a proxy stands in for it; nothing has been ordered yet."""
        clock = Clock(self.pace.restart)
        while True:
            try:
                return question()
            except Unsettled as error:
                if clock.over:
                    raise
                self.screen.detail(error.message)
                time.sleep(self.pace.poll)

    def _start(self, dokploy: Dokploy, compose: Compose) -> Start:
        """A new order, or what there is already for this commit: followed, not repeated. Beside a webhook its deployment
        is waited for."""
        commit = self.order.head.commit
        clock = Clock(self.pace.lookup if self.order.advisory and compose.auto_deploy else 0)
        while True:
            start = self._patiently(lambda: adopt.look(dokploy, compose.id, commit))
            if not start.new or clock.over or self.order.dry_run:
                return adopt.fresh(start) if start.deployment and self.order.again else start
            self.screen.detail("advisory, and autoDeploy is on: the webhook's deployment of this commit is looked for")
            time.sleep(max(self.pace.poll, self.pace.lookup / 2))

    def _release(self, dokploy: Dokploy, compose: Compose, start: Start, looked: bool | None) -> int:
        posted = adopt.Posted() if start.new else self._posted(start.ticket.commit)
        memory = adopt.memory(start, dokploy.base, self.store, posted, self.found, self.order.override)
        if start.new:
            words = promote.push(self.order.head, self.order.config.deploy.branch)
            if words:
                self.screen.say(words)
        self.store.begin(memory)
        if not start.new:
            self.screen.say(start.words)
        self._voice.begin(adopt.words(memory))
        return self._follow(dokploy, compose, memory, order=start.new, looked=looked)

    def _posted(self, commit: str) -> adopt.Posted:
        """What an earlier gate wrote down of its order in the commit statuses."""
        forge = self.forge or self.gitea
        try:
            return adopt.posted(forge.statuses(commit)) if forge is not None else adopt.Posted()
        except GiteaError:
            return adopt.Posted()

    def _follow(
        self, dokploy: Dokploy, compose: Compose, memory: Memory, *, order: bool, looked: bool | None = None
    ) -> int:
        deploy = self.order.config.deploy
        tells = bool(deploy.health_url) and "$commit" in deploy.health_field + deploy.health_header + deploy.health_body
        release = ReleaseRun(
            dokploy,
            compose,
            self.store,
            self.screen,
            self.probe,
            self.order.limits,
            self.pace,
            rhythm.rhythm(self.allowed, self.order.limits, self.pace, app_tells=tells),
            self._passed,
            looked,
        )
        return self._voice.ended(release.run(memory, order=order))

    def _passed(self, commit: str) -> bool:
        forge = self.forge or self.gitea
        try:
            return forge is not None and forge.latest(commit).get("lockgate/verify") == "success"
        except GiteaError:
            return False

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
            compose = self._patiently(lambda: dokploy.compose(config.compose_id))
            if memory is None or memory.phase == "ended":
                memory = self._memory_from_dokploy(dokploy)
            self._voice.resumed(memory.ticket, memory.override)
            return self._follow(dokploy, compose, memory, order=False)
        finally:
            dokploy.close()

    def _memory_from_dokploy(self, dokploy: Dokploy) -> Memory:
        """The order as Dokploy, and the commit status, tell of it. Raises UsageError where neither knows of one."""
        commit = self.order.head.commit
        start = self._patiently(lambda: adopt.look(dokploy, self.order.config.deploy.compose_id, commit))
        posted = self._posted(commit)
        if start.new and not posted.open:
            raise UsageError(
                f"nothing to resume: no order is under way, and Dokploy's last deployment is not a finished one of {commit[:12]}",
                "run the gate without --resume",
            )
        memory = adopt.memory(start, dokploy.base, self.store, posted, None, self.order.override)
        self.store.begin(memory)
        return memory


def _listed(dokploy: Dokploy, compose: Compose) -> tuple[Container, ...] | None:
    """The containers before the order; None where they cannot be listed."""
    try:
        return dokploy.containers(compose)
    except DokployRefused as error:
        if error.kind in ("key", "limit"):
            raise
        return None
