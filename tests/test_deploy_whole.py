"""The whole way: the shipped workflow in a real runner, the real program, and both servers over HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.deploy_kit import commit_all, sh
from tests.fake_dokploy import KEY, FakeDokploy
from tests.fake_gitea import TOKEN, FakeGitea
from tests.test_deploy_cli import Stand, standing
from tests.test_deploy_gate import SECRETS
from tests.test_deploy_init import on_terminal

BIN = Path(sysconfig.get_path("scripts"))
PYTHON = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with standing(tmp_path) as made:
        yield made


def runner(tmp_path: Path, folder: Path, event: str, **env: str) -> tuple[int, str]:
    """The repository's workflow in act, on this machine, with a real lockgate on the path."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    (tmp_path / "bin" / "lockgate").write_text(f'#!/bin/sh\nexec {sys.executable} -m lockgate "$@"\n')
    (tmp_path / "bin" / "lockgate").chmod(0o755)
    (tmp_path / "secrets").write_text(f"DOKPLOY_API_KEY={KEY}\nGITEA_TOKEN={TOKEN}\n")
    (tmp_path / "event.json").write_text(
        '{"ref": "refs/heads/main"}' if event == "push" else '{"pull_request": {"number": 3, "head": {"ref": "x"}}}'
    )
    # where a real runner's own variables say the same as the repository's configuration, act has others
    gitea = re.search(r'\[gitea\]\nurl = "(.*)"', (folder / "lockgate.toml").read_text())
    there = {"LOCKGATE_GITEA_URL": gitea[1], "LOCKGATE_GITEA_REPOSITORY": "m/paliad"} if gitea else {}
    variables = PYTHON | there | env
    named = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GITEA_", "LOCKGATE_", "DOKPLOY_", "CI"))
    }
    done = subprocess.run(
        [
            BIN / "act",
            event,
            "-W",
            ".gitea/workflows",
            "-P",
            "ubuntu-latest=-self-hosted",
            "-e",
            tmp_path / "event.json",
            "--secret-file",
            tmp_path / "secrets",
            *named,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={
            **clean,
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "DOCKER_HOST": "unix:///nowhere.sock",
        },
    )
    return done.returncode, done.stdout + done.stderr


def set_up(stand: Stand) -> None:
    """``lockgate init``, and what its last line asks for."""
    configuration = (stand.folder / "lockgate.toml").read_text()
    (stand.folder / "lockgate.toml").unlink()
    subprocess.run(
        [sys.executable, "-m", "lockgate", "init"],
        cwd=stand.folder,
        check=True,
        capture_output=True,
        env={**os.environ, **PYTHON},
    )
    (stand.folder / "lockgate.toml").write_text(configuration)
    stand.commit = stand.dokploy.commit = commit_all(stand.folder, "set up")
    stand.gitea.commits.append(stand.commit)


def test_a_push_goes_through_the_shipped_workflow_to_a_healthy_release(stand: Stand, tmp_path: Path) -> None:
    set_up(stand)
    code, output = runner(tmp_path, stand.folder, "push")
    assert code == 0, output
    assert len(stand.dokploy.posts) == 1
    posted = stand.gitea.posted(stand.commit)
    assert {(c, s) for c, s, _ in posted} >= {
        ("lockgate/check", "success"),
        ("lockgate/verify", "success"),
        ("lockgate/deploy", "success"),
    }
    assert posted[-1][0] == "lockgate/deploy" and "deployed and healthy" in posted[-1][2]
    assert not any(secret in output for secret in (*SECRETS, TOKEN))


def test_advisory_reports_red_and_deploys_green_beside_the_webhook_once(stand: Stand, tmp_path: Path) -> None:
    """The soft launch: red is told and blocks nothing; green is deployed once, by whoever came first."""
    stand.configure(mode='"advisory"')
    set_up(stand)
    (stand.folder / "migrations" / "003_red.up.sql").write_text("ALTER TABLE one DROP COLUMN nope;\n")
    stand.commit = commit_all(stand.folder, "red")
    stand.gitea.commits.append(stand.commit)
    code, output = runner(tmp_path, stand.folder, "push")
    assert code == 0 and "it is reported, and blocks nothing" in output, output
    context, state, words = stand.gitea.posted(stand.commit)[-1]
    assert (context, state) == ("lockgate/deploy", "warning") and words.startswith("advisory: would be closed")
    assert ("lockgate/verify", "failure") in {(c, s) for c, s, _ in stand.gitea.posted(stand.commit)}
    assert not stand.dokploy.posts
    (stand.folder / "migrations" / "003_red.up.sql").unlink()
    stand.commit = stand.dokploy.commit = commit_all(stand.folder, "green")
    stand.gitea.commits.append(stand.commit)
    stand.dokploy.auto_deploy = True
    stand.dokploy.order("green", f"Hash: {stand.commit}")
    code, output = runner(tmp_path, stand.folder, "push")
    assert code == 0 and stand.dokploy.releases == 1 and not stand.dokploy.posts, output
    assert stand.gitea.posted(stand.commit)[-1] == ("lockgate/deploy", "success", "deployed and healthy")


def test_a_red_pull_request_gets_one_comment_and_deploys_nothing(stand: Stand, tmp_path: Path) -> None:
    set_up(stand)
    (stand.folder / "migrations" / "003_red.up.sql").write_text("ALTER TABLE one DROP COLUMN nope;\n")
    stand.commit = commit_all(stand.folder, "red")
    stand.gitea.commits.append(stand.commit)
    code, output = runner(tmp_path, stand.folder, "pull_request")
    assert code != 0 and not stand.dokploy.seen and not stand.dokploy.posts, output
    assert {(c, s) for c, s, _ in stand.gitea.posted(stand.commit)} == {
        ("lockgate/check", "failure"),
        ("lockgate/verify", "failure"),
    }
    assert len(stand.gitea.comments) == 1 and "confirmed 42703" in stand.gitea.comments[0]["body"]


def test_the_same_client_speaks_to_github(stand: Stand) -> None:
    stand.configure()
    text = (stand.folder / "lockgate.toml").read_text()
    (stand.folder / "lockgate.toml").write_text(text[: text.index("[gitea]")])
    stand.commit = stand.dokploy.commit = commit_all(stand.folder, "no gitea")
    stand.gitea.commits.append(stand.commit)
    github = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": stand.gitea.url,
        "GITHUB_API_URL": stand.gitea.url,
        "GITHUB_REPOSITORY": "m/paliad",
        "GITHUB_RUN_ID": "77",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": stand.commit,
    }
    code, output = stand.deploy("--attestation", stand.attest(), **github)
    assert code == 0, output
    row = stand.gitea.statuses[stand.commit][0]
    assert (row["context"], row["status"]) == ("lockgate/deploy", "success") and row["target_url"].endswith(
        "/m/paliad/actions/runs/77"
    )


