"""Trees of strangers: whatever stands in their files, every command says a line and ends with 0 to 3, within seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run
from tests.siege.test_budgets import limited

DEEP = "[" * 100_000
LONG = "9" * 6000  # more digits than int() takes
LEDGER = '[ledger]\nsnapshot = "l.json"\n'
DRIZZLE = '{{"entries": [{{"idx": 0, "when": {}, "tag": "0000_a"}}]}}'
TREES: dict[str, dict[str, str]] = {
    "deep arrays of the configuration": {"lockgate.toml": f"x = {DEEP}"},
    "a key of many parts": {"lockgate.toml": "a" + ".a" * 20_000 + " = 1"},
    "a quoted key of many parts": {"lockgate.toml": '"a"' + " . 'a'" * 20_000 + " = 1"},
    "no tables where tables are": {"pyproject.toml": "tool = 3"},
    "no table for us": {"pyproject.toml": "[tool]\nlockgate = 3"},
    "a number of a ledger": {"lockgate.toml": LEDGER, "l.json": f'{{"rows": [{{"version": {LONG}}}]}}'},
    "digits of a ledger": {
        "lockgate.toml": LEDGER,
        "l.json": f'{{"rows": [{{"version": "{LONG}"}}, {{"version": "²"}}]}}',
    },
    "a deep ledger": {"lockgate.toml": LEDGER, "l.json": DEEP},
    "a number of a journal": {"drizzle/0000_a.sql": "select 1;", "drizzle/meta/_journal.json": DRIZZLE.format(LONG)},
    "digits of a journal": {"drizzle/0000_a.sql": "select 1;", "drizzle/meta/_journal.json": DRIZZLE.format('"²"')},
    "a deep journal": {"drizzle/0000_a.sql": "select 1;", "drizzle/meta/_journal.json": DEEP},
    "digits of a name": {"migrations/²_x.up.sql": "select 1;", "migrations/٣_x.up.sql": "select 1;"},
    "deep settings of diesel": {
        f"migrations/2020-01-01-000000_x/{n}": t for n, t in (("up.sql", "select 1;"), ("metadata.toml", f"a={DEEP}"))
    },
    "digits of a service": {
        "compose.yaml": "services:\n  a: {image: x, deploy: {replicas: ²}}\n  b: {image: x, deploy: {replicas: "
        + LONG
        + "}}\n"
    },
    "a deep command": {"Dockerfile": f"FROM x\nCMD {DEEP}\n", "compose.yaml": "services: {a: {build: .}}\n"},
    "marks that are none": {"migrations/1_a.sql": "SELECT 1;\n-- migrate:downx\nSELECT 2;"},
}


@pytest.mark.parametrize("name", TREES)
def test_a_strangers_tree(name: str, lockgate: Run, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for path, text in {"migrations/0001_a.up.sql": "CREATE TABLE a (x int);\n", **TREES[name]}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    commands = [("check",), ("slots",), *([("init",)] if {"compose.yaml", "Dockerfile"} & TREES[name].keys() else [])]
    for words in commands:
        done = lockgate(*words, cwd=tree, LOCKGATE_CACHE="off")
        assert done.returncode in (0, 1, 2, 3), done.stderr
        assert "Traceback" not in done.stderr and "internal error" not in done.stderr, (words, done.stderr)
        assert len(done.stderr) < 20_000


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("yes -- '-- migration: 0001_a'", "prints more than 64 MB"),
        ("cat /dev/zero", "prints more than 64 MB"),
        ("yes >&2 & sleep 0.2; kill $!; wait; echo >&2; echo last >&2; exit 3", "exit 3: last"),
        ("printf 'x\\377'", "not UTF-8"),
        ("printf '\\033]0;x\\007' >&2; exit 1", "exit 1"),
    ],
)
def test_what_a_command_prints_is_bounded(tmp_path: Path, script: str, words: str) -> None:
    (tmp_path / "print.sh").write_text(script + "\n")
    (tmp_path / "lockgate.toml").write_text('[migrations]\ncommand = "sh print.sh"\n')
    done = limited("-m", "lockgate", "check", "--trusted", "--no-cache", cwd=tmp_path)
    assert done.returncode == 3 and words in done.stderr and "\x1b" not in done.stderr, done.stderr
