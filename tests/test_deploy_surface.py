"""Compose files and Dockerfiles in the shapes that real repositories have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.base.text import Source
from lockgate.rules import registry
from lockgate.surface import Unreadable, examine, facts_of
from lockgate.surface.dockerfile import read
from lockgate.surface.service import ComposeFile, Service
from tests.conftest import Run


def compose(text: str, folder: Path | None = None) -> ComposeFile:
    (fact,) = facts_of(Source("compose.yml", text), folder)
    assert isinstance(fact, ComposeFile)
    return fact


def names(text: str, folder: Path | None = None) -> list[str]:
    return [f.name for fact in facts_of(Source("compose.yml", text), folder) for f in registry.of_fact(fact)]


def service(text: str, folder: Path | None = None) -> Service:
    found = compose(text, folder).service("web")
    assert found is not None
    return found


SHAPES = """
services:
  web:
    image: app:1
    env_file: [.env, {path: ./other.env, required: false}]
    environment: {A: "1", B: }
    ports:
      - 8080
      - "127.0.0.1:9000:9000/udp"
      - "[::1]:9001:9001"
      - "9100-9105:9100-9105"
      - "${HOST:-0.0.0.0}:${PORT:-80}:80"
      - {target: 80, published: "8081", mode: host, host_ip: 127.0.0.1}
    volumes:
      - /anonymous
      - data:/data
      - ./conf:/conf:ro,z
      - ${DATA:-./data}:/mnt
      - {type: tmpfs, target: /tmp}
      - {type: bind, source: ./more, target: /more, read_only: true}
    depends_on: {db: {condition: service_healthy, restart: true}}
    labels: [a=b, "traefik.http.routers.x.rule=Host(`a`)"]
    networks: {default: {aliases: [x]}}
  list:
    image: app:1
    environment: ["A=1", B]
    depends_on: [db]
    labels: {a: b}
    networks: [default]
  db: {image: "postgres:16", healthcheck: {test: pg_isready}}
