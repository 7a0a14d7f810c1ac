"""Commit statuses and the pull request's comment, at Gitea or GitHub (whose API is the same where it is used here)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from lockgate.base.config import Config
from lockgate.base.errors import CannotCheck, LockgateError, UsageError
from lockgate.base.files import read_text
from lockgate.base.trust import agreed, allowed_http
from lockgate.deploy.git import FULL
from lockgate.deploy.http import Answer, Http, NotJson, Unreachable, checked_url
from lockgate.deploy.secret import Masker, Secret, from_environment, printable

State = Literal["pending", "success", "error", "failure", "warning"]
STATES: tuple[str, ...] = (
    "pending",
    "success",
    "error",
    "failure",
    "warning",
)  # what servers of every age keep; they check nothing themselves
CONTEXTS = ("lockgate/check", "lockgate/verify", "lockgate/deploy", "lockgate/promote")
MARKER = "<!-- lockgate:report -->"
_DESCRIPTION = 140
_COMMENT = 60_000  # characters; GitHub's limit is 65,536
_PAGES = 20


class GiteaError(LockgateError):
    """A status or comment could not be made (exit 3 where that was all that was asked)."""


class StatusTarget(msgspec.Struct, frozen=True):
    """Where statuses go: the API's base, the repository, and the link back to the run."""

    api: str
    repository: str
    run_url: str = ""
    github: bool = False


def place(config: Config, environ: Mapping[str, str]) -> StatusTarget | None:
    """In a workflow from the runner's variables, with which the configuration must agree; else from the configuration.
    None outside of both. Raises UsageError."""
    allow = allowed_http(config, environ)
    repository = agreed(config, "gitea", "repository", environ, "LOCKGATE_GITEA_REPOSITORY", "GITHUB_REPOSITORY")
    server = agreed(config, "gitea", "url", environ, "LOCKGATE_GITEA_URL", "GITHUB_SERVER_URL")
    if not server or not repository:
        return None
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise UsageError(f'gitea.repository: "{repository[:80]}" is not owner/name', 'write it as "owner/name"')
    server = checked_url(server, "gitea.url", allow)
    github = environ.get("GITHUB_ACTIONS") == "true" and environ.get("GITEA_ACTIONS") != "true"
    github = github and not environ.get("LOCKGATE_GITEA_URL")
    api = (
        checked_url(environ["GITHUB_API_URL"], "GITHUB_API_URL", allow)
        if github and environ.get("GITHUB_API_URL")
        else f"{server}/api/v1"
    )
    run = environ.get("GITHUB_RUN_ID" if github else "GITHUB_RUN_NUMBER", "")
    return StatusTarget(api, repository, f"{server}/{repository}/actions/runs/{run}" if run else "", github)


def pull_request(environ: Mapping[str, str]) -> int | None:
    """The number of the pull request that the workflow runs for; None for a push."""
    match = re.fullmatch(r"refs/pull/(\d+)/(?:head|merge)", environ.get("GITHUB_REF", ""))
    if match:
        return int(match.group(1))
    number = _event(environ, "number")
    return number if type(number) is int else None


def pull_request_head(environ: Mapping[str, str]) -> str:
    """The commit that a pull request shows; GitHub's workflow runs for a merge of it, which nobody sees. "" for a
    push."""
    commit = _event(environ, "head", "sha")
    return commit if isinstance(commit, str) and FULL.fullmatch(commit) else ""


def _event(environ: Mapping[str, str], *keys: str) -> object:
    """A field of the pull request in the workflow's event; None where there is none."""
    try:
        value: object = json.loads(read_text(environ["GITHUB_EVENT_PATH"]))
    except (KeyError, OSError, ValueError, RecursionError, CannotCheck):
        return None
    for key in ("pull_request", *keys):
        value = value.get(key) if isinstance(value, dict) else None
    return value


