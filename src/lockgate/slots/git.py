"""What git has of commits, trees and blobs: nothing is checked out, nothing is fetched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.base.files import limit
from lockgate.base.git import GIT, GitFailed, attempt, environment, output

if TYPE_CHECKING:
    from subprocess import Popen


class Blobs:
    """What is in blobs, one by one, from one process of git's that the first one starts."""

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd
        self._process: Popen[bytes] | None = None

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.communicate()

    def read(self, blob: str) -> bytes:
        """The content of a blob. Raises GitFailed where the repository does not have it."""
        from subprocess import PIPE, Popen

        if self._process is None:
            self._process = Popen(
                [*GIT, "cat-file", "--batch"], cwd=self._cwd, env=environment(), stdin=PIPE, stdout=PIPE
            )
        head = self._asked(self._process, f"{blob}\n".encode())
        if len(head) != 3:
            raise GitFailed(f"git cat-file: {blob} is not here", "fetch it whole (a partial clone may lack it)")
        if int(head[2]) > limit():
            raise CannotCheck(f"{blob}: a file of {int(head[2]):,} bytes", f"no file over {limit() >> 20} MB is read")
        return self._process.stdout.read(int(head[2]) + 1)[:-1] if self._process.stdout is not None else b""

    def _asked(self, process: Popen[bytes], words: bytes) -> list[bytes]:
        if process.stdin is None or process.stdout is None:
            return []
        try:
            process.stdin.write(words)
            process.stdin.flush()
        except OSError:  # git has ended, and said why
            return []
        return process.stdout.readline().split()


def commit_of(cwd: Path, ref: str) -> str:
    """The commit that a name stands for; "" where there is none."""
    return attempt(cwd, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")


def changed_paths(ref: str, cwd: Path) -> frozenset[str]:
    """The files, relative to ``cwd``, that differ from a commit (from its merge base with HEAD) or are not tracked
    yet."""
    commit = commit_of(cwd, ref)
    if not commit:
        output(cwd, "rev-parse", "--git-dir")  # outside of a repository that is the thing to say
        raise UsageError(f"--since {ref}: no such commit here", "fetch it first (a shallow clone may lack it)")
    # unrelated histories, or a shallow clone: compare with the commit itself
    commit = attempt(cwd, "merge-base", commit, "HEAD") or commit
    root = Path(output(cwd, "rev-parse", "--show-toplevel").rstrip("\n"))
    names = output(cwd, "diff", "--name-only", "-z", commit).split("\0") + output(
        root, "ls-files", "--others", "--exclude-standard", "-z"
    ).split("\0")
    return frozenset(os.path.relpath(root / name, cwd.resolve()).replace(os.sep, "/") for name in names if name)


def trees(cwd: Path, commits: Sequence[str], prefix: str) -> list[str]:
    """The tree of a folder in each commit, the empty tree where it is not there; one process for all of them."""
    empty = output(cwd, "hash-object", "-t", "tree", "--stdin").strip()
    wanted = "".join(f"{c}:{prefix}\n" if prefix else f"{c}^{{tree}}\n" for c in commits)
    lines = output(cwd, "cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=wanted).splitlines()
    return [line.partition(" ")[2] if line.startswith("tree ") else empty for line in lines]


def listed(cwd: Path, tree: str) -> dict[str, str]:
    """The files of a tree, each with its blob."""
    out = {}
    for line in output(cwd, "ls-tree", "--full-tree", "-r", "-z", tree).split("\0"):
        head, _, path = line.partition("\t")
        if path:
            out[path] = head.split()[2]
    return out


def differing(cwd: Path, pairs: Sequence[tuple[str, str]], status: str) -> list[dict[str, str]]:
    """For every pair of trees the files that the second added ("A") or deleted ("D"), each with its blob; one process
    for all pairs."""
    distinct = list(dict.fromkeys(p for p in pairs if p[0] != p[1]))
    if not distinct:
        return [{} for _ in pairs]
    stdin = "".join(f"{a} {b}\n" for a, b in distinct)
    text = output(
        cwd,
        "diff-tree",
        "--stdin",
        "-r",
        "-z",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--no-relative",
        f"--diff-filter={status}",
        stdin=stdin,
    )
    found: dict[tuple[str, str], dict[str, str]] = {p: {} for p in distinct}
    parts = text.split("\0")
    pair = distinct[0]
    for meta, path in zip(parts[::2], parts[1::2], strict=False):
        # the line that names the pair stands before its first difference, after those of pairs without any
        *heads, raw = meta.split("\n")
        if heads:
            first, _, second = heads[-1].partition(" ")
            pair = (first, second)
        fields = raw.split()
        found[pair][path] = fields[3] if status == "A" else fields[2]
    return [found.get(p, {}) for p in pairs]


def appearance(cwd: Path, paths: Sequence[str]) -> dict[str, int]:
    """When each file was merged: its rank along the first parents of HEAD, higher is later; files that no commit has
    rank last."""
    text = attempt(
        cwd,
        "log",
        "--first-parent",
        "-m",
        "--no-renames",
        "--diff-filter=A",
        "--format=",
        "--name-only",
        "-z",
        "--relative",
        "--",
        *paths,
    )
    ranks: dict[str, int] = {}
    for number, name in enumerate(reversed([n.strip("\n") for n in text.split("\0") if n.strip("\n")])):
        ranks.setdefault(name, number)
    return {path: ranks.get(path, len(ranks) + 1) for path in paths}
