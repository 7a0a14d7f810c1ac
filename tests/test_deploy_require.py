"""Green is more than ours: required statuses; and the branch that only the gate moves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.deploy.require import own, standing
from tests.deploy_kit import Bench, commit_all, sh
from tests.fake_gitea import TOKEN, FakeGitea
from tests.test_deploy_cli import Stand
from tests.test_deploy_cli import standing as open_stand
from tests.test_deploy_stories import client, forge, last, later, play, stand

__all__ = ["forge", "stand"]
GO, WEB = "test / go (push)", "test / web (push)"
WANTED = {"require": (GO, WEB), "require_timeout": 0.6}


@pytest.mark.parametrize(
    ("states", "code", "words"),
    [
        ({GO: "success", WEB: "success"}, 0, ""),
        ({GO: "success", WEB: "failure"}, 1, f"required status {WEB}: failure"),
        ({GO: "error"}, 1, f"{GO}: error"),
        ({GO: "success", WEB: "skipped"}, 1, "skipped"),
        ({GO: "success", WEB: "pending"}, 3, f"not green within 1 s: {WEB}: pending"),
        ({GO: "success", "test / wob (push)": "success"}, 3, f"{WEB}: not there (statuses of this commit: test / go"),
    ],
)
def test_required_statuses(stand: Bench, forge: FakeGitea, states: dict[str, str], code: int, words: str) -> None:
    for context, state in states.items():
        forge.set(stand.commit, context, "failure" if state == "success" else "success")  # the newest counts
        forge.set(stand.commit, context, state)
    got, report = play(stand, forge, deploy=WANTED)
    assert got == code and words in "; ".join(report["reasons"]), stand.text
    assert len(stand.fake.posts) == (code == 0) and (code == 0 or not stand.fake.seen)


def test_required_statuses_are_waited_for(stand: Bench, forge: FakeGitea) -> None:
    forge.set(stand.commit, GO, "success")
    later(lambda: "not there" in stand.text, lambda: forge.set(stand.commit, WEB, "success"))
    assert play(stand, forge, deploy=WANTED | {"require_timeout": 20})[0] == 0
    assert any(d.startswith("waiting for test / go") for _, _, d in forge.posted(stand.commit))


def test_more_than_a_page_of_statuses(stand: Bench, forge: FakeGitea) -> None:
    for n in range(120):
        forge.set(stand.commit, f"job {n}", "success")
    assert len(client(forge).latest(stand.commit)) == 120
    assert play(stand, forge, deploy={"require": ("job 0", "job 119", "job *")})[0] == 0


def test_red_required_statuses_in_advisory_and_with_an_override(stand: Bench, forge: FakeGitea) -> None:
    forge.set(stand.commit, GO, "failure")
    code, report = play(stand, forge, deploy=WANTED | {"mode": "advisory"})
    assert code == 0 and report["verdict"] == "closed" and last(forge, stand.commit).startswith("warning: advisory")
    code, report = play(stand, forge, deploy=WANTED, override="login outage, ticket 42")
    assert code == 0 and report["verdict"] == "overridden" and "go (push): failure" in stand.text


def test_githubs_check_runs_are_jobs() -> None:
    runs = {"go": "success", "web": "pending", "lint": "timed_out"}
    assert standing((GO,), runs).open == standing((GO,), runs).red == ()
    assert standing((WEB,), runs).open == ("web: pending",)
    assert standing(("ci / lint",), runs).red == ("lint: timed_out",)
    assert standing(("a[b]?",), {"a[b]?": "success"}).open == () != standing(("a*",), {}).open


def test_github_is_asked_for_both(forge: FakeGitea) -> None:
    github = client(forge)
    github.place = replace(github.place, github=True)
    forge.check_runs = [
        {"name": "go", "status": "completed", "conclusion": "failure"},
        {"name": "go", "status": "completed", "conclusion": "success"},
        {"name": "web", "status": "in_progress", "conclusion": None},
    ]
    forge.set("a" * 40, "legacy", "success")
    assert github.latest("a" * 40) == {"legacy": "success", "go": "failure", "web": "pending"}


def test_a_job_that_would_wait_for_itself() -> None:
    environ = {"GITHUB_WORKFLOW": "lockgate", "GITHUB_JOB": "deploy", "GITHUB_EVENT_NAME": "push"}
    assert own((GO, "lockgate / deploy (push)"), environ) and own(("lockgate/deploy",), {}) and not own((GO,), environ)


# --- promote ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def origin(stand: Bench, tmp_path: Path) -> Path:
    """The repository's origin; production stands at its first commit."""
    remote = tmp_path / "origin.git"
    sh(tmp_path, "git", "clone", "-q", "--bare", str(stand.folder), str(remote))
    sh(stand.folder, "git", "remote", "add", "origin", str(remote))
    sh(stand.folder, "git", "push", "-q", "origin", "main:production")
    (stand.folder / "next").write_text("next")
    stand.commit = stand.fake.commit = commit_all(stand.folder, "next")
    sh(stand.folder, "git", "push", "-q", "origin", "main")
    stand.fake.branch = "production"
    return remote


MOVED = {"branch": "production", "promote_from": "main"}


