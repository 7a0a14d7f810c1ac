"""What is looked at before anything is triggered: key, permission, id, branch, and ways around the gate."""

from __future__ import annotations

import itertools
import shlex

import msgspec

from lockgate.deploy.dokploy import Dokploy
from lockgate.deploy.records import Compose


class Settings(msgspec.Struct, frozen=True):
    """What Dokploy holds for the compose, and what that means for the gate."""

    compose: Compose
    command: str  # what Dokploy will run, "" where it does not say
    reasons: tuple[str, ...] = ()  # each closes the gate
    notes: tuple[str, ...] = ()
    settled: tuple[str, ...] = ("autoDeploy",)  # the settings of which reasons and notes tell


def inspect(dokploy: Dokploy, compose_id: str, branch: str, *, allow_auto_deploy: bool) -> Settings:
    """Read the compose. Raises DokployRefused, Unsettled."""
    return settings_of(dokploy, dokploy.compose(compose_id), branch, allow_auto_deploy=allow_auto_deploy)


def settings_of(dokploy: Dokploy, compose: Compose, branch: str, *, allow_auto_deploy: bool) -> Settings:
    """What a compose's settings mean for the gate."""
    reasons: list[str] = []
    notes: list[str] = []
    if compose.auto_deploy:
        around = f'autoDeploy is on for "{compose.name}": a push deploys around the gate'
        if allow_auto_deploy:
            notes.append(around)
        else:
            reasons.append(f"{around} (turn it off in Dokploy and remove the webhook, or --allow-auto-deploy)")
    if compose.branch and compose.branch != branch:
        reasons.append(f"Dokploy deploys the branch {compose.branch}, the gate lets {branch} through")
    if compose.status == "running":
        notes.append("another deployment of this compose is running: ours waits behind it")
    command = _command(dokploy, compose)
    reasons += foreign_projects(command, compose.app_name)
    return Settings(compose, command, tuple(reasons), tuple(notes))


def _command(dokploy: Dokploy, compose: Compose) -> str:
    """What Dokploy runs, without the ``docker`` that it puts before it. A member's key may not ask for the default one,
    so that it is worked out as Dokploy does (utils/builders/compose.ts, createCommand)."""
    if compose.command:
        dokploy.version()  # asked so that each preflight makes six calls: a key of five a day ends before the order
        return compose.command
    return dokploy.effective_command(compose.id).removeprefix("docker ") or default_command(compose)


def default_command(compose: Compose) -> str:
    """The command of a compose without one of its own."""
    path = "docker-compose.yml" if compose.source_type == "raw" else compose.compose_path
    app, file = shlex.quote(compose.app_name), shlex.quote(path)
    if compose.compose_type == "stack":
        return f"stack deploy -c {file} {app} --prune --with-registry-auth"
    return f"compose -p {app} -f {file} up -d --build --remove-orphans"


def foreign_projects(command: str, app: str) -> list[str]:
    """A reason for each project of the command that is not the service's App Name: what it starts stands beside what
    runs, and no container that Dokploy lists is ever replaced."""
    named = [name for link in command.split("&&") for name in _project(_words(link))]
    return [
        f'the command deploys the project "{name}", and the App Name is {app}: the release that runs would stay '
        f"(write -p {app} in Dokploy, Advanced, Command)"
        for name in dict.fromkeys(named)
        if app and name != app
    ]


_VALUED = frozenset(  # options of `docker compose` itself that take the next word (docs: reference/cli/docker/compose)
    ["-f", "--file", "--profile", "--env-file", "--project-directory", "--progress", "--ansi", "--parallel"]
)


def _project(words: list[str]) -> list[str]:
    """The project that one link of the command names, if it names one."""
    rest = words[1:] if words[:1] == ["docker"] else words
    if rest[:2] in (["stack", "deploy"], ["stack", "up"]):
        plain = [w for before, w in itertools.pairwise(rest[1:]) if before not in ("-c", "--compose-file")]
        return [w for w in plain if not w.startswith("-")][:1]
    if rest[:1] not in (["compose"], ["docker-compose"]):
        return []
    following = iter(rest[1:])
    for word in following:
        name, _, value = word.partition("=")
        if name in ("-p", "--project-name"):
            return [value or next(following, "")]
        if word.startswith("-p") and not word.startswith("--"):
            return [word[2:]]
        if word in _VALUED:
            next(following, "")
        elif not word.startswith("-"):
            return []
    return []


def _words(link: str) -> list[str]:
    try:
        return shlex.split(link)
    except ValueError:
        return link.split()
