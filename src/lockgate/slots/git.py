"""Git, read by its plumbing: nothing is checked out, nothing is fetched."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lockgate.errors import CannotCheck, UsageError


def git(cwd: Path, *arguments: str) -> str:
    """What a git command prints. Raises CannotCheck with git's own last line."""
    try:
        done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError as error:
        raise CannotCheck("git is not installed", "install git, or leave out what needs it") from error
    if done.returncode:
        raise CannotCheck(f"git {arguments[0]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}", "run this inside the repository")
    return done.stdout


def changed_paths(ref: str, cwd: Path) -> frozenset[str]:
    """The files, relative to ``cwd``, that differ from a commit (from its merge base with HEAD) or are not tracked yet."""
    try:
        commit = git(cwd, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    except CannotCheck as error:
        raise UsageError(f"--since {ref}: no such commit here", "fetch it first (a shallow clone may lack it)") from error
    try:
        commit = git(cwd, "merge-base", commit, "HEAD").strip() or commit
    except CannotCheck:
        pass  # unrelated histories, or a shallow clone: compare with the commit itself
    root = Path(git(cwd, "rev-parse", "--show-toplevel").strip())
    names = git(cwd, "diff", "--name-only", "-z", commit).split("\0") + git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return frozenset(os.path.relpath(root / name, cwd.resolve()).replace(os.sep, "/") for name in names if name)
