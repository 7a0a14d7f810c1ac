"""What ``lockgate init`` finds in a repository, and the files that it would write there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template

import msgspec

from lockgate.base.errors import CannotCheck, LockgateError
from lockgate.base.files import read_text
from lockgate.catalog.builtin import MAJORS
from lockgate.deploy import git
from lockgate.sources import load
from lockgate.surface import examine
from lockgate.surface.service import ComposeFile, Service

_INSTALL = (
    'command -v lockgate || { test -n "$LOCKGATE_PACKAGE" || { echo "LOCKGATE_PACKAGE is empty; name in this workflow where '
    'Lockgate comes from, a pinned wheel or commit"; exit 1; }; python3 -m venv "$RUNNER_TEMP/lockgate" && "$RUNNER_TEMP/lockgate/bin/pip" install -q "$LOCKGATE_PACKAGE" '
    '&& echo "$RUNNER_TEMP/lockgate/bin" >> "$GITHUB_PATH"; }'
)
_COMMAND = (
    "compose -p {app} -f {file} --profile migrate build && docker compose -p {app} -f {file} run --rm -T {migrate} "
    "&& docker compose -p {app} -f {file} up -d --remove-orphans --wait --wait-timeout 60"
)

_OTHERS = ("mysql", "mariadb", "mongo")


class FoundFile(msgspec.Struct, frozen=True):
    """What stands in the repository."""

    root: Path
    layout: str = "auto"
    folders: tuple[str, ...] = ()
    migrations: int = 0
    explain: str = ""
    command: str = ""  # that prints migrations which are no SQL files
    remote: str = ""  # its host
    branch: str = "main"
    forge: str = "gitea"  # or github
    compose_file: str = ""
    server: str = "web"
    migrate: str = "migrate"
    migration: str = "your-migration-command"
    major: int | None = None  # of the PostgreSQL that the compose file runs


class Planned(msgspec.Struct, frozen=True):
    """One file that would be written. ``action``: create, change (something is added), keep (as wished), conflict."""

    path: str
    text: str
    action: str
    executable: bool = False
    note: str = "differs; --force overwrites it"  # why a conflict is one


def look(root: Path, forge: str = "") -> FoundFile:
    """Look at a repository; what is not there is left at its default."""
    layout, folders, count, explain = _migrations(root)
    compose_file, server, migrate, migration, major = _compose(root)
    command = _command(root) if not count else ""
    remote = git.remote_host(root)
    return FoundFile(
        root,
        "command" if command else layout,
        folders,
        count,
        explain if count or not command else f"printed by `{command}`",
        command,
        remote,
        _branch(root),
        forge or _forge(root, remote),
        compose_file,
        server,
        migrate,
        migration,
        major,
    )


def _command(root: Path) -> str:
    """What prints the migrations of a runner that keeps no SQL files."""
    if (root / "alembic.ini").is_file():
        return "alembic upgrade head --sql"
    return "python manage.py sqlmigrate" if (root / "manage.py").is_file() else ""


def _migrations(root: Path) -> tuple[str, tuple[str, ...], int, str]:
    try:
        folder = load([root], cwd=root)
    except LockgateError:
        return "auto", (), 0, "no migrations found"
    places = {_top(Path(m.up.source.path)) for m in folder.migrations}
    words = folder.explain[0] if folder.explain else ""
    return folder.layout, tuple(sorted(places)), len(folder.migrations), words


def _top(path: Path) -> str:
    """The folder of a migration: of folders with one file each (prisma, diesel) the one above."""
    parent = path.parent
    return (parent.parent if path.stem in ("up", "migration", "schema") else parent).as_posix()


def _compose(root: Path) -> tuple[str, str, str, str, int | None]:
    try:
        files = [f for f in examine(root) if isinstance(f, ComposeFile)]
    except CannotCheck:
        files = []
    if not files:
        return "", "web", "migrate", "your-migration-command", None
    services = files[0].services
    server = next((s.name for s in services if s.public), next((s.name for s in services if not s.database), "web"))
    migrating = next((s for s in services if s.migration is not None), None)
    return files[0].source.path, server, _one_shot(services), _migration_words(migrating), _major(services)


def _major(services: tuple[Service, ...]) -> int | None:
    """PostgreSQL's major version by its image's tag, where all tags agree and Lockgate knows it."""
    majors = {s.major for s in services if s.database and s.database not in _OTHERS}
    found = majors.pop() if len(majors) == 1 else None
    return found if found in MAJORS else None


def _one_shot(services: tuple[Service, ...]) -> str:
    return next((s.name for s in services if s.one_shot), "migrate")


def _migration_words(service: Service | None) -> str:
    program = service.migration if service is not None else None
    if program is None or len(program.parts) == 0:
        return "your-migration-command"
    return (
        program.parts[0] if len(program.parts[0]) < 120 and "\n" not in program.parts[0] else "your-migration-command"
    )


def _branch(root: Path) -> str:
    """The branch that origin calls its own, else main, or master where that is checked out."""
    try:
        return git.default_branch(root) or ("master" if git.head(root, {}).branch == "master" else "main")
    except LockgateError:
        return "main"


def _forge(root: Path, remote: str) -> str:
    """GitHub or Gitea: the remote tells, else the folders that are there."""
    if remote:
        return "github" if remote == "github.com" else "gitea"
    beside = any((root / folder).is_dir() for folder in (".gitea", ".forgejo"))
    return "github" if not beside and (root / ".github").is_dir() else "gitea"


def plan(found: FoundFile) -> tuple[Planned, ...]:
    """The files, and what would become of those that exist."""
    folder = ".gitea" if found.forge == "gitea" else ".github"
    whole = {
        "lockgate.toml": _configuration(found),
        f"{folder}/workflows/lockgate.yml": workflow(found.forge, found.branch),
        f"{folder}/deploy.sh": template("deploy.sh"),
        "lockgate/dokploy.md": _instructions(found),
    }
    planned = [_file(found.root, path, text, path.endswith(".sh")) for path, text in whole.items()]
    planned.append(_added(found.root, "Makefile", "verify-migrations:", fill("makefile.mk"), ""))
    planned.append(_added(found.root, ".pre-commit-config.yaml", "lockgate", fill("pre-commit.yaml"), "repos:\n"))
    planned.append(_added(found.root, ".gitignore", ".lockgate-reports", ".lockgate-reports/\n", ""))
    return tuple(planned)


def template(name: str) -> str:
    """A template as it is shipped."""
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def fill(name: str, **values: str) -> str:
    """A template with its blanks filled."""
    return Template(template(name)).substitute(values)


def workflow(forge: str, branch: str) -> str:
    """The workflow of the gate. Gitea has no scope for statuses: they need the right to write the repository."""
    gitea = forge == "gitea"
    permissions = (
        "  contents: write # a commit status is a write to Gitea" if gitea else "  contents: read\n  statuses: write"
    )
    return fill(
        "workflow.yml",
        branch=branch,
        permissions=f"{permissions}\n  pull-requests: write",
        install=_INSTALL,
        token="GITEA_TOKEN" if gitea else "GITHUB_TOKEN",
        folder=".gitea" if gitea else ".github",
    )


def _configuration(found: FoundFile) -> str:
    layout = found.layout if " and " not in found.layout else "auto"
    paths = ", ".join(json.dumps(p) for p in found.folders) or '"migrations"'
    where = f"command = {json.dumps(found.command)}" if found.command else f"paths = [{paths}]"
    version = (
        f"version = {found.major}                            # the major version of {found.compose_file}"
        if found.major
        else "# version = 17                          # the major version that production runs: SHOW server_version"
    )
    return fill(
        "lockgate.toml",
        version=version,
        where=f'{where}\nlayout = "{layout}"',
        dokploy_url="",
        compose_id="",
        health_url="",
        branch=found.branch,
    )


def command(app: str, compose_file: str, migrate: str) -> str:
    """The command for Dokploy that migrates first and leaves the old container untouched when that fails (dokploy.md,
    A6)."""
    return _COMMAND.format(app=app, file=f"./{compose_file}", migrate=migrate)


def _instructions(found: FoundFile) -> str:
    compose_file = found.compose_file or "docker-compose.yml"
    return fill(
        "dokploy.md",
        app="APP",
        command=command("APP", compose_file, found.migrate),
        migrate=found.migrate,
        migration=found.migration,
        server=found.server,
        forge="Gitea" if found.forge == "gitea" else "GitHub",
    )


def _file(root: Path, path: str, text: str, executable: bool) -> Planned:
    try:
        present = read_text(root / path, root)
    except FileNotFoundError:
        return Planned(path, text, "create", executable)
    except CannotCheck:
        present = ""
    return Planned(path, text, "keep" if present == text else "conflict", executable)


def _added(root: Path, path: str, mark: str, text: str, opening: str) -> Planned:
    """A file to whose end something is added, unless it is there; what stands there is not touched."""
    try:
        present = read_text(root / path, root)
    except FileNotFoundError:
        return Planned(path, opening + text.lstrip("\n"), "create")
    except CannotCheck:
        return Planned(path, "", "conflict", note="cannot be read")
    if mark in present:
        return Planned(path, present, "keep")
    if opening and not _ends_in_list(present, opening):
        return Planned(
            path, "", "conflict", note=f"does not end in the list {opening.strip()} so add by hand:\n{text.rstrip()}"
        )
    return Planned(path, present + ("" if present.endswith("\n") or not present else "\n") + text, "change")


def _ends_in_list(present: str, opening: str) -> bool:
    """Whether the last top-level key is the list that is added to, indented as ours is."""
    keys = re.findall(r"^[^\s#-][^\n]*$", present, re.MULTILINE)
    items = re.findall(r"^( *)- repo:", present, re.MULTILINE)
    return bool(keys) and keys[-1].strip() == opening.strip() and set(items) <= {"  "}
