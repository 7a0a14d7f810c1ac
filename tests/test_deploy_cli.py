"""``lockgate deploy`` as a user and a runner start it: a process, its environment, its death and its successor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockgate.api import PostgresUsed
from lockgate.base.config import load
from lockgate.deploy import attestation
from lockgate.run.plan import Request, read_folder
from tests.conftest import default_signals
from tests.deploy_kit import commit_all, repository, sh
from tests.fake_dokploy import KEY, FakeDokploy
from tests.fake_gitea import TOKEN, FakeGitea
from tests.test_deploy_gate import SECRETS


class Stand:
    """A repository, both servers, and the command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.outside = folder
        self.commit = ""
        repository(self.folder)
        self.dokploy = FakeDokploy("")
        self.gitea = FakeGitea()
        self.configure()

    def configure(self, **more: str) -> None:
        lines = [f"{key} = {value}" for key, value in more.items()]
        (self.folder / "lockgate.toml").write_text(
            f'[migrations]\npaths = ["migrations"]\n[deploy]\ndokploy_url = "{self.dokploy.url}"\ncompose_id = "{self.dokploy.compose_id}"\n'
            f'health_url = "{self.dokploy.url}/health"\nhealth_field = "commit=$commit"\nhealth_timeout = 5\nqueue_timeout = 20\n'
            f'deploy_timeout = 20\n{chr(10).join(lines)}\n[gitea]\nurl = "{self.gitea.url}"\nrepository = "m/paliad"\n'
        )
        self.commit = (
            commit_all(self.folder, "configured") if sh(self.folder, "git", "status", "--porcelain") else self.commit
        )
        self.dokploy.commit = self.commit
        self.gitea.commits = [self.commit]

    def attest(self) -> str:
        os.chdir(self.folder)
        config = load(None, self.folder)
        files = attestation.files_of(config, read_folder(config, Request(cwd=self.folder)).migrations, self.folder)
        made = attestation.make(attestation.tree(self.commit, files, self.folder), (), 0, PostgresUsed(16, "16.9"))
        attestation.write(self.outside / "attestation.json", made)
        return str(self.outside / "attestation.json")

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        clean = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("GITHUB_", "GITEA_", "LOCKGATE_", "DOKPLOY_", "CI"))
        }
        return subprocess.Popen(
            [sys.executable, "-m", "lockgate", "deploy", "--poll", "0.03", "--settle", "0.1", *arguments],
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=default_signals,
            env={**clean, "DOKPLOY_API_KEY": KEY, "GITEA_TOKEN": TOKEN, **env},
        )

    def deploy(self, *arguments: str, **env: str) -> tuple[int, str]:
        process = self.start(*arguments, **env)
        output, _ = process.communicate(timeout=60)
        assert "Traceback" not in output
        return process.returncode, output


@contextmanager
def standing(folder: Path) -> Iterator[Stand]:
    """The stand with its servers, and the working directory put back behind it."""
    before = Path.cwd()
    made = Stand(folder)
    try:
        yield made
    finally:
        os.chdir(before)
        made.dokploy.close()
        made.gitea.close()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with standing(tmp_path) as made:
        yield made
    written = [p for p in tmp_path.rglob("*") if p.is_file() and "objects" not in p.parts]
    for path in written:
        text = path.read_text(errors="replace")
        assert not any(secret in text for secret in (*SECRETS, TOKEN)), path


def clean(output: str) -> str:
    for secret in (*SECRETS, TOKEN):
        assert secret not in output
    return output


def test_a_deploy_with_everything(stand: Stand) -> None:
    code, output = stand.deploy("--attestation", stand.attest(), "--output", "../gate.json")
    assert code == 0, output
    clean(output)
    report = json.loads((stand.outside / "gate.json").read_text())
    assert (report["end"], report["verdict"], report["exit_code"], report["commit"]) == (
        "healthy",
        "green",
        0,
        stand.commit,
    )
    assert stand.gitea.posted(stand.commit)[-1] == ("lockgate/deploy", "success", "deployed and healthy")
    assert (stand.folder / ".git" / "lockgate" / "deploy.json").stat().st_mode & 0o077 == 0


def test_a_failed_deploy_shows_the_masked_log(stand: Stand) -> None:
    stand.dokploy.faults.end = "error"
    code, output = stand.deploy("--attestation", stand.attest(), "--output", "../gate.json")
    assert code == 1 and "migrate exited" in clean(output)