def test_a_deploy_on_a_terminal_shows_a_live_line(stand: Stand) -> None:
    stand.dokploy.step = 0.2
    command = [
        sys.executable,
        "-m",
        "lockgate",
        "deploy",
        "--poll",
        "0.03",
        "--settle",
        "0.1",
        "--attestation",
        stand.attest(),
    ]
    code, output = on_terminal(command, stand.folder, {}, DOKPLOY_API_KEY=KEY, GITEA_TOKEN=TOKEN, **PYTHON)
    assert code == 0, output
    assert "\x1b[" in output and "queue" in output and "health" in output and "deployed and healthy" in output
    assert not any(secret in output for secret in (*SECRETS, TOKEN))


def test_printed_migrations_are_attested_by_what_was_printed(stand: Stand, tmp_path: Path) -> None:
    printer = stand.folder / "print.sh"
    printer.write_text("#!/bin/sh\necho '-- migration: 0001_one'\necho 'CREATE TABLE one (id int);'\n")
    text = (
        (stand.folder / "lockgate.toml")
        .read_text()
        .replace('paths = ["migrations"]', 'layout = "command"\ncommand = "sh print.sh"')
    )
    (stand.folder / "lockgate.toml").write_text(text)
    stand.commit = stand.dokploy.commit = commit_all(stand.folder, "printed")
    stand.gitea.commits.append(stand.commit)
    verify = [sys.executable, "-m", "lockgate", "verify", "--attest", "../a.json"]
    subprocess.run(verify, cwd=stand.folder, check=True, capture_output=True, env={**os.environ, **PYTHON})
    digest = json.loads((tmp_path / "a.json").read_text())["tree"]["migrations"]
    code, output = stand.deploy("--attestation", "../a.json")
    assert code == 0, output
    printer.write_text(printer.read_text().replace("int", "bigint"))
    stand.commit = commit_all(stand.folder, "changed")
    subprocess.run(verify, cwd=stand.folder, check=True, capture_output=True, env={**os.environ, **PYTHON})
    assert json.loads((tmp_path / "a.json").read_text())["tree"]["migrations"] != digest


def test_a_compose_file_that_only_dokploy_names_is_checked_too(stand: Stand) -> None:
    (stand.folder / "ops").mkdir()
    (stand.folder / "ops" / "prod.yml").write_text(
        "services:\n  web: {image: a, restart: always, command: sh -c 'goose up && ./serve'}\n"
    )
    stand.commit = stand.dokploy.commit = commit_all(stand.folder, "ops")
    stand.gitea.commits.append(stand.commit)
    stand.dokploy.compose_path = "./ops/prod.yml"
    code, output = stand.deploy("--attestation", stand.attest())
    assert code == 1 and "P101" in output and not stand.dokploy.posts, output
    text = (stand.folder / "lockgate.toml").read_text()
    (stand.folder / "lockgate.toml").write_text(text + '[rules]\nseverity = {migration-restart-loop = "warning"}\n')
    stand.commit = stand.dokploy.commit = commit_all(stand.folder, "accepted")
    stand.gitea.commits.append(stand.commit)
    assert stand.deploy("--attestation", stand.attest())[0] == 0


def test_servers_are_what_they_say() -> None:
    """The fakes answer as dokploy.md measured: a wrong method is 404, a wrong content type 415."""
    import httpx

    dokploy, gitea = FakeDokploy("a" * 40), FakeGitea()
    try:
        assert httpx.get(f"{dokploy.url}/api/compose.deploy", headers={"x-api-key": KEY}).status_code == 404
        assert (
            httpx.post(f"{dokploy.url}/api/compose.deploy", headers={"x-api-key": KEY}, content="x").status_code == 415
        )
        assert httpx.get(f"{dokploy.url}/api/compose.one", headers={"authorization": f"Bearer {KEY}"}).json() == {
            "message": "Unauthorized"
        }
        assert httpx.get(f"{gitea.url}/api/v1/repos/m/paliad/commits").status_code == 401
    finally:
        dokploy.close()
        gitea.close()
    assert sh(ROOT, "git", "rev-parse", "--is-inside-work-tree") == "true"
