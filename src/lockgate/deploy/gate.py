"""The gate: proof, then preflight, then one order to Dokploy, then health. Everything but 0 is closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from lockgate import __version__
from lockgate.config import Config
from lockgate.deploy import attestation, follow, git, journal, preflight
from lockgate.deploy.dokploy import Dokploy, Refused, Unsettled
from lockgate.deploy.ending import Clock, End, Limits, Pace, Result
from lockgate.deploy.gitea import Gitea, GiteaError, State, one_line
from lockgate.deploy.health import Probe
from lockgate.deploy.proof import Outcome, Verdict, of_attestation, of_outcome
from lockgate.deploy.records import Compose
from lockgate.deploy.release import Release
from lockgate.deploy.screen import Screen
from lockgate.deploy.secret import Masker, Secret
from lockgate.deploy.state import Memory, Store
from lockgate.errors import LockgateError, UsageError
from lockgate.findings import Finding
from lockgate.values import dataclass, field

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of the gate."""

    config: Config
    head: git.Head
    files: Mapping[str, list[attestation.Piece]]  # behind each digest of an attestation
    attested: attestation.Attestation | None = None
    allow_auto_deploy: bool = False
    dry_run: bool = False
    resume: bool = False
    override: str = ""

    @property
    def advisory(self) -> bool:
        return self.config.deploy.mode == "advisory"


