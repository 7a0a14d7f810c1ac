"""What git says of the tree at hand. Read-only; never asks for a password."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from lockgate.base.errors import CannotCheck, UsageError

FULL = re.compile(r"[0-9a-f]{40}")


class Head(msgspec.Struct, frozen=True):
    """The commit and branch that would be deployed."""

    commit: str  # 40 hex digits
    branch: str  # "" where nobody knows
    top: Path
    git_dir: Path


def _git(cwd: Path, *arguments: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    environ = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **os.environ, **quiet}
    command = ["git", *arguments]
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            env=environ,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise CannotCheck("git is not installed", "install git: the gate ties what it proves to a commit") from error
    except subprocess.TimeoutExpired as error:
        raise CannotCheck(
            f"git {arguments[0]} did not answer within {timeout:.0f} s", "see the network of the machine"
        ) from error


def head(cwd: Path, environ: Mapping[str, str]) -> Head:
    """The commit at hand, and its branch: the workflow's, else the checkout's. Raises UsageError outside of a
    repository."""
    found = _git(cwd, "rev-parse", "--show-toplevel", "--absolute-git-dir", "HEAD")
    lines = found.stdout.splitlines()
    if found.returncode or len(lines) != 3 or not FULL.fullmatch(lines[2]):
        why = "dubious ownership" if "dubious ownership" in found.stderr else "no commit at hand"
        remedy = (
            f"git config --global --add safe.directory {cwd}"
            if why.startswith("dubious")
            else "run the gate in a git checkout"
        )
        raise UsageError(f"{cwd}: {why}", remedy)
    commit, branch = lines[2], ""
    if in_workflow(environ):
        reference = environ.get("GITHUB_REF", "")
        branch = reference.removeprefix("refs/heads/") if reference.startswith("refs/heads/") else ""
        stated = environ.get("GITHUB_SHA", "")
        if FULL.fullmatch(stated) and stated != commit:
            raise UsageError(
                f"the checkout is at {commit[:12]}, the workflow runs for {stated[:12]}",
                "check out the workflow's own commit",
            )
    else:
        branch = _git(cwd, "symbolic-ref", "--short", "-q", "HEAD").stdout.strip()
    return Head(commit, branch, Path(lines[0]), Path(lines[1]))


def in_workflow(environ: Mapping[str, str]) -> bool:
    """Whether this is a job of Gitea's or GitHub's Actions."""
    return environ.get("GITEA_ACTIONS") == "true" or environ.get("GITHUB_ACTIONS") == "true"


def dirty(top: Path, paths: Sequence[Path]) -> tuple[str, ...]:
    """What is not as committed: any tracked file, and untracked ones of these. Dokploy deploys the commit, not the
    working tree."""
    real = top.resolve()
    inside = [p for p in (Path(os.path.abspath(p)).resolve() for p in paths) if p.is_relative_to(real)]
    changed = _status(top, "--untracked-files=no")
    return changed + tuple(
        name
        for name in (_status(top, "--untracked-files=all", "--", *map(str, inside)) if inside else ())
        if name not in changed
    )


def _status(top: Path, *arguments: str) -> tuple[str, ...]:
    found = _git(top, "status", "--porcelain=v1", "-z", *arguments)
    if found.returncode:
        raise CannotCheck(f"git status: {found.stderr.strip()[:200]}", "see the repository")
    return tuple(entry[3:] for entry in found.stdout.split("\0") if len(entry) > 3 and entry[2] == " ")


def default_branch(cwd: Path) -> str:
    """The branch behind ``origin/HEAD``; "" where that is not known."""
    return _git(cwd, "symbolic-ref", "--short", "-q", "refs/remotes/origin/HEAD").stdout.strip().removeprefix("origin/")


def remote_host(cwd: Path) -> str:
    """The host of ``origin``; "" where there is none."""
    try:
        url = _git(cwd, "remote", "get-url", "origin").stdout.strip()
    except CannotCheck:
        return ""
    match = re.match(r"(?:[a-z+]+://)?(?:[^@/\s]*@)?([\w.-]+\.[\w.-]+|localhost)(?=[:/])", url)
    return match.group(1).lower() if match else ""


def remote_tip(cwd: Path, branch: str) -> str:
    """The commit that the branch has at ``origin``; "" where that cannot be asked."""
    try:
        found = _git(cwd, "ls-remote", "origin", f"refs/heads/{branch}", timeout=20)
    except CannotCheck:
        return ""
    match = FULL.match(found.stdout)
    return match.group(0) if found.returncode == 0 and match else ""


def is_ancestor(cwd: Path, older: str, newer: str) -> bool:
    """Whether a commit lies in another's past; False where one of them is not here."""
    return _git(cwd, "merge-base", "--is-ancestor", older, newer).returncode == 0


def text_at(cwd: Path, revision: str, path: str) -> str | None:
    """A file as a revision has it; None where it has none."""
    found = _git(cwd, "show", f"{revision}:./{path}")
    return found.stdout if found.returncode == 0 else None
