"""Keys go only where the operator said (siege.md, K3): loopback listeners record what they get, a fake runner starts us."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest

from lockgate.base.trust import doubt
from lockgate.cli.group import COMMANDS, cli
from lockgate.deploy import scaffold
from lockgate.deploy.http import Http, Unreachable

KEYS = {"GITEA_TOKEN": "TOK-999-tok", "DOKPLOY_API_KEY": "KEY-999-key", "GITHUB_TOKEN": "GHT-999-ght"}
SECRET = re.compile("|".join(KEYS.values()))


class Listener:
    """A server that writes down everything that reaches it."""

    def __init__(self) -> None:
        heard = self.heard = []  # type: list[str]

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                heard.append(f"{self.command} {self.path} {dict(self.headers)} {body!r}")
                self.send_response(201 if self.command == "POST" else 200)
                self.end_headers()
                self.wfile.write(b"[]")

            do_GET = do_POST = do_PATCH = do_CONNECT = answer

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def listener() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def other() -> Iterator[Listener]:
    one = Listener()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "migrations").mkdir(parents=True)
    (root / "migrations" / "0001_a.sql").write_text("CREATE TABLE a (x int);\n")
    (root / "report.json").write_text('{"findings": [], "summary": {"error": 0}}')
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@a"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], cwd=root, check=True)
    return root


def runner(event: str, server: str = "https://git.example", **more: str) -> dict[str, str]:
    return {
        "CI": "true",
        "GITEA_ACTIONS": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": event,
        "GITHUB_SERVER_URL": server,
        "GITHUB_REPOSITORY": "m/p",
        "GITHUB_REF": "refs/pull/7/head" if event.startswith("pull") else "refs/heads/main",
        **KEYS,
        **more,
    }


def run(tree: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GITEA_", "CI"))}
    done = subprocess.run(
        [sys.executable, "-m", "lockgate", *words],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=60,
        env=clean | {"LOCKGATE_CACHE": "off"} | env,
        check=False,
    )
    assert not SECRET.search(done.stdout + done.stderr) and "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "push", "workflow_dispatch"])
@pytest.mark.parametrize("setting", ['url = "{}"', 'url = "{}"\nrepository = "m/p"', 'repository = "evil/p"'])
def test_a_token_does_not_go_where_the_tree_says(tree: Path, listener: Listener, event: str, setting: str) -> None:
    (tree / "lockgate.toml").write_text(f"\n[gitea]\n{setting.format(listener.url)}\n")
    for words in (("publish", "check", "report.json"), ("gate-report",)):
        done = run(tree, *words, **runner(event))
        assert done.returncode == 2 and "lockgate.toml:3: [gitea]" in done.stderr, done.stderr
        assert "no key was sent" in done.stderr and not listener.heard


def test_a_token_goes_where_the_runner_says(tree: Path, listener: Listener) -> None:
    for text in ("", f'[gitea]\nurl = "{listener.url}/"\nrepository = "M/p"\n'):
        (tree / "lockgate.toml").write_text(text)
        done = run(tree, "publish", "check", "report.json", "--no-comment", **runner("pull_request", listener.url))
        assert done.returncode == 0, done.stderr
    assert len(listener.heard) == 2 and all("token TOK-999" in words for words in listener.heard)


def test_a_redirect_and_userinfo_get_no_token(tree: Path, listener: Listener, other: Listener) -> None:
    done = run(
        tree,
        "publish",
        "check",
        "report.json",
        **runner("push", f"http://user:pass-999@127.0.0.1:{listener.server.server_port}"),
    )
    assert (
        done.returncode == 2 and "credentials" in done.stderr and "pass-999" not in done.stderr and not listener.heard
    )
    listener.server.RequestHandlerClass.answer = _redirect(other.url)  # type: ignore[attr-defined]
    for name in ("do_GET", "do_POST", "do_PATCH"):
        setattr(listener.server.RequestHandlerClass, name, _redirect(other.url))
    done = run(tree, "publish", "check", "report.json", **runner("push", listener.url))
    assert done.returncode == 3 and not other.heard, done.stderr


def _redirect(target: str) -> Any:
    def answer(self: BaseHTTPRequestHandler) -> None:
        self.send_response(307)
        self.send_header("location", target)
        self.send_header("content-length", "0")
        self.end_headers()

    return answer


def test_no_pull_request_deploys_nor_reads_a_key(tree: Path, listener: Listener, tmp_path: Path) -> None:
    (tree / "lockgate.toml").write_text(
        f'[deploy]\ndokploy_url = "{listener.url}"\ncompose_id = "c"\nhealth_url = "{listener.url}"\n'
    )
    missing = str(tmp_path / "no-such-key")  # reading it would be an error of its own
    for event in ("pull_request", "pull_request_target"):
        done = run(tree, "deploy", **runner(event) | {"DOKPLOY_API_KEY": "", "DOKPLOY_API_KEY_FILE": missing})
        assert done.returncode == 2 and "a pull request does not deploy" in done.stderr and not listener.heard


def test_the_key_for_dokploy_goes_where_the_variable_says(tree: Path, listener: Listener) -> None:
    (tree / "lockgate.toml").write_text(f'[deploy]\ndokploy_url = "{listener.url}"\ncompose_id = "c"\n')
    done = run(tree, "deploy", **runner("push", LOCKGATE_DOKPLOY_URL="https://dokploy.example"))
    assert (
        done.returncode == 2
        and "lockgate.toml:2: [deploy] dokploy_url is not what LOCKGATE_DOKPLOY_URL says" in done.stderr
    )
    assert not listener.heard


CODE = {
    "command": ('[migrations]\ncommand = "sh print.sh"\n', ("check",), "lockgate.toml:2: [migrations] command"),
    "binaries": ('[database]\nbinaries = "bin"\n', ("verify",), "lockgate.toml:2: [database] binaries"),
    "dsn": ('[database]\n# c\ndsn_env = "GITEA_TOKEN"\n', ("verify",), "lockgate.toml:3: [database] dsn_env"),
    "ledger": ('[ledger]\ntable = "t"\ndsn_env = "GITEA_TOKEN"\n', ("check",), "lockgate.toml:3: [ledger] dsn_env"),
    "superuser": ("[roles]\nsuperuser = true\n", ("verify",), "lockgate.toml:2: [roles] superuser"),
    "patience": ("[database]\nstatement_timeout = 100000\n", ("verify",), "[database] statement_timeout"),
    "plugins": ('[rules]\nplugins = ["plug"]\n', ("check",), "[rules] plugins"),
}


@pytest.mark.parametrize("name", CODE)
@pytest.mark.parametrize("how", ["option", "pull_request", "pull_request_target", "gitlab"])
def test_code_of_a_strangers_tree_does_not_run(tree: Path, name: str, how: str) -> None:
    text, words, said = CODE[name]
    (tree / "lockgate.toml").write_text(text)
    (tree / "print.sh").write_text("touch ran; env > seen; echo '-- migration: 0001_a'; echo 'SELECT 1;'\n")
    (tree / "bin").mkdir()
    for program in ("postgres", "initdb", "pg_ctl"):
        (tree / "bin" / program).write_text("#!/bin/sh\ntouch ran\n")
        (tree / "bin" / program).chmod(0o755)
    (tree / "plug").mkdir()
    (tree / "plug" / "my_rule.py").write_text("open('ran', 'w')\n")
    (tree / "plug" / "my-rule.md").write_text("+++\n+++\n")
    env = {"option": {}, "gitlab": {"CI_PIPELINE_SOURCE": "merge_request_event"}}.get(how, runner(how))
    done = run(tree, *words, *(["--untrusted"] if how == "option" else []), **KEYS | env)
    assert done.returncode == 2 and said in done.stderr and "not trusted" in done.stderr, done.stderr
    assert not (tree / "ran").exists()
    if name == "command":
        for trusted in (("--trusted",), ()):
            done = run(tree, *words, *trusted, **KEYS | env | ({} if trusted else {"LOCKGATE_TRUSTED": "1"}))
            assert done.returncode == 0 and (tree / "ran").exists(), done.stderr
        assert not SECRET.search((tree / "seen").read_text()), "a child has no key"


def test_git_has_what_git_reads_and_no_more(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "git"
    fake.write_text(f'#!/bin/sh\nenv >> "{tmp_path}/seen"\nexec /usr/bin/git "$@"\n')
    fake.chmod(0o755)
    (tree / "git").write_text("#!/bin/sh\ntouch ran\n")  # a relative PATH would find it
    (tree / "git").chmod(0o755)
    others = {
        "AWS_SECRET_ACCESS_KEY": "AWS-999",
        "MY_TOKEN": "TOK-999-other",
        "PGPASSWORD": "pw-999",
        "GIT_PAGER": "less",
    }
    path = f".:{fake.parent}::{os.environ['PATH']}:"
    for words in (("check", "--since", "HEAD"), ("slots",), ("publish", "check", "report.json")):
        run(tree, *words, **KEYS, **others, PATH=path, GIT_CONFIG_NOSYSTEM="1")
    seen = (tmp_path / "seen").read_text()
    names = {line.partition("=")[0] for line in seen.splitlines()}
    assert {"PATH", "GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT"} <= names
    assert not names & {*KEYS, *others, "SSH_AUTH_SOCK", "LOCKGATE_CACHE"} and "999" not in seen
    assert not (tree / "ran").exists()


# --- every command that reads lockgate.toml asks the same question ---------------------------------------------------------


def commands() -> Iterator[tuple[str, click.Command]]:
    """All commands, those below groups too."""
    for name in COMMANDS:
        found = cli.get_command(click.Context(cli), name)
        assert found is not None
        yield name, found
        for below, one in found.commands.items() if isinstance(found, click.Group) else ():
            yield f"{name} {below}", one


def test_every_command_that_reads_the_configuration_has_the_option() -> None:
    found = {name: {p.name for p in command.params} for name, command in commands()}
    # the language server reads it anew for each file; init writes one and reads none, as docs; groups pass on to a command
    assert {name for name, names in found.items() if "config_path" not in names} == {"docs", "init", "lsp", "slots"}
    assert {name for name, names in found.items() if "trusted" not in names} == {"docs", "init", "slots"}


LEDGER = '[ledger]\ntable = "t"\ndsn_env = "LEDGER"\n'
PLUGIN = '[rules]\nplugins = ["plug"]\n'
COMMAND = '[migrations]\ncommand = "touch ran"\n'
DEPLOY = '[deploy]\ncompose_id = "c"\n{} = {}\n'
EVERY = {
    "check": (LEDGER, ("check",), "[ledger] dsn_env"),
    "verify": (COMMAND, ("verify",), "[migrations] command"),
    "timeline": (COMMAND, ("timeline",), "[migrations] command"),
    "slots": (LEDGER, ("slots",), "[ledger] dsn_env"),
    "slots pending": (LEDGER, ("slots", "pending"), "[ledger] dsn_env"),
    "slots reserve": (LEDGER, ("slots", "reserve", "x"), "[ledger] dsn_env"),
    "slots renumber": (LEDGER, ("slots", "renumber", "0001"), "[ledger] dsn_env"),
    "new": (COMMAND, ("new", "x"), "[migrations] command"),
    "rules": (PLUGIN, ("rules",), "[rules] plugins"),
    "rules new": (PLUGIN, ("rules", "new", "x"), "[rules] plugins"),
    "rules test": (PLUGIN, ("rules", "test"), "[rules] plugins"),
    "explain": (PLUGIN, ("explain", "my-rule"), "[rules] plugins"),
    "snapshot": (COMMAND, ("snapshot", "--diff", "--dsn-env", "LEDGER"), "[migrations] command"),
    "publish": ('[gitea]\nurl = "{url}"\n', ("publish", "check", "report.json"), "[gitea] url"),
    "gate-report": ('[gitea]\nrepository = "m/p"\n', ("gate-report",), "[gitea] repository"),
    "deploy dokploy_url": ('[deploy]\ndokploy_url = "{url}"\n', ("deploy",), "[deploy] dokploy_url"),
    "deploy compose_id": ('[deploy]\ncompose_id = "c"\n', ("deploy",), "[deploy] compose_id"),
    "deploy health_url": ('[deploy]\nhealth_url = "{url}"\n', ("deploy",), "[deploy] health_url"),
}


@pytest.mark.parametrize("name", EVERY)
def test_no_command_follows_a_strangers_tree(tree: Path, listener: Listener, name: str) -> None:
    text, words, said = EVERY[name]
    (tree / "lockgate.toml").write_text(text.format(url=listener.url))
    (tree / "plug").mkdir()
    (tree / "plug" / "my_rule.py").write_text("open('ran', 'w')\n")
    (tree / "plug" / "my-rule.md").write_text("+++\n+++\n")
    port = listener.server.server_port
    keys = {**KEYS, "LEDGER": f"postgresql://127.0.0.1:{port}/x?connect_timeout=2"}
    if name.startswith("deploy"):
        keys["LOCKGATE_DOKPLOY_URL" if "dokploy_url" not in name else "LOCKGATE_COMPOSE_ID"] = "https://127.0.0.1:1"
    ways: list[tuple[tuple[str, ...], dict[str, str]]] = [(("--untrusted",), {}), ((), {"LOCKGATE_TRUSTED": "0"})]
    if not name.startswith("deploy"):
        ways.append(((), {"CI": "true", "BUILDKITE_PULL_REQUEST": "12"}))
    for options, env in ways:
        done = run(tree, *words, *options, **keys, **env)
        assert done.returncode == 2 and said in done.stderr, done.stderr
        assert re.search("not trusted|no key was sent", done.stderr), done.stderr
        assert not listener.heard and not (tree / "ran").exists(), done.stderr


def test_plain_http_is_for_the_operator_to_allow(tree: Path, listener: Listener) -> None:
    (tree / "lockgate.toml").write_text('[deploy]\nallow_http = ["git.example"]\n')
    env = runner("pull_request", "http://git.example")
    done = run(tree, "publish", "check", "report.json", **env)
    assert done.returncode == 2 and "plain http to git.example" in done.stderr and "LOCKGATE_ALLOW_HTTP" in done.stderr
    for allowed in ({"LOCKGATE_ALLOW_HTTP": "git.example"}, {"LOCKGATE_TRUSTED": "1"}):
        env |= {"http_proxy": listener.url, "HTTP_PROXY": listener.url}  # the operator's way out
        done = run(tree, "publish", "check", "report.json", "--no-comment", **env | allowed)
        assert done.returncode == 0, done.stderr
    assert len(listener.heard) == 2 and all("git.example" in words for words in listener.heard)


EVENTS: list[tuple[dict[str, str], object, bool]] = [
    ({"GITHUB_EVENT_NAME": "pull_request"}, None, True),
    ({"FORGEJO_EVENT_NAME": "pull_request_target"}, None, True),
    ({"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/pull/7/merge"}, None, True),
    ({"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"}, None, False),
    # these start on the default branch, with all secrets, and may check out a stranger's tree
    ({"GITHUB_EVENT_NAME": "workflow_run"}, {"workflow_run": {"event": "pull_request"}}, True),
    ({"GITHUB_EVENT_NAME": "workflow_run"}, {"workflow_run": {"event": "push"}}, False),
    ({"GITHUB_EVENT_NAME": "workflow_run"}, None, True),
    ({"GITHUB_EVENT_NAME": "issue_comment"}, {"issue": {"number": 1, "pull_request": {"url": "x"}}}, True),
    ({"GITHUB_EVENT_NAME": "issue_comment"}, {"issue": {"number": 1}}, False),
    ({"GITHUB_EVENT_NAME": "issue_comment"}, [[[1]]], True),
    ({"CI_PIPELINE_SOURCE": "external_pull_request_event"}, None, True),
    ({"TRAVIS_PULL_REQUEST": "12", "TRAVIS_EVENT_TYPE": "pull_request"}, None, True),
    ({"TRAVIS_PULL_REQUEST": "false", "TRAVIS_EVENT_TYPE": "push"}, None, False),
    ({"BUILDKITE_PULL_REQUEST": "false"}, None, False),
    ({"CIRCLE_PULL_REQUEST": "https://github.com/a/b/pull/3"}, None, True),
    ({"CHANGE_ID": "PR-3"}, None, True),
    ({"CI": "true"}, None, False),
    ({"GITHUB_EVENT_NAME": "pull_request", "LOCKGATE_TRUSTED": "1"}, None, False),
]


@pytest.mark.parametrize(("env", "event", "is_one"), EVENTS)
def test_runs_of_pull_requests_are_known(tmp_path: Path, env: dict[str, str], event: object, is_one: bool) -> None:
    if event is not None:
        (tmp_path / "event.json").write_text(json.dumps(event))
        env = env | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    assert bool(doubt(env)) is is_one


@pytest.mark.parametrize("forge", ["gitea", "github"])
def test_the_shipped_steps_that_run_strangers_sql_hold_no_key(forge: str) -> None:
    steps = re.split(r"\n      - ", scaffold.workflow(forge, "main"))[1:]
    proving = [s for s in steps if re.search(r"lockgate (?:check|verify)|deploy\.sh prove", s)]
    assert len(proving) == 3 and not any("secrets." in s for s in proving)
    assert sum("secrets.DOKPLOY_API_KEY" in s for s in steps) == 1


def test_the_script_gives_no_key_to_what_proves(tree: Path, tmp_path: Path) -> None:
    stub = tmp_path / "lockgate"
    stub.write_text(f'#!/bin/sh\nenv > "{tmp_path}/env-$1-${{2#-}}"\n')
    stub.chmod(0o755)
    script = Path(__file__).parents[2] / ".gitea" / "deploy.sh"
    for words in ([], ["prove"], ["open"]):
        env = {"PATH": "/usr/bin:/bin", "LOCKGATE": str(stub), **KEYS}
        done = subprocess.run(
            ["sh", str(script), *words], cwd=tree, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    seen = {path.name: path.read_text() for path in tmp_path.glob("env-*")}
    assert {name.split("-")[1] for name in seen} == {"check", "verify", "publish", "deploy"}
    for name, text in seen.items():
        assert ("KEY-999" in text) is name.startswith("env-deploy"), name
        assert ("TOK-999" in text) is name.startswith(("env-deploy", "env-publish")), name


# --- a hostile Dokploy or Gitea ------------------------------------------------------------------------------------------


def hostile(sends: bytes, drip: float = 0) -> str:
    """A server that answers so, byte by byte, and for ever."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            one, _ = server.accept()
            threading.Thread(target=_answer, args=(one, sends, drip), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def _answer(one: socket.socket, sends: bytes, drip: float) -> None:
    try:
        one.recv(65536)
        if not drip:
            one.sendall(sends)
        while True:
            one.sendall(b"x" if drip else sends[-65536:])
            time.sleep(drip)
    except OSError:
        pass


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    ("sends", "drip"),
    [
        (HEAD + b"\r\n" + b"[" * 65536, 0),  # an endless body
        (HEAD + b"content-length: 99999999999\r\n\r\n" + b" " * 65536, 0),
        (HEAD + b"content-encoding: gzip, gzip, gzip\r\n\r\n" + b"\x1f\x8b" * 32768, 0),
        (HEAD + b"x: " + b"y" * 65536, 0),  # an endless header
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 2048, 0),  # no end of beginnings
        (b"", 0.05),  # a byte now and then
    ],
)
def test_a_hostile_server_is_bounded_in_size_and_time(sends: bytes, drip: float) -> None:
    url = hostile(sends, drip)
    start = time.monotonic()
    with Http(url, {"x-api-key": "KEY"}, read=0.5) as http, pytest.raises(Unreachable):
        http.get(f"{url}/x")
    assert time.monotonic() - start < 5


def test_json_that_nests_for_ever_is_no_json() -> None:
    from lockgate.deploy.http import Answer, NotJson

    for body in (b"[" * 1_000_000, b"9" * 1_000_000, b'{"a":' * 500_000):
        with pytest.raises(NotJson):
            json.loads(b"1")
            Answer(200, {}, body).json()
