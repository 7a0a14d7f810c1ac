"""The branch that only the gate moves: Dokploy deploys it, so what it clones is what was proven, however late it does."""

from __future__ import annotations

from lockgate.base.errors import CannotCheck
from lockgate.base.git import attempt, ended
from lockgate.deploy import git


def reasons(head: git.Head, source: str, branch: str) -> list[str]:
    """Why this commit must not go live, by where the branches stand at ``origin``: not pushed, or left behind; one that
    is promoted must also be a step forward for ``branch``."""
    tip = git.remote_tip(head.top, source)
    if tip and tip != head.commit:
        ahead = git.is_ancestor(head.top, tip, head.commit)
        if branch != source and git.remote_tip(head.top, branch) == head.commit:
            return []
        what = (
            f"this commit is not pushed: {source} is at {tip[:12]}" if ahead else f"{source} has moved on to {tip[:12]}"
        )
        return [f"{what}, and Dokploy would deploy that; this is {head.commit[:12]}"]
    return [] if source == branch else diverged(head, branch)


def diverged(head: git.Head, branch: str) -> list[str]:
    """Why the branch cannot be moved to this commit."""
    tip = git.remote_tip(head.top, branch)
    if not tip or tip == head.commit or git.is_ancestor(head.top, tip, head.commit):
        return []
    attempt(head.top, "fetch", "--no-tags", "--quiet", "origin", f"refs/heads/{branch}", timeout=60)
    if git.is_ancestor(head.top, tip, head.commit):
        return []
    return [
        f"{branch} is at {tip[:12]}, which is not in this commit's past: somebody else moved it "
        f"(let only the gate push to it; put it back with git push --force-with-lease, or merge it)"
    ]


def push(head: git.Head, branch: str) -> str:
    """Move the branch at ``origin`` to this commit, if it is not there and is not the branch at hand; what was done, in
    words. Never backwards, and only from where it was seen. Raises CannotCheck."""
    if head.branch == branch:
        return ""
    tip = git.remote_tip(head.top, branch)
    if tip == head.commit:
        return f"{branch} is at {head.commit[:12]} already"
    wrong = diverged(head, branch)
    if wrong:
        raise CannotCheck(wrong[0], "nothing was pushed and nothing was ordered")
    target = f"refs/heads/{branch}"
    done = ended(
        head.top,
        (
            "push",
            "--porcelain",
            "--no-verify",
            f"--force-with-lease={target}:{tip}",
            "origin",
            f"{head.commit}:{target}",
        ),
        timeout=120,
    )
    if done.returncode:
        lines = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()
        said = next((line for line in lines if line.startswith(("!", "remote:", "fatal:"))), lines[-1] if lines else "")
        raise CannotCheck(
            f"{branch} could not be moved to {head.commit[:12]}: {' '.join(said.split())[:200]}",
            "the job needs the right to push (Gitea: permissions code: write), and the branch must let the gate push",
        )
    return f"{branch} was moved from {tip[:12] or 'nothing'} to {head.commit[:12]}"
