"""What tests share: the command line as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def lockgate(tmp_path: Path) -> Run:
    """Run ``lockgate ARGUMENTS`` in a folder (a temporary one by default)."""

    def run(
        *arguments: str, cwd: Path = tmp_path, stdin: str | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        import os

        return subprocess.run(
            [sys.executable, "-m", "lockgate", *arguments],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | env,
            check=False,
        )

    return run
