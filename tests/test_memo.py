"""A run that repeats another says the same without working; whatever it hangs on, once changed, makes it work again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

WRAPPER = """
import sys
sys.argv = ["lockgate", *sys.argv[1:]]
from lockgate.cli import main
try:
    main()
finally:
    print("worked" if "click" in sys.modules else "repeated", file=sys.stderr)
"""


class Project:
    """A folder with migrations and a cache of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.cache = root / "project", root / "cache"
        (self.root / "migrations").mkdir(parents=True)
        self.write("migrations/0001_a.up.sql", "CREATE TABLE a (id int);\n")
        self.write("migrations/0002_b.up.sql", "ALTER TABLE a ADD COLUMN b text;\nALTER TABLE a DROP COLUMN missing;\n")

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *words: str, **env: str) -> tuple[str, int, str]:
        """What a run prints, its exit code, and whether it worked or repeated."""
        time.sleep(0.07)  # a file that changed just now leaves no memo
        done = subprocess.run(
            [sys.executable, "-c", WRAPPER, *(words or ("check", "--format", "json"))],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ
            | {"XDG_CACHE_HOME": str(self.cache), "HOME": str(self.root.parent), "LOCKGATE_DEBUG": "1"}
            | env,
        )
        return done.stdout, done.returncode, done.stderr.splitlines()[-1]

    def settle(self, *words: str) -> tuple[str, int]:
        """Run until it repeats; what it says then is what a run without the cache says."""
        for _ in range(3):
            text, code, how = self.run(*words)
            if how == "repeated":
                break
        assert how == "repeated"
        assert (text, code) == self.run(*words, LOCKGATE_CACHE="off")[:2]
        return text, code


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("LOCKGATE_CACHE", raising=False)
    return Project(tmp_path)


@pytest.mark.parametrize("name", ["terminal", "json", "sarif", "gitlab", "junit", "annotations"])
def test_every_format_repeats(project: Project, name: str) -> None:
    first = project.run("check", "--format", name)
    again = project.run("check", "--format", name)
    assert first[2] == "worked" and again[2] == "repeated"
    assert first[:2] == again[:2] and first[1] == 1


def same_size(project: Project) -> None:
    """Another text of the same length under the old time of change."""
    path = project.root / "migrations/0002_b.up.sql"
    seen = path.stat()
    path.write_text(path.read_text().replace("missing", "mission"))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def git(project: Project, *words: str) -> None:
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run(["git", *words], cwd=project.root, check=True, capture_output=True, env=os.environ | names)


def commit(project: Project, branch: str, name: str) -> None:
    """A branch that claims slot 3."""
    git(project, "checkout", "-q", "-b", branch)
    project.write(name, "CREATE TABLE c (id int);")
    git(project, "add", ".")
    git(project, "commit", "-qm", branch)
    git(project, "checkout", "-q", "main")


EDITS: dict[str, Callable[[Project], object]] = {
    "change": lambda p: p.write("migrations/0002_b.up.sql", "ALTER TABLE a ADD COLUMN b text;"),
    "same size": same_size,
    "new file": lambda p: p.write("migrations/0003_c.up.sql", "DROP TABLE nothing;"),
    "deleted": lambda p: (p.root / "migrations/0002_b.up.sql").unlink(),
    "renamed": lambda p: (p.root / "migrations/0002_b.up.sql").rename(p.root / "migrations/0009_b.up.sql"),
    "swapped": lambda p: os.replace(p.write("x", "DROP TABLE gone;"), p.root / "migrations/0002_b.up.sql"),
    "configuration": lambda p: p.write("lockgate.toml", "[database]\nversion = 15\n"),
    "configuration above": lambda p: p.write("../lockgate.toml", "[database]\nversion = 17\n"),
    "compose": lambda p: p.write("compose.yaml", "services:\n  db:\n    image: postgres\n"),
    "workflow": lambda p: p.write(
        ".gitea/workflows/ci.yml",
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: curl $DOKPLOY_URL/api/deploy/abc\n",
    ),
    "repository": lambda p: git(p, "init", "-qb", "main"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
def test_an_edit_is_seen(project: Project, edit: Callable[[Project], object]) -> None:
    project.settle()
    edit(project)
    seen = project.run()
    assert seen[2] == "worked"
    assert seen[:2] == project.run(LOCKGATE_CACHE="off")[:2]
    project.settle()


def test_git_is_watched(project: Project) -> None:
    git(project, "init", "-qb", "main")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    project.write("migrations/0003_mine.up.sql", "CREATE TABLE mine (id int);")
    before, _ = project.settle()
    git(project, "stash", "-qu")
    commit(project, "other", "migrations/0003_theirs.up.sql")
    git(project, "stash", "pop", "-q")
    text, _, how = project.run()
    assert how == "worked" and text != before and "slot-taken" in text
    assert project.settle()[0] == text
    git(project, "branch", "-D", "other")
    assert project.run()[2] == "worked"
    git(project, "pack-refs", "--all")
    assert project.run()[2] == "worked"
    project.settle()


def test_words_and_environment_count(project: Project) -> None:
    project.settle()
    assert project.run(GITHUB_REF_NAME="x")[2] == "worked"
    assert project.run("check", "--format", "json", "--role", "app")[2] == "worked"
    assert project.run("check", "--format", "json", "migrations")[2] == "worked"
    assert project.run()[2] == "repeated"


@pytest.mark.parametrize(
    "words",
    [("--no-cache",), ("--output", "x.json"), ("--stdin-filename", "migrations/0002_b.up.sql"), ("--since", "HEAD")],
)
def test_some_runs_leave_no_memo(project: Project, words: tuple[str, ...]) -> None:
    git(project, "init", "-qb", "main")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    for _ in range(2):
        assert project.run("check", *words)[2] == "worked"


def test_a_refused_run_is_never_repeated(project: Project) -> None:
    project.write("lockgate.toml", "[nonsense]\n")
    for _ in range(2):
        _, code, how = project.run()
        assert (code, how) == (2, "worked")


def test_a_file_that_changes_during_the_run_leaves_no_memo(project: Project) -> None:
    project.run()
    future = time.time_ns() + 3600 * 10**9
    os.utime(project.write("migrations/0001_a.up.sql", "CREATE TABLE a (id bigint);"), ns=(future, future))
    assert [project.run()[2] for _ in range(2)] == ["worked", "worked"]
