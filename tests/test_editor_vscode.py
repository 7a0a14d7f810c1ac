"""The extension for Visual Studio Code: what it declares fits what it does, and its own tests pass."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "editors/vscode"


def test_every_setting_is_read_and_every_command_registered() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    code = (ROOT / "extension.js").read_text()
    settings = set(package["contributes"]["configuration"]["properties"])
    used = {f"lockgate.{name}" for name in re.findall(r'settings\.get\("(\w+)"', code)}
    assert settings - used == {"lockgate.trace.server"}, "that one is read by the client library"
    assert used <= settings
    assert [c["command"] for c in package["contributes"]["commands"]] == re.findall(
        r'registerCommand\("([\w.]+)"', code
    )
    assert set(package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]) == used
    assert (ROOT / package["main"]).is_file()


@pytest.mark.needs("node")
def test_its_own_tests_pass() -> None:
    done = subprocess.run(["node", "--test", "test/"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "# fail 0" in done.stdout, done.stdout + done.stderr
