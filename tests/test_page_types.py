"""The page's scripts are what TypeScript takes, by types that are made of the document's own."""

from __future__ import annotations

import runpy
import subprocess
from pathlib import Path

import pytest

from lockgate.report import page
from tests.conftest import ROOT
from tests.needs import typescript

FOLDER = ROOT / "src/lockgate/report/page"
# nothing that makes markup, code or a request of a text
FORBIDDEN = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "fetch(",
    "XMLHttpRequest",
    "import(",
)


def test_the_types_are_fresh() -> None:
    tool = runpy.run_path(str(ROOT / "tools/generate_page.py"))
    assert (FOLDER / "types.d.ts").read_text() == tool["text"](), "run python tools/generate_page.py"


@pytest.mark.needs("typescript")
def test_the_scripts_are_well_typed() -> None:
    done = subprocess.run(
        ["node", str(typescript()), "-p", str(ROOT / "tools/page/tsconfig.json")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_script_is_in_the_page() -> None:
    assert sorted(page.SCRIPTS) == sorted(path.stem for path in FOLDER.glob("*.js"))


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.js")), ids=lambda path: path.stem)
def test_scripts_are_short_and_make_no_markup(script: Path) -> None:
    text = script.read_text()
    assert len(text.splitlines()) <= 400
    assert [word for word in FORBIDDEN if word in text] == []
    assert "</script" not in text and "<!--" not in text
