"""The gate where servers and networks are at their worst, and where it dies itself: at each point."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lockgate.base.errors import UsageError
from lockgate.deploy.containers import ContainerWatch, uptime
from lockgate.deploy.dokploy import Dokploy, DokployRefused
from lockgate.deploy.ending import Limits
from lockgate.deploy.gate import Gate
from lockgate.deploy.http import Http, Unreachable
from lockgate.deploy.records import Container
from lockgate.deploy.rhythm import most_calls
from tests.deploy_kit import QUICK, Bench, bench, commit_all
from tests.fake_dokploy import FakeDokploy
from tests.test_deploy_gate import SECRETS, run

READ = (
    "compose.one",
    "deployment.allByCompose",
    "compose.getDefaultCommand",
    "user.get",
    "deployment.queueList",
    "docker.getContainersByAppNameMatch",
)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made
        for secret in SECRETS:
            assert secret not in made.text


def test_a_key_of_five_calls_a_day_never_orders_what_it_could_not_follow(stand: Bench) -> None:
    stand.fake.faults.calls_left = 5
    with pytest.raises(DokployRefused, match="accepted the key 5 times") as caught:
        run(stand)
    assert "dozens" in caught.value.remedy and not stand.fake.posts
    stand.fake.faults.calls_left = None
    stand.fake.seen.clear()
    assert run(stand, dry_run=True)[0] == 0
    assert len(stand.fake.seen) >= 6, "the gate uses up such a key before it orders"


def test_how_many_calls_a_deploy_may_need() -> None:
    assert most_calls(Limits(), replace(QUICK, poll=1.0)) == 2354
    assert most_calls(Limits(), replace(QUICK, poll=5.0)) < 500


@pytest.mark.parametrize("fault", ["html", "lost", "500", "cut", "null"])
def test_every_first_answer_may_fail(stand: Bench, fault: str) -> None:
    stand.fake.faults.at = {procedure: [fault] for procedure in READ if (procedure, fault) != ("compose.one", "null")}
    code, _ = run(stand)
    assert code == 0, stand.text
    assert len(stand.fake.posts) == 1 and not any(stand.fake.faults.at.values())


@pytest.mark.parametrize("fault", ["slow", "trickle"])
def test_slow_answers_are_cut_off(stand: Bench, fault: str) -> None:
    stand.fake.faults.at = {"deployment.queueList": [fault]}
    assert run(stand, read_timeout=0.3, pace=replace(QUICK, restart=3))[0] == 0, stand.text
    assert not stand.fake.waited_out and len(stand.fake.posts) == 1


@pytest.mark.parametrize("procedure", ["compose.one", "deployment.allByCompose"])
def test_a_redirect_gets_no_key(stand: Bench, procedure: str) -> None:
    elsewhere = FakeDokploy(stand.commit)
    stand.fake.faults.location = elsewhere.url
    stand.fake.faults.at = {procedure: ["redirect"]}
    try:
        with pytest.raises(DokployRefused, match="redirect"):
            run(stand)
        stand.fake.faults.post = "redirect"
        assert run(stand)[1]["end"] == "not-ordered"
        assert not elsewhere.seen and not elsewhere.headers
    finally:
        elsewhere.close()


@pytest.mark.parametrize("procedure", ["compose.one", "deployment.allByCompose", "compose.deploy"])
def test_another_server_is_no_dokploy(stand: Bench, procedure: str) -> None:
    stand.fake.faults.absent = {procedure}
    if procedure == "compose.deploy":
        code, report = run(stand)
        assert (code, report["end"]) == (3, "not-ordered")
    else:
        with pytest.raises(DokployRefused, match="no Dokploy answers there"):
            run(stand)
    assert not stand.fake.posts


def test_a_huge_log_is_cut_and_masked(stand: Bench) -> None:
    key = "\n".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"[:64] for _ in range(3))
    stand.fake.faults.end = "error"
    stand.fake.log = (
        "x" * 3_000_000
        + "\n"
        + key
        + "\n"
        + "a." * 500_000
        + "\n"
        + "y" * 490
        + " another-Secret-value "
        + "z" * 9000
        + "\nthe end\n"
    )
    started = time.thread_time()
    code, _ = run(stand)
    assert code == 1 and "the end" in stand.text and time.thread_time() - started < 5
    assert len(stand.text) < 10_000 and "MIIEvQ" not in stand.text and "another-S" not in stand.text


class Killed(BaseException):
    """What SIGKILL is to a process: nothing of ours runs after it."""


def killed_at(gate: Gate, procedure: str, when: str, nth: int) -> None:
    """Let the gate die at its nth call of a procedure, before it is sent or after it was."""
    connect, seen = gate.connect, [0]

    def wrap(method: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            mine = name(*arguments).endswith(procedure)
            seen[0] += mine
            if mine and seen[0] == nth and when == "before":
                raise Killed
            answer = method(*arguments)
            if mine and seen[0] == nth:
                raise Killed
            return answer

        return call

    def connected() -> Dokploy:
        dokploy = connect()
        http: Any = dokploy._http
        http.get = wrap(http.get, lambda url, *rest: url)
        http.send = wrap(http.send, lambda method, url, *rest: url)
        return dokploy

    gate.connect = connected


@pytest.mark.parametrize(
    ("procedure", "when", "nth"),
    [
        ("compose.one", "after", 1),
        ("compose.deploy", "before", 1),
        ("compose.deploy", "after", 1),
        ("deployment.queueList", "before", 2),
        ("deployment.allByCompose", "before", 3),
        ("deployment.allByCompose", "after", 5),
        ("docker.getContainersByAppNameMatch", "before", 2),
        ("docker.getContainersByAppNameMatch", "after", 4),
        ("docker.getConfig", "after", 1),
    ],
)
def test_our_own_death_at_each_point(stand: Bench, procedure: str, when: str, nth: int) -> None:
    stand.fake.member = False
    first = stand.gate(deploy={"unlimited_key": True})  # so that it asks as often as it may
    killed_at(first, procedure, when, nth)
    with pytest.raises(Killed):
        first.run()
    posts = len(stand.fake.posts)
    assert posts == int((procedure, when) not in (("compose.one", "after"), ("compose.deploy", "before")))
    try:
        code = stand.gate(resume=True).run()
    except UsageError as error:
        assert "nothing to resume" in error.message and procedure == "compose.one"
        code = 3
    assert code == (0 if posts else 3), stand.text
    assert len(stand.fake.posts) == posts, "resuming orders nothing"
    if not posts:
        assert "reached Dokploy" in stand.text or procedure == "compose.one"
        assert stand.gate().run() == 0 and len(stand.fake.posts) == 1


def test_an_old_dokploy_beside_a_webhook_of_the_same_commit(stand: Bench) -> None:
    stand.fake.faults.absent = {"deployment.queueList"}
    stand.fake.faults.webhook = "same"
    stand.fake.step = 0.15
    code, report = run(stand, pace=replace(QUICK, lost=2.0))
    assert code == 0 and report["deployment"] == "dep-3", "the webhook's record, dep-2, is not ours"


def test_an_old_dokploy_with_a_job_between_two_looks(stand: Bench) -> None:
    stand.fake.faults.absent = {"deployment.queueList"}
    stand.fake.step = 0.01
    assert run(stand, pace=replace(QUICK, poll=0.3, lost=0.5, grace=2))[0] == 0, stand.text


def test_a_container_that_waits_for_its_database_by_dying_is_no_crash_loop(stand: Bench) -> None:
    stand.fake.faults.crash = "twice"
    assert run(stand, pace=replace(QUICK, patience=2.0))[0] == 0, stand.text


def test_a_container_that_is_up_whenever_one_looks(stand: Bench) -> None:
    stand.fake.faults.crash, stand.fake.member = "flapping", False
    code, report = run(stand, deploy={"health_timeout": 1.5})
    assert (code, report["end"]) == (1, "crash-loop"), stand.text
    assert "restarted" in report["message"]


@pytest.mark.parametrize(
    ("status", "between"),
    [
        ("Up Less than a second", (0, 1)),
        ("Up 1 second", (1, 2)),
        ("Up 42 seconds (healthy)", (42, 43)),
        ("Up About a minute", (60, 120)),
        ("Up 3 minutes (unhealthy)", (180, 240)),
        ("Up About an hour", (1800, 5400)),
        ("Up 2 hours", (5400, 9000)),
        ("Up 3 weeks", (1814400, 2419200)),
        ("Exited (1) 2 seconds ago", None),
        ("Created", None),
        ("", None),
        ("Running 3 minutes ago", None),
    ],
)
def test_dockers_words_for_time(status: str, between: tuple[float, float] | None) -> None:
    assert uptime(status) == between


def watch(*samples: tuple[float, str, str]) -> ContainerWatch:
    made = ContainerWatch()
    for at, state, status in samples:
        made.sample([Container("c", "web", state, status)], at)
    return made


def test_an_uptime_that_does_not_grow_is_a_restart() -> None:
    steady = watch(*[(float(n), "running", f"Up {n + 1} seconds") for n in range(40)])
    assert steady.calm(40) >= 39 and not steady.crash_loop(0)
    minutes = watch(*[(float(n * 30), "running", f"Up {n // 2 + 1} minutes") for n in range(2, 30)])
    assert not minutes.crash_loop(0)
    flapping = watch(*[(float(n), "running", "Up 1 second") for n in range(20)])
    assert flapping.calm(20) < 3, "Docker itself says that it has not been up for long"
    assert flapping.crash_loop(10) and not flapping.crash_loop(60)


def test_what_docker_gave_up_is_told_at_once() -> None:
    assert "Exited (3)" in watch(*[(float(n), "exited", "Exited (3) 2 seconds ago") for n in range(3)]).crash_loop(600)
    assert not watch(*[(float(n), "exited", "Exited (0) 2 seconds ago") for n in range(9)]).troubles
    again = watch(*[(float(n), "restarting", "Restarting (1) 2 seconds ago") for n in range(9)])
    assert again.crash_loop(5) and not again.crash_loop(20)


@pytest.mark.parametrize(
    ("container", "status", "counts"),
    [
        ("old", "Exited (1) 3 days ago", False),
        ("old", "Exited (1) 5 minutes ago", False),
        ("old", "Exited (1) 2 seconds ago", True),
        ("old", "Exited (1) About a minute ago", True),
        ("old", "Created", False),
        ("new", "Created", True),
        ("new", "Exited (1) 5 minutes ago", True),
        ("new", "Exited (1) 3 days ago", False),
        ("new", "Exited (0) 5 seconds ago", False),
        ("old", "Restarting (1) 3 days ago", True),
    ],
)
def test_what_lay_about_before_counts_only_if_it_ran_again(container: str, status: str, counts: bool) -> None:
    """Five minutes ... after an order that was given a hundred seconds ago."""
    made = ContainerWatch(frozenset({"old"}), 1000.0)
    state = status.split()[0].lower()
    made.sample([Container(container, "web", state, status)], 1100.0)
    assert bool(made.troubles) is counts


@pytest.mark.parametrize("path", ["app.py", "migrations/001_one.up.sql"])
def test_any_change_to_a_tracked_file_closes_the_gate(stand: Bench, path: str) -> None:
    (stand.folder / "app.py").write_text("print(1)\n")
    stand.commit = stand.fake.commit = commit_all(stand.folder, "app")
    assert run(stand)[0] == 0
    (stand.folder / "untracked.log").write_text("a build left this\n")
    assert run(stand, again=True)[0] == 0
    (stand.folder / path).write_text("-- changed\n")
    with pytest.raises(UsageError, match="not as committed"):
        run(stand)
    assert len(stand.fake.posts) == 2


def test_a_configuration_outside_of_the_repository_is_no_error(stand: Bench, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.toml").write_text("\n")
    gate = stand.gate()
    gate.order = replace(gate.order, files={**gate.order.files, "configuration": [tmp_path / "elsewhere.toml"]})
    assert gate.run() == 0


def test_an_override_goes_past_auto_deploy_and_says_so(stand: Bench) -> None:
    stand.fake.auto_deploy = True
    code, _ = run(stand, override="login outage, ticket 42")
    assert code == 0 and "around the gate" in stand.text
    stand.fake.branch = "develop"
    assert run(stand, override="login outage, ticket 42")[0] == 1, "it would not even deploy this commit"


def test_a_certificate_that_nobody_signed_gets_no_key(tmp_path: Path) -> None:
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
            "-keyout",
            "k.pem",
            "-out",
            "c.pem",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        url = f"https://localhost:{server.server_address[1]}"
        with (
            Http(url, {"x-api-key": "k3y"}) as http,
            pytest.raises(Unreachable, match="certificate is not trusted") as caught,
        ):
            http.get(f"{url}/api/compose.one")
        assert not caught.value.sent and not asked
    finally:
        server.shutdown()
        server.server_close()
