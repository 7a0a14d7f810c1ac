"""Commit statuses, the sticky comment, publish and gate-report, against a Gitea over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lockgate.base.config import Config, Deploy
from lockgate.base.config import Gitea as GiteaSettings
from lockgate.base.errors import UsageError
from lockgate.cli.gate_report import command as gate_report
from lockgate.cli.publish import command as publish
from lockgate.deploy import comment, gitea
from lockgate.deploy.gitea import MARKER, GiteaClient, GiteaError, StatusTarget
from lockgate.deploy.secret import Masker, Secret
from tests.deploy_kit import bench, repository
from tests.fake_gitea import TOKEN, FakeGitea

SHA = "a" * 40


@pytest.fixture
def fake() -> Iterator[FakeGitea]:
    server = FakeGitea(commits=[SHA])
    yield server
    server.close()


def client(fake: FakeGitea, token: str = TOKEN) -> GiteaClient:
    return GiteaClient(
        StatusTarget(f"{fake.url}/api/v1", "m/paliad", f"{fake.url}/m/paliad/actions/runs/7"),
        Secret(token),
        Masker(["pa55word-x"]),
    )


def report(count: int = 1) -> dict[str, Any]:
    finding = {
        "rule": "T201",
        "name": "x",
        "severity": "error",
        "message": "column `a|b` @everyone <img src=x> ![x](http://e)",
        "help": "drop it",
        "location": {"path": "m/125_x.up.sql", "start": {"line": 4}},
        "sqlstate": "42703",
        "evidence": {"verdict": "confirmed"},
    }
    return {
        "version": 1,
        "findings": [finding] * count,
        "summary": {"error": count, "warning": 0, "info": 0, "suppressed": 0},
        "coverage": {"migrations": 3, "statements": 9},
    }


def test_a_status_is_posted_whole(fake: FakeGitea) -> None:
    client(fake).status(SHA, "lockgate/verify", "failure", "pa55word-x\nand " + "long " * 60)
    row = fake.statuses[SHA][0]
    assert row["status"] == "failure" and row["context"] == "lockgate/verify"
    assert row["target_url"].endswith("/actions/runs/7")
    assert len(row["description"]) <= 140 and "\n" not in row["description"] and "pa55word-x" not in row["description"]


@pytest.mark.parametrize(
    ("commit", "context", "state"),
    [(SHA, "lockgate/check", "bogus"), (SHA[:12], "lockgate/check", "success"), (SHA, "ci", "success")],
)
def test_what_gitea_does_not_check_is_checked_here(fake: FakeGitea, commit: str, context: str, state: Any) -> None:
    with pytest.raises(ValueError, match=state):
        client(fake).status(commit, context, state, "x")
    assert not fake.statuses


def test_refusals_say_what_to_do(fake: FakeGitea) -> None:
    with pytest.raises(GiteaError, match="push before"):
        client(fake).status("b" * 40, "lockgate/check", "success", "x")
    with pytest.raises(GiteaError, match="wrong or expired"):
        client(fake, "nope").status(SHA, "lockgate/check", "success", "x")
    fake.scope = False
    with pytest.raises(GiteaError, match=r"write:repository[^$]*code: write"):
        client(fake).status(SHA, "lockgate/check", "success", "x")
    fake.redirect = True
    with pytest.raises(GiteaError, match="never followed"):
        client(fake).status(SHA, "lockgate/check", "success", "x")


def test_the_comment_is_updated_and_not_repeated(fake: FakeGitea) -> None:
    fake.comments = [{"id": n, "body": f"chatter {n}"} for n in range(1, 61)]
    assert client(fake).comment(5, "one") == "created"
    assert client(fake).comment(5, "two") == "updated"
    assert client(fake).comment(5, "two") == "unchanged"
    assert [c["body"] for c in fake.comments if c["body"].startswith(MARKER)] == [f"{MARKER}\ntwo"]


def test_another_ones_comment_with_our_marker_is_left_alone(fake: FakeGitea) -> None:
    fake.comments, fake.foreign = [{"id": 1, "body": f"{MARKER}\nmine"}], {1}
    assert client(fake).comment(5, "two") == "created"
    assert fake.comments[0]["body"].endswith("mine")


def test_servers_without_pages_end(fake: FakeGitea) -> None:
    fake.paged = False
    fake.comments = [{"id": n, "body": "x"} for n in range(1, 80)]
    assert client(fake).comment(5, "two") == "created"


def test_the_comment_is_cut_to_size(fake: FakeGitea) -> None:
    client(fake).comment(5, "```\n" + "line pa55word-x\n" * 9000)
    body = fake.comments[0]["body"]
    assert len(body) <= 60_000 and "shortened" in body and "pa55word-x" not in body
    assert body.count("```") % 2 == 0


def test_foreign_words_notify_and_format_nothing() -> None:
    text = comment.markdown(report(), "check", "")
    assert "| `m/125_x.up.sql:4` |" in text and "T201" in text and "42703" in text
    row = next(line for line in text.splitlines() if "T201" in line)
    assert row.count("`") % 2 == 0 and "a\\|b" in row
    assert "@everyone" in row and row.index("`column") < row.index("@everyone")
    assert "... and 10 more" in comment.markdown(report(60), "check", "")


def test_where_the_statuses_go() -> None:
    workflow = {
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_REPOSITORY": "m/p",
        "GITHUB_RUN_NUMBER": "4",
        "GITEA_ACTIONS": "true",
        "GITHUB_ACTIONS": "true",
    }
    place = gitea.place(Config(), workflow)
    assert place == StatusTarget("https://git.example/api/v1", "m/p", "https://git.example/m/p/actions/runs/4")
    at_github = {**workflow, "GITEA_ACTIONS": "", "GITHUB_API_URL": "https://api.github.com", "GITHUB_RUN_ID": "99"}
    place = gitea.place(Config(), at_github)
    assert place == StatusTarget("https://api.github.com", "m/p", "https://git.example/m/p/actions/runs/99", True)
    assert gitea.place(Config(), {}) is None
    with pytest.raises(UsageError, match="plain http"):
        gitea.place(Config(gitea=GiteaSettings("http://git.example", "m/p")), {})
    assert (
        gitea.place(
            Config(gitea=GiteaSettings("http://git.example", "m/p"), deploy=Deploy(allow_http=("git.example",))), {}
        )
        is not None
    )
    with pytest.raises(UsageError, match="owner/name"):
        gitea.place(Config(gitea=GiteaSettings("https://git.example", "m/p/../x")), {})


def test_the_pull_request_of_a_workflow(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 12, "head": {"sha": SHA}}}))
    assert gitea.pull_request_head({"GITHUB_EVENT_PATH": str(event)}) == SHA
    assert gitea.pull_request_head({}) == gitea.pull_request_head({"GITHUB_EVENT_PATH": str(tmp_path)}) == ""
    assert gitea.pull_request({"GITHUB_REF": "refs/pull/7/head"}) == 7
    assert gitea.pull_request({"GITHUB_EVENT_PATH": str(event)}) == 12
    assert gitea.pull_request({"GITHUB_REF": "refs/heads/main"}) is None


def test_the_gate_tells_gitea_what_it_does(fake: FakeGitea, tmp_path: Path) -> None:
    with bench(tmp_path) as stand:
        fake.commits = [stand.commit]
        assert stand.gate(gitea=client(fake)).run() == 0
        assert [(c, s) for c, s, _ in fake.posted(stand.commit)] == [
            ("lockgate/deploy", "pending"),
            ("lockgate/verify", "success"),
            ("lockgate/deploy", "pending"),
            ("lockgate/deploy", "success"),
        ]
        fake.statuses.clear()
        stand.verification.exit_code = 1
        assert stand.gate(gitea=client(fake)).run() == 1
        assert fake.posted(stand.commit)[-1][:2] == ("lockgate/deploy", "failure")
        assert stand.gate(gitea=client(fake), override="login outage, ticket 42").run() == 0
        assert fake.posted(stand.commit)[-1][2].startswith("OVERRIDE (login outage, ticket 42)")
        assert stand.gate(gitea=client(fake), deploy={"mode": "advisory"}).run() == 0
        assert fake.posted(stand.commit)[-1][:2] == ("lockgate/deploy", "warning")
        fake.statuses.clear()
        stand.verification.exit_code = 0
        assert stand.gate(gitea=client(fake), dry_run=True).run() == 0
        assert not fake.statuses, "a dry run posts nothing"


def test_a_forge_that_refuses_statuses_stops_no_deploy(fake: FakeGitea, tmp_path: Path) -> None:
    fake.scope = False
    with bench(tmp_path) as stand:
        assert stand.gate(gitea=client(fake)).run() == 0
        assert "could not be posted" in stand.text and TOKEN not in stand.text


@pytest.fixture
def tree(fake: FakeGitea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    fake.commits = [repository(folder)]
    monkeypatch.chdir(folder)
    for name in ("GITHUB_ACTIONS", "GITEA_ACTIONS", "GITHUB_REF", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_SERVER_URL", fake.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", "m/paliad")
    monkeypatch.setenv("GITEA_TOKEN", TOKEN)
    (tmp_path / "report.json").write_text(json.dumps(report()))
    return folder


def test_publish(fake: FakeGitea, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = CliRunner().invoke(publish, ["verify", "../report.json", "--pull-request", "3"], standalone_mode=False)
    assert found.return_value == 0, found.output
    assert fake.posted(fake.commits[0]) == [("lockgate/verify", "failure", "1 error; 1 confirmed by the server")]
    assert fake.comments[0]["body"].startswith(MARKER) and fake.commits[0][:12] in fake.comments[0]["body"]
    assert "m/125_x.up.sql:4: error[T201]" in found.output
    CliRunner().invoke(publish, ["check", "../missing.json", "--exit-code", "3"], standalone_mode=False)
    assert fake.posted(fake.commits[0])[-1][:2] == ("lockgate/check", "error")
    monkeypatch.delenv("GITEA_TOKEN")
    found = CliRunner().invoke(publish, ["check", "../report.json"], standalone_mode=False)
    assert found.return_value == 0 and "not posted" in found.output
    assert len(fake.posted(fake.commits[0])) == 2


def test_a_status_goes_to_the_commit_that_the_pull_request_shows(
    fake: FakeGitea, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree.parent / "event.json").write_text(json.dumps({"pull_request": {"number": 12, "head": {"sha": SHA}}}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tree.parent / "event.json"))
    fake.commits.append(SHA)
    found = CliRunner().invoke(publish, ["verify", "../report.json", "--no-comment"], standalone_mode=False)
    assert found.return_value == 0 and "lockgate/verify" in fake.statuses[SHA][0]["context"] and not fake.comments


def test_gate_report_counts_green_deploys_in_a_row(
    fake: FakeGitea, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "commits", [f"{n:040x}" for n in range(8, 0, -1)])
    words = "deployed and healthy"
    for n in range(1, 9):
        state, text = ("failure", "closed: 1 error") if n == 2 else ("success", words)
        pending = {"context": "lockgate/deploy", "status": "pending", "description": "verifying"}
        done = {"context": "lockgate/deploy", "status": state, "description": text}
        fake.statuses[f"{n:040x}"] = [{"context": "ci", "status": "success", "description": words}, done, pending]
    found = CliRunner().invoke(gate_report, ["--format", "json"], standalone_mode=False)
    assert json.loads(found.output) | {"source": ""} == {
        "version": 1,
        "source": "",
        "runs": 8,
        "green": 7,
        "row": 7,
        "enough": 5,
        "cut_webhook": True,
        "mode": "enforce",
        "last_red": {"commit": f"{2:040x}", "what": "closed: 1 error"},
    }
    (tree / "lockgate.toml").write_text('[deploy]\nmode = "advisory"\n')
    assert "cut the webhook now" in CliRunner().invoke(gate_report, [], standalone_mode=False).output
    for words in ("superseded: it is superseded", "advisory: would be closed: 1 error", "could not be carried out: x"):
        fake.statuses[f"{5:040x}"][1] |= {"status": "warning", "description": words}
        assert json.loads(CliRunner().invoke(gate_report, ["--format", "json"]).output)["row"] == 6
    fake.statuses[f"{5:040x}"][1] |= {
        "status": "success",
        "description": "deployed and healthy; commit not proven by the app",
    }
    output = CliRunner().invoke(gate_report, [], standalone_mode=False).output
    assert "1 of them without the app's own proof" in output
    assert CliRunner().invoke(gate_report, ["--mode"], standalone_mode=False).output == "advisory\n"
    fake.statuses[f"{3:040x}"][1] |= {"status": "failure", "description": "crash-loop: web does not stay up"}
    assert json.loads(CliRunner().invoke(gate_report, ["--format", "json"]).output)["row"] == 5, "a release that failed"
    fake.statuses[f"{6:040x}"][1]["description"] = "OVERRIDE (login outage): deployed and healthy"
    found = CliRunner().invoke(gate_report, [], standalone_mode=False)
    assert found.return_value == 1 and "keep the webhook for now: 3 more" in found.output


def test_gate_report_without_a_forge_reads_the_journal(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lockgate.deploy import journal

    monkeypatch.delenv("GITEA_TOKEN")
    path = tree / ".git" / "lockgate" / "gate.jsonl"
    for end in ["healthy", "failed", *["healthy"] * 4, "dry-run"]:
        journal.append(path, {"commit": SHA, "end": end, "at": "x"})
    with path.open("a") as file:
        file.write("no json\n{}\n")
    found = CliRunner().invoke(gate_report, [], standalone_mode=False)
    assert "6 runs" in found.output and "1 more green in a row" in found.output
