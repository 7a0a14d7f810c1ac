"""The documents: every link leads somewhere, the wheel's pages are served to this machine alone, the generated page is
fresh."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tools.generate_cli import PAGE, page

from lockgate.report import manual
from tests.conftest import ROOT, Run, default_signals


def test_the_page_of_commands_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python tools/generate_cli.py"


def test_every_link_leads_to_a_page() -> None:
    pages = manual.pages()
    assert len(pages) > 100
    for path, text in pages.items():
        for target in re.findall(r'href="([^"#]+)', text):
            if not target.startswith(("http:", "https:")):
                folder = Path("/" + path).parent
                assert str((folder / target).resolve())[1:] in pages, f"{path}: {target}"


def test_pages_are_written_and_every_schema_that_is_named_exists(lockgate: Run, tmp_path: Path) -> None:
    done = lockgate("docs", "--output", "site")
    assert done.returncode == 0, done.stderr
    assert "dropped-column-reference" in (tmp_path / "site/rules/dropped-column-reference.html").read_text()
    named = re.findall(r"`([a-z-]+-\d\.json)`", (ROOT / "docs/json.md").read_text())
    assert len(named) > 8
    assert all((ROOT / "src/lockgate/schema" / name).exists() for name in named)


def test_an_unknown_page_is_told(lockgate: Run) -> None:
    done = lockgate("docs", "nonsense", "--no-open")
    assert done.returncode == 2
    assert "no such page: nonsense" in done.stderr


def test_they_are_served_until_interrupted() -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "lockgate", "docs", "T201", "--no-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            address = process.stdout.readline().split()[0]
            assert address.startswith("http://127.0.0.1:")
            assert address.endswith("/rules/dropped-column-reference.html")
            with urllib.request.urlopen(address, timeout=20) as answer:
                assert b"T201" in answer.read()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["action.yml", "packaging/gitlab-ci.yml", ".pre-commit-hooks.yaml"])
def test_what_others_include_names_commands_that_exist(name: str, lockgate: Run) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert YAML(typ="safe", pure=True).load(text)
    for command in re.findall(r"entry: lockgate (\w+)", text):
        assert lockgate(command, "--help").returncode == 0


def test_the_action_is_one(lockgate: Run) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            "vendor.github-actions",
            str(ROOT / "action.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_site_is_built_and_its_links_hold(tmp_path: Path) -> None:
    building = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path / "site")]
    done = subprocess.run(building, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site/rules/slot-gap/index.html").exists()
