"""The stories of the gate against a Dokploy, each with its end: what the exit code says, what was ordered, what is told."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lockgate.deploy.dokploy import DokployRefused, Unsettled
from lockgate.deploy.gitea import GiteaClient, StatusTarget
from lockgate.deploy.secret import Masker, Secret
from tests.deploy_kit import QUICK, Bench, bench, commit_all
from tests.fake_dokploy import FakeDokploy
from tests.fake_gitea import TOKEN, FakeGitea
from tests.test_deploy_gate import SECRETS

OTHER = "b" * 40
NO_FIELD = {"health_field": ""}


@pytest.fixture
def forge() -> Iterator[FakeGitea]:
    made = FakeGitea()
    yield made
    made.close()


@pytest.fixture
def stand(tmp_path: Path, forge: FakeGitea) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        forge.commits += [made.commit, OTHER]
        yield made
        assert not any(secret in made.text for secret in (*SECRETS, TOKEN))


def client(forge: FakeGitea) -> GiteaClient:
    return GiteaClient(StatusTarget(f"{forge.url}/api/v1", "m/paliad"), Secret(TOKEN), Masker())


def play(stand: Bench, forge: FakeGitea, **how: Any) -> tuple[int, dict[str, Any]]:
    gate = stand.gate(gitea=client(forge), **how)
    code = gate.run()
    return code, gate.report


def last(forge: FakeGitea, commit: str) -> str:
    """The last word of the gate on a commit."""
    return next((f"{s}: {d}" for c, s, d in reversed(forge.posted(commit)) if c == "lockgate/deploy"), "")


def later(when: Callable[[], bool], then: Callable[[], None]) -> threading.Thread:
    def wait() -> None:
        end = time.monotonic() + 20
        while not when() and time.monotonic() < end:
            time.sleep(0.005)
        then()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


# --- what green says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "deploy", "code", "end", "words"),
    [
        ({}, {}, 0, "healthy", "success: deployed and healthy"),
        ({}, NO_FIELD, 0, "healthy", "healthy; commit not proven by the app"),
        ({}, {"health_url": "", "health_field": ""}, 0, "healthy", "healthy; commit not proven by the app"),
        ({"unlisted": True}, NO_FIELD, 0, "healthy", "commit not proven by the app, containers not listed"),
        ({"unlisted": True}, {}, 0, "healthy", "success: deployed and healthy"),
        ({"stays": True}, NO_FIELD, 3, "unchanged", "error: unchanged: nothing was replaced"),
        ({"stays": True}, {"health_url": "", "health_field": ""}, 3, "unchanged", "nothing was replaced"),
        ({"stays": True}, {}, 1, "unhealthy", "failure: unhealthy"),
    ],
)
def test_what_green_says(
    stand: Bench, forge: FakeGitea, faults: dict[str, Any], deploy: dict[str, Any], code: int, end: str, words: str
) -> None:
    for name, value in faults.items():
        setattr(stand.fake.faults, name, value)
    got, report = play(stand, forge, deploy={"health_timeout": 0.8, **deploy})
    assert (got, report["end"]) == (code, end), stand.text
    assert words in last(forge, stand.commit) and len(stand.fake.posts) == 1


@pytest.mark.parametrize(
    "how",
    [{"health_field": "commit=$commit"}, {"health_header": "X-Commit=$commit"}, {"health_body": '"commit": "$commit'}],
)
def test_how_the_app_may_tell_its_commit(stand: Bench, forge: FakeGitea, how: dict[str, str]) -> None:
    deploy = {"health_field": "", "health_timeout": 0.6, **how}
    assert play(stand, forge, deploy=deploy)[0] == 0 and last(forge, stand.commit) == "success: deployed and healthy"
    stand.fake.running = OTHER
    code, report = play(stand, forge, deploy=deploy)
    assert (code, report["end"]) == (1, "unhealthy") and "not proven" not in report["message"]


def test_nothing_replaced_and_the_app_proves_the_commit(stand: Bench, forge: FakeGitea) -> None:
    stand.fake.faults.stays, stand.fake.running = True, stand.commit
    code, report = play(stand, forge)
    assert code == 0 and any("the app itself proves the commit" in n for n in report["notes"])


def test_without_a_list_of_containers_it_still_waits(stand: Bench, forge: FakeGitea) -> None:
    stand.fake.faults.unlisted = True
    started = time.monotonic()
    assert play(stand, forge, deploy=NO_FIELD, pace=replace(QUICK, settle=0.9))[0] == 0
    assert time.monotonic() - started >= 0.9


@pytest.mark.parametrize(
    ("command", "closed"),
    [
        ("compose -p paliad -f ./docker-compose.yml up -d --build", True),
        ("compose --project-name=paliad up -d", True),
        ("compose -p compose-transmit-v7jth9 build && docker compose -p paliad up -d --wait", True),
        (
            "compose -p compose-transmit-v7jth9 run --rm -T -p 80:80 web && docker compose -f x -p compose-transmit-v7jth9 up -d",
            False,
        ),
        ("compose -f ./docker-compose.yml up -d", False),
        ("stack deploy -c ./docker-compose.yml paliad --prune", True),
        ("stack deploy -c ./docker-compose.yml compose-transmit-v7jth9 --prune", False),
    ],
)
def test_a_project_that_is_not_the_app_name(stand: Bench, forge: FakeGitea, command: str, closed: bool) -> None:
    stand.fake.command = command
    for dry_run in (True, False):
        code, report = play(stand, forge, dry_run=dry_run)
        assert (code == 1) is closed, stand.text
        assert any("App Name" in r for r in report["reasons"]) is closed
    assert len(stand.fake.posts) == (0 if closed else 1)


# --- the health URL before the order ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["redirect", "404", "slow", "drip", "refused", "nowhere"])
def test_a_wrong_probe_closes_before_anything_is_replaced(stand: Bench, forge: FakeGitea, kind: str) -> None:
    url = {"refused": "http://127.0.0.1:1/health", "nowhere": "http://nowhere.invalid/health"}.get(kind, "")
    stand.fake.faults.health = "" if url else kind
    deploy = {"health_url": url, "allow_http": ("nowhere.invalid",)} if url else {}
    for dry_run in (True, False):
        code, report = play(stand, forge, deploy=deploy, dry_run=dry_run, probe_timeout=0.2)
        assert code == 1 and "wrong before anything was ordered" in report["reasons"][0], stand.text
    assert not stand.fake.posts and "revert" not in stand.text


def test_a_certificate_that_nobody_signed_closes_too(stand: Bench, forge: FakeGitea, tmp_path: Path) -> None:
    with untrusted(tmp_path) as url:
        code, report = play(stand, forge, deploy={"health_url": f"{url}/health"})
    assert code == 1 and "certificate is not trusted" in report["reasons"][0] and not stand.fake.posts


@contextmanager
def untrusted(folder: Path) -> Iterator[str]:
    """A server whose certificate it signed itself."""
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout k.pem -out c.pem"
    subprocess.run(words.split(), cwd=folder, check=True, capture_output=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "c.pem", folder / "k.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"https://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("crash", ["loop", "exited", "unhealthy"])
def test_a_release_that_is_down_can_be_replaced(stand: Bench, forge: FakeGitea, crash: str) -> None:
    """Where nothing runs, Traefik answers 404: that closes nothing, or an outage could not be mended."""
    stand.fake.released, stand.fake.faults.crash, stand.fake.faults.health = 1.0, crash, "404"

    def mended() -> None:
        stand.fake.faults.crash = stand.fake.faults.health = ""

    later(lambda: bool(stand.fake.posts), mended)
    code, _ = play(stand, forge)
    assert code == 0 and "does not answer its health URL" in stand.text


def test_a_health_url_that_only_this_release_brings(stand: Bench, forge: FakeGitea) -> None:
    stand.fake.faults.health = "404"
    assert play(stand, forge)[0] == 1 and "--new-health-url" in stand.text
    later(lambda: bool(stand.fake.released), lambda: setattr(stand.fake.faults, "health", ""))
    assert play(stand, forge, new_health_url=True)[0] == 0


def test_with_calm_containers_the_probe_is_blamed_first(stand: Bench, forge: FakeGitea) -> None:
    stand.fake.faults.health = "404"
    code, _ = play(stand, forge, new_health_url=True, deploy={"health_timeout": 0.5})
    assert code == 1 and "see the probe first" in stand.text
    stand.fake.faults.health = ""
    stand.fake.health_good_after = stand.fake.health_asked + 1  # right before the order, 503 behind it
    stand.written.truncate(0)
    later(lambda: len(stand.fake.posts) == 2, lambda: setattr(stand.fake, "health_status", 500))
    stand.fake.health_good_after = 0
    code, _ = play(stand, forge, again=True, deploy={"health_timeout": 0.5})
    assert code == 1 and "see the probe first" not in stand.text and "revert the commit" in stand.text


# --- branches that move ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("proven", [False, True])
def test_a_branch_that_moved_is_watched_and_told(stand: Bench, forge: FakeGitea, proven: bool) -> None:
    stand.fake.faults.commit = OTHER
    if proven:
        forge.set(OTHER, "lockgate/verify", "success", "no findings")
    code, report = play(stand, forge)
    if proven:
        assert (code, report["end"]) == (0, "superseded"), stand.text
        assert last(forge, stand.commit).startswith("warning: superseded")
        return
    assert (code, report["end"]) == (1, "wrong-commit"), stand.text
    assert f"{OTHER[:12]} is healthy" in report["message"]
    assert last(forge, OTHER).startswith("failure: unproven: went live while") and "healthy" in last(forge, OTHER)


def test_an_unproven_commit_that_crashes_is_told_too(stand: Bench, forge: FakeGitea) -> None:
    stand.fake.faults.commit, stand.fake.faults.crash = OTHER, "exited"
    assert play(stand, forge)[0] == 1
    assert "crash-loop" in last(forge, OTHER)


def test_two_gates_of_one_commit_order_once(stand: Bench, forge: FakeGitea) -> None:
    stand.fake.step = 0.15
    codes: list[int] = []
    second = later(lambda: bool(stand.fake.posts), lambda: codes.append(play(stand, forge)[0]))
    codes.append(play(stand, forge)[0])
    second.join(20)
    assert codes == [0, 0] and len(stand.fake.posts) == 1, stand.text


@pytest.mark.parametrize("when", ["queued", "healthy"])
def test_a_newer_gate_takes_over(stand: Bench, forge: FakeGitea, when: str) -> None:
    """The first ends as superseded, which is not red; whether the newer one came while it waited, or behind it."""
    stand.fake.step = 0.1
    first = stand.gate(gitea=client(forge), pace=replace(QUICK, settle=6), deploy={"health_timeout": 20})
    old, codes = stand.commit, list[int]()
    (stand.folder / "b").write_text("b")

    def newer() -> None:
        stand.commit = stand.fake.commit = commit_all(stand.folder, "newer")
        forge.commits.append(stand.commit)
        codes.append(play(stand, forge)[0])

    thread = later(lambda: bool(stand.fake.posts if when == "queued" else stand.fake.released), newer)
    code = first.run()
    thread.join(20)
    assert (code, first.report["end"]) == (0, "superseded"), stand.text
    assert codes == [0] and last(forge, old).startswith("warning: superseded")
    assert last(forge, stand.commit) == "success: deployed and healthy"


# --- what there is already -------------------------------------------------------------------------------------------


def test_a_finished_deployment_is_adopted(stand: Bench, forge: FakeGitea) -> None:
    assert play(stand, forge)[0] == 0
    (stand.folder / ".git" / "state.json").unlink()
    for how in ({}, {"resume": True}):
        code, report = play(stand, forge, **how)
        assert (code, report["end"]) == (0, "healthy") and last(forge, stand.commit) == "success: deployed and healthy"
    assert len(stand.fake.posts) == 1 and "health is proven" in stand.text
    stand.fake.running = OTHER
    assert play(stand, forge, deploy={"health_timeout": 0.4})[0] == 1, "adopted is not believed"
    assert play(stand, forge, again=True)[0] == 0 and len(stand.fake.posts) == 2


def test_what_ran_before_is_known_on_another_machine(stand: Bench, forge: FakeGitea) -> None:
    """The commit status carries it: a gate without the state sees that nothing was replaced, and that something was."""
    stand.fake.faults.stays = True
    assert play(stand, forge, deploy=NO_FIELD)[0] == 3
    (stand.folder / ".git" / "state.json").unlink()
    code, report = play(stand, forge, deploy=NO_FIELD)
    assert (code, report["end"]) == (3, "unchanged") and len(stand.fake.posts) == 1
    forge.statuses.clear()
    (stand.folder / ".git" / "state.json").unlink()
    assert play(stand, forge, deploy=NO_FIELD)[0] == 3, "Docker's own words tell it, too"
    stand.fake.faults.stays = False
    assert play(stand, forge, deploy=NO_FIELD, again=True)[0] == 0


def test_resume_with_nothing_to_resume_says_nothing_of_the_commit(stand: Bench, forge: FakeGitea) -> None:
    from lockgate.base.errors import UsageError

    forge.set(stand.commit, "lockgate/deploy", "success", "deployed and healthy")
    with pytest.raises(UsageError, match="nothing to resume"):
        play(stand, forge, resume=True)
    assert last(forge, stand.commit) == "success: deployed and healthy" and not stand.fake.posts


def test_an_order_that_dokploy_lost_is_known_from_its_status(stand: Bench, forge: FakeGitea) -> None:
    forge.set(
        stand.commit, "lockgate/deploy", "pending", "deploying: order 0a1b2c3d4e5f at 1750000000; before c0ffee00"
    )
    code, report = play(stand, forge, resume=True)
    assert (code, report["end"]) == (3, "unknown") and "no longer has the order" in report["message"]
    assert not stand.fake.posts


@pytest.mark.parametrize("moment", ["waiting", "running", "done", "never"])
def test_advisory_beside_the_webhook_deploys_once(stand: Bench, forge: FakeGitea, moment: str) -> None:
    fake = stand.fake
    fake.auto_deploy, fake.step = True, 0.1 if moment == "running" else 0.03
    if moment != "never":
        fake.order("feat: pushed", f"Hash: {stand.commit}")
    if moment == "running":
        later(lambda: len(fake.deployments) > 1, lambda: None).join()
    if moment == "done":
        later(lambda: bool(fake.released) and not fake.queue, lambda: None).join()
    code, report = play(stand, forge, deploy={"mode": "advisory"})
    assert (code, report["end"]) == (0, "healthy"), stand.text
    assert fake.releases == 1 and len(fake.posts) == (1 if moment == "never" else 0)


# --- the key's limit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("custom", ["", "compose -p compose-transmit-v7jth9 up -d --build --wait"])
@pytest.mark.parametrize("calls", [5, 15, 50])
@pytest.mark.parametrize("deploy", [{}, NO_FIELD])
def test_a_limited_key_never_ends_in_the_middle(
    stand: Bench, forge: FakeGitea, calls: int, custom: str, deploy: dict[str, Any]
) -> None:
    """10 a day, 30 and 100 an hour: two requests for each call, and nothing tells the limit."""
    stand.fake.faults.calls_left, stand.fake.command, stand.fake.step = calls, custom, 0.2
    if calls == 5:
        with pytest.raises(DokployRefused, match="accepted the key 5 times"):
            play(stand, forge, deploy=deploy)
        assert not stand.fake.posts and not stand.fake.refusals
        return
    code, report = play(stand, forge, deploy=deploy, pace=replace(QUICK, lost=2))
    assert (code, report["end"]) == (0, "healthy"), stand.text
    assert len(stand.fake.posts) == 1


def test_a_key_that_runs_out_behind_the_order(stand: Bench, forge: FakeGitea) -> None:
    """With health_field the app alone proves the release; without, the window of the limit is waited for."""
    stand.fake.faults.calls_left = 8
    code, report = play(stand, forge)
    assert code == 0 and any("the app itself proved the commit" in n for n in report["notes"]), stand.text
    stand.fake.faults.calls_left = 8
    later(lambda: stand.fake.faults.calls_left == 0, lambda: setattr(stand.fake.faults, "calls_left", 50))
    assert play(stand, forge, deploy=NO_FIELD, again=True)[0] == 0
    stand.fake.faults.calls_left, stand.fake.step = 8, 0.5
    code, report = play(stand, forge, deploy={"queue_timeout": 0.5, "deploy_timeout": 0.5, **NO_FIELD}, again=True)
    assert code == 3 and "rate limit" in report["message"] and "--resume" in stand.text
    assert len(stand.fake.posts) == 3


def test_a_limit_that_headers_tell(stand: Bench, forge: FakeGitea) -> None:
    stand.fake.headers_left, stand.fake.faults.calls_left = True, 12
    with pytest.raises(DokployRefused, match="headers leave"):
        play(stand, forge)
    assert not stand.fake.posts
    stand.fake.faults.calls_left = 40
    assert play(stand, forge)[0] == 0


@pytest.mark.parametrize("member", [True, False])
@pytest.mark.parametrize("version", [(0, 25, 7), (0, 28, 3), (0, 29, 5), (0, 30, 2)])
def test_every_version_and_both_kinds_of_key(
    stand: Bench, forge: FakeGitea, version: tuple[int, int, int], member: bool
) -> None:
    stand.fake.close()
    stand.fake = FakeDokploy(stand.commit, version=version, member=member)
    code, report = play(stand, forge)
    assert code == 0, stand.text
    refused = member and version >= (0, 29, 0)
    assert any("restart counts were not looked at" in n for n in report["notes"]) is refused
    assert "compose -p compose-transmit-v7jth9 -f ./docker-compose.yml up -d" in _dry(stand, forge)


def _dry(stand: Bench, forge: FakeGitea) -> str:
    play(stand, forge, dry_run=True)
    return stand.text


# --- Dokploy itself --------------------------------------------------------------------------------------------------


def test_the_line_that_failed_is_in_the_status(stand: Bench, forge: FakeGitea) -> None:
    progress = "".join(f"Receiving objects: {n}% ({n}/100)\r" for n in range(100))
    stand.fake.faults.end = "error"
    stand.fake.log = (
        f"Cloning into '/etc/dokploy/x'...\nremote: Enumerating objects: 100, done.\n{progress}\n"
        "Resolving deltas: 100% (9/9), done.\n#7 [web 2/4] COPY go.mod .\n"
        "migrate-1  | migration failed: apply 129_x.up.sql: pq: must be owner of table t (42501)\n"
        'service "migrate" didn\'t complete successfully: exit 1\nError: \u274c Docker command failed\n'
        "Error occurred \u274c, check the logs for details.\n"
    )
    assert play(stand, forge)[0] == 1
    assert "must be owner of table t (42501)" in last(forge, stand.commit)
    assert "% (" not in stand.text.replace("100% (9/9)", "") and "Receiving" not in stand.text


def test_a_dokploy_that_restarts_before_the_order_is_waited_for(stand: Bench, forge: FakeGitea) -> None:
    stand.fake.close()
    host, port = stand.fake.server.server_address[:2]

    def back() -> None:
        time.sleep(0.4)
        stand.fake = FakeDokploy(stand.commit, port=int(port))

    thread = later(lambda: True, back)
    code, _ = play(stand, forge, pace=replace(QUICK, restart=5.0))
    thread.join()
    assert code == 0 and len(stand.fake.posts) == 1, (host, stand.text)
    stand.fake.close()
    with pytest.raises(Unsettled, match="cannot connect"):
        play(stand, forge, again=True)


def test_silence_does_not_count_for_lost(stand: Bench, forge: FakeGitea) -> None:
    """Behind a long silence the first answers may come from a Dokploy that has not read its queue yet."""
    fake, hidden = stand.fake, list[dict[str, Any]]()
    fake.step = 1.2

    def silence() -> None:
        with fake.lock:
            hidden.extend(fake.queue)
            fake.queue.clear()
        fake.faults.gets += ["html"] * 6
        time.sleep(0.2)
        later(lambda: not fake.faults.gets, lambda: time.sleep(0.25)).join()
        with fake.lock:
            fake.queue.extend(hidden)

    thread = later(lambda: bool(fake.queue), silence)
    code, _ = play(stand, forge, deploy={"queue_timeout": 20, "deploy_timeout": 20}, pace=replace(QUICK, grace=5))
    thread.join(20)
    assert code == 0, stand.text


def test_a_gate_that_is_closed_in_preflight_says_what_was_done(stand: Bench, forge: FakeGitea) -> None:
    stand.fake.auto_deploy = True
    code, report = play(stand, forge)
    assert code == 1 and report["message"] == "the gate is closed; nothing was ordered"
