"""What ``lockgate init`` writes: valid against the schemas, silent under our own rules, run by a real runner."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from lockgate.base.text import Source
from lockgate.cli.init import command
from lockgate.deploy import scaffold
from lockgate.rules import registry
from lockgate.surface import examine, facts_of
from lockgate.surface.settings import from_dokploy
from tests.conftest import ROOT
from tests.deploy_kit import repository, sh

BIN = Path(sysconfig.get_path("scripts"))
SHIPPED = (ROOT / ".gitea" / "workflows" / "ci.yml", ROOT / ".gitea" / "workflows" / "lockgate.yml.example")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    repository(folder)
    (folder / "lockgate.toml").unlink()
    monkeypatch.chdir(folder)
    return folder


def init(*arguments: str) -> str:
    found = CliRunner().invoke(command, list(arguments), standalone_mode=False)
    assert found.return_value == 0, found.output
    return found.output


def schema(name: str, path: Path) -> None:
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", name, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_init_shows_writes_and_is_idempotent(tree: Path) -> None:
    output = init()
    assert "2 (golang-migrate) in migrations" in output
    written = {
        "lockgate.toml",
        ".gitea/workflows/lockgate.yml",
        ".gitea/deploy.sh",
        "lockgate/dokploy.md",
        "Makefile",
        ".pre-commit-config.yaml",
    }
    assert all((tree / path).is_file() for path in written)
    assert os.access(tree / ".gitea" / "deploy.sh", os.X_OK)
    before = {p: p.read_bytes() for p in tree.rglob("*") if p.is_file() and ".git" not in p.relative_to(tree).parts}
    again = init()
    assert "created" not in again and "added" not in again and again.count("unchanged") == 7
    assert {p: p.read_bytes() for p in before} == before


def test_nothing_is_overwritten_without_being_asked(tree: Path) -> None:
    (tree / "lockgate.toml").write_text("[database]\nversion = 15\n")
    (tree / "Makefile").write_text("all:\n\ttrue")
    (tree / ".pre-commit-config.yaml").write_text("repos:\n  - repo: local\n    hooks: []\nfail_fast: true\n")
    output = init()
    assert (
        "kept        lockgate.toml (differs; --force" in output
        and "kept        .pre-commit-config.yaml (does not end in the list repos:" in output
    )
    assert "entry: lockgate check" in output, "what cannot be added is shown"
    assert (tree / "lockgate.toml").read_text() == "[database]\nversion = 15\n"
    assert (tree / "Makefile").read_text().startswith("all:\n\ttrue\n\n.PHONY: verify-migrations\n")
    assert sh(tree, "make", "--no-print-directory", "-n", "verify-migrations") == "lockgate verify"
    assert "overwritten lockgate.toml" in init("--force")
    assert "[migrations]" in (tree / "lockgate.toml").read_text()


def test_a_pre_commit_list_is_added_to(tree: Path) -> None:
    (tree / ".pre-commit-config.yaml").write_text(
        "fail_fast: true\nrepos:\n  - repo: https://x\n    rev: v1\n    hooks: [{id: a}]\n"
    )
    init()
    value = YAML(typ="safe").load((tree / ".pre-commit-config.yaml").read_text())
    assert [r["repo"] for r in value["repos"]] == ["https://x", "local"]
    assert value["repos"][1]["hooks"][0]["entry"] == "lockgate check"


def test_a_dry_run_writes_nothing(tree: Path) -> None:
    output = init("--dry-run")
    assert "would be created" in output and "nothing was written" in output
    assert sh(tree, "git", "status", "--porcelain", "--untracked-files=all") == "D lockgate.toml"


def test_what_init_finds(tree: Path) -> None:
    (tree / "compose.yaml").write_text(
        "services:\n  api:\n    build: .\n    ports: ['80:80']\n    command: goose up && ./api\n  db:\n    image: postgres:16\n"
    )
    (tree / ".github").mkdir()
    found = scaffold.look(tree)
    assert (found.forge, found.server, found.migration, found.compose_file) == (
        "github",
        "api",
        "goose up",
        "compose.yaml",
    )
    assert scaffold.look(tree, "gitea").forge == "gitea"
    init()
    assert (tree / ".github" / "workflows" / "lockgate.yml").is_file()
    assert "command: goose up" in (tree / "lockgate" / "dokploy.md").read_text()


REPOSITORIES = {
    "go": (
        {
            "go.mod": "module x\n",
            "internal/db/migrations/001_a.up.sql": "SELECT 1;\n",
            "internal/db/migrations/001_a.down.sql": "SELECT 1;\n",
        },
        "1 (golang-migrate) in internal/db/migrations",
        'paths = ["internal/db/migrations"]\nlayout = "golang-migrate"\n',
    ),
    "node": (
        {
            "package.json": "{}",
            "prisma/migrations/migration_lock.toml": 'provider = "postgresql"\n',
            "prisma/migrations/20240101000000_init/migration.sql": "SELECT 1;\n",
        },
        "1 (prisma) in prisma/migrations",
        'paths = ["prisma/migrations"]\nlayout = "prisma"\n',
    ),
    "alembic": (
        {"alembic.ini": "[alembic]\nscript_location = alembic\n", "alembic/versions/a1.py": "revision = 'a1'\n"},
        "alembic upgrade head --sql",
        'command = "alembic upgrade head --sql"\nlayout = "command"\n',
    ),
    "django": (
        {"manage.py": "", "app/migrations/0001_initial.py": ""},
        "python manage.py sqlmigrate",
        'command = "python manage.py sqlmigrate"\n',
    ),
    "empty": ({}, "none found: name them in lockgate.toml", 'paths = ["migrations"]\n'),
}


@pytest.mark.parametrize("kind", REPOSITORIES)
def test_what_init_makes_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    from lockgate.base.config import load

    files, shown, written = REPOSITORIES[kind]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert "no git repository" in init("--dry-run")
    sh(tmp_path, "git", "init", "-q", "-b", "main")
    output = init()
    assert shown in output and "no git repository" not in output
    assert written in (tmp_path / "lockgate.toml").read_text()
    assert load(None, tmp_path).deploy.branch == "main"


@pytest.mark.parametrize(
    ("remote", "folder", "forge"),
    [
        ("https://git.example.org/m/p.git", ".github", "gitea"),
        ("git@github.com:m/p.git", "", "github"),
        ("https://github.com/m/p", ".gitea", "github"),
        ("ssh://git@codeberg.org/m/p", "", "gitea"),
        ("https://u:t0ken@git.example.org/m/p", "", "gitea"),
        ("", ".github", "github"),
        ("", ".forgejo", "gitea"),
        ("", "", "gitea"),
        ("/srv/git/p.git", "", "gitea"),
    ],
)
def test_the_remote_tells_the_forge(tree: Path, remote: str, folder: str, forge: str) -> None:
    if remote:
        sh(tree, "git", "remote", "add", "origin", remote)
    if folder:
        (tree / folder).mkdir()
    assert scaffold.look(tree).forge == forge
    assert "t0ken" not in init("--dry-run")


def test_the_branch_is_the_remotes_own(tree: Path) -> None:
    sh(tree, "git", "update-ref", "refs/remotes/origin/trunk", "HEAD")
    sh(tree, "git", "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    sh(tree, "git", "pack-refs", "--all")
    assert scaffold.look(tree).branch == "trunk"
    init()
    assert "branches: [trunk]" in (tree / ".gitea" / "workflows" / "lockgate.yml").read_text()


@pytest.mark.parametrize(("answer", "written"), [("n", False), ("y", True)])
def test_on_a_terminal_it_asks_first(tree: Path, answer: str, written: bool) -> None:
    code, output = on_terminal([sys.executable, "-m", "lockgate", "init"], tree, {"write these files": answer})
    assert code == 0 and "would be created" in output and output.index("migrations") < output.index("write these files")
    assert (tree / "lockgate.toml").exists() is written and ("nothing was written" in output) is not written


def on_terminal(command: list[str], cwd: Path, answers: dict[str, str], **env: str) -> tuple[int, str]:
    """Run a command on a pseudo-terminal and answer its questions."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(command[0], command, {**{k: v for k, v in os.environ.items() if k != "CI"}, "TERM": "xterm", **env})
    output = ""
    while True:
        try:
            output += os.read(terminal, 65536).decode("utf-8", "replace")
        except OSError:
            break
        for question in [q for q in answers if q in output]:
            os.write(terminal, f"{answers.pop(question)}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output


@pytest.mark.parametrize("forge", ["gitea", "github"])
def test_the_workflow_is_valid_and_silent_under_our_rules(tree: Path, forge: str) -> None:
    init("--ci", forge)
    path = tree / f".{forge}" / "workflows" / "lockgate.yml"
    schema("vendor.github-workflows", path)
    assert [f.message for fact in examine(tree) for f in registry.of_fact(fact)] == []
    assert "${" not in path.read_text().replace("${{", "")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_our_own_workflows(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "w.yml"
    copy.write_text(path.read_text())
    schema("vendor.github-workflows", copy)
    assert [
        f.message
        for fact in facts_of(Source(".gitea/workflows/x.yml", path.read_text()))
        for f in registry.of_fact(fact)
    ] == []


def test_the_copies_are_the_templates() -> None:
    assert SHIPPED[1].read_text() == scaffold.workflow("gitea", "main")
    assert (ROOT / ".gitea" / "deploy.sh").read_text() == scaffold.template("deploy.sh")
    assert os.access(ROOT / ".gitea" / "deploy.sh", os.X_OK)


@pytest.mark.parametrize(
    ("image", "major"),
    [
        ("postgres:15.4-alpine", 15),
        ("timescale/timescaledb:2.14-pg16", 16),
        ("postgres", None),
        ("postgres:99", None),
        ("mysql:15", None),
        ("", None),
    ],
)
def test_the_version_is_production_s_or_none(tree: Path, image: str, major: int | None) -> None:
    from lockgate.base.config import load

    if image:
        (tree / "docker-compose.yml").write_text(f"services:\n  db:\n    image: {image}\n")
    init()
    assert load(None, tree).database.version == major


def test_a_runner_without_lockgate_is_told_where_to_name_it(tmp_path: Path) -> None:
    workflow = YAML(typ="safe").load(scaffold.workflow("gitea", "main"))
    assert workflow["env"]["LOCKGATE_PACKAGE"] == "", "no name of a package that anybody may register"
    install = next(s["run"] for s in workflow["jobs"]["lint"]["steps"] if "LOCKGATE_PACKAGE" in s.get("run", ""))
    done = subprocess.run(
        ["/bin/sh", "-c", install],
        env={"PATH": str(tmp_path), "LOCKGATE_PACKAGE": "", "RUNNER_TEMP": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "LOCKGATE_PACKAGE is empty" in done.stdout and not list(tmp_path.iterdir())


def test_the_configuration_is_read_by_lockgate(tree: Path) -> None:
    from lockgate.base.config import load

    init()
    config = load(None, tree)
    assert config.migrations.paths == ("migrations",) and config.deploy.mode == "advisory"


def test_the_command_for_dokploy_is_one_that_dokploy_takes() -> None:
    command = scaffold.command("app-x", "docker-compose.yml", "migrate")
    assert command.index("run --rm -T migrate") < command.index(" up -d")
    assert registry.of_fact(from_dokploy(command, False, "app")) == []


def test_the_compose_snippet_is_silent_under_our_rules(tree: Path, tmp_path: Path) -> None:
    init()
    text = (tree / "lockgate" / "dokploy.md").read_text()
    snippet = text.split("```yaml\n")[1].split("```")[0]
    lines = "\n".join(line[3:] for line in snippet.splitlines())
    path = tmp_path / "compose.yml"
    path.write_text(lines.replace("restart: on-failure:3", "build: .\n    restart: on-failure:3"))
    schema("vendor.compose-spec", path)
    assert [
        f.message for fact in facts_of(Source("compose.yml", path.read_text())) for f in registry.of_fact(fact)
    ] == []


STUB = """#!/bin/sh
printf '%s\\n' "$*" >> "$TRACE"
printf 'override=%s\\n' "${LOCKGATE_OVERRIDE:-}" >> "$TRACE"
case $1 in
    check) exit "${CHECK:-0}" ;;
    verify) [ -n "${NO_ATTEST:-}" ] || echo '{}' > .lockgate-reports/attestation.json; exit "${VERIFY:-0}" ;;
    deploy)
        [ -z "${END:-}" ] || printf '{\n "end": "%s"\n}\n' "$END" > .lockgate-reports/gate.json
        case $* in *--resume*) exit 0 ;; esac
        exit "${DEPLOY:-0}"
        ;;
esac
"""


def wrapper(tree: Path, **env: str) -> tuple[int, str, str]:
    stub = tree / "bin" / "lockgate"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text(STUB)
    stub.chmod(0o755)
    trace = tree / "trace"
    trace.unlink(missing_ok=True)
    environ = {"PATH": f"{stub.parent}:/usr/bin:/bin", "TRACE": str(trace), **env}
    done = subprocess.run(
        ["/bin/sh", ROOT / ".gitea" / "deploy.sh"], cwd=tree, env=environ, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr, trace.read_text() if trace.exists() else ""


def test_the_script_checks_verifies_and_deploys(tree: Path) -> None:
    code, output, trace = wrapper(tree)
    assert code == 0, output
    words = [line.split()[0] for line in trace.splitlines() if not line.startswith("override")]
    assert words == ["check", "publish", "verify", "publish", "deploy"]
    assert "--attestation .lockgate-reports/attestation.json" in trace


@pytest.mark.parametrize(("verify", "deploy"), [("1", "1"), ("3", "3")])
def test_the_script_ends_as_the_gate_ends(tree: Path, verify: str, deploy: str) -> None:
    code, output, trace = wrapper(tree, VERIFY=verify, DEPLOY=deploy, NO_ATTEST="1" if verify == "3" else "")
    assert code == int(deploy) and f"verify: exit {verify}" in output
    assert ("--attestation" in trace) is (verify == "1")


@pytest.mark.parametrize(("end", "code"), [("unknown", 0), ("unchanged", 3)])
def test_the_script_follows_what_has_no_known_end(tree: Path, end: str, code: int) -> None:
    done, output, trace = wrapper(tree, DEPLOY="3", END=end)
    assert done == code and trace.count("deploy --resume") == (code == 0), output
    assert len(re.findall("(?m)^deploy --output", trace)) == 1


def test_the_script_is_loud_about_an_override(tree: Path) -> None:
    code, output, trace = wrapper(tree, CHECK="1", VERIFY="1", LOCKGATE_OVERRIDE="login outage, ticket 42")
    assert code == 0 and "!!! reason: login outage, ticket 42" in output
    assert "override=login outage, ticket 42" in trace and "check: exit 1" in output


def test_the_script_does_not_deploy_a_pull_request(tree: Path) -> None:
    code, output, trace = wrapper(tree, GITHUB_EVENT_NAME="pull_request")
    assert code == 2 and not trace and "does not deploy" in output


def test_the_script_is_clean() -> None:
    done = subprocess.run(
        [BIN / "shellcheck", "-s", "sh", ROOT / ".gitea" / "deploy.sh"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("check", "deployed"), [("0", True), ("1", False)])
def test_the_workflow_runs(tree: Path, tmp_path: Path, check: str, deployed: bool) -> None:
    init()
    sh(tree, "git", "add", "-A")
    sh(tree, "git", "commit", "-q", "-m", "set up")
    bin_folder, trace = tmp_path / "bin", tmp_path / "trace"
    bin_folder.mkdir()
    (bin_folder / "lockgate").write_text(STUB)
    (bin_folder / "lockgate").chmod(0o755)
    event = tmp_path / "event.json"
    event.write_text('{"ref": "refs/heads/main"}')
    environ = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TRACE": str(trace),
        "CHECK": check,
        "DOCKER_HOST": "unix:///nowhere.sock",
    }
    arguments = [
        "push",
        "-W",
        ".gitea/workflows",
        "-P",
        "ubuntu-latest=-self-hosted",
        "-e",
        str(event),
        "--env",
        f"TRACE={trace}",
        "--env",
        f"CHECK={check}",
    ]
    done = subprocess.run(
        [BIN / "act", *arguments], cwd=tree, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    words = [line.split()[0] for line in trace.read_text().splitlines()] if trace.exists() else []
    assert ("deploy" in words) is deployed, done.stdout + done.stderr
    assert (done.returncode == 0) is deployed
    assert "check" in words
