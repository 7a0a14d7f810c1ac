"""What git says of the tree at hand. Read-only; never asks for a password."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from lockgate.base.errors import UsageError
from lockgate.base.git import NoGit, attempt, ended, output

FULL = re.compile(r"[0-9a-f]{40}")


class Head(msgspec.Struct, frozen=True):
    """The commit and branch that would be deployed."""

    commit: str  # 40 hex digits
    branch: str  # "" where nobody knows
    top: Path
    git_dir: Path


def head(cwd: Path, environ: Mapping[str, str]) -> Head:
    """The commit at hand, and its branch: the workflow's, else the checkout's. Raises UsageError outside of a
    repository."""
    found = ended(cwd, ("rev-parse", "--show-toplevel", "--absolute-git-dir", "HEAD"))
    lines = found.stdout.decode("utf-8", "surrogateescape").splitlines()
    if found.returncode or len(lines) != 3 or not FULL.fullmatch(lines[2]):
        why = "dubious ownership" if b"dubious ownership" in found.stderr else "no commit at hand"
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
        branch = attempt(cwd, "symbolic-ref", "--short", "-q", "HEAD")
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
    found = output(top, "status", "--porcelain=v1", "-z", *arguments)
    return tuple(entry[3:] for entry in found.split("\0") if len(entry) > 3 and entry[2] == " ")


def default_branch(cwd: Path) -> str:
    """The branch behind ``origin/HEAD``; "" where that is not known."""
    return attempt(cwd, "symbolic-ref", "--short", "-q", "refs/remotes/origin/HEAD").removeprefix("origin/")


def remote_default(cwd: Path) -> str:
    """The default branch at ``origin``; "" where it cannot be asked."""
    found = attempt(cwd, "ls-remote", "--symref", "origin", "HEAD", timeout=20)
    match = re.match(r"ref: refs/heads/(\S+)\tHEAD", found)
    return match.group(1) if match else ""


def remote_host(cwd: Path) -> str:
    """The host of ``origin``; "" where there is none."""
    try:
        url = attempt(cwd, "remote", "get-url", "origin")
    except NoGit:
        return ""
    match = re.match(r"(?:[a-z+]+://)?(?:[^@/\s]*@)?([\w.-]+\.[\w.-]+|localhost)(?=[:/])", url)
    return match.group(1).lower() if match else ""


def remote_tip(cwd: Path, branch: str) -> str:
    """The commit that the branch has at ``origin``; "" where that cannot be asked."""
    try:
        found = attempt(cwd, "ls-remote", "origin", f"refs/heads/{branch}", timeout=20)
    except NoGit:
        return ""
    match = FULL.match(found)
    return match.group(0) if match else ""


def is_ancestor(cwd: Path, older: str, newer: str) -> bool:
    """Whether a commit lies in another's past; False where one of them is not here."""
    return ended(cwd, ("merge-base", "--is-ancestor", older, newer)).returncode == 0
