"""What the gate says, to everybody at once: the screen, the commit status, the report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lockgate import __version__
from lockgate.base.errors import LockgateError
from lockgate.deploy import journal
from lockgate.deploy.adopt import Start
from lockgate.deploy.ending import DeployResult, End
from lockgate.deploy.follow import Ticket
from lockgate.deploy.gitea import GiteaClient, GiteaError, State, one_line
from lockgate.deploy.order import Order
from lockgate.deploy.preflight import Settings
from lockgate.deploy.proof import GateVerdict
from lockgate.deploy.screen import Screen
from lockgate.deploy.secret import Masker


class Voice:
    """The voice of one run; ``report`` is what ``--output`` writes. Nothing passes it unmasked."""

    def __init__(self, order: Order, screen: Screen, masker: Masker, gitea: GiteaClient | None) -> None:
        self._order, self.screen, self._masker, self._gitea = order, screen, masker, gitea
        self.commit = order.head.commit
        self._context = "lockgate/promote" if order.promote_only else "lockgate/deploy"
        self._begun = False  # a status says that something is under way, which must not stay so
        self.override = masker.text(order.override)
        self.report: dict[str, Any] = {
            "version": 1,
            "tool": {"name": "lockgate", "version": __version__},
            "commit": self.commit,
            "branch": order.head.branch,
            "mode": order.config.deploy.mode,
            "override": self.override,
            "verdict": "",
            "reasons": [],
            "end": "",
            "deployment": "",
            "message": "",
            "notes": [],
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def begin(self, words: str) -> None:
        """Something is under way from here on."""
        self._begun = True
        self.status(self._context, "pending", words)

    def status(self, context: str, state: State, words: str, commit: str = "") -> None:
        """Post a commit status; where that is impossible, say it. A status never decides over a deploy."""
        if self._order.dry_run:
            return
        if self._gitea is None:
            self.screen.say(f"status {context}: {state}: {one_line(self._masker.text(words))}")
            return
        try:
            self._gitea.status(commit or self.commit, context, state, words)
        except GiteaError as error:
            self.screen.say(f"the commit status {context} could not be posted: {error}")

    def announce_override(self) -> None:
        """The emergency way is loud from the beginning."""
        if self.override:
            self.screen.say("!" * 78)
            self.screen.say(
                f"!!! LOCKGATE_OVERRIDE is set: the gate will deploy even if it is red. Reason: {self.override}"
            )
            self.screen.say("!" * 78)

    def proven(self, verdict: GateVerdict) -> None:
        """What the proof came to."""
        state: State = "success" if verdict.green else "error" if verdict.exit_code == 3 else "failure"
        self.status("lockgate/verify", state, verdict.words or "; ".join(verdict.reasons))

    def opened(self, verdict: GateVerdict) -> None:
        """The proof is green, or overridden."""
        if not verdict.green:
            self.screen.say(f"!!! THE GATE IS RED AND IS OVERRIDDEN: {'; '.join(verdict.reasons)}")
        self.report |= {"verdict": "green" if verdict.green else "overridden", "reasons": self._masked(verdict.reasons)}

    def closed(self, verdict: GateVerdict) -> int:
        """The gate stays closed; the exit code (0 in advisory mode, which blocks nothing)."""
        words = "; ".join(verdict.reasons)
        self.report |= {"verdict": "closed", "reasons": self._masked(verdict.reasons)}
        if self._order.advisory:
            self.report["message"] = "advisory: the gate would be closed"
            self.status(self._context, "warning", f"advisory: would be closed: {words}")
            self.screen.say(f"advisory: the gate would be CLOSED and would exit {verdict.exit_code}: {words}")
            self.screen.say(
                "advisory: nothing is blocked, and the gate triggers nothing; the webhook deploys as before"
            )
            return 0
        self.report["message"] = "the gate is closed; nothing was ordered"
        self.status(self._context, "error" if verdict.exit_code == 3 else "failure", f"closed: {words}")
        self.screen.say(f"the gate is CLOSED: {words}")
        self.screen.say("nothing was triggered: what runs in production goes on running")
        return verdict.exit_code or 1

    def unconnected(self, missing: str) -> int:
        """Advisory, before Dokploy is set up: what was proven is all that there is to report."""
        message = f"advisory: the gate would open, but {missing}"
        self.report["message"] = message
        self.status(self._context, "warning", message)
        self.screen.say(f"{message}: nothing is triggered, the webhook deploys as before")
        return 0

    def would_send(self, settings: Settings, start: Start) -> int:
        """What a dry run leaves out."""
        compose, command, ticket = settings.compose, settings.command or "its default command", start.ticket
        address = f"{self._order.config.deploy.dokploy_url.rstrip('/')}/api/compose.deploy"
        body = (
            f'{{"composeId": "{ticket.compose_id}", "title": "{ticket.title}", "description": "{ticket.description}"}}'
        )
        self.screen.close()
        self.report |= {"end": "dry-run", "message": "dry run: nothing was sent"}
        self.screen.say(f"dry run: the gate is open for {ticket.commit}")
        self.screen.say(f'dry run: Dokploy\'s "{compose.name}" ({compose.app_name}) would run: {command}')
        if self._order.config.deploy.branch != self._order.head.branch:
            self.screen.say(f"dry run: would move {self._order.config.deploy.branch} to this commit first")
        if start.new:
            self.screen.say(f"dry run: would send POST {address} {body}")
        else:
            self.screen.say(f"dry run: would send nothing: {start.words}")
        return 0

    def would_promote(self, branch: str) -> int:
        """What a dry run of ``promote`` leaves out."""
        self.screen.close()
        self.report |= {"end": "dry-run", "message": "dry run: nothing was pushed"}
        self.screen.say(f"dry run: the gate is open; would move {branch} to {self.commit}")
        return 0

    def promoted(self, branch: str, words: str) -> int:
        """The branch that Dokploy deploys stands at the proven commit."""
        self.screen.close()
        words = words or f"{branch} is the branch at hand: nothing to move"
        self.report |= {"end": "promoted", "message": self._masker.text(words)}
        self.status(self._context, "success", words)
        self.screen.say(words)
        return 0

    def resumed(self, ticket: Ticket, override: str) -> None:
        """Another gate's order is followed: it is that order's commit and reason from here on."""
        self.commit, self.override, self._begun = ticket.commit, self._masker.text(override), True
        self.report |= {"commit": ticket.commit, "override": self.override, "verdict": "resumed"}
        self.screen.say(f"resuming the deployment of {ticket.commit[:12]} (order {ticket.nonce})")

    def ended(self, result: DeployResult) -> int:
        """How the release ended, with the log's tail and what to do."""
        good, calm = result.end is End.HEALTHY, result.end is End.SUPERSEDED
        self.report |= {
            "end": result.end.value,
            "deployment": result.deployment,
            "message": self._masker.text(result.message),
            "notes": self._masked(result.notes),
        }
        self.screen.close()
        if result.log:
            self.screen.say("the end of Dokploy's log:")
            self.screen.quote("\n".join(result.log.splitlines()[-60:]))
        green = journal.GREEN + (f"; {result.unproven}" if result.unproven else "")
        words = green if good else f"{result.end.value}: {result.message}"
        state: State = "success" if good else "warning" if calm else "error" if result.end.exit_code == 3 else "failure"
        self.status(
            "lockgate/deploy", state, f"{journal.OVERRIDDEN} ({self.override}): {words}" if self.override else words
        )
        if result.other is not None:
            told = f"unproven: went live while {self.commit[:12]} was gated; {result.other.words}"
            self.status("lockgate/deploy", "failure", told, result.other.commit)
        self.screen.say(("" if good else f"{result.end.value}: ") + result.message)
        if result.remedy:
            self.screen.say(f"  {result.remedy}")
        return result.end.exit_code

    def failed(self, error: Exception) -> None:
        """The run ends with an error. Of one before anything was begun no status tells: it says nothing of the commit,
        and would stand over what an earlier run found."""
        if isinstance(error, LockgateError):
            error.message, error.remedy = self._masker.text(error.message), self._masker.text(error.remedy)
            if self._begun:
                self.status(self._context, "error", f"could not be carried out: {error.message}")
            self.report |= {"message": str(error), "exit_code": error.exit_code}
        else:
            if self._begun:
                self.status(self._context, "error", "the gate itself broke; see the run")
            self.report |= {"message": "internal error", "exit_code": 3}

    def _masked(self, texts: tuple[str, ...]) -> list[str]:
        return [self._masker.text(text) for text in texts]