volumes: {data: {}}
"""


def test_short_and_long_syntax_say_the_same() -> None:
    web, other = compose(SHAPES).services[:2]
    assert [(p.host, p.container, p.address) for p in web.ports] == [
        ("9000", "9000", "127.0.0.1"),
        ("9001", "9001", "[::1]"),
        ("9100-9105", "9100-9105", ""),
        ("${PORT:-80}", "80", "${HOST:-0.0.0.0}"),
        ("8081", "80", "127.0.0.1"),
    ]
    assert [(m.kind, m.source, m.read_only) for m in web.mounts] == [
        ("anonymous", "", False),
        ("volume", "data", False),
        ("bind", "./conf", True),
        ("volume", "${DATA:-./data}", False),
        ("tmpfs", "", False),
        ("bind", "./more", True),
    ]
    assert web.environment == {"A=1", "B="} and other.environment == {"A=1", "B"}
    assert [d.condition for d in web.depends_on] == ["service_healthy"] and [d.condition for d in other.depends_on] == [
        "service_started"
    ]
    assert web.routed and web.networks == other.networks == ("default",)


def test_several_documents_are_one_project() -> None:
    text = "services:\n  web:\n    image: a:1\n    volumes: [d:/x]\n---\nservices:\n  web:\n    image: a:2\nvolumes: {d: }\n"
    assert names(text) == [] and service(text).image is not None
    assert service(text).image.value == "a:2"  # type: ignore[union-attr]


def test_extends_and_anchors(tmp_path: Path) -> None:
    (tmp_path / "common.yml").write_text(
        "services:\n  base:\n    extends: deeper\n    ports: ['1:1']\n  deeper:\n    restart: always\n"
    )
    text = "services:\n  web:\n    extends: {file: common.yml, service: base}\n    command: goose up && ./serve\n    ports: ['2:2']\n"
    web = service(text, tmp_path)
    assert [p.host for p in web.ports] == ["1", "2"] and web.restart is not None and web.whole
    assert "migration-restart-loop" in names(text, tmp_path)
    assert not service(text).whole, "what cannot be read is known to be missing"
    assert "missing-healthcheck" not in names(text)
    circle = "services:\n  web:\n    extends: other\n  other:\n    extends: web\n"
    assert service(circle).name == "web"


def test_included_files_declare_volumes(tmp_path: Path) -> None:
    text = "include: [{path: [other.yml]}]\nservices:\n  web: {image: a, volumes: ['data:/x', 'lost:/y']}\n"
    assert "undeclared-volume" not in names(text, tmp_path)
    (tmp_path / "other.yml").write_text("volumes: {data: }\n")
    assert names(text, tmp_path) == ["undeclared-volume"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("services:\n  web:\n    image: a\n    image: b\n", 4, "stands twice"),
        ("services:\n  web: [\n", 3, "expected"),
        ("services:\n\tweb: a\n", 2, "token"),
        ("services:\n  web: *nobody\n", 2, "alias"),
        ("services:\n  web: a\n web: b\n", 3, "expected"),
    ],
)
def test_broken_yaml_has_its_line(text: str, line: int, words: str) -> None:
    (fact,) = facts_of(Source("compose.yml", text))
    assert isinstance(fact, Unreadable)
    assert fact.source.position(fact.span.start).line == line and words in fact.message, fact.message


def test_an_alias_of_aliases_costs_nothing() -> None:
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))
    assert names(f"a0: &a0 [x]\n{levels}\nservices: {{web: {{image: a, command: *a11}}}}\n") == []


def test_comments_in_odd_places() -> None:
    assert facts_of(Source("w.yml", "on: # yamllint disable-line\n\n\n  push:\njobs:\n  a:\n    steps: []\n"))


DOCKERFILE = """\
FROM node:22 AS base
ENTRYPOINT ["/entry.sh"]
HEALTHCHECK CMD node health.js
FROM base AS tools
CMD npx prisma migrate deploy
FROM scratch AS bare
COPY --from=base /app /app
FROM base
COPY docker/start.sh /entry.sh
CMD ["node", "server.js"]
"""


def test_the_stages_of_a_dockerfile() -> None:
    last, tools, bare = (read(Source("Dockerfile", DOCKERFILE), target) for target in ("", "tools", "bare"))
    assert (
        last.healthcheck and last.entrypoint is not None and last.cmd is not None and last.cmd.text == "node server.js"
    )
    assert tools.cmd is not None and "prisma" in tools.cmd.text and last.shell
    assert (bare.healthcheck, bare.shell, bare.entrypoint) == (False, False, None)
    assert read(Source("Dockerfile", "FROM scratch\nCOPY --from=busybox /bin/busybox /bin/sh\n")).shell


@pytest.mark.parametrize(
    ("script", "command", "migrates", "one_shot"),
    [
        ('set -e\nalembic upgrade head\nexec "$@"\n', "", True, False),
        ('set -e\nalembic upgrade head\nexec "$@"\n', "alembic upgrade head", True, True),
        ('exec "$@"\n', "alembic upgrade head", True, True),
        ('if [ "$MIGRATE" = 1 ]; then npx prisma migrate deploy; fi\nexec node server.js\n', "", True, False),
        ("exec node server.js\n", "", False, False),
        ("node a.js\n", "npx prisma migrate deploy", False, False),
    ],
)
def test_entrypoint_and_command_are_one_line(
    tmp_path: Path, script: str, command: str, migrates: bool, one_shot: bool
) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "start.sh").write_text("#!/bin/sh\n" + script)
    web = service(
        f"services:\n  web:\n    build: .\n    command: {command}\n"
        if command
        else "services:\n  web:\n    build: .\n",
        tmp_path,
    )
    assert (web.migration is not None, web.one_shot) == (migrates, one_shot)


def test_a_script_of_an_odd_name_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        'FROM a\nENTRYPOINT ["/bin/**entrypoint[.sh", "\\u0000entrypoint", "entrypoint/.."]\n'
    )
    assert names("services:\n  web:\n    build: .\n    restart: always\n", tmp_path) == []


def test_the_script_of_another_service_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM a\nENTRYPOINT ["dumb-init", "--", "./worker/entrypoint.sh"]\n')
    for folder, text in (("web", "npx prisma migrate deploy\nexec node web.js\n"), ("worker", "exec node worker.js\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "entrypoint.sh").write_text(text)
    text = "services:\n  web:\n    build: .\n    restart: always\n"
    assert names(text, tmp_path) == []
    (tmp_path / "Dockerfile").write_text('FROM a\nENTRYPOINT ["/somewhere/entrypoint.sh"]\n')
    assert names(text, tmp_path) == [], "two would do: nobody knows"


@pytest.mark.parametrize(("dokploy", "severity"), [(False, "warning"), (True, "error")])
def test_what_only_dokploy_does_is_an_error_only_there(tmp_path: Path, dokploy: bool, severity: str) -> None:
    (tmp_path / "compose.yml").write_text("services:\n  web: {image: a, volumes: ['./data:/data']}\n")
    found = [f for fact in examine(tmp_path, dokploy=dokploy) for f in registry.of_fact(fact)]
    assert [(f.name, f.severity.value) for f in found] == [("wiped-bind-mount", severity)]


def test_a_finding_is_silenced_on_its_line(tmp_path: Path, lockgate: Run) -> None:
    (tmp_path / "001_a.sql").write_text("SELECT 1;\n")
    (tmp_path / "compose.yml").write_text(
        "services:\n  db:\n    image: postgres:16\n    ports:\n      - 5432:5432 # lockgate: ignore published-database-port: a test machine\n"
        "    # lockgate: ignore P108: it may be lost\n    volumes: ['./data:/data']\n"
    )
    done = lockgate("check", "--format", "json", cwd=tmp_path)
    assert json.loads(done.stdout)["findings"] == [] and json.loads(done.stdout)["summary"]["suppressed"] == 2


KEYS = (
    "services",
    "web",
    "db",
    "image",
    "build",
    "context",
    "dockerfile",
    "dockerfile_inline",
    "target",
    "command",
    "entrypoint",
    "healthcheck",
    "test",
    "disable",
    "start_period",
    "start_interval",
    "depends_on",
    "condition",
    "restart",
    "ports",
    "volumes",
    "networks",
    "external",
    "name",
    "labels",
    "profiles",
    "deploy",
    "replicas",
    "extends",
    "file",
    "service",
    "include",
    "path",
    "environment",
    "container_name",
    "version",
    "jobs",
    "on",
    "push",
    "branches",
    "tags",
    "needs",
    "if",
    "steps",
    "run",
    "uses",
    "with",
    "permissions",
    "concurrency",
    "cancel-in-progress",
    "continue-on-error",
    "dokploy",
    "autoDeploy",
    "<<",
    "pull_request_target",
    "published",
    "source",
    "type",
    "host_ip",
)
WORDS = (
    "",
    "postgres:16",
    "postgres",
    "goose up && ./serve",
    "no",
    "always",
    "on-failure",
    "true",
    ".",
    "..",
    "/",
    "$X",
    "${X:-y}",
    "web",
    "CMD",
    "NONE",
    "curl http://x",
    "./a:/b",
    "a:/b",
    "5432:5432",
    "FROM a\nCMD [",
    "lockgate deploy",
    "lockgate verify",
    "${{ secrets.DOKPLOY_API_KEY }}",
    "\x00",
    "\ud800",
    "é" * 3,
    "service_healthy",
    "a\\\nb",
    "github.ref == 'x'",
    "compose up & docker",
    "[skip ci] git commit",
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 10**20), st.floats(allow_nan=True), st.sampled_from(WORDS)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=25,
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(("services", "jobs", "dokploy")),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5),
    st.dictionaries(st.sampled_from(KEYS), VALUES),
)
def test_no_shape_of_a_file_breaks_the_rules(kind: str, inside: dict[str, object], beside: dict[str, object]) -> None:
    whole = {
        **beside,
        kind: {"web": inside, "db": {"image": "postgres:15", "volumes": ["a:/b"]}} if kind != "dokploy" else inside,
    }
    for text in (json.dumps(whole), json.dumps(whole, ensure_ascii=False)):
        for path in ("compose.yml", ".gitea/workflows/x.yml"):
            for fact in facts_of(Source(path, text), Path("/nowhere")):
                for finding in registry.of_fact(fact):
                    assert finding.message and finding.at.source.position(finding.at.span.start).line >= 1
