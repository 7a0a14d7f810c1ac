"""The one runner of git: its plumbing, read-only; no pager, no prompt, no hook, no lock on the index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.base.errors import CannotCheck
from lockgate.base.trust import without_secrets

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
            env=environment(),
            timeout=timeout,
        )
    except FileNotFoundError as error:
        raise NoGit("git is not installed", "install git, or leave out what needs it") from error
    except subprocess.TimeoutExpired as error:
        raise GitFailed(
            f"git {arguments[0]} did not answer within {timeout:.0f} s", "see the network of the machine"
        ) from error


def environment() -> dict[str, str]:
    """The environment in which git asks nobody anything, and says it in English."""
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **without_secrets(), **quiet}
