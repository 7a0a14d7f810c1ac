"""Slots on other branches: local and remote-tracking refs, read without a checkout and without a network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from lockgate.base.config import Config, Git
from lockgate.base.git import GitFailed, NoGit, attempt, output
from lockgate.base.text import Source
from lockgate.slots import git
from lockgate.slots.claim import Claim
from lockgate.sources import Folder, Named
from lockgate.sources.naming import BY_NAME, coded, named


class Branch(msgspec.Struct, frozen=True):
    """A branch that is not merged, with the files that it has and the tree has not (path in the folder -> blob)."""

    name: str
    commit: str
    added: Mapping[str, str]


class GitView(msgspec.Struct, frozen=True):
    """What git knows of one folder of migrations. ``base``: the base branch's name, "" where there is none.

    ``base_files`` are the base's files in the folder, ``base_added`` those that it added since the two parted,
    ``base_deleted`` those that it deleted since; ``own`` are the blobs of HEAD. ``notes`` say what could not be
    compared.
    """

    top: Path
    root: str  # the folder, relative to the top
    head: str = ""
    base: str = ""
    base_files: frozenset[str] = frozenset()
    base_added: Mapping[str, str] = msgspec.field(default_factory=dict)
    base_deleted: frozenset[str] = frozenset()
    branches: tuple[Branch, ...] = ()
    own: frozenset[str] = frozenset()
    refs: tuple[tuple[str, str], ...] = ()  # every branch that is not merged, and the base, with their commits
    notes: tuple[Note, ...] = ()


class Note(msgspec.Struct, frozen=True):
    """What could not be compared, and what mends it. ``grave``: nothing was compared where somebody relies on it."""

    why: str
    remedy: str
    grave: bool = False


def view(config: Config, folder: Folder, cwd: Path) -> GitView | None:
    """What git knows of the folder; None outside of a repository. A view with notes alone where git cannot be asked."""
    root = cwd / (folder.roots[0] if folder.roots else ".")
    if (
        not any((up / ".git").exists() for up in (root.resolve(), *root.resolve().parents))
        and "GIT_DIR" not in os.environ
    ):
        return None
    try:
        return _view(config, root)
    except NoGit:
        return GitView(root, "", notes=(Note("git is not installed", "install git, so that branches can be compared"),))
    except GitFailed as error:
        return GitView(root, "", notes=(Note(error.message, _remedy(error)),))


def _remedy(error: GitFailed) -> str:
    if error.mistrusted:
        return "git config --global --add safe.directory '*'"
    return "see what git says there, so that branches can be compared"


def _view(config: Config, root: Path) -> GitView:
    top = Path(output(root, "rev-parse", "--show-toplevel").rstrip("\n"))
    prefix = os.path.relpath(root.resolve(), top.resolve()).replace(os.sep, "/")
    prefix = "" if prefix == "." else prefix
    head = git.commit_of(root, "HEAD")
    if not head:
        return GitView(top, prefix)
    notes: list[Note] = []
    shallow = attempt(root, "rev-parse", "--is-shallow-repository") == "true"
    base, base_commit = _base(config, root)
    if not base_commit:
        notes += _without_base(config, shallow)
    refs = _unmerged(root, head, base_commit) if config.git.branches else []
    meeting = attempt(root, "merge-base", head, base_commit) if base_commit and base_commit != head else ""
    if base_commit and base_commit != head and not meeting:
        notes.append(_parted(base, shallow))
    commits = [head, base_commit or head, meeting or head, *(c for _, c in refs)]
    head_tree, base_tree, meeting_tree, *others = git.trees(root, commits, prefix)
    pairs = [(meeting_tree, base_tree), *((head_tree, t) for t in others)]
    base_added, *branch_added = git.differing(root, pairs, "A")
    (base_deleted,) = git.differing(root, [(meeting_tree, base_tree)] if meeting else [(base_tree, base_tree)], "D")
    own = git.listed(root, head_tree)
    base_files = (own if base_tree == head_tree else git.listed(root, base_tree)) if base_commit else {}
    branches = tuple(
        Branch(name, commit, added) for (name, commit), added in zip(refs, branch_added, strict=True) if added
    )
    return GitView(
        top,
        prefix,
        head,
        base,
        frozenset(base_files),
        base_added,
        frozenset(base_deleted),
        branches,
        frozenset(own.values()),
        (*(((base, base_commit),) if base_commit else ()), *refs),
        tuple(notes),
    )


def _parted(base: str, shallow: bool) -> Note:
    if shallow:
        why = f"this clone is shallow: where HEAD and {base} parted is not known"
        return Note(why, f"{_FETCH_ALL} (actions/checkout: fetch-depth: 0)", grave=True)
    return Note(f"HEAD and {base} have no common history", "set [git] base to the branch that this one is merged into")


_FETCH = "git fetch origin '+refs/heads/*:refs/remotes/origin/*'"
_FETCH_ALL = "git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'"


def _without_base(config: Config, shallow: bool) -> list[Note]:
    """A base that was named, and a clone or a CI that has none at all; a repository of one's own may have none."""
    fetch = _FETCH_ALL if shallow else _FETCH
    named = target_branch()
    if named:
        return [Note(f"the branch {named}, into which this one goes, is not here", fetch, grave=True)]
    if config.git.base and config.git.base != Git().base:
        remedy = f"fetch it, or mend [git] base ({config.path or 'lockgate.toml'})"
        return [Note(f"the base branch {config.git.base} is not here", remedy, grave=shallow)]
    if config.git.base and (shallow or os.environ.get("CI")):
        what = "this clone is shallow, and " if shallow else ""
        return [
            Note(
                f"{what}no base branch is here (origin/main, origin/master)",
                f"{fetch}, or name it: [git] base",
                grave=True,
            )
        ]
    return []


