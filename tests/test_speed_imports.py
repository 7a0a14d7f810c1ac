"""What a run imports: the price of a start is the sum of its modules."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = (
    "psycopg",
    "rich",
    "sqlglot",
    "httpx",
    "ruamel",
    "pygls",
    "lsprotocol",
    "dataclasses",
    "logging",
    "asyncio",
    "pglast.ast",
    "pglast.enums",
    "importlib.metadata",
)
BYTES = 1_320_000  # of our own source, a little over what a clean check of one file reads today
UNASKED = ("inspect", "ast", "tokenize", "textwrap", "traceback", "typing_extensions")
CODE = """
import sys; sys.argv = ['lockgate', *{words!r}]
try:
    from lockgate.cli import main; main()
except SystemExit: pass
print(sorted(sys.modules), file=sys.stderr)
"""


def modules(cwd: Path, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(words=words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"LOCKGATE_DEBUG": "1"},
    )
    return set(json.loads(done.stderr.splitlines()[-1].replace("'", '"')))


def source_bytes(names: Iterable[str]) -> int:
    """What is read, unmarshalled and run at a start grows with it; how many files it lies in matters little."""
    places = (ROOT / "src" / Path(*name.split(".")) for name in names)
    files = (place / "__init__.py" if place.is_dir() else place.with_suffix(".py") for place in places)
    return sum(file.stat().st_size for file in files)


def heavy(found: set[str], names: tuple[str, ...] = HEAVY) -> list[str]:
    return sorted(m for m in found if any(m == name or m.startswith(name + ".") for name in names))


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_help_imports_nothing_of_ours(tmp_path: Path, word: str) -> None:
    found = modules(tmp_path, word)
    assert not heavy(found, (*HEAVY, "pglast", "immutables", "lockgate.run.examine"))


def test_a_clean_check_imports_the_simulator_alone(tmp_path: Path) -> None:
    Path(tmp_path, "0001_a.up.sql").write_text(
        "CREATE TABLE a (id int PRIMARY KEY, b text NOT NULL DEFAULT 'x');\nCREATE INDEX ON a (b);\nDROP TABLE a;"
    )
    found = modules(tmp_path, "check", "--format", "json")
    packages = (
        "lockgate.oracle",
        "lockgate.deploy",
        "lockgate.queries",
        "lockgate.editor",
        "lockgate.timeline.plpgsql",
        "lockgate.timeline.evaluate",
        "lockgate.parse.plpgsql",
        "lockgate.surface.compose",
        "lockgate.run.evidence",
        "subprocess",
        "tomllib",
        "pglast",
    )
    assert heavy(found, (*HEAVY, *UNASKED, *packages)) == ["pglast.error", "pglast.parser"]
    assert len([m for m in found if m.startswith("lockgate.rules.") and m.count(".") == 3]) <= 4
    assert 300_000 < source_bytes(m for m in found if m.startswith("lockgate.")) < BYTES


def test_the_index_of_handlers_is_fresh() -> None:
    tool = runpy.run_path("tools/generate_handlers.py")
    assert tool["INDEX"].read_text() == tool["text"](), "run python tools/generate_handlers.py"


def test_what_is_left_out_comes_when_it_is_asked_for() -> None:
    code = (
        "from lockgate.base.lazy_imports import Map, compiled\n"
        "parser = compiled('pglast', 'parser', 'ast', 'enums', Error='error')\n"
        "import sys; assert 'pglast.ast' not in sys.modules and 'immutables' not in sys.modules\n"
        "import pglast, immutables\n"
        "assert immutables.Map is Map and pglast.parse_sql('select 1')[0].stmt.targetList\n"
        "assert issubclass(parser.ParseError, pglast.Error)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_was_put_off_is_whole_afterwards() -> None:
    code = (
        "from lockgate.base.put_off import lightly; lightly('click', 'msgspec')\n"
        "import sys, click, msgspec; assert not {'inspect', 'typing_extensions', 'textwrap'} & set(sys.modules)\n"
        "@click.command()\n"
        "@click.option('--x', help='one line')\n"
        "@click.option('--y', help='two\\n    lines')\n"
        "def command(x, y): 'Says it.'\n"
        "assert [p.help for p in command.params] == ['one line', 'two\\nlines']\n"
        "import inspect, textwrap, typing_extensions\n"
        "assert inspect.cleandoc(' a\\n  b') == 'a\\nb' and textwrap.dedent(' a') == 'a'\n"
        "assert inspect.__file__ and typing_extensions.Self\n"
        "assert click.core.inspect.isfunction(command.callback)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
