"""The gate against a Dokploy that behaves as measured, over real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lockgate.base.errors import CannotCheck, UsageError
from lockgate.deploy.dokploy import DokployRefused, Unsettled
from lockgate.deploy.follow import Ticket
from lockgate.deploy.state import Memory
from tests.deploy_kit import QUICK, Bench, bench, commit_all, sh
from tests.fake_dokploy import ENV, KEY, REFRESH, Faults

SECRETS = (KEY, REFRESH, "pg-s3cret-pass", "another-Secret-value", "gitea-provider-t0ken", "cl1ent-s3cret", "db-leak")


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made
        everything = made.text + "".join(p.read_text(errors="replace") for p in (made.folder / ".git").glob("state*"))
        for secret in SECRETS:
            assert secret not in everything


def run(stand: Bench, **how: Any) -> tuple[int, dict[str, Any]]:
    gate = stand.gate(**how)
    code = gate.run()
    return code, gate.report


def test_a_green_tree_is_deployed_once_and_proven_healthy(stand: Bench) -> None:
    stand.fake.health_good_after = 2
    code, report = run(stand)
    assert (code, report["end"]) == (0, "healthy"), stand.text
    assert len(stand.fake.posts) == 1
    assert stand.commit[:12] in stand.fake.posts[0]["title"]
    assert stand.fake.seen[0] == "compose.one", "the compose is read before anything else"
    assert stand.fake.health_asked >= 5
    assert all(h.get("x-api-key") == KEY and "authorization" not in {k.lower() for k in h} for h in stand.fake.headers)


def test_a_red_tree_calls_nobody(stand: Bench) -> None:
    stand.verification.exit_code = 1
    code, report = run(stand)
    assert (code, report["verdict"]) == (1, "closed")
    assert not stand.fake.seen and not stand.fake.posts
    assert "CLOSED" in stand.text


@pytest.mark.parametrize("exit_code", [2, 3])
def test_everything_but_zero_is_closed(stand: Bench, exit_code: int) -> None:
    stand.verification.exit_code = exit_code
    assert run(stand)[0] == exit_code
    assert not stand.fake.seen


def test_a_server_that_cannot_start_closes_the_gate(stand: Bench) -> None:
    stand.verification.error = CannotCheck("no server")
    with pytest.raises(CannotCheck):
        run(stand)
    assert not stand.fake.seen


def test_another_branch_does_not_deploy(stand: Bench) -> None:
    sh(stand.folder, "git", "checkout", "-q", "-b", "feature")
    with pytest.raises(UsageError, match="only main deploys"):
        run(stand)
    assert not stand.verification.runs and not stand.fake.seen


@pytest.mark.parametrize("name", ["002_two.up.sql", "003_new.up.sql"])
def test_an_uncommitted_migration_closes_the_gate(stand: Bench, name: str) -> None:
    (stand.folder / "migrations" / name).write_text("SELECT 1;\n")
    with pytest.raises(UsageError, match=name):
        run(stand)
    assert not stand.fake.seen


def test_a_branch_that_moved_on_is_not_deployed(stand: Bench, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    sh(tmp_path, "git", "clone", "-q", "--bare", str(stand.folder), str(remote))
    sh(stand.folder, "git", "remote", "add", "origin", str(remote))
    assert run(stand)[0] == 0
    other = tmp_path / "other"
    sh(tmp_path, "git", "clone", "-q", str(remote), str(other))
    sh(other, "git", "config", "user.email", "b@example.org")
    sh(other, "git", "config", "user.name", "b")
    (other / "x").write_text("x")
    commit_all(other, "next")
    sh(other, "git", "push", "-q")
    code, report = run(stand)
    assert code == 1 and "moved on" in report["reasons"][0]
    sh(stand.folder, "git", "pull", "-q", "origin", "main")
    (stand.folder / "y").write_text("y")
    commit_all(stand.folder, "mine")
    code, report = run(stand)
    assert code == 1 and "not pushed" in report["reasons"][0]
    assert len(stand.fake.posts) == 1


@pytest.mark.parametrize("on", [True, None])
def test_auto_deploy_is_a_way_around_the_gate(stand: Bench, on: bool | None) -> None:
    stand.fake.auto_deploy = on
    code, report = run(stand)
    assert code == 1 and "autoDeploy" in report["reasons"][0]
    assert not stand.fake.posts
    assert run(stand, allow_auto_deploy=True)[0] == 0


def test_dokploy_must_deploy_the_gated_branch(stand: Bench) -> None:
    stand.fake.branch = "develop"
    assert run(stand)[0] == 1
    assert not stand.fake.posts


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"rateLimitEnabled": True, "rateLimitMax": 10, "rateLimitTimeWindow": 86400000}, "limited to 10 requests"),
        ({"rateLimitEnabled": False, "remaining": 3}, "3 requests left"),
    ],
)
def test_a_rate_limited_key_is_refused_before_the_order(stand: Bench, limit: dict[str, Any], message: str) -> None:
    stand.fake.version, stand.fake.rate_limit = (0, 29, 5), limit
    with pytest.raises(DokployRefused, match=message) as caught:
        run(stand)
    assert caught.value.exit_code == 3 and not stand.fake.posts


def test_an_unlimited_key_passes(stand: Bench) -> None:
    stand.fake.version = (0, 29, 5)
    stand.fake.rate_limit = {"rateLimitMax": 10, "rateLimitTimeWindow": 86400000}
    assert run(stand)[0] == 0


@pytest.mark.parametrize(("kind", "words"), [("key", "refuses the API key"), ("permission", "may not do this")])
def test_both_kinds_of_401_are_told_apart(stand: Bench, kind: str, words: str) -> None:
    stand.fake.faults.unauthorized = kind
    with pytest.raises(DokployRefused, match=words) as caught:
        run(stand)
    assert caught.value.exit_code == 3 and caught.value.kind == kind
    assert not stand.fake.posts


def test_an_unknown_compose_is_told(stand: Bench) -> None:
    with pytest.raises(DokployRefused, match="may not do this"):  # what a member's key is told
        run(stand, deploy={"compose_id": "nope"})
    stand.fake.member = False
    with pytest.raises(DokployRefused, match="Compose not found"):
        run(stand, deploy={"compose_id": "nope"})


@pytest.mark.parametrize("answer", ["true", "empty"])
def test_bare_answers_to_the_order_count(stand: Bench, answer: str) -> None:
    stand.fake.faults.post = answer
    assert run(stand)[0] == 0
    assert len(stand.fake.posts) == 1


@pytest.mark.parametrize("fault", ["lost-after", "html"])
def test_an_order_without_an_answer_is_searched_and_never_repeated(stand: Bench, fault: str) -> None:
    stand.fake.faults.post = fault
    code, report = run(stand)
    assert (code, report["end"]) == (0, "healthy"), stand.text
    assert len(stand.fake.posts) == 1


@pytest.mark.parametrize("fault", ["lost-before", "html-before"])
def test_an_order_that_left_no_trace_is_unknown_and_never_repeated(stand: Bench, fault: str) -> None:
    stand.fake.faults.post = fault
    code, report = run(stand)
    assert (code, report["end"]) == (3, "unknown")
    assert len(stand.fake.posts) == 1


@pytest.mark.parametrize("fault", ["refused", "redirect"])
def test_a_refused_order_is_not_followed(stand: Bench, fault: str) -> None:
    stand.fake.faults.post = fault
    code, report = run(stand)
    assert (code, report["end"]) == (3, "not-ordered")
    assert not stand.fake.posts


@pytest.mark.parametrize("faults", [["html"] * 4, ["lost"] * 4, ["500", "html", "lost"]])
def test_a_dokploy_that_updates_itself_is_waited_for(stand: Bench, faults: list[str]) -> None:
    stand.fake.step = 0.2

    def plant() -> None:
        while not stand.fake.posts:
            time.sleep(0.01)
        stand.fake.faults.gets += faults

    planter = threading.Thread(target=plant, daemon=True)
    planter.start()
    code, _ = run(stand)
    planter.join(5)
    assert not stand.fake.faults.gets
    assert code == 0, stand.text
    assert len(stand.fake.posts) == 1


def test_a_dokploy_that_is_just_starting_is_waited_for_before_the_order(stand: Bench) -> None:
    stand.fake.faults.gets = ["html", "lost", "500", "html"]
    assert run(stand)[0] == 0
    stand.fake.faults.gets = ["html"] * 1000
    with pytest.raises(Unsettled, match="502"):
        run(stand)
    assert len(stand.fake.posts) == 1


@pytest.mark.parametrize(
    ("end", "code", "name"),
    [("error", 1, "failed"), ("cancelled", 1, "cancelled"), ("dropped", 3, "unknown"), ("stuck", 3, "unknown")],
)
def test_how_a_deployment_can_end(stand: Bench, end: str, code: int, name: str) -> None:
    stand.fake.faults.end = end
    got, report = run(stand, deploy={"deploy_timeout": 0.6})
    assert (got, report["end"]) == (code, name), stand.text
    if end == "error":
        assert "migrate exited with postgres://***@db/paliad and ***" in stand.text
        assert "\x1b" not in stand.text
        assert not any(line.startswith("::") for line in stand.text.splitlines())


def test_another_commit_than_the_gated_one_is_a_failure(stand: Bench) -> None:
    stand.fake.faults.commit = "f" * 40
    code, report = run(stand)
    assert (code, report["end"]) == (1, "wrong-commit")
    assert "f" * 12 in report["message"]


def test_a_deployment_without_commit_is_unverified(stand: Bench) -> None:
    stand.fake.faults.no_commit = True
    code, report = run(stand)
    assert (code, report["end"]) == (3, "unknown")


def test_a_raw_source_has_no_commit_to_compare(stand: Bench) -> None:
    stand.fake.source_type = "raw"
    code, report = run(stand)
    assert code == 0 and "raw source" in report["notes"][0]


def test_a_job_between_two_looks_is_found_by_its_commit(stand: Bench) -> None:
    stand.fake.step = 0.01
    code, _ = run(stand, pace=replace(QUICK, poll=0.3, lost=2, grace=2))
    assert code == 0, stand.text


@pytest.mark.parametrize(
    ("crash", "name"),
    [("loop", "crash-loop"), ("exited", "crash-loop"), ("created", "unhealthy"), ("unhealthy", "unhealthy")],
)
def test_done_is_not_health(stand: Bench, crash: str, name: str) -> None:
    stand.fake.faults.crash = crash
    code, report = run(stand, deploy={"health_timeout": 0.8})
    assert (code, report["end"]) == (1, name), stand.text


def test_an_old_container_that_failed_long_ago_says_nothing(stand: Bench) -> None:
    assert run(stand)[0] == 0
    assert "migrate-run" not in stand.text


@pytest.mark.parametrize(
    ("deploy", "health", "words"),
    [
        ({}, {"commit": "a" * 40}, "another commit answers"),
        ({}, {"other": 1}, "has no commit"),
        ({"health_field": "", "health_body": "ready"}, None, "expected text"),
        ({"health_field": "", "health_status": 204}, None, "status 200 in place of 204"),
    ],
)
def test_health_is_what_was_expected(stand: Bench, deploy: dict[str, Any], health: Any, words: str) -> None:
    stand.fake.health = health
    code, report = run(stand, deploy={"health_timeout": 0.4, **deploy}, new_health_url=True)
    assert (code, report["end"]) == (1, "unhealthy")
    assert words in report["message"]


def test_a_short_commit_will_do(stand: Bench) -> None:
    stand.fake.health = {"commit": stand.commit[:7]}
    assert run(stand)[0] == 0


def test_without_health_url_the_containers_tell(stand: Bench) -> None:
    code, report = run(stand, deploy={"health_url": "", "health_field": ""})
    assert code == 0 and any("health_url" in n for n in report["notes"])


def test_an_old_dokploy_without_queue_and_logs(stand: Bench) -> None:
    stand.fake.faults.absent = {"deployment.queueList", "deployment.readLogs", "docker.getConfig", "user.get"}
    assert run(stand)[0] == 0
    stand.fake.faults.end = "error"
    assert run(stand, again=True)[0] == 1


@pytest.mark.parametrize("what", ["same", "other"])
def test_a_webhook_beside_the_gate(stand: Bench, what: str) -> None:
    stand.fake.faults.webhook = what
    assert run(stand)[0] == 0, stand.text


def test_a_deployment_that_overtakes_ours_leaves_its_health_unknown(stand: Bench) -> None:
    stand.fake.faults.webhook = "later"
    code, report = run(stand)
    assert (code, report["end"]) == (3, "unknown") and "pushed later" in report["message"]


def test_a_dry_run_does_everything_but_the_order(stand: Bench) -> None:
    code, report = run(stand, dry_run=True)
    assert (code, report["end"]) == (0, "dry-run")
    assert stand.verification.runs == 1 and "compose.one" in stand.fake.seen
    assert not stand.fake.posts
    assert "compose.deploy" in stand.text and stand.commit[:12] in stand.text


def test_an_attestation_that_fits_replaces_the_verification(stand: Bench) -> None:
    assert run(stand, attested=stand.attest())[0] == 0
    assert not stand.verification.runs


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"green": False}, "not green"),
        ({"summary": {"error": 2, "warning": 0, "info": 0}}, "not green: 2 error"),
        ({"made_at": (datetime.now(UTC) - timedelta(hours=3)).isoformat()}, "minutes old, 60 are allowed"),
        ({"made_at": (datetime.now(UTC) + timedelta(hours=3)).isoformat()}, "in the future"),
        ({"tool": "0.0.1"}, "made by lockgate 0.0.1"),
        ({"server": ""}, "no server"),
        ({"uncommitted": ("compose.yml",)}, "not as committed: compose.yml"),
    ],
)
def test_an_attestation_that_does_not_fit_closes_the_gate(stand: Bench, changes: dict[str, Any], words: str) -> None:
    code, report = run(stand, attested=stand.attest(**changes))
    assert code == 1 and any(words in r for r in report["reasons"]), report
    assert not stand.fake.seen and not stand.verification.runs


def test_an_attestation_of_another_commit_or_tree(stand: Bench) -> None:
    attested = stand.attest()
    (stand.folder / "migrations" / "003_three.up.sql").write_text("SELECT 1;\n")
    commit_all(stand.folder, "third")
    code, report = run(stand, attested=attested)
    assert code == 1
    assert any("it is of commit" in r for r in report["reasons"]) and any(
        "migrations have changed" in r for r in report["reasons"]
    )
    assert not stand.fake.seen


def test_an_override_is_loud_and_told(stand: Bench) -> None:
    stand.verification.exit_code = 1
    code, report = run(stand, override="login outage, ticket 42")
    assert code == 0 and report["override"] == "login outage, ticket 42" and report["verdict"] == "overridden"
    assert stand.text.count("login outage, ticket 42") >= 2 and "OVERRIDDEN" in stand.text


def test_advisory_reports_and_never_blocks(stand: Bench) -> None:
    stand.verification.exit_code = 1
    stand.fake.auto_deploy = True
    code, report = run(stand, deploy={"mode": "advisory"})
    assert code == 0 and report["verdict"] == "closed"
    assert "would be CLOSED" in stand.text and not stand.fake.posts
    stand.verification.exit_code = 0
    assert run(stand, deploy={"mode": "advisory"})[0] == 0
    assert len(stand.fake.posts) == 1


def test_an_earlier_gates_deployment_is_followed_not_repeated(stand: Bench) -> None:
    stand.fake.step = 0.3
    stand.fake.order(f"gate abcdef123456 {stand.commit[:12]}", "lockgate")
    code, _ = run(stand)
    assert code == 0 and not stand.fake.posts
    assert "followed, not repeated" in stand.text


@pytest.mark.parametrize("phase", ["ordering", "ordered", "running"])
def test_resuming_at_each_point(stand: Bench, phase: str) -> None:
    known = frozenset(d["deploymentId"] for d in stand.fake.deployments)
    ticket = Ticket(stand.fake.compose_id, stand.commit, "aabbccddeeff", known)
    stand.fake.order(ticket.title, ticket.description)
    gate = stand.gate(resume=True)
    gate.store.begin(Memory(stand.fake.url, ticket, phase, "dep-2" if phase == "running" else ""))
    if phase == "running":
        time.sleep(0.5)
    assert gate.run() == 0, stand.text
    assert not stand.fake.posts and not stand.verification.runs
    assert stand.gate(resume=True).run() == 0, "what has ended is adopted, and its health proven once more"
    assert not stand.fake.posts


def test_resuming_an_order_that_never_arrived(stand: Bench) -> None:
    gate = stand.gate(resume=True)
    gate.store.begin(
        Memory(
            stand.fake.url,
            Ticket(stand.fake.compose_id, stand.commit, "aabbccddeeff", frozenset({"dep-1"})),
            "ordering",
        )
    )
    assert gate.run() == 3
    assert not stand.fake.posts


def test_resuming_without_memory_finds_the_order_in_dokploy(stand: Bench) -> None:
    stand.fake.step = 0.3
    with pytest.raises(UsageError, match="nothing to resume"):
        stand.gate(resume=True).run()
    stand.fake.order(f"gate abcdef123456 {stand.commit[:12]}", "lockgate")
    assert stand.gate(resume=True).run() == 0


def test_a_state_file_of_another_server_is_refused(stand: Bench) -> None:
    gate = stand.gate(resume=True)
    gate.store.begin(
        Memory("https://other.example", Ticket(stand.fake.compose_id, stand.commit, "aabbccddeeff"), "ordered")
    )
    with pytest.raises(UsageError, match="another Dokploy"):
        gate.run()


def test_secrets_of_the_environment_are_known() -> None:
    from lockgate.deploy.secret import values_of_env

    assert "another-Secret-value" in values_of_env(ENV) and "pg-s3cret-pass" in values_of_env(ENV)
    assert Faults().end == "done"