def target_branch() -> str:
    """The branch into which a pull or merge request goes, as CI says it (Gitea, Forgejo and GitHub; GitLab; Bitbucket);
    "" outside of one."""
    names = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "BITBUCKET_PR_DESTINATION_BRANCH")
    return next((value for name in names if (value := os.environ.get(name))), "")


def _base(config: Config, root: Path) -> tuple[str, str]:
    """The base branch and its commit: CI's own word, else the configured one, else what it is usually called."""
    wanted, named = config.git.base, target_branch() if config.git.base else ""
    usual = ("origin/HEAD", "origin/main", "origin/master", "main", "master") if wanted == Git().base else ()
    for name in (f"origin/{named}", named) if named else (wanted, *usual):
        commit = git.commit_of(root, name) if name else ""
        if commit:
            return (attempt(root, "rev-parse", "--abbrev-ref", name) or name), commit
    return "", ""


def _unmerged(root: Path, head: str, base: str) -> list[tuple[str, str]]:
    """Branches whose commits neither HEAD nor the base has, without this branch's own remote copies; one name for each
    commit."""
    own = {
        attempt(root, "symbolic-ref", "--quiet", "--short", "HEAD"),
        os.environ.get("GITHUB_HEAD_REF", ""),
        _pushed(),
    }
    merged_into = [f"--no-merged={commit}" for commit in dict.fromkeys((head, base)) if commit]
    found: dict[str, str] = {}
    lists = [_refs(root, condition) for condition in merged_into]
    for name, commit in lists[0].items():
        short = name.removeprefix("refs/heads/").removeprefix("refs/remotes/")
        bare = short.partition("/")[2] if name.startswith("refs/remotes/") else short
        if all(name in others for others in lists[1:]) and bare not in own:
            found.setdefault(commit, short)
    return [(short, commit) for commit, short in found.items()]


def _pushed() -> str:
    return os.environ.get("GITHUB_REF_NAME", "") if os.environ.get("GITHUB_REF_TYPE", "branch") == "branch" else ""


def _refs(root: Path, condition: str) -> dict[str, str]:
    text = output(
        root, "for-each-ref", condition, "--format=%(refname) %(objectname) %(symref)", "refs/remotes", "refs/heads"
    )
    rows = [line.split(" ") for line in text.splitlines()]
    return {row[0]: row[1] for row in rows if not row[2]}


def claims_on(folder: Folder, view: GitView, files: Mapping[str, str], where: str, cwd: Path) -> list[Claim]:
    """The claims of a branch's files, by the names that the layout gives."""
    layout = BY_NAME.get(folder.layout)
    if layout is None:
        return []
    out = []
    for relative in sorted(files):
        item = (named(layout, relative) or coded(layout, relative)) if relative.count("/") < layout.depth else None
        if item is not None and item.slot:
            out.append(_claim(item, view, where, cwd))
    return out


def _claim(item: Named, view: GitView, where: str, cwd: Path) -> Claim:
    path = view.top / view.root / item.relative
    shown = os.path.relpath(path, cwd.resolve()).replace(os.sep, "/")
    return Claim(item.slot, item.name, item.id, item.direction, Source(shown, ""), item.relative, item.key, where)


def is_new(view: GitView, branch: Branch, relative: str) -> bool:
    """Whether a branch really adds a file: our own history never had it (and renumbered or removed it), nor is it one
    of ours under another name."""
    if branch.added.get(relative) in view.own:
        return False
    return relative not in _removed(view.top, view.root, view.head)


@cache
def _removed(top: Path, root: str, head: str) -> frozenset[str]:
    """The files of the folder that our own history once had and then removed or renamed."""
    where = ("--", root) if root else ()
    text = attempt(
        top, "log", "--no-renames", "--no-relative", "--diff-filter=D", "--format=", "--name-only", "-z", head, *where
    )
    names = (name.strip("\n") for name in text.split("\0"))
    return frozenset(n.removeprefix(f"{root}/") if root else n for n in names if n)
