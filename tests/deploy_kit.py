"""What the tests of the gate share: a repository, a gate with short times, an injected verification."""

from __future__ import annotations

import atexit
import functools
import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from lockgate.api import PostgresUsed
from lockgate.base.config import Config, Deploy, Migrations
from lockgate.base.text import Source
from lockgate.deploy import attestation, git, health
from lockgate.deploy.dokploy import Dokploy
from lockgate.deploy.ending import Pace
from lockgate.deploy.gate import Gate
from lockgate.deploy.order import Order
from lockgate.deploy.screen import PlainScreen
from lockgate.deploy.secret import Masker, Secret
from lockgate.deploy.state import Store
from tests.fake_dokploy import KEY, FakeDokploy

QUICK = Pace(poll=0.02, grace=0.5, settle=0.15, patience=0.2, lookup=0.5, lost=0.6, restart=0.5)


def sh(cwd: Path, *command: str) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path, branch: str = "main") -> str:
    """A repository with two migrations and a configuration; the commit. Git makes it once, a test has a copy."""
    made, commit = _repository(branch)
    shutil.copytree(made, folder, symlinks=True)
    return commit


@functools.cache
def _repository(branch: str) -> tuple[Path, str]:
    folder = Path(tempfile.mkdtemp()) / "repository"
    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    (folder / "migrations").mkdir(parents=True)
    (folder / "migrations" / "001_one.up.sql").write_text("CREATE TABLE one (id int);\n")
    (folder / "migrations" / "002_two.up.sql").write_text("CREATE TABLE two (id int);\n")
    (folder / "lockgate.toml").write_text('[migrations]\npaths = ["migrations"]\n')
    sh(folder, "git", "init", "-q", "--template=", "-b", branch)
    sh(folder, "git", "config", "user.email", "a@example.org")
    sh(folder, "git", "config", "user.name", "a")
    return folder, commit_all(folder, "first")


def commit_all(folder: Path, message: str) -> str:
    sh(folder, "git", "add", "-A")
    sh(folder, "git", "commit", "-q", "-m", message)
    return sh(folder, "git", "rev-parse", "HEAD")


@dataclass
class Verification:
    """A verification that ends as it is told, and counts how often it ran."""

    exit_code: int = 0
    findings: tuple[Any, ...] = ()
    server: Any = None
    runs: int = 0
    error: Exception | None = None

    def __call__(self) -> Verification:
        self.runs += 1
        self.server = self.server or {"major": 16, "version": "16.9"}
        if self.error is not None:
            raise self.error
        return self


@dataclass
class Bench:
    """A gate over a fake Dokploy, with everything it wrote."""

    fake: FakeDokploy
    folder: Path
    commit: str
    verification: Verification
    written: io.StringIO

    def config(self, **deploy: Any) -> Config:
        settings = Deploy(
            dokploy_url=self.fake.url,
            compose_id=self.fake.compose_id,
            health_url=f"{self.fake.url}/health",
            health_field="commit=$commit",
            health_timeout=3,
            queue_timeout=3,
            deploy_timeout=3,
        )
        return Config(
            Migrations(paths=("migrations",)),
            deploy=replace(settings, **deploy),
            root=self.folder,
            path="lockgate.toml",
        )

    def gate(
        self,
        *,
        pace: Pace = QUICK,
        read_timeout: float = 2,
        probe_timeout: float = 2,
        gitea: Any = None,
        key: str = KEY,
        deploy: Any = None,
        **order: Any,
    ) -> Gate:
        config = self.config(**(deploy or {}))
        files: dict[str, list[Path | Source]] = {
            "migrations": [*sorted((self.folder / "migrations").iterdir())],
            "configuration": [self.folder / "lockgate.toml"],
            "baseline": [],
        }
        masker = Masker([key])
        wanted = config.deploy

        def probe(commit: str) -> health.HealthProbe | None:
            if not wanted.health_url:
                return None
            expected = health.expectation(
                wanted.health_url,
                wanted.health_status,
                wanted.health_body,
                wanted.health_field,
                wanted.health_successes,
                commit,
                wanted.allow_http,
                wanted.health_header,
            )
            return health.HealthProbe(expected, probe_timeout)

        return Gate(
            Order(config, git.head(self.folder, {}), files, **order),
            self.verification,
            lambda: Dokploy(self.fake.url, Secret(key), masker, read_timeout=read_timeout),
            Secret(key),
            probe,
            Store(self.folder / ".git" / "state.json"),
            PlainScreen(masker, self.written),
            masker,
            gitea=gitea,
            forge=gitea,
            pace=pace,
        )

    def attest(self, **changes: Any) -> attestation.Attestation:
        gate = self.gate()
        made = attestation.make(
            attestation.tree(self.commit, gate.order.files, self.folder), (), 0, PostgresUsed(16, "16.9")
        )
        return replace(made, **changes)

    @property
    def text(self) -> str:
        return self.written.getvalue()


@contextmanager
def bench(folder: Path, **fake: Any) -> Iterator[Bench]:
    commit = repository(folder / "repository")
    server = FakeDokploy(commit, **fake)
    try:
        yield Bench(server, folder / "repository", commit, Verification(), io.StringIO())
    finally:
        server.close()