@dataclass
class Gate:
    """The gate's hands. ``verify`` proves the tree; ``connect`` opens Dokploy only when the proof allows it."""

    order: Order
    verify: Callable[[], Outcome]
    connect: Callable[[], Dokploy]
    key: Secret | None
    probe: Callable[[str], Probe | None]  # of the commit that must answer
    store: Store
    screen: Screen
    masker: Masker
    gitea: Gitea | None = None
    missing: str = ""  # what Dokploy cannot be reached without; advisory only
    pace: Pace = field(default_factory=Pace)
    show: Callable[[Outcome], None] = lambda outcome: None
    check_settings: Callable[[preflight.Settings, bool], Sequence[Finding]] = lambda settings, allowed: ()
    report: dict[str, Any] = field(default_factory=dict)

    def run(self) -> int:
        """Open, or stay closed; the exit code of the contract."""
        started = time.monotonic()
        order = self.order
        self.report = {
            "version": 1, "tool": {"name": "lockgate", "version": __version__}, "commit": order.head.commit, "branch": order.head.branch,
            "mode": order.config.deploy.mode, "override": self.masker.text(order.override), "verdict": "", "reasons": [], "end": "",
            "deployment": "", "message": "", "notes": [], "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }  # fmt: skip
        try:
            code = self._resume() if order.resume else self._through()
        except LockgateError as error:
            error.message, error.remedy = self.masker.text(error.message), self.masker.text(error.remedy)
            self._status("lockgate/deploy", "error", f"could not be carried out: {error.message}")
            self.report |= {"message": str(error), "exit_code": error.exit_code}
            raise
        except Exception:
            self._status("lockgate/deploy", "error", "the gate itself broke; see the run")
            self.report |= {"message": "internal error", "exit_code": 3}
            raise
        finally:
            self.screen.close()
            self.report["seconds"] = round(time.monotonic() - started, 1)
        self.report["exit_code"] = code
        return code

    def _through(self) -> int:
        self._check_place()
        self._announce_override()
        self._status("lockgate/deploy", "pending", "verifying")
        verdict = self._prove()
        if not verdict.green:
            if not self.order.override:
                return self._closed(verdict)
            self.screen.say(f"!!! THE GATE IS RED AND IS OVERRIDDEN: {'; '.join(verdict.reasons)}")
        self.report["verdict"] = "green" if verdict.green else "overridden"
        self.report["reasons"] = [self.masker.text(r) for r in verdict.reasons]
        return self._deploy()

    def _check_place(self) -> None:
        head, wanted = self.order.head, self.order.config.deploy.branch
        if not head.branch:
            raise UsageError("no branch is checked out", f"check out {wanted}: only it deploys")
        if head.branch != wanted:
            raise UsageError(f"this is the branch {head.branch}; only {wanted} deploys", "merge first, or mend [deploy] branch")
        changed = git.dirty(head.top, [p for pieces in self.order.files.values() for p in pieces if isinstance(p, Path)])
        if changed:
            raise UsageError(f"not as committed: {', '.join(changed[:5])}", "commit or remove these: Dokploy deploys the commit, not your files")

    def _announce_override(self) -> None:
        if self.order.override:
            self.screen.say("!" * 78)
            self.screen.say(f"!!! LOCKGATE_OVERRIDE is set: the gate will deploy even if it is red. Reason: {self.order.override}")
            self.screen.say("!" * 78)

    def _prove(self) -> Verdict:
        verdict = self._by_attestation() if self.order.attested is not None else self._by_verifying()
        state: State = "success" if verdict.green else "error" if verdict.exit_code == 3 else "failure"
        self._status("lockgate/verify", state, verdict.words or "; ".join(verdict.reasons))
        return verdict

    def _by_attestation(self) -> Verdict:
        order = self.order
        assert order.attested is not None
        self.screen.phase("attestation")
        tree = attestation.tree(order.head.commit, order.files, order.head.top)
        verdict = of_attestation(order.attested, tree, order.config.deploy.max_age)
        if verdict.green:
            self.screen.say(f"attestation of {order.attested.made_at} fits: PostgreSQL {order.attested.server}")
        return verdict

    def _by_verifying(self) -> Verdict:
        self.screen.phase("verify")
        try:
            outcome = self.verify()
        except LockgateError as error:
            if not (self.order.override or self.order.advisory) or error.exit_code == 2:
                self._status("lockgate/verify", "error", error.message)
                raise
            return Verdict(False, (f"the tree could not be verified: {error.message}",), 3)
        self.screen.close()
        self.show(outcome)
        return of_outcome(outcome)

    def _closed(self, verdict: Verdict) -> int:
        words = "; ".join(verdict.reasons)
        self.report |= {"verdict": "closed", "reasons": [self.masker.text(r) for r in verdict.reasons]}
        if self.order.advisory:
            self.report["message"] = "advisory: the gate would be closed"
            self._status("lockgate/deploy", "warning", f"advisory: would be closed: {words}")
            self.screen.say(f"advisory: the gate would be CLOSED and would exit {verdict.exit_code}: {words}")
            self.screen.say("advisory: nothing is blocked, and the gate triggers nothing; the webhook deploys as before")
            return 0
        self.report["message"] = "the gate is closed; Dokploy was not called"
        self._status("lockgate/deploy", "error" if verdict.exit_code == 3 else "failure", f"closed: {words}")
        self.screen.say(f"the gate is CLOSED: {words}")
        self.screen.say("nothing was triggered: what runs in production goes on running")
        return verdict.exit_code or 1

    def _deploy(self) -> int:
        order = self.order
        if self.missing:
            return self._unconnected()
        dokploy = self.connect()
        try:
            settings = self._preflight(dokploy)
            if settings.reasons:
                return self._closed(Verdict(False, settings.reasons, 1))
            ticket, adopted = self._patiently(lambda: self._ticket(dokploy))
            if order.dry_run:
                return self._would_send(settings, ticket)
            return self._release(dokploy, settings.compose, ticket, adopted)
        except (Refused, Unsettled) as error:
            if not order.advisory:
                raise
            return self._closed(Verdict(False, (error.message,), 3))
        finally:
            dokploy.close()

    def _unconnected(self) -> int:
        """Advisory, before Dokploy is set up: what was proven is all that there is to report."""
        self.report["message"] = f"advisory: the gate would open, but {self.missing}"
        self._status("lockgate/deploy", "warning", self.report["message"])
        self.screen.say(f"{self.report['message']}: nothing is triggered, the webhook deploys as before")
        return 0

    def _preflight(self, dokploy: Dokploy) -> preflight.Settings:
        order, deploy = self.order, self.order.config.deploy
        self.screen.phase("preflight")
        allowed = order.allow_auto_deploy or order.advisory or bool(order.override)
        settings = self._patiently(lambda: preflight.inspect(dokploy, deploy.compose_id, deploy.branch, allow_auto_deploy=allowed))
        if self.key is not None:
            preflight.refuse_limited_key(dokploy.key_limits(), self.key, limits(order.config), self.pace)
        for note in settings.notes:
            self.screen.say(f"note: {note}")
        reasons, compose = list(settings.reasons), settings.compose
        if compose.source_type != "raw" and not (order.head.top / compose.compose_path).is_file():
            self.screen.say(f"note: this commit has no {compose.compose_path}, which Dokploy deploys: it may clone another repository")
        for found in self.check_settings(settings, allowed):
            self.screen.say(f"{found.severity.value}[{found.rule}] {found.message}" + (f"\n  {found.help}" if found.help else ""))
            told = found.name == "auto-deploy-beside-gate"  # among the reasons already
            if found.severity.value == "error" and not (order.override or told):
                reasons.append(found.message)
        tip = git.remote_tip(order.head.top, deploy.branch)
        if tip and tip != order.head.commit:
            ahead = git.is_ancestor(order.head.top, tip, order.head.commit)
            what = f"this commit is not pushed: {deploy.branch} is at {tip[:12]}" if ahead else f"{deploy.branch} has moved on to {tip[:12]}"
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
        """A new order; or the order of an earlier gate for this commit that is still under way (True)."""
        compose_id, commit = self.order.config.deploy.compose_id, self.order.head.commit
        queue = dokploy.queue(compose_id)
        records = dokploy.deployments(compose_id)
        earlier = follow.under_way(compose_id, commit, records, queue)
        if earlier is not None:
            return earlier, True
        return follow.Ticket(compose_id, commit, follow.fresh_nonce(), frozenset(d.id for d in records)), False

    def _would_send(self, settings: preflight.Settings, ticket: follow.Ticket) -> int:
        self.screen.close()
        self.report |= {"end": "dry-run", "message": "dry run: nothing was sent"}
        self.screen.say(f"dry run: the gate is open for {ticket.commit}")
        compose, command = settings.compose, settings.command or "its default command"
        self.screen.say(f'dry run: Dokploy\'s "{compose.name}" ({compose.app_name}) would run: {command}')
        self.screen.say(
            f"dry run: would send POST {self.order.config.deploy.dokploy_url.rstrip('/')}/api/compose.deploy "
            f'{{"composeId": "{ticket.compose_id}", "title": "{ticket.title}", "description": "{ticket.description}"}}'
        )
        return 0

    def _release(self, dokploy: Dokploy, compose: Compose, ticket: follow.Ticket, adopted: bool) -> int:
        stale = frozenset[str]() if adopted else docker_stale(dokploy, compose)
        memory = Memory(dokploy.base, ticket, "ordered" if adopted else "ordering", "", stale, self.order.override)
        self.store.begin(memory)
        if adopted:
            self.screen.say("an earlier gate's deployment of this commit is under way: it is followed, not repeated")
        self._status("lockgate/deploy", "pending", "deploying")
        release = Release(dokploy, compose, self.store, self.screen, self.probe(ticket.commit), limits(self.order.config), self.pace)
        return self._tell(release.run(memory, order=not adopted))

    def _resume(self) -> int:
        memory = self.store.read()
        dokploy = self.connect()
        try:
            config = self.order.config.deploy
            if memory is not None and (memory.server != dokploy.base or memory.ticket.compose_id != config.compose_id):
                raise UsageError(f"{self.store.path}: the order was given to another Dokploy or compose", "use the configuration it was given with")
            if memory is not None and memory.phase == "ended":
                raise UsageError("the last order has ended: there is nothing to resume", "run the gate again without --resume")
            compose = self._patiently(lambda: dokploy.compose(config.compose_id))
            if memory is None:
                memory = self._patiently(lambda: self._memory_from_dokploy(dokploy))
            self.report |= {"commit": memory.ticket.commit, "override": self.masker.text(memory.override), "verdict": "resumed"}
            self.screen.say(f"resuming the deployment of {memory.ticket.commit[:12]} (order {memory.ticket.nonce})")
            probe = self.probe(memory.ticket.commit)
            release = Release(dokploy, compose, self.store, self.screen, probe, limits(self.order.config), self.pace)
            return self._tell(release.run(memory, order=False), memory.ticket.commit)
        finally:
            dokploy.close()

    def _memory_from_dokploy(self, dokploy: Dokploy) -> Memory:
        compose_id, commit = self.order.config.deploy.compose_id, self.order.head.commit
        ticket = follow.under_way(compose_id, commit, dokploy.deployments(compose_id), dokploy.queue(compose_id))
        if ticket is None:
            raise UsageError(
                f"nothing to resume: no state in {self.store.path}, and no gate's deployment of {commit[:12]} is under way",
                "run the gate without --resume",
            )
        memory = Memory(dokploy.base, ticket, "ordered")
        self.store.begin(memory)
        return memory

    def _tell(self, result: Result, commit: str = "") -> int:
        commit = commit or self.order.head.commit
        override = self.report["override"]
        self.report |= {
            "end": result.end.value, "deployment": result.deployment, "message": self.masker.text(result.message),
            "notes": [self.masker.text(note) for note in result.notes],
        }  # fmt: skip
        self.screen.close()
        if result.log:
            self.screen.say("the end of Dokploy's log:")
            self.screen.quote("\n".join(result.log.splitlines()[-60:]))
        good = result.end is End.HEALTHY
        words = journal.GREEN if good else f"{result.end.value}: {result.message}"
        state: State = "success" if good else "error" if result.end is End.UNKNOWN else "failure"
        self._status("lockgate/deploy", state, f"{journal.OVERRIDDEN} ({override}): {words}" if override else words, commit)
        self.screen.say(("" if good else f"{result.end.value}: ") + result.message)
        if result.remedy:
            self.screen.say(f"  {result.remedy}")
        return result.end.exit_code

    def _status(self, context: str, state: State, words: str, commit: str = "") -> None:
        """Post a commit status; where that is impossible, say it. A status never decides over a deploy."""
        if self.order.dry_run:
            return
        if self.gitea is None:
            self.screen.say(f"status {context}: {state}: {one_line(self.masker.text(words))}")
            return
        try:
            self.gitea.status(commit or self.order.head.commit, context, state, words)
        except GiteaError as error:
            self.screen.say(f"the commit status {context} could not be posted: {error}")


def limits(config: Config) -> Limits:
    """The phases' timeouts."""
    return Limits(config.deploy.queue_timeout, config.deploy.deploy_timeout, config.deploy.health_timeout)


def docker_stale(dokploy: Dokploy, compose: Compose) -> frozenset[str]:
    """Containers that had ended before the release."""
    from lockgate.deploy.containers import ended

    try:
        return ended(dokploy.containers(compose))
    except (Refused, Unsettled):
        return frozenset()
