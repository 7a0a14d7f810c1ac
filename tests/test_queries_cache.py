"""What is remembered of the application's files changes nothing but the time: whatever is edited, a run says what one
without a cache says."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockgate.api import Request, check
from lockgate.base.config import load
from lockgate.report import render

MIGRATION = "CREATE TABLE people (id int PRIMARY KEY, name text, born date);\nCREATE TABLE orders (id int PRIMARY KEY, person int, amount numeric);\n"
LATER = (
    "ALTER TABLE people DROP COLUMN born;\n",
    "ALTER TABLE orders RENAME TO sales;\n",
    "CREATE VIEW rich AS SELECT id FROM people;\n",
    "",
)
PROGRAMS = {
    "go": (
        'package app\n\nvar q = "SELECT {column} FROM {table} WHERE id = $1"\n',
        "package app\n\nfunc f() int { return 1 }\n",
    ),
    "py": (
        'Q = """\n    SELECT {column}\n    FROM {table} -- é\n"""\n',
        'with open("select") as update:\n    update.write("é")\n',
    ),
    "ts": (
        "const q = sql`UPDATE {table} SET {column} = ${{x}} WHERE id = 1`;\n",
        'const a = "Select a person", b = "from people";\n',
    ),
    "sql": ("-- name: Q :many\nSELECT {column} FROM {table};\n", "-- name: Q :one\nSELECT 1;\n"),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a cache of its own; the working directory."""
    project = tmp_path / "project"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LOCKGATE_CACHE", raising=False)
    write(
        project / "lockgate.toml",
        '[migrations]\npaths = ["migrations"]\n[queries]\npaths = ["app", "lib/*.sql"]\nexclude = ["app/old/**"]\n',
    )
    write(project / "migrations/0001_a.up.sql", MIGRATION)
    write(project / "app/main.go", PROGRAMS["go"][0].format(column="name", table="people"))
    write(project / "app/plain.py", PROGRAMS["py"][1])
    write(project / "lib/q.sql", PROGRAMS["sql"][0].format(column="amount", table="orders"))
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "v1"],
        ["tag", "v1"],
    ):
        subprocess.run(["git", *words], cwd=project, check=True)
    monkeypatch.chdir(project)
    return project


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def said(root: Path) -> list[object]:
    outcome = check(Request(cwd=root, release="v1"), load(None, root))
    return [*(render(outcome, name, to_terminal=False) for name in ("terminal", "json", "gitlab")), outcome.exit_code]


def program(rng: random.Random, suffix: str) -> str:
    text = rng.choice(PROGRAMS[suffix])
    return (
        text.format(
            column=rng.choice(("name", "born", "amount", "nope")),
            table=rng.choice(("people", "orders", "sales", "rich")),
        )
        if "{table}" in text
        else text
    )


def edit(rng: random.Random, root: Path, step: int) -> None:
    """One change of the kind that people make."""
    files = [p for folder in ("app", "lib") for p in sorted((root / folder).rglob("*")) if p.is_file()]
    chosen, suffix = rng.choice(files), rng.choice(sorted(PROGRAMS))
    what = rng.choice(
        ("add", "add", "change", "change", "remove", "rename", "copy", "behind", "migrate", "undo", "suppress")
    )
    if what == "add":
        write(root / rng.choice(("app", "app/deep", "app/old")) / f"f{step}.{suffix}", program(rng, suffix))
    elif what == "change":
        chosen.write_text(program(rng, chosen.suffix[1:]))
    elif what == "remove" and len(files) > 2 and chosen != root / "lib/q.sql":
        chosen.unlink()
    elif what == "rename" and chosen != root / "lib/q.sql":
        chosen.rename(chosen.with_name(f"r{step}{chosen.suffix}"))
    elif what == "copy":
        write(root / "app" / f"warehouse_duckdb{step}{chosen.suffix}", chosen.read_text())
    elif what == "behind":  # another text of the same length, with the times of the first
        seen = chosen.stat()
        chosen.write_text(chosen.read_text().replace("people", "orders").replace("select", "SELECT"))
        os.utime(chosen, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    elif what == "migrate":
        write(root / f"migrations/{step:04}_m.up.sql", rng.choice(LATER))
    elif what == "undo":
        sorted((root / "migrations").iterdir())[-1].write_text(MIGRATION if step < 3 else rng.choice(LATER))
    elif what == "suppress":
        chosen.write_text(f"// lockgate: ignore query-unknown-column: on purpose\n{chosen.read_text()}")


@pytest.mark.parametrize("seed", range(6))
def test_after_any_edit_a_run_says_what_one_without_a_cache_says(
    root: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = random.Random(seed)
    for step in range(2, 22):
        edit(rng, root, step)
        if rng.random() < 0.3:
            time.sleep(0.06)  # until the stamps of what changed count
        warm = [said(root), said(root)]
        with monkeypatch.context() as patch:
            patch.setenv("LOCKGATE_CACHE", "off")
            cold = said(root)
        assert warm == [cold, cold]


WRAPPER = """
import os, sys
seen = set()
def heard(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and "/app/" in arguments[0]:
        seen.add(os.path.basename(arguments[0]))
sys.addaudithook(heard)
import lockgate.queries.application, lockgate.queries.resolve as resolve
from lockgate.queries import examine
asked, original = [], resolve.resolve
def counted(query, *rest):
    asked.append(os.path.basename(query.source.path))
    return original(query, *rest)
examine.resolve = counted
sys.argv = ["lockgate", "check", "--format", "json"]
from lockgate.cli import main
try:
    main()
finally:
    print(sorted(seen), sorted(set(asked)), file=sys.stderr)
"""


def worked(root: Path) -> str:
    """Which files a run read, and which files' queries it resolved."""
    time.sleep(0.07)
    done = subprocess.run(
        [sys.executable, "-c", WRAPPER],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LOCKGATE_DEBUG": "1"},
    )
    return done.stderr.splitlines()[-1]


def test_only_what_changed_is_looked_at_again(root: Path) -> None:
    write(root / "app/other.go", PROGRAMS["go"][0].format(column="id", table="orders"))
    assert worked(root) == "['main.go', 'other.go', 'plain.py'] ['main.go', 'other.go', 'q.sql']"
    assert worked(root) == "['main.go', 'other.go'] []"
    write(root / "app/main.go", PROGRAMS["go"][0].format(column="born", table="people"))
    assert worked(root) == "['main.go', 'other.go'] ['main.go']"
    write(root / "app/plain.py", PROGRAMS["py"][1] + "# changed\n")
    assert worked(root) == "['main.go', 'other.go', 'plain.py'] []"
    write(root / "migrations/0002_b.up.sql", "ALTER TABLE people ADD COLUMN more int;\n")
    assert worked(root) == "['main.go', 'other.go'] ['main.go', 'other.go', 'q.sql']"
    (root / "app/main.go").unlink()
    assert worked(root) == "['other.go'] []"
