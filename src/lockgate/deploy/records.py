"""Dokploy's answers as values, read strictly where the gate depends on them (db/schema/compose.ts, deployment.ts of
v0.30.2)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

COMMIT = re.compile(r"Commit: ([0-9a-f]{40})\b")
_BRANCH_FIELDS = {
    "github": "branch",
    "gitlab": "gitlabBranch",
    "bitbucket": "bitbucketBranch",
    "gitea": "giteaBranch",
    "git": "customGitBranch",
}
_SECRET_NAME = re.compile(r"(?i)(token|secret|password|privatekey|apikey|webhook)")


class Malformed(Exception):
    """An answer without what every version of Dokploy sends."""


class Compose(msgspec.Struct, frozen=True):
    """A compose service, without its secrets."""

    id: str
    name: str
    app_name: str
    auto_deploy: bool
    source_type: str  # git, github, gitlab, bitbucket, gitea, raw
    branch: str  # of that source; "" for raw
    compose_type: str  # docker-compose, stack
    compose_path: str
    command: str  # custom command, "" for Dokploy's own
    status: str  # idle, running, done, error
    server_id: str


class Deployment(msgspec.Struct, frozen=True):
    """One deployment record; it appears only when its job starts."""

    id: str
    title: str
    description: str
    status: str  # running, done, error, cancelled
    created_at: str
    error: str = ""
    started_at: str = ""

    @property
    def commit(self) -> str:
        """The commit that Dokploy says it deployed; "" until the end, and for raw sources."""
        match = COMMIT.match(self.description)
        return match.group(1) if match else ""


class Job(msgspec.Struct, frozen=True):
    """A queued deployment: it vanishes when it ends."""

    id: str
    compose_id: str
    title: str
    description: str
    state: str  # waiting, active


class Container(msgspec.Struct, frozen=True):
    """One container of the compose project."""

    id: str
    name: str
    state: str  # running, restarting, exited, created, ...
    status: str  # "Up 3 seconds (healthy)", "Restarting (3) 12 seconds ago"
    restarts: int | None = None  # of docker inspect, where the key may read it


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def compose(value: Any, asked: str) -> Compose:
    """``compose.one``. Raises Malformed for anything but the row of the id that was asked for."""
    if not isinstance(value, dict) or value.get("composeId") != asked or not _text(value, "appName"):
        raise Malformed("compose.one did not answer with that compose")
    if not isinstance(value.get("autoDeploy"), bool | None):
        raise Malformed("compose.one: autoDeploy is neither true nor false")
    source = _text(value, "sourceType")
    auto = value.get("autoDeploy")
    return Compose(
        asked,
        _text(value, "name"),
        _text(value, "appName"),
        auto is not False,  # null means the column's default, which is true
        source,
        _text(value, _BRANCH_FIELDS.get(source, "")),
        _text(value, "composeType") or "docker-compose",
        _text(value, "composePath") or "./docker-compose.yml",
        _text(value, "command").strip(),
        _text(value, "composeStatus"),
        _text(value, "serverId"),
    )


def secrets_of(value: Any) -> tuple[str, ...]:
    """Every value in an answer that must never be shown: environment, tokens, keys, however deep."""
    from lockgate.deploy.secret import values_of_env

    found: list[str] = []
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack += item
        elif isinstance(item, dict):
            for key, inner in item.items():
                if isinstance(inner, str) and inner and key == "env":
                    found += values_of_env(inner)
                elif isinstance(inner, str) and inner and (key == "refreshToken" or _SECRET_NAME.search(key)):
                    found.append(inner)
                else:
                    stack.append(inner)
    return tuple(found)


def deployments(value: Any) -> tuple[Deployment, ...]:
    """``deployment.allByCompose``; a record without an id or a status is left out. Raises Malformed where it is no
    list."""
    if not isinstance(value, list):
        raise Malformed("deployment.allByCompose did not answer with a list")
    rows = [row for row in value if isinstance(row, dict) and _text(row, "deploymentId")]
    return tuple(
        Deployment(
            _text(row, "deploymentId"),
            _text(row, "title"),
            _text(row, "description"),
            _text(row, "status") or "running",
            _text(row, "createdAt"),
            _text(row, "errorMessage"),
            _text(row, "startedAt"),
        )
        for row in _newest_first(rows)
    )


def _newest_first(rows: list[Any]) -> list[Any]:
    """As ``deployment.allByCompose`` sends them; a server that does not is put right where the times tell."""
    times = [_text(row, "createdAt") for row in rows]
    return sorted(rows, key=lambda row: _text(row, "createdAt"), reverse=True) if all(times) else rows


def jobs(value: Any, compose_id: str) -> tuple[Job, ...]:
    """The jobs of ``deployment.queueList`` that deploy this compose (the list holds those of every service). Raises
    Malformed."""
    if not isinstance(value, list):
        raise Malformed("deployment.queueList did not answer with a list")
    found = []
    for row in value:
        data = row.get("data") if isinstance(row, dict) else None
        if isinstance(data, dict) and data.get("composeId") == compose_id:
            found.append(
                Job(
                    str(row.get("id", "")),
                    compose_id,
                    _text(data, "titleLog"),
                    _text(data, "descriptionLog"),
                    _text(row, "state"),
                )
            )
    return tuple(found)


def containers(value: Any) -> tuple[Container, ...]:
    """``docker.getContainersByAppNameMatch``. Raises Malformed where it is no list."""
    if not isinstance(value, list):
        raise Malformed("docker.getContainersByAppNameMatch did not answer with a list")
    rows = [row for row in value if isinstance(row, dict) and _text(row, "name")]
    return tuple(
        Container(_text(row, "containerId"), _text(row, "name"), _text(row, "state").lower(), _text(row, "status"))
        for row in rows
    )
