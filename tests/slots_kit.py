"""What the tests of slots share: folders, repositories, ledgers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockgate.base.config import Config, Git, LedgerSettings
from lockgate.base.findings import Finding
from lockgate.rules import registry
from lockgate.slots import examine, gather
from lockgate.slots.table import SlotTable
from lockgate.sources import load

_ENV = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
TABLE = "CREATE TABLE t (id int);\n"


def put(root: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def _text(name: str) -> str:
    table = "t" + "".join(c for c in name.partition(".")[0] if c.isascii() and c.isalnum())
    return f"DROP TABLE {table};\n" if ".down." in name else f"CREATE TABLE {table} (id int);\n"


class Repo:
    """A real git repository with its migrations in ``m``."""

    def __init__(self, path: Path, branch: str = "main") -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", branch)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, capture_output=True, text=True, env=os.environ | _ENV, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, *names: str, text: str = "") -> str:
        """Commit migrations of these names, each with a text of its own."""
        put(self.path / "m", {n: text or _text(n) for n in names})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", " ".join(names) or "empty")
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, *names: str, start: str = "main") -> None:
        """A branch with these migrations on top of another one; ends where it began."""
        here = self.git("rev-parse", "--abbrev-ref", "HEAD")
        self.git("checkout", "-q", "-b", name, start)
        self.commit(*names)
        self.git("checkout", "-q", here)

    def said(self, base: str = "main", ledger: list[dict[str, Any]] | None = None) -> list[Finding]:
        return said(self.path, base=base, ledger=ledger)


def table_of(
    root: Path, folder: str = "m", base: str = "main", ledger: list[dict[str, Any]] | None = None, layout: str = "auto"
) -> SlotTable:
    """The table of a folder, with a ledger's rows."""
    settings = LedgerSettings()
    if ledger is not None:
        (root / "ledger.json").write_text(json.dumps(ledger))
        settings = LedgerSettings(snapshot="ledger.json")
    config = Config(root=root, git=Git(base=base), ledger=settings)
    return gather(config, load([root / folder], layout, cwd=root), root)


def said(
    root: Path, folder: str = "m", base: str = "main", ledger: list[dict[str, Any]] | None = None, layout: str = "auto"
) -> list[Finding]:
    """What the rules say of a folder's slots."""
    return [f for fact in examine(table_of(root, folder, base, ledger, layout), root) for f in registry.of_fact(fact)]


def names(findings: list[Finding]) -> list[str]:
    """The rules that spoke, sorted."""
    return sorted(f.name for f in findings)
