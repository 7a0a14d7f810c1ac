"""What lies in a folder: names only, nothing is read."""

from __future__ import annotations

import os
from pathlib import Path

from lockgate.base.errors import CannotCheck
from lockgate.base.lazy_imports import pattern

_PASSED_OVER = frozenset(("node_modules", "vendor", "target", "__pycache__", "dist", "build", "venv"))
# folders of SQL that no runner is meant to run
_NOT_MEANT = frozenset(
    (
        "test",
        "tests",
        "testdata",
        "fixtures",
        "example",
        "examples",
        "seeds",
        "seed",
        "template",
        "templates",
        "stub",
        "stubs",
        "mock",
        "mocks",
        "initdb.d",
        "docker-entrypoint-initdb.d",
        "docker-init",
        "init-scripts",
    )
)


# words in a folder's name that make it the less likely one, where there are others
_OTHER_DATABASE = frozenset(
    (
        "mysql",
        "mariadb",
        "sqlite",
        "sqlite3",
        "clickhouse",
        "mssql",
        "sqlserver",
        "oracle",
        "h2",
        "hsqldb",
        "cockroach",
        "cockroachdb",
        "tidb",
        "cassandra",
        "scylla",
        "snowflake",
        "bigquery",
        "spanner",
        "duckdb",
    )
)
_PRACTICE = frozenset(("test", "tests", "testing", "demo", "demos", "sample", "samples", "synthetic", "docs"))
_WORDS = pattern(r"[^\W_]+")


def walk(root: Path, depth: int = 16) -> list[str]:
    """Every file below a folder, relative to it, with forward slashes; hidden and vendored folders are passed over.
    Raises CannotCheck."""
    out: list[str] = []

    def failed(error: OSError) -> None:
        raise CannotCheck(f"{error.filename}: cannot be read: {error.strerror}", "make the folder readable")

    for folder, below, files in os.walk(root, onerror=failed):
        relative = folder[len(os.fspath(root)) :].strip(os.sep).replace(os.sep, "/")
        prefix = relative and relative + "/"
        below[:] = sorted(
            b for b in below if not b.startswith(".") and b not in _PASSED_OVER and prefix.count("/") < depth
        )
        out += [prefix + name for name in files if not name.startswith(".")]
    return sorted(out)


def is_sql(name: str) -> bool:
    """Whether a file's name says that it is SQL, in whatever case."""
    return name[-4:].lower() == ".sql"


def below(files: list[str], folder: str) -> list[str]:
    """The files of a subfolder, relative to it."""
    prefix = f"{folder}/" if folder else ""
    return [f[len(prefix) :] for f in files if f.startswith(prefix)]


def meant(folder: str) -> bool:
    """Whether a subfolder may hold migrations: not one of tests or examples."""
    return not any(part.lower() in _NOT_MEANT for part in folder.split("/"))


def likely(folders: list[str]) -> list[str]:
    """Of several folders of migrations those that are PostgreSQL's and in earnest, by their names; all of them where
    none is."""
    for doubtful in (_OTHER_DATABASE, _PRACTICE):
        folders = [f for f in folders if not doubtful & set(_WORDS.findall(f.lower()))] or folders
    return folders
