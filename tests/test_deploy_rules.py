"""Every example of family P: exactly the marked lines fire, by the rule that the document is of."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from lockgate.base.findings import Finding
from lockgate.base.text import Source
from lockgate.rules import registry, rulebook
from lockgate.surface import Fact, examine, facts_of, find
from lockgate.surface.service import ComposeChange, ComposeFile
from tests.conftest import Run
from tests.deploy_kit import commit_all, repository, sh

RULES = [name for name in rulebook.names() if rulebook.rule(name).family == "deploy"]
CASES = [(name, example) for name in RULES for example in rulebook.examples(rulebook.rule(name))]


def facts(example: rulebook.Example) -> list[Fact]:
    sources = []
    for file in example.files:
        folder = ".gitea/workflows/" if "\njobs:" in file.text else ""
        sources.append(Source(f"{folder}{file.name}.yml", file.text))
    if len(sources) == 2:
        (base,), (head,) = facts_of(sources[0]), facts_of(sources[1])
        assert isinstance(base, ComposeFile) and isinstance(head, ComposeFile)
        return [head, ComposeChange(base, head)]
    return list(facts_of(sources[0]))


@pytest.mark.parametrize(("name", "example"), CASES, ids=[f"{n}-{e.number}" for n, e in CASES])
def test_an_example_says_what_it_is_marked_to_say(name: str, example: rulebook.Example) -> None:
    found: list[Finding] = [f for fact in facts(example) for f in registry.of_fact(fact)]
    own = {f.at.source.position(f.at.span.start).line: f for f in found if f.name == name}
    marks = {m.line: m for m in example.files[-1].marks}
    assert sorted(own) == sorted(line for line, m in marks.items() if m.kind == "finding"), [
        f.message for f in own.values()
    ]
    for line, finding in own.items():
        assert marks[line].text in finding.message
        assert finding.help and finding.rule.startswith("P")


@pytest.mark.parametrize("name", RULES)
def test_a_document_has_its_sections_and_an_example_that_is_silent(name: str) -> None:
    rule = rulebook.rule(name)
    assert all(rule.section(title) for title in rulebook.SECTIONS)
    kinds = {m.kind for e in rulebook.examples(rule) for f in e.files for m in f.marks}
    assert "finding" in kinds and (
        kinds == {"finding", "ok"} or name in ("unreadable-deploy-file", "obsolete-compose-version", "renamed-volume")
    )


def test_rules_read_facts_and_never_yaml() -> None:
    for name in RULES:
        module = Path("src/lockgate/rules/deploy") / f"{name.replace('-', '_')}.py"
        tree = ast.parse((Path(__file__).parents[1] / module).read_text())
        imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not any("ruamel" in str(m) or "lockgate.deploy" in str(m) for m in imported)


def test_the_surface_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(
        "services:\n  web:\n    build: .\n    restart: always\n    volumes: [./conf:/conf, ./lost:/lost]\n"
    )
    (tmp_path / "Dockerfile").write_text('FROM a\nCMD ["x"]\nFROM b\nCOPY . .\nENTRYPOINT ["./docker/start.sh"]\n')
    (tmp_path / "docker").mkdir()
    (tmp_path / "conf").mkdir()
    (tmp_path / "docker" / "start.sh").write_text("#!/bin/sh\nset -e\npython manage.py migrate\nexec gunicorn app\n")
    for folder in (".gitea", ".github"):
        (tmp_path / folder / "workflows").mkdir(parents=True)
        (tmp_path / folder / "workflows" / "a.yml").write_text(
            "on: push\njobs:\n  a:\n    steps:\n      - run: lockgate deploy\n"
        )
    assert [p.relative_to(tmp_path).as_posix() for p in find(tmp_path)] == [
        "docker-compose.yml",
        ".gitea/workflows/a.yml",
    ]
    names = {f.name: f for fact in examine(tmp_path) for f in registry.of_fact(fact)}
    assert {"migration-restart-loop", "wiped-bind-mount", "deploy-without-checks", "deploy-from-any-branch"} <= set(
        names
    )
    loop = names["migration-restart-loop"].at
    assert (loop.source.path, loop.source.position(loop.span.start).line) == ("Dockerfile", 5)
    assert "./lost" in names["wiped-bind-mount"].message


def test_what_changed_against_the_base(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  db:\n    image: postgres:17\n    volumes: [d:/x]\nvolumes: {d: }\n"
    )
    before = "services:\n  db:\n    image: postgres:16\n    volumes: [d:/x]\nvolumes: {d: }\n"
    found = [f.name for fact in examine(tmp_path, base=lambda path: before) for f in registry.of_fact(fact)]
    assert found == ["database-major-change"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeffservices: {}\n",
        "- 1\n- 2\n",
        "services:\n  a: &x\n    b: *x\n",
        "services: [1, 2]\n",
        "jobs: 3\n",
        "services:\r\n  w:\r\n    image: a\r\n",
        "a: !x b\n",
    ],
)
def test_odd_files_are_read_without_harm(text: str) -> None:
    for fact in facts_of(Source("compose.yml", text)):
        registry.of_fact(fact)


def test_places_are_true_behind_a_byte_order_mark_and_umlauts() -> None:
    text = '\ufeffversion: "3"\n# größer\nservices:\n  wéb:\n    restart: always\n    command: migrate up && ./serve\n'
    found = [f for fact in facts_of(Source("c.yml", text)) for f in registry.of_fact(fact)]
    marked = {f.name: f.at.source.text[f.at.span.start : f.at.span.end] for f in found}
    assert marked["migration-restart-loop"] == "migrate up && ./serve"


def test_merge_keys_are_followed() -> None:
    text = "x-base: &b\n  restart: always\nservices:\n  web:\n    <<: *b\n    command: goose up && ./serve\n"
    assert [f.name for fact in facts_of(Source("c.yml", text)) for f in registry.of_fact(fact)] == [
        "migration-restart-loop"
    ]


@pytest.mark.parametrize(
    "command",
    [
        "./wait-for db && npx prisma migrate deploy && node dist/main.js",
        "sh -c 'flask db upgrade; gunicorn app'",
        "dbmate --wait up && ./app",
        "migrate -path /m -database $DB up && ./api",
        "bundle exec rails db:migrate && rails s",
        "php artisan migrate --force && php-fpm",
        "/app/server migrate && /app/server serve",
        "./run.sh --migrate && ./serve",
        "goose -dir m postgres $DSN up && ./serve",
    ],
)
def test_migrating_commands_are_known(command: str) -> None:
    text = f"services:\n  web:\n    restart: always\n    command: {command!r}\n"
    assert [f.name for fact in facts_of(Source("c.yml", text)) for f in registry.of_fact(fact)] == [
        "migration-restart-loop"
    ]


@pytest.mark.parametrize(
    "command",
    [
        "mkdir -p /data/migrate && ./serve",
        "chown app /srv/migrate; exec ./serve",
        "npm start",
        "uvicorn app.migrations_view:app",
        "./server --no-migrate",
        "python -m emigrate_service",
        "nginx -g 'daemon off;'",
    ],
)
def test_other_commands_do_not_migrate(command: str) -> None:
    text = f"services:\n  web:\n    restart: always\n    command: {command!r}\n"
    assert not [f for fact in facts_of(Source("c.yml", text)) for f in registry.of_fact(fact)]


_IN_SIGHT = {
    "lockgate.toml": '[deploy]\nhealth_url = "https://app.example.org/ready"\n',
    "docker-compose.yml": "networks: {dokploy-network: {external: true}}\n",
    ".gitea/workflows/ship.yml": "on: push\njobs:\n  ship:\n    steps:\n      - run: curl -X POST https://host/api/compose.deploy\n",
}


def test_check_speaks_of_the_surface_and_of_what_changed(tmp_path: Path, lockgate: Run) -> None:
    folder = tmp_path / "repository"
    repository(folder)
    compose = "services:\n  db:\n    image: postgres:%s\n    volumes: [d:/x]\nvolumes: {d: }\n"
    (folder / "docker-compose.yml").write_text(compose % 16)
    commit_all(folder, "sixteen")
    sh(folder, "git", "update-ref", "refs/remotes/origin/main", "HEAD")
    (folder / "docker-compose.yml").write_text(compose % 17)
    silent = json.loads(lockgate("check", "--format", "json", cwd=folder).stdout)
    assert silent["findings"] == [], "nobody here deploys by Dokploy"
    assert "deploy files" in [one["what"] for one in silent["coverage"]["not_judged"]]
    assert "deploy files (no [deploy])" in lockgate("check", cwd=folder).stdout
    for place, text in _IN_SIGHT.items():
        was = (folder / place).read_text() if (folder / place).exists() else ""
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(was + text)
        seen = json.loads(lockgate("check", "--format", "json", cwd=folder).stdout)["findings"]
        assert "P112" in {f["rule"] for f in seen}, place
        (folder / place).write_text(was) if was else (folder / place).unlink()
    (folder / "lockgate.toml").open("a").write(_IN_SIGHT["lockgate.toml"])
    found = json.loads(lockgate("check", "--format", "json", cwd=folder).stdout)["findings"]
    assert [(f["rule"], f["location"]["path"], f["location"]["start"]["line"]) for f in found] == [
        ("P112", "docker-compose.yml", 3)
    ]
    assert lockgate("check", "migrations", "--format", "json", cwd=folder).returncode == 0, (
        "single paths are checked alone"
    )


@pytest.mark.parametrize(
    ("step", "deploys"),
    [
        ("uses: benbristow/dokploy-deploy-action@0.2", True),
        ("uses: tarasyarema/dokdeploy@v1", True),
        ("uses: actions/checkout@v4", False),
        ('run: curl -X POST "$DOKPLOY_URL/api/compose.deploy"', True),
        ("run: sh .gitea/deploy.sh", True),
        ('run: curl "$URL/api/trpc/application.redeploy"', True),
        ("run: lockgate deploy --dry-run", False),
        ("run: '# lockgate deploy'", False),
        ("uses: peaceiris/actions-gh-pages@v3", False),
        ("run: npx @dokploy/cli login && dokploy compose deploy", True),
        ("run: cd docs && make deploy", False),
    ],
)
def test_what_calls_dokploy(step: str, deploys: bool) -> None:
    text = f"on: {{push: {{branches: [main]}}}}\njobs:\n  ship:\n    steps:\n      - {step}\n"
    assert [f.name for fact in facts_of(Source(".gitea/workflows/a.yml", text)) for f in registry.of_fact(fact)] == [
        "deploy-without-checks"
    ] * deploys
