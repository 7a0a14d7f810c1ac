"""The one runner of git: its plumbing, read-only; no pager, no prompt, no hook, no lock on the index."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.base.errors import CannotCheck

if TYPE_CHECKING:
    from subprocess import CompletedProcess


class GitFailed(CannotCheck):
    """A git command failed; the message is git's own last line."""

    @property
    def mistrusted(self) -> bool:
        """Whether the repository is somebody else's to git, which only its words tell."""
        return "dubious ownership" in self.message or "safe.directory" in self.message


class NoGit(CannotCheck):
    """There is no git executable."""


# A tree can hold what git takes for a bare repository, with a configuration of its own, and a clone's configuration may
# name programs: none of it is asked (git-config: safe.bareRepository, which only the command line and the user may set)
_SETTINGS = (
    "safe.bareRepository=explicit",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "protocol.ext.allow=never",
)
# git(1), "Environment variables": where the repository and its parts are, whose settings count; and what a loader needs
_LOCAL = frozenset(
    (
        "HOME",
        "USERPROFILE",
        "XDG_CONFIG_HOME",
        "USER",
        "LOGNAME",
        "TMPDIR",
        "TEMP",
        "TMP",
        "SYSTEMROOT",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "DYLD_FALLBACK_LIBRARY_PATH",
        "GIT_EXEC_PATH",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    )
)
_REMOTE = frozenset(
    (
        "SSH_AUTH_SOCK",
        "SSH_AGENT_PID",
        "SSH_ASKPASS",
        "GIT_ASKPASS",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
        "KRB5CCNAME",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_SSL_CERT",
        "GIT_SSL_KEY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "CURL_CA_BUNDLE",
        "http_proxy",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    )
)
GIT = ("git", *(word for setting in _SETTINGS for word in ("-c", setting)))


def output(cwd: Path, *arguments: str, stdin: str = "") -> str:
    """What a git command prints. Raises GitFailed with git's own last line, NoGit where git is not installed."""
    return output_bytes(cwd, arguments, stdin.encode()).decode("utf-8", "surrogateescape")


def output_bytes(cwd: Path, arguments: Sequence[str], stdin: bytes = b"") -> bytes:
    """The bytes that a git command prints. Raises GitFailed, NoGit."""
    done = ended(cwd, arguments, stdin)
    if done.returncode:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["failed"])[-1]
        raise GitFailed(f"git {arguments[0]}: {last}", "run this inside the repository")
    return done.stdout


def attempt(cwd: Path, *arguments: str, timeout: float | None = None) -> str:
    """What a git command prints, without the white space around it; "" where it fails or does not answer in time."""
    try:
        done = ended(cwd, arguments, timeout=timeout)
    except GitFailed:
        return ""
    return "" if done.returncode else done.stdout.decode("utf-8", "surrogateescape").strip()


def ended(
    cwd: Path, arguments: Sequence[str], stdin: bytes = b"", timeout: float | None = None
) -> CompletedProcess[bytes]:
    """A git command that has ended, in whatever way. Raises NoGit, and GitFailed after ``timeout`` seconds."""
    import subprocess

    try:
        return subprocess.run(
            [*GIT, *arguments],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            check=False,
            env=environment(network=arguments[0] == "ls-remote"),
            timeout=timeout,
        )
    except FileNotFoundError as error:
        raise NoGit("git is not installed", "install git, or leave out what needs it") from error
    except subprocess.TimeoutExpired as error:
        raise GitFailed(
            f"git {arguments[0]} did not answer within {timeout:.0f} s", "see the network of the machine"
        ) from error


def environment(*, network: bool = False) -> dict[str, str]:
    """The environment in which git asks nobody anything, and says it in English: of ours it has what git itself reads
    to find a repository and its user's settings; ``network``: and what reaches a remote."""
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    ssh = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"} if network else {}
    kept = {name: value for name, value in os.environ.items() if _passed(name, network)}
    # a relative entry would be looked up in the tree, which may hold a program called git
    places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(place)]
    return {**ssh, **kept, "PATH": os.pathsep.join(places) or os.defpath, **quiet}


def _passed(name: str, network: bool) -> bool:
    return name in _LOCAL or name.startswith("GIT_CONFIG_") or (network and name in _REMOTE)
