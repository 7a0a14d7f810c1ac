"""Dokploy's API, as far as the gate needs it (v0.25.7 and later). Nothing here retries; ``deploy`` is not
idempotent."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from lockgate.base.errors import LockgateError
from lockgate.deploy import records
from lockgate.deploy.http import Answer, Http, NotJson, Unreachable
from lockgate.deploy.loglines import without_progress
from lockgate.deploy.records import Compose, Container, Deployment, Job
from lockgate.deploy.secret import Masker, Secret, printable

T = TypeVar("T")
_LINE = 500  # characters of a log's line that are shown


class DokployRefused(LockgateError):
    """Dokploy answered, and no repetition will change the answer. ``kind``: key, limit (of a key that was accepted
    before), permission, licence, not-found, input, address."""

    def __init__(self, kind: str, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.kind = kind


class Unsettled(LockgateError):
    """No usable answer: the network, a proxy, or Dokploy restarting. ``sent``: the request may have taken effect."""

    def __init__(self, message: str, sent: bool) -> None:
        super().__init__(message, "see whether Dokploy is up; the gate asks again until its time is over")
        self.sent = sent


class Absent(Exception):
    """This version of Dokploy does not have that procedure."""


def _no_dokploy(base: str, procedure: str) -> DokployRefused:
    return DokployRefused(
        "address",
        f"{base} has no {procedure}: no Dokploy answers there",
        "set dokploy_url to Dokploy's own address, without a path",
    )


class Dokploy:
    """One Dokploy server, with a key. ``masker`` learns every secret that an answer holds before anything of it can be
    shown."""

    def __init__(self, base: str, key: Secret, masker: Masker, *, read_timeout: float = 30) -> None:
        self.base = base.removesuffix("/api")
        self._masker = masker
        masker.add(key)
        self._http = Http(self.base, {"x-api-key": key.reveal()}, read=read_timeout)
        self._answered = 0  # how often the key was accepted: a later 401 without code is a limit
        self._absent: set[str] = set()
        self._skew = 0.0  # seconds by which Dokploy's clock is ahead of ours
        self.left: int | None = None  # requests that an answer's headers leave, where they tell

    def lacks(self, procedure: str) -> bool:
        """Whether a procedure was asked and could not be had: not of this version, or not with this key."""
        return procedure in self._absent

    def now(self) -> float:
        """The time by Dokploy's clock, in seconds since 1970."""
        return time.time() + self._skew

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def compose(self, compose_id: str) -> Compose:
        """``compose.one``: proves the key, the permission and the id."""
        value = self._need("compose.one", composeId=compose_id)
        self._masker.add(*records.secrets_of(value))
        try:
            return records.compose(value, compose_id)
        except records.Malformed as error:
            raise DokployRefused(
                "address",
                f"{self.base}: {error}",
                "see that dokploy_url is Dokploy's own address and compose_id a compose service",
            ) from None

    def deployments(self, compose_id: str) -> tuple[Deployment, ...]:
        """The last ten or so records, newest first."""
        return self._read(records.deployments, self._need("deployment.allByCompose", composeId=compose_id))

    def queue(self, compose_id: str) -> tuple[Job, ...] | None:
        """The compose's waiting and running jobs; None before v0.28.3."""
        try:
            value = self._get("deployment.queueList")
        except Absent:
            return None
        except DokployRefused as error:
            if error.kind in ("permission", "licence", "not-found"):
                self._absent.add("deployment.queueList")
                return None
            raise
        return self._read(lambda rows: records.jobs(rows, compose_id), value)

    @property
    def queue_is_known(self) -> bool:
        """Whether this Dokploy shows its queue."""
        return "deployment.queueList" not in self._absent

    def log_tail(self, deployment_id: str) -> str:
        """The last hundred lines of a deployment's log, masked and without escape sequences; "" where they cannot be
        had (before v0.29.6)."""
        try:
            value = self._get("deployment.readLogs", deploymentId=deployment_id, tail="400")
        except (Absent, DokployRefused, Unsettled):
            return ""
        if not isinstance(value, str):
            return ""
        # A line is cut long behind what is shown of it, so that no secret is cut in two before it is masked.
        lines = [line[: _LINE * 8] for line in printable(without_progress(value)).splitlines()[-100:]]
        return "\n".join(
            line if len(line) <= _LINE else line[:_LINE] + " ..."
            for line in self._masker.text("\n".join(lines)).split("\n")
        )

    def containers(self, compose: Compose) -> tuple[Container, ...] | None:
        """The containers of the compose's project, with restart counts where the key may inspect them; None where they
        cannot be listed."""
        asked = {
            "appName": compose.app_name,
            "appType": "stack" if compose.compose_type == "stack" else "docker-compose",
        }
        if compose.server_id:
            asked["serverId"] = compose.server_id
        try:
            value = self._get("docker.getContainersByAppNameMatch", **asked)
        except Absent:
            return None
        except DokployRefused as error:
            if error.kind in ("permission", "licence", "not-found"):
                return None
            raise
        return self._read(records.containers, value)

    def restarts(self, container_id: str, server_id: str = "") -> int | None:
        """``RestartCount`` of docker inspect; None where the key may not inspect."""
        asked = {"containerId": container_id} | ({"serverId": server_id} if server_id else {})
        try:
            value = self._get("docker.getConfig", **asked)
        except (Absent, DokployRefused):
            self._absent.add("docker.getConfig")
            return None
        except Unsettled:
            return None
        count = value.get("RestartCount") if isinstance(value, dict) else None
        return count if isinstance(count, int) and not isinstance(count, bool) else None

    def effective_command(self, compose_id: str) -> str:
        """What Dokploy runs for this compose; "" where it does not say."""
        try:
            value = self._get("compose.getDefaultCommand", composeId=compose_id)
        except (Absent, DokployRefused, Unsettled):
            return ""
        return value if isinstance(value, str) else ""

    def key_limits(self) -> list[dict[str, Any]]:
        """The own user's keys with their limits (``user.get``), without key material; empty where Dokploy does not
        tell."""
        try:
            value = self._get("user.get")
        except (Absent, DokployRefused, Unsettled):
            return []
        user = value.get("user") if isinstance(value, dict) else None
        keys = user.get("apiKeys") if isinstance(user, dict) else None
        wanted = (
            "name",
            "start",
            "rateLimitEnabled",
            "rateLimitMax",
            "rateLimitTimeWindow",
            "remaining",
            "requestCount",
            "lastRequest",
        )
        return (
            [{name: key[name] for name in wanted if name in key} for key in keys if isinstance(key, dict)]
            if isinstance(keys, list)
            else []
        )

    def role(self) -> str:
        """The key's user's role in the organisation: owner, admin, member; "" where Dokploy does not say."""
        value = self._quietly("user.get")
        return str(value.get("role") or "")[:40] if isinstance(value, dict) else ""

    def permissions(self) -> dict[str, dict[str, bool]]:
        """What the key's user may do, by resource and action (``user.getPermissions``, v0.29.0 and later); empty before."""
        value = self._quietly("user.getPermissions")
        found = value.items() if isinstance(value, dict) else ()
        return {
            str(k): {str(a): b for a, b in v.items() if isinstance(b, bool)} for k, v in found if isinstance(v, dict)
        }

    def _quietly(self, procedure: str) -> Any:
        try:
            return self._get(procedure)
        except (Absent, DokployRefused, Unsettled):
            return None

    def version(self) -> str:
        """Dokploy's version; "" where it does not say."""
        value = self._quietly("settings.getDokployVersion")
        return value[:40] if isinstance(value, str) else ""

    def deploy(self, compose_id: str, title: str, description: str) -> bool:
        """Queue a deployment: the one call that changes anything, made once. True where it went to another server's
        queue.

        Raises Refused where Dokploy certainly did not queue it, Unsettled where nobody knows (look for the nonce, never
        repeat).
        """
        body = {"composeId": compose_id, "title": title, "description": description}
        try:
            answer = self._http.send("POST", f"{self.base}/api/compose.deploy", body)
        except Unreachable as error:
            raise Unsettled(self._masker.text(f"POST compose.deploy: {error.reason}"), error.sent) from None
        try:
            value = self._settle("compose.deploy", answer)
        except Absent:
            raise _no_dokploy(self.base, "compose.deploy") from None
        # {"success": true, ...}, a bare true (cloud, remote server), or nothing at all (before v0.25.7)
        if value is False or (isinstance(value, dict) and value.get("success") is False):
            raise Unsettled("POST compose.deploy: Dokploy answered that it did not succeed", sent=True)
        return value is True

    def _need(self, procedure: str, **params: str) -> Any:
        """A procedure that every version has."""
        try:
            return self._get(procedure, **params)
        except Absent:
            raise _no_dokploy(self.base, procedure) from None

    def _get(self, procedure: str, **params: str) -> Any:
        if procedure in self._absent:
            raise Absent(procedure)
        try:
            answer = self._http.get(f"{self.base}/api/{procedure}", params)
        except Unreachable as error:
            raise Unsettled(self._masker.text(f"{procedure}: {error.reason}"), error.sent) from None
        try:
            return self._settle(procedure, answer)
        except Absent:
            self._absent.add(procedure)
            raise

    def _read(self, parse: Callable[[Any], T], value: Any) -> T:
        try:
            return parse(value)
        except records.Malformed as error:
            raise Unsettled(str(error), sent=True) from None

    def _settle(self, procedure: str, answer: Answer) -> Any:
        """The value of a good answer. Raises Refused, Absent, Unsettled."""
        self._learn(answer)
        if 300 <= answer.status < 400:
            raise DokployRefused(
                "address",
                f"{procedure}: Dokploy's address answers with a redirect ({answer.status})",
                "set dokploy_url to the final address (https, no path); the key is never sent along a redirect",
            )
        try:
            value = answer.json()
        except NotJson:
            if answer.status in (401, 403):
                raise DokployRefused(
                    "address",
                    f"{procedure}: a proxy in front of Dokploy answers {answer.status}",
                    "let the runner through",
                ) from None
            hint = "; see that dokploy_url is Dokploy's own address" if answer.status in (200, 404) else ""
            raise Unsettled(
                f"{procedure}: {answer.status} and no JSON ({_title(answer.text)}){hint}", sent=True
            ) from None
        if answer.status == 200:
            self._answered += 1
            return value
        raise self._failure(procedure, answer.status, value if isinstance(value, dict) else {})

    def _learn(self, answer: Answer) -> None:
        """What the headers tell: Dokploy's time, and a limit where something in front of it counts."""
        for name in ("x-ratelimit-remaining", "ratelimit-remaining", "x-rate-limit-remaining"):
            word = answer.headers.get(name, "").strip()
            self.left = int(word) if word.isdecimal() and len(word) < 10 else self.left
        try:
            self._skew = parsedate_to_datetime(answer.headers.get("date", "")).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError, IndexError, OSError):
            return

    def _failure(self, procedure: str, status: int, value: dict[str, Any]) -> Exception:
        message = " ".join(self._masker.text(printable(str(value.get("message") or ""))).split())[:300]
        self._answered += "code" in value and status < 500  # refused for what it asked, not for its key
        if status == 401 and "code" not in value:
            return self._key_refused(procedure)
        if status == 401:
            return DokployRefused(
                "permission",
                f"{procedure}: the key's user may not do this: {message}",
                "in Dokploy give that member access to this service (Settings > Users), and to deployments",
            )
        if status == 403:
            return DokployRefused(
                "licence", f"{procedure}: forbidden: {message}", "see the key's role and Dokploy's licence"
            )
        data = value.get("data")
        if (
            status == 404
            and not (isinstance(data, dict) and data.get("path"))
            and re.fullmatch(r"(?i)not found", message.strip())
        ):
            return Absent(procedure)
        if status == 404:
            return DokployRefused(
                "not-found",
                f"{procedure}: {message or 'not found'}",
                "see compose_id: the last part of the service's address in Dokploy",
            )
        if status in (408, 425, 429) or status >= 500:
            return Unsettled(
                f"{procedure}: Dokploy answers {status}", sent=True
            )  # its words may be the SQL that failed
        return DokployRefused(
            "input",
            f"{procedure}: {status} {message}".rstrip(),
            "see dokploy_url and compose_id, and Dokploy's version (0.25.7 or later)",
        )

    def _key_refused(self, procedure: str) -> DokployRefused:
        if self._answered:
            return DokployRefused(
                "limit",
                f"{procedure}: Dokploy accepted the key {self._answered} times and refuses it now: a rate limit",
                "keys made through the API allow 10 requests a day, each call counts twice, and a deploy needs dozens; "
                "make one in Settings > Profile > API/CLI without limit",
            )
        return DokployRefused(
            "key",
            f"{procedure}: Dokploy refuses the API key: wrong, expired, or over its rate limit (it does not say which)",
            "make a key in Settings > Profile > API/CLI, without rate limit, and set DOKPLOY_API_KEY",
        )


def _title(html: str) -> str:
    match = re.search(r"<title>([^<]{1,80})", html, re.IGNORECASE)
    return printable(match.group(1).strip()) if match else f"{len(html)} characters"