@pytest.mark.parametrize("moment", ["queued", "running", "done"])
def test_a_killed_gate_is_resumed(stand: Stand, moment: str) -> None:
    stand.dokploy.step = 0.4
    process = stand.start("--attestation", stand.attest())
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        rows = [d for d in stand.dokploy.deployments if d["deploymentId"] != "dep-1"]
        now = "queued" if stand.dokploy.queue and not rows else rows[0]["status"] if rows else ""
        if now == moment:
            break
        time.sleep(0.01)
    process.kill()
    process.communicate()
    code, output = stand.deploy("--resume")
    assert code == 0, output
    assert len(stand.dokploy.posts) == 1
    assert "resuming" in clean(output)


def test_a_killed_gate_is_found_by_the_next_one(stand: Stand) -> None:
    stand.dokploy.step = 1.5
    proof = stand.attest()
    process = stand.start("--attestation", proof)
    while not stand.dokploy.posts:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    (stand.folder / ".git" / "lockgate" / "deploy.json").unlink()
    code, output = stand.deploy("--attestation", proof)
    assert code == 0 and "not repeated" in output, output
    assert len(stand.dokploy.posts) == 1


def test_a_cancelled_job_says_so_and_can_be_resumed(stand: Stand) -> None:
    stand.dokploy.step = 0.6
    process = stand.start("--attestation", stand.attest())
    while not stand.dokploy.posts:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 3 and "--resume" in clean(output) and "Traceback" not in output
    assert stand.gitea.posted(stand.commit)[-1][:2] == ("lockgate/deploy", "error")
    assert stand.deploy("--resume")[0] == 0


def test_the_key_is_in_no_process_argument(stand: Stand) -> None:
    stand.dokploy.step = 0.3
    process = stand.start("--attestation", stand.attest())
    while not stand.dokploy.posts and process.poll() is None:
        time.sleep(0.01)
    for entry in Path("/proc").iterdir():
        try:
            arguments = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        assert KEY.encode() not in arguments and TOKEN.encode() not in arguments
    process.communicate(timeout=30)


def test_the_key_may_lie_in_a_tight_file(stand: Stand) -> None:
    key = stand.outside.parent / f"key-{os.getpid()}"
    try:
        key.write_text(KEY + "\n")
        key.chmod(0o644)
        code, output = stand.deploy("--attestation", stand.attest(), DOKPLOY_API_KEY="", DOKPLOY_API_KEY_FILE=str(key))
        assert code == 2 and "chmod 600" in clean(output)
        key.chmod(0o600)
        assert stand.deploy("--attestation", stand.attest(), DOKPLOY_API_KEY="", DOKPLOY_API_KEY_FILE=str(key))[0] == 0
    finally:
        key.unlink()


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"DOKPLOY_API_KEY": ""}, "DOKPLOY_API_KEY is not set"),
        ({"DOKPLOY_API_KEY": "a b"}, "no HTTP header can carry"),
        ({"LOCKGATE_DOKPLOY_URL": "http://dokploy.example.org"}, "plain http to dokploy.example.org"),
        ({"LOCKGATE_DOKPLOY_URL": "https://me:hunter22@dokploy.example.org"}, "holds credentials"),
        ({"LOCKGATE_HEALTH_URL": "ftp://x"}, "not an http"),
        ({"LOCKGATE_OVERRIDE": "yes"}, "no reason given"),
        ({"GITEA_ACTIONS": "true", "GITHUB_REF": "refs/pull/3/head"}, "no branch"),
        ({"GITEA_ACTIONS": "true", "GITHUB_REF": "refs/heads/x"}, "only main deploys"),
        ({"GITEA_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "b" * 40}, "the workflow runs for"),
    ],
)
def test_wrong_settings_are_usage_errors(stand: Stand, env: dict[str, str], words: str) -> None:
    code, output = stand.deploy("--attestation", stand.attest(), **env)
    assert code == 2 and words in output, output
    assert "hunter22" not in output and not stand.dokploy.posts


def test_advisory_reports_before_dokploy_is_set_up(stand: Stand) -> None:
    stand.configure(mode='"advisory"')
    code, output = stand.deploy("--attestation", stand.attest(), DOKPLOY_API_KEY="")
    assert code == 0 and "would open, but DOKPLOY_API_KEY is not set" in output and not stand.dokploy.seen
    assert stand.gitea.posted(stand.commit)[-1][:2] == ("lockgate/deploy", "warning")
    for more in ("--dry-run", "--resume"):
        assert stand.deploy(more, DOKPLOY_API_KEY="")[0] == 2
    text = (stand.folder / "lockgate.toml").read_text()
    (stand.folder / "lockgate.toml").write_text(text.replace(stand.dokploy.url, "", 1))
    commit_all(stand.folder, "no dokploy yet")
    code, output = stand.deploy(DOKPLOY_API_KEY="")
    assert code == 0 and "dokploy_url is not set" in output, output


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"version": 2}',
        '{"version": 1, "kind": "lockgate-attestation", "green": 1}',
        "\xff",
        "[" * 3000,
    ],
)
def test_a_forged_or_broken_attestation_is_no_traceback(stand: Stand, text: str) -> None:
    path = stand.outside / "a.json"
    path.write_bytes(text.encode("latin-1"))
    code, output = stand.deploy("--attestation", str(path))
    assert code == 2 and "not an attestation" in output
    assert not stand.dokploy.seen


