"""``lockgate deploy --doctor``: one table, each line with what to do; nothing is ordered, nothing is posted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy_kit import sh
from tests.test_deploy_cli import Stand, clean, standing

COMPOSE = """services:
  web:
    build: .
    restart: on-failure:3
    healthcheck: {test: [CMD, wget, -q, --spider, "http://localhost:8080/health"], interval: 10s, start_period: 30s}
"""


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with standing(tmp_path) as made:
        (made.folder / "docker-compose.yml").write_text(COMPOSE)
        made.configure(settle="5")
        remote = tmp_path / "origin.git"
        sh(tmp_path, "git", "clone", "-q", "--bare", str(made.folder), str(remote))
        sh(made.folder, "git", "remote", "add", "origin", str(remote))
        yield made


def doctor(stand: Stand, **env: str) -> tuple[int, str, dict[str, tuple[str, str, str]]]:
    code, output = stand.deploy("--doctor", "--output", "../doctor.json", **env)
    clean(output)
    report = stand.outside / "doctor.json"
    lines = json.loads(report.read_text())["lines"] if report.exists() else []
    posts = [h for h in stand.dokploy.headers if "content-type" in {k.lower() for k in h}]
    assert not stand.dokploy.posts and not posts and not stand.gitea.statuses
    worst = sorted(lines, key=lambda line: line["state"] != "wrong")
    table: dict[str, tuple[str, str, str]] = {}
    for line in worst:
        table.setdefault(line["what"], (line["state"], line["told"], line["remedy"]))
    return code, output, table


def test_a_deploy_that_would_end_well(stand: Stand) -> None:
    stand.dokploy.command = "compose -p compose-transmit-v7jth9 up -d --build --remove-orphans --wait --wait-timeout 60"
    code, output, table = doctor(stand)
    assert code == 0 and "nothing is wrong" in output, output
    assert {what for what, line in table.items() if line[0] == "ok"} >= {
        "dokploy",
        "key",
        "rights",
        "containers",
        "app name",
        "command",
        "autoDeploy",
        "dokploy branch",
        "health URL",
        "health field",
        "branch",
        "statuses",
        "webhook",
        "verify",
    }
    assert table["limit"][0] == "unknown" and "without rate limit" in table["limit"][2]
    assert "v0.30.2" in table["dokploy"][1] and all(line[2] or line[0] in ("ok", "note") for line in table.values())


def around(stand: Stand) -> None:
    stand.dokploy.auto_deploy = True
    stand.gitea.webhooks = [f"{stand.dokploy.url}/api/deploy/compose/x", "https://chat.example.org/hook"]


FAULTS: list[tuple[str, Callable[[Stand], object], str, str, str]] = [
    ("wrong key", lambda s: setattr(s.dokploy.faults, "unauthorized", "key"), "key", "wrong", "Settings > Profile"),
    ("no rights", lambda s: setattr(s.dokploy.faults, "unauthorized", "compose.one"), "rights", "wrong", "Users"),
    ("limit", lambda s: limited(s), "limit", "wrong", "without rate limit"),
    ("project", lambda s: setattr(s.dokploy, "command", "compose -p paliad up -d"), "app name", "wrong", "-p compose-"),
    ("autoDeploy", around, "autoDeploy", "wrong", "turn Autodeploy off"),
    ("webhook", around, "webhook", "wrong", "remove it"),
    ("branch", lambda s: setattr(s.dokploy, "branch", "develop"), "dokploy branch", "wrong", "the same"),
    ("redirect", lambda s: setattr(s.dokploy.faults, "health", "redirect"), "health URL", "wrong", "final address"),
    ("no field", lambda s: setattr(s.dokploy, "health", {"ok": True}), "health field", "wrong", "its commit"),
    ("scope", lambda s: setattr(s.gitea, "scope", False), "statuses", "wrong", "write:repository"),
    ("hooks", lambda s: setattr(s.gitea, "webhooks", None), "webhook", "unknown", "Webhooks"),
    ("file", lambda s: setattr(s.dokploy, "compose_path", "./deploy.yml"), "compose file", "wrong", "path"),
    ("unlisted", lambda s: setattr(s.dokploy.faults, "unlisted", True), "containers", "unknown", "service:read"),
    ("command", lambda s: setattr(s.dokploy, "command", "compose up -d; rm -rf /"), "command", "wrong", ""),
]


def limited(stand: Stand) -> None:
    stand.dokploy.version = (0, 29, 5)
    stand.dokploy.rate_limit = {"rateLimitEnabled": True, "rateLimitMax": 10, "rateLimitTimeWindow": 86400000}


@pytest.mark.parametrize(("fault", "what", "state", "remedy"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_each_fault_has_its_line(
    stand: Stand, fault: Callable[[Stand], object], what: str, state: str, remedy: str
) -> None:
    fault(stand)
    code, output, table = doctor(stand)
    assert table[what][0] == state and remedy in table[what][2], output
    assert code == (1 if "wrong" in {line[0] for line in table.values()} else 0)


def test_what_the_configuration_lacks(stand: Stand) -> None:
    stand.configure(require='["test / go (push)"]', branch='"production"', promote_from='"main"')
    sh(stand.folder, "git", "push", "-q", "origin", "main")
    stand.dokploy.branch = "production"
    stand.gitea.set(stand.commit, "test / gp (push)", "success")
    code, _, table = _loose(stand)
    assert code == 1 and "not there" in table["required"][1] and "test / gp (push)" in table["required"][2]
    assert table["moving branch"][0] == "ok" and "moves production from main" in table["moving branch"][1]
    code, output, table = _loose(stand, DOKPLOY_API_KEY="", GITEA_TOKEN="")
    assert code == 1 and "DOKPLOY_API_KEY is not set" in output and table["statuses"][0] == "wrong"
    text = (stand.folder / "lockgate.toml").read_text()
    (stand.folder / "lockgate.toml").write_text(text + "[database]\nversion = 14\nbinaries = '/nowhere'\n")
    code, output, table = _loose(stand, LOCKGATE_DOKPLOY_URL="http://127.0.0.1:1")
    assert code == 1 and table["verify"][0] == "wrong" and table["dokploy"][0] == "unknown", output


def _loose(stand: Stand, **env: str) -> tuple[int, str, dict[str, tuple[str, str, str]]]:
    held, stand.gitea.statuses = stand.gitea.statuses, _Kept(stand.gitea.statuses)
    try:
        return doctor(stand, **env)
    finally:
        stand.gitea.statuses = held


class _Kept(dict[str, list[dict[str, object]]]):
    """The statuses that others posted: they are no posts of ours."""

    def __bool__(self) -> bool:
        return False


def test_doctor_orders_nothing_else(stand: Stand) -> None:
    for more in ("--dry-run", "--resume", "--again"):
        code, output = stand.deploy("--doctor", more)
        assert code == 2 and "--doctor orders nothing" in output
