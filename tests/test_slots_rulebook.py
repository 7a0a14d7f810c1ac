"""Every example of the rules of family S, on real folders, repositories and ledgers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lockgate.rules import rulebook
from tests.slots_kit import Repo, put, said

_FENCE = re.compile(r"^```slots\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"-- file: (?P<path>\S+)(?P<finding> -- finding(?:: \"(?P<text>[^\"]*)\")?)?$")
RULES = [n for n in rulebook.names() if rulebook.rule(n).family == "slots"]
EXAMPLES = [(name, text) for name in RULES for text in _FENCE.findall(rulebook.rule(name).text)]


@dataclass
class Case:
    tree: dict[str, str] = field(default_factory=dict)
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)


def read(text: str) -> Case:
    case = Case()
    files, path = case.tree, ""
    for line in text.splitlines():
        start = _FILE.match(line)
        if line.startswith("-- branch: "):
            files = case.branches.setdefault(line.removeprefix("-- branch: "), {})
        elif start is not None:
            path = start["path"]
            files[path] = ""
            if start["finding"]:
                case.wanted[path] = start["text"] or ""
        else:
            files[path] += line + "\n"
    return case


def build(root: Path, case: Case) -> None:
    ledger = case.tree.pop("ledger.json", None)
    if ledger is not None:
        (root / "lockgate.toml").write_text('[ledger]\nsnapshot = "ledger.json"\n')
        (root / "ledger.json").write_text(ledger)
    if case.branches:
        repo = Repo(root)
        common = {p: t for p, t in case.tree.items() if all(p in files for files in case.branches.values())}
        put(root / "m", common)
        repo.git("add", "m")
        repo.git("commit", "-q", "-m", "common")
        repo.git("branch", "mine")
        for name, files in case.branches.items():
            repo.git("checkout", "-q", *(() if name == "main" else ("-b",)), name)
            put(root / "m", files)
            repo.git("add", "m")
            repo.git("commit", "-q", "-m", name)
            repo.git("checkout", "-q", "mine")
    put(root / "m", case.tree)


def test_every_rule_of_the_family_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(RULES) and len(RULES) >= 19


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[n for n, _ in EXAMPLES])
def test_example(tmp_path: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = read(text)
    build(tmp_path, case)
    ledger = tmp_path / "ledger.json"
    import json

    rows = json.loads(ledger.read_text()) if ledger.exists() else None
    found = {f.at.source.path: f for f in said(tmp_path, ledger=rows) if f.name == name}
    places = {("ledger.json" if p == "ledger.json" else f"m/{p}"): words for p, words in case.wanted.items()}
    assert set(found) == set(places)
    for path, words in places.items():
        assert words in found[path].message, found[path].message
