"""`lockgate explain`: rules, keys, variables, SQLSTATEs and words; the reference page and the schema of the file."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path

import jsonschema
import pytest

from lockgate.base.config import load
from lockgate.base.errors import UsageError
from lockgate.base.settings import ENVIRONMENT
from lockgate.cli import reference
from tests.conftest import Run

ROOT = Path(__file__).parents[1]
TOOL = runpy.run_path(str(ROOT / "tools/generate_schemas.py"))
SCHEMA = json.loads((ROOT / "src/lockgate/schema/config-1.json").read_text())


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["T201"], "dropped-column-reference"),
        (["dropped-column-reference"], "## What it catches"),
        (["configuration"], "## \\[roles\\]"),
        (["configuration", "roles.owner"], "roles.owner: a string"),
        (["configuration", "roles"], "handover_sql"),
        (["configuration", "compose-id"], "deploy.compose_id"),
        (["git.base"], "origin/main"),
        (["DOKPLOY_API_KEY"], "Dokploy's key"),
        (["42501"], "insufficient_privilege(?s:.*)O301"),
        (["55P03"], "lock_not_available"),
        (["taint"], "otherwise than the simulated catalog says"),
    ],
)
def test_what_a_name_means(lockgate: Run, tmp_path: Path, words: list[str], shown: str) -> None:
    told = lockgate("explain", *words, cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert re.search(shown, told.stdout)


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["dropped-colum-reference"], "did you mean dropped-column-reference?"),
        (["configuration", "roles.ownr"], "did you mean roles.owner?"),
        (["tant"], "did you mean taint?"),
        (["T201", "T202"], "only `explain configuration` takes a second word"),
        (["zzzzzz"], "lockgate explain configuration"),
    ],
)
def test_what_is_not_known_has_a_near_name(lockgate: Run, tmp_path: Path, words: list[str], near: str) -> None:
    told = lockgate("explain", *words, cwd=tmp_path)
    assert told.returncode == 2 and near in told.stderr


def test_the_page_and_the_schema_are_what_the_settings_say() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference.page()
    assert (ROOT / "src/lockgate/schema/config-1.json").read_text() == TOOL["configuration"]()
    described = [w for s in SCHEMA["properties"].values() for w in s["properties"].values()]
    assert len(described) == len(reference.all_keys()) and all(w["description"] for w in described)


def test_every_variable_that_is_read_is_described() -> None:
    text = "\n".join(p.read_text() for p in (ROOT / "src/lockgate").rglob("*.py"))
    own = set(re.findall(r'"(LOCKGATE_[A-Z_]+[A-Z])"', text))
    assert own <= ENVIRONMENT.keys()


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('[database]\nversion = 16\n[roles]\nhandover = 90\nassumed = ["x"]\n', True),
        ("[database]\nversion = 99\n", False),
        ("[database]\nversion = 8\n", False),
        ("[database]\nvresion = 16\n", False),
        ('[rules]\nselect = "L"\n', False),
        ('[deploy]\nmode = "later"\n', False),
        ("[deploy]\nsettle = 3\n", True),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(tmp_path: Path, text: str, fits: bool) -> None:
    file = tmp_path / "lockgate.toml"
    file.write_text(text)
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(tomllib.loads(text)) is fits
    if fits:
        load(file, tmp_path)
    else:
        with pytest.raises(UsageError) as refused:
            load(file, tmp_path)
        assert "lockgate.toml:2" in str(refused.value)