def tip(remote: Path) -> str:
    return sh(remote, "git", "rev-parse", "refs/heads/production")


def test_the_gate_moves_the_branch_and_then_orders(stand: Bench, forge: FakeGitea, origin: Path) -> None:
    forge.commits.append(stand.commit)
    before = tip(origin)
    stand.verification.exit_code = 1
    assert play(stand, forge, deploy=MOVED)[0] == 1 and tip(origin) == before, "red moves nothing"
    stand.verification.exit_code = 0
    assert play(stand, forge, deploy=MOVED, dry_run=True)[0] == 0 and tip(origin) == before
    code, _ = play(stand, forge, deploy=MOVED)
    assert code == 0 and tip(origin) == stand.commit and len(stand.fake.posts) == 1, stand.text
    assert f"moved from {before[:12]} to {stand.commit[:12]}" in stand.text


def test_a_branch_that_somebody_else_moved(stand: Bench, forge: FakeGitea, origin: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    sh(tmp_path, "git", "clone", "-q", "-b", "production", str(origin), str(other))
    sh(other, "git", "config", "user.email", "b@example.org")
    sh(other, "git", "config", "user.name", "b")
    (other / "x").write_text("x")
    foreign = commit_all(other, "around the gate")
    sh(other, "git", "push", "-q")
    code, report = play(stand, forge, deploy=MOVED)
    assert code == 1 and "somebody else moved it" in report["reasons"][0] and tip(origin) == foreign
    assert not stand.fake.posts


def test_a_branch_that_may_not_be_moved(stand: Bench, forge: FakeGitea, origin: Path) -> None:
    hook = origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'protected branch' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(CannotCheck, match="could not be moved"):
        play(stand, forge, deploy=MOVED)
    assert not stand.fake.posts


def test_main_that_moved_on_is_not_promoted(stand: Bench, forge: FakeGitea, origin: Path) -> None:
    (stand.folder / "newer").write_text("newer")
    commit_all(stand.folder, "newer")
    sh(stand.folder, "git", "push", "-q", "origin", "main")
    sh(stand.folder, "git", "checkout", "-q", "-B", "main", "HEAD^")
    code, report = play(stand, forge, deploy=MOVED)
    assert code == 1 and "main has moved on" in report["reasons"][0] and not stand.fake.posts


def test_only_the_named_branch_is_promoted(stand: Bench, forge: FakeGitea, origin: Path) -> None:
    sh(stand.folder, "git", "checkout", "-q", "-b", "feature")
    for deploy in (MOVED, {"branch": "production"}):
        with pytest.raises(UsageError, match="only"):
            play(stand, forge, deploy=deploy)
    sh(stand.folder, "git", "push", "-q", "origin", "feature:production")
    assert play(stand, forge, deploy={"branch": "production"})[0] == 0, "it stands where the gate moved it"


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Stand]:
    with open_stand(tmp_path) as made:
        yield made


def promote(command: Stand, *arguments: str, **env: str) -> tuple[int, str]:
    import os

    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GITEA_", "LOCKGATE_", "DOKPLOY_", "CI"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "lockgate", "promote", *arguments],
        cwd=command.folder,
        capture_output=True,
        text=True,
        check=False,
        env={**clean, "GITEA_TOKEN": TOKEN, **env},
    )
    assert "Traceback" not in done.stderr and TOKEN not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def test_promote_as_a_command(command: Stand, tmp_path: Path) -> None:
    assert promote(command, "--attestation", command.attest())[0] == 2, "main is where people push to"
    remote = tmp_path / "origin.git"
    command.configure(branch='"production"', require='["go"]', require_timeout="1")
    sh(tmp_path, "git", "clone", "-q", "--bare", str(command.folder), str(remote))
    sh(command.folder, "git", "remote", "add", "origin", str(remote))
    proof = command.attest()
    code, output = promote(command, "--attestation", proof)
    assert code == 3 and "go: not there" in output and not command.dokploy.seen
    command.gitea.set(command.commit, "go", "success")
    assert promote(command, "--attestation", proof, "--dry-run")[0] == 0
    code, output = promote(command, "--attestation", proof)
    assert code == 0 and "production was moved from nothing" in output and tip(remote) == command.commit, output
    assert promote(command, "--attestation", proof)[1].count("already") == 1
    posted = [c for c, _, _ in command.gitea.posted(command.commit)]
    assert "lockgate/promote" in posted and "lockgate/deploy" not in posted and not command.dokploy.seen
    code, output = command.deploy("--attestation", proof, "--poll", "0.03")
    assert code == 1 and "Dokploy deploys the branch main" in output
    command.dokploy.branch = "production"
    code, output = command.deploy("--attestation", proof)
    assert code == 0 and len(command.dokploy.posts) == 1, output
    pull = promote(command, "--attestation", proof, GITHUB_EVENT_NAME="pull_request")
    assert pull[0] == 2 and "does not deploy" in pull[1]


def test_required_statuses_need_a_token(command: Stand) -> None:
    command.configure(require='["go"]')
    for how in ((), ("--dry-run",)):
        code, output = command.deploy("--attestation", command.attest(), *how, GITEA_TOKEN="")
        assert code == 2 and "GITEA_TOKEN" in output and not command.dokploy.seen