class GiteaClient:
    """One repository, with a token."""

    def __init__(self, place: StatusTarget, token: Secret, masker: Masker) -> None:
        masker.add(token)
        self.place = place
        self._masker = masker
        self._http = Http(place.api, {"authorization": f"token {token.reveal()}"})

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def status(self, commit: str, context: str, state: State, description: str) -> None:
        """Post a commit status. Raises GiteaError; ValueError for a state, context or commit that a server would store
        unseen."""
        if state not in STATES or context not in CONTEXTS or not FULL.fullmatch(commit):
            raise ValueError(f"{state} {context} {commit}")
        if self.place.github and state == "warning":
            state = "success"
        body = {"state": state, "context": context, "description": one_line(self._masker.text(description))}
        if self.place.run_url:
            body["target_url"] = self.place.run_url
        self._expect(201, "POST", f"statuses/{commit}", body)

    def statuses(self, commit: str) -> list[dict[str, Any]]:
        """The statuses of a commit, newest first. Raises GiteaError."""
        value = self._expect(200, "GET", f"commits/{commit}/statuses?{self._page(1)}")
        rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        # Several are posted within one second, which is all that their times tell.
        return sorted(rows, key=lambda row: row["id"] if type(row.get("id")) is int else 0, reverse=True)

    def may_post(self) -> None:
        """Whether the token may post statuses, found out without posting one: for a commit that is none. A server looks
        at the token's scope first (403), and at the commit then (Gitea 404, 500; GitHub 422). Raises GiteaError."""
        body = {"state": "pending", "context": "lockgate/deploy", "description": "never stored: no such commit"}
        answer = self._send("POST", f"statuses/{'0' * 40}", body)
        if answer.status in (401, 403) or 300 <= answer.status < 400:
            raise self._failure(answer, "statuses")
        if answer.status == 404:  # of the repository, or of the commit
            self._expect(200, "GET", "")

    def hooks(self) -> list[str]:
        """The URLs that the repository's webhooks call; for tokens of its administrators only. Raises GiteaError."""
        value = self._expect(200, "GET", f"hooks?{self._page(1)}")
        rows = [row.get("config") for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        return [str(row.get("url", "")) for row in rows if isinstance(row, dict)]

    def latest(self, commit: str) -> dict[str, str]:
        """The state of each context of a commit, by its newest status; at GitHub by its check runs, too, where a job of
        Actions is one. Raises GiteaError."""
        found: dict[str, str] = {}
        for row in self._combined(commit):
            context = row.get("context")
            if isinstance(context, str):  # Gitea answers with ``status``, GitHub with ``state``
                found.setdefault(context, str(row.get("status") or row.get("state") or "pending").lower())
        if self.place.github:
            found |= {name: state for name, state in self._check_runs(commit).items() if name not in found}
        return found

    def _combined(self, commit: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, _PAGES + 1):
            path = f"commits/{commit}/status?{self._page(page)}"
            answer = self._send("GET", path)
            if answer.status == 404 and page == 1:
                return self.statuses(commit)
            value = self._read(answer, 200, path)
            rows = value.get("statuses") if isinstance(value, dict) else None
            rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            fresh = [row for row in rows if row not in found]
            found += fresh
            if not fresh or len(rows) < 50:
                break
        return found

    def _check_runs(self, commit: str) -> dict[str, str]:
        """GitHub's jobs by their own names (``go`` of ``test / go (push)``); of several of one name the worst."""
        answer = self._send("GET", f"commits/{commit}/check-runs?per_page=100&filter=latest")
        if answer.status in (403, 404):
            return {}
        value = self._read(answer, 200, "check-runs")
        rows = value.get("check_runs") if isinstance(value, dict) else None
        found: dict[str, str] = {}
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and isinstance(row.get("name"), str):
                state = "pending" if row.get("status") != "completed" else str(row.get("conclusion"))
                found[row["name"]] = found.get(row["name"], state) if state == "success" else state
        return found

    def commits(self, branch: str, limit: int) -> list[str]:
        """The newest commits of a branch. Raises GiteaError."""
        spare = "" if self.place.github else "&stat=false&files=false&verification=false"
        found: list[str] = []
        for page in range(1, _PAGES + 1):
            value = self._expect(200, "GET", f"commits?sha={quote(branch, safe='')}&{self._page(page)}{spare}")
            rows = (
                [row["sha"] for row in value if isinstance(row, dict) and isinstance(row.get("sha"), str)]
                if isinstance(value, list)
                else []
            )
            found += rows
            if not rows or len(found) >= limit:
                break
        return found[:limit]

    def comment(self, number: int, body: str) -> str:
        """Write or update the one comment of Lockgate. Returns created, updated or unchanged. Raises GiteaError."""
        body = cut(f"{MARKER}\n{self._masker.text(body)}", _COMMENT)
        for row in self._comments(number):
            if not str(row.get("body", "")).startswith(MARKER) or type(row.get("id")) is not int:
                continue
            if row["body"].strip() == body.strip():
                return "unchanged"
            answer = self._send("PATCH", f"issues/comments/{row['id']}", {"body": body})
            if answer.status == 200:
                return "updated"
            if answer.status not in (403, 404):  # another's comment with our marker, or one just deleted
                raise self._failure(answer, "the comment")
        self._expect(201, "POST", f"issues/{number}/comments", {"body": body})
        return "created"

    def _comments(self, number: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, _PAGES + 1):
            value = self._expect(200, "GET", f"issues/{number}/comments?{self._page(page)}")
            rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
            known = {row.get("id") for row in found}
            fresh = [row for row in rows if row.get("id") not in known]
            found += fresh
            if not fresh or len(rows) < 50:  # old servers send everything on every page
                break
        return found

    def _page(self, number: int) -> str:
        return f"{'per_page' if self.place.github else 'limit'}=50&page={number}"

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        url = f"{self.place.api}/repos/{self.place.repository}/{path}".rstrip("/")
        try:
            return self._http.get(url) if method == "GET" else self._http.send(method, url, body or {})
        except Unreachable as error:
            raise GiteaError(
                self._masker.text(f"{self.place.api}: {error.reason}"), "see gitea.url and the runner's network"
            ) from None

    def _expect(self, status: int, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._read(self._send(method, path, body), status, path)

    def _read(self, answer: Answer, status: int, path: str) -> Any:
        if answer.status != status:
            raise self._failure(answer, path.partition("?")[0])
        try:
            return answer.json()
        except NotJson:
            raise GiteaError(
                f"{self.place.api}/{path.partition('?')[0]}: no JSON", "see gitea.url: the address of the server itself"
            ) from None

    def _failure(self, answer: Answer, what: str) -> GiteaError:
        try:
            value = answer.json()
        except NotJson:
            value = None
        words = printable(str(value.get("message", "")) if isinstance(value, dict) else "")
        message = " ".join(self._masker.text(words).split())[:200]
        remedies = {
            401: "GITEA_TOKEN is missing, wrong or expired",
            403: "the token needs write:repository (statuses), write:issue (comments); a job's own token `permissions: code: write`",
            404: "see gitea.repository, and that the token's user can see it",
            422: "the server did not understand the request",
            500: "Gitea answers 500 for a commit it does not have: push before you post a status",
        }
        remedy = remedies.get(
            answer.status,
            "a redirect is never followed with a token: set gitea.url to the final address"
            if 300 <= answer.status < 400
            else "",
        )
        return GiteaError(f"{what}: {answer.status} {message}".rstrip(), remedy)


def connect(config: Config, environ: Mapping[str, str], masker: Masker) -> GiteaClient | None:
    """A client where there is a place and a token; else None. Raises UsageError for settings that are wrong rather than
    missing."""
    where = place(config, environ)  # first: no key is read for a place that is refused
    token = from_environment("GITEA_TOKEN", environ) if where is not None else None
    return GiteaClient(where, token, masker) if token is not None and where is not None else None


def one_line(text: str) -> str:
    """A description: one line, at most 140 characters."""
    text = " ".join(printable(text).split())
    return text if len(text) <= _DESCRIPTION else text[: _DESCRIPTION - 1] + "…"


def cut(text: str, limit: int) -> str:
    """The text, shortened at a line's end; an open code fence is closed."""
    if len(text) <= limit:
        return text
    head = text[: limit - 120].rpartition("\n")[0]
    if head.count("\n```") % 2:
        head += "\n```"
    return head + "\n\n… shortened: the whole report is in the run's log."
