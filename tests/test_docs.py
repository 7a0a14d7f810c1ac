"""Every output that the documents show is what the program prints (``...`` stands for any lines, a server's version for
any)."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.conftest import ROOT, Run

_BLOCK = re.compile(r"<!-- run in (\S+), exit (\d) -->\n```console\n\$ (lockgate [^\n]*)\n(.*?)```", re.DOTALL)
SHOWN = [
    pytest.param(*match.groups(), id=f"{page.name}: {match.group(3)}")
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))
]


def pattern(shown: str) -> str:
    lines = (r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in shown.splitlines())
    return re.sub(r"PostgreSQL\\ [\d\\.]+", r"PostgreSQL [\\d.]+", "".join(lines))


@pytest.mark.parametrize(("folder", "code", "command", "shown"), SHOWN)
def test_what_is_shown_is_what_is_printed(lockgate: Run, folder: str, code: str, command: str, shown: str) -> None:
    done = lockgate(*shlex.split(command)[1:], cwd=ROOT / folder)
    assert done.returncode == int(code), done.stderr
    assert re.fullmatch(pattern(shown), done.stdout), done.stdout


def test_the_readme_shows_real_output() -> None:
    assert len(SHOWN) >= 2
