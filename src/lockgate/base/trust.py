"""Who is trusted with what: the one place that decides it.

The operator (his command line, his environment, his runner's variables) is trusted. The tree of a pull request is not, and
``lockgate.toml`` is part of the tree, and code: it names programs to run, servers to reach and variables to read. Every
feature that would run something of the tree, or follow a name that the tree gives, asks ``need`` first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import read_text


class TrustConfig(Protocol):
    """What of a configuration counts here."""

    @property
    def untrusted(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def root(self) -> Path: ...


class HttpSettings(Protocol):
    """Where plain http is allowed."""

    @property
    def allow_http(self) -> tuple[str, ...]: ...


class HttpConfig(TrustConfig, Protocol):
    """A configuration with such settings."""

    @property
    def deploy(self) -> HttpSettings: ...


VARIABLE = "LOCKGATE_TRUSTED"  # "1": the tree is trusted, "0": it is not; the command line's option sets it
# read by one command each, and by no child of any: git, initdb, a command of the configuration, a plug-in
SECRETS = frozenset(
    [
        "DOKPLOY_API_KEY",
        "DOKPLOY_API_KEY_FILE",
        "GITEA_TOKEN",
        "GITEA_TOKEN_FILE",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
    ]
)
_RUNNERS = ("GITHUB", "GITEA", "FORGEJO")
_OTHERS = (
    ("CI_PIPELINE_SOURCE", ("merge_request_event", "external_pull_request_event")),  # GitLab
    ("CI_PIPELINE_EVENT", ("pull_request", "pull_request_closed", "pull_request_metadata")),  # Woodpecker
    ("DRONE_BUILD_EVENT", ("pull_request",)),
    ("BUILD_REASON", ("PullRequest",)),  # Azure
    ("TRAVIS_EVENT_TYPE", ("pull_request",)),
    ("PULL_REQUEST", ("true",)),  # Netlify
)
# set by a job of a pull request alone: its number or its address; "false" elsewhere at Buildkite and Travis
_NUMBERS = (
    *("BUILDKITE_PULL_REQUEST", "TRAVIS_PULL_REQUEST", "CIRCLE_PULL_REQUEST", "CIRCLE_PR_NUMBER", "BITBUCKET_PR_ID"),
    *("APPVEYOR_PULL_REQUEST_NUMBER", "SEMAPHORE_GIT_PR_NUMBER", "CIRRUS_PR", "BITRISE_PULL_REQUEST"),
    *("SYSTEM_PULLREQUEST_PULLREQUESTID", "VERCEL_GIT_PULL_REQUEST_ID", "CI_MERGE_REQUEST_IID"),
    *("CHANGE_ID", "ghprbPullId"),  # Jenkins: a branch source, the older plug-in
)
_AFTERWARDS = ("workflow_run", "issue_comment")
_REFERENCES = ("refs/pull/", "refs/merge-requests/", "refs/changes/")  # GitHub and Gitea; GitLab; Gerrit


def doubt(environ: Mapping[str, str]) -> str:
    """Why the tree is not trusted, in words; "" where it is."""
    word = environ.get(VARIABLE, "")
    if word in ("1", "true", "yes"):
        return ""
    if word in ("0", "false", "no"):
        return "--untrusted"
    return pull_request_event(environ)


def pull_request_event(environ: Mapping[str, str]) -> str:
    """The variable that says that this job is of a pull request; "" outside of one."""
    for runner in _RUNNERS:
        event = environ.get(f"{runner}_EVENT_NAME", "")
        if event.startswith("pull_request") or (event in _AFTERWARDS and _of_pull_request(environ, runner, event)):
            return f"{runner}_EVENT_NAME={event}"
    told = [name for name, words in _OTHERS if environ.get(name, "") in words]
    told += [name for name in _NUMBERS if environ.get(name, "false") not in ("", "false")]
    told += [name for name in ("GITHUB_REF", "CI_REF") if environ.get(name, "").startswith(_REFERENCES)]
    return next((f"{name}={environ[name]}" for name in told), "")


def _of_pull_request(environ: Mapping[str, str], runner: str, event: str) -> bool:
    """Whether a workflow that starts on the default branch, with all secrets, was set off by a pull request, whose tree
    it then may check out. So it is where the event cannot be read."""
    try:
        import json

        told: object = json.loads(read_text(environ[f"{runner}_EVENT_PATH"]))
    except (KeyError, OSError, ValueError, RecursionError, CannotCheck):
        return True
    about = told.get("issue" if event == "issue_comment" else "workflow_run") if isinstance(told, dict) else None
    if not isinstance(about, dict):
        return True
    return bool(about.get("pull_request")) or str(about.get("event", "")).startswith("pull_request")


def in_workflow(environ: Mapping[str, str]) -> bool:
    """Whether a runner started this, whose variables say where it belongs."""
    return environ.get("CI", "").lower() in ("true", "1") or any(
        environ.get(f"{runner}_ACTIONS") == "true" for runner in _RUNNERS
    )


def need(config: TrustConfig, section: str, key: str, what: str, instead: str = "") -> None:
    """Ask whether a setting of the tree may be followed. Raises UsageError with its place where it may not."""
    if config.untrusted:
        raise UsageError(
            f"{place_of(config, section, key)}: [{section}] {key} {what}, and this tree is not trusted ({config.untrusted})",
            f"{instead + ', or ' if instead else ''}say that you trust it: --trusted, or {VARIABLE}=1 in the environment",
        )


def agreed(config: TrustConfig, section: str, key: str, environ: Mapping[str, str], *variables: str) -> str:
    """Where a key goes: as the first of these variables that is set says. In a workflow the tree may say the same, or
    nothing; elsewhere its word counts where no ``LOCKGATE_`` variable is set, if it is trusted. Raises UsageError."""
    name = next((v for v in variables if environ.get(v)), "")
    ours, theirs = environ.get(name, ""), str(getattr(getattr(config, section), key))
    if not config.untrusted and not (in_workflow(environ) and ours):
        return ours if name.startswith("LOCKGATE_") else theirs or ours
    if theirs and _plain(theirs) != _plain(ours):
        said = f"is not what {name} says" if name else f"would say where a key goes, which is for {variables[0]} to say"
        raise UsageError(
            f"{place_of(config, section, key)}: [{section}] {key} {said}; no key was sent",
            f"in a workflow the runner's variables decide: remove {key} from [{section}], or set {variables[0]} to the same",
        )
    return ours


def allowed_http(config: HttpConfig, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The hosts that may be asked over plain http: those of LOCKGATE_ALLOW_HTTP, and of a tree that is trusted."""
    ours = environ.get("LOCKGATE_ALLOW_HTTP", "").replace(",", " ").split()
    return (*ours, *(() if config.untrusted else config.deploy.allow_http))


def _plain(value: str) -> str:
    return value.strip().rstrip("/").lower().removesuffix(":443")


def place_of(config: TrustConfig, section: str, key: str) -> str:
    """File and line of a setting."""
    name = Path(config.path).name
    line = line_of(read_text(config.root / name, config.root), section, key) if name else 1
    return f"{config.path}:{line}"


def line_of(text: str, section: str, key: str) -> int:
    """The line of a key in its section; of the section itself without one."""
    within = not section
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("["):
            name = bare.strip("[] ").removeprefix("tool.lockgate.")
            within = name == section or not section
            if name == key and not section:
                return number
        if within and bare.split("=")[0].strip().strip('"') == key:
            return number
    return 1


def without_secrets(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: without the keys that are only ours."""
    return {name: value for name, value in (environ or os.environ).items() if name not in SECRETS}