def test_an_attestation_with_one_field_bent_is_refused(stand: Stand) -> None:
    good = json.loads(Path(stand.attest()).read_text())
    path = stand.outside / "a.json"
    bent = {
        "green": "true",
        "made_at": "2026-01-01T00:00:00",
        "summary": {"error": -1, "warning": 0, "info": 0},
        "server": 16,
        "verdicts": {},
        "tree": {**good["tree"], "commit": "HEAD"},
        "tool": "x" * 300,
    }
    for name, value in bent.items():
        path.write_text(json.dumps({**good, name: value}))
        code, output = stand.deploy("--attestation", str(path))
        assert code == 2, (name, output)
    path.write_text(json.dumps({**good, "tree": {**good["tree"], "migrations": "sha256:0"}}))
    assert stand.deploy("--attestation", str(path))[0] == 1
    assert not stand.dokploy.seen


def test_a_dead_dokploy_is_exit_three(stand: Stand) -> None:
    stand.configure(preflight_timeout="1")
    code, output = stand.deploy("--attestation", stand.attest(), LOCKGATE_DOKPLOY_URL="http://127.0.0.1:1")
    assert code == 3 and "cannot connect" in output


def test_a_broken_state_file_is_told(stand: Stand) -> None:
    for text in ("", "{}", '{"version": 1, "phase": "x"}', "\x00"):
        (stand.outside / "state.json").write_text(text)
        code, output = stand.deploy("--resume", "--state", "../state.json")
        assert code == 2 and "not a state file" in output
    code, output = stand.deploy("--attestation", stand.attest(), "--state", "/proc/nowhere/state.json")
    assert code == 3 and "--state" in output and not stand.dokploy.posts


def test_lines_for_a_log_and_no_colour(stand: Stand) -> None:
    _, output = stand.deploy("--attestation", stand.attest(), CI="true")
    assert "\x1b" not in output
    assert [line.split("]")[0] for line in output.splitlines() if line.startswith("lockgate: [")][:3] == [
        "lockgate: [attestation",
        "lockgate: [preflight",
        "lockgate: [order",
    ]


def test_a_real_verification_opens_and_closes_the_gate(stand: Stand) -> None:
    """With a PostgreSQL of our own, no attestation and no stand-in."""
    code, output = stand.deploy()
    assert code == 0 and len(stand.dokploy.posts) == 1, output
    stand.dokploy.seen.clear()
    (stand.folder / "migrations" / "003_red.up.sql").write_text("ALTER TABLE one DROP COLUMN nope;\n")
    stand.commit = commit_all(stand.folder, "red")
    stand.gitea.commits.append(stand.commit)
    code, output = stand.deploy()
    assert code == 1 and "CLOSED" in output, output
    assert not stand.dokploy.seen and len(stand.dokploy.posts) == 1
    assert [c[:2] for c in stand.gitea.posted(stand.commit)][-2:] == [
        ("lockgate/verify", "failure"),
        ("lockgate/deploy", "failure"),
    ]


def test_an_attestation_of_a_tree_that_is_not_as_committed_opens_nothing(stand: Stand) -> None:
    (stand.folder / "compose.yml").write_text("services: {}\n")
    stand.configure(branch='"main" # once more')
    (stand.folder / "compose.yml").write_text("services: {web: {image: a}}\n")
    verify = [sys.executable, "-m", "lockgate", "verify", "--attest", "../a.json"]
    done = subprocess.run(verify, cwd=stand.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and json.loads((stand.outside / "a.json").read_text())["uncommitted"] == ["compose.yml"]
    sh(stand.folder, "git", "checkout", "-q", "compose.yml")
    code, output = stand.deploy("--attestation", "../a.json")
    assert code == 1 and "its tree was not as committed: compose.yml" in output and not stand.dokploy.seen


def test_an_attestation_of_verify_opens_the_gate(stand: Stand) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lockgate", "verify", "--attest", "../a.json"],
        cwd=stand.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((stand.outside / "a.json").read_text())["tree"]["commit"] == stand.commit
    assert stand.deploy("--attestation", "../a.json")[0] == 0
    done = subprocess.run(
        [sys.executable, "-m", "lockgate", "verify", "--attest", "../b.json", "--since", "HEAD"],
        cwd=stand.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and not (stand.outside / "b.json").exists()
