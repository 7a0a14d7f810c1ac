"""What tests share: the command line as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
# the same examples on every machine; LOCKGATE_RANDOM=1 draws others (`make nightly`), and what fails becomes an @example
settings.register_profile("suite", derandomize=not os.environ.get("LOCKGATE_RANDOM"), database=None, deadline=None)
settings.load_profile("suite")

pytest_plugins = ("tests.needs", "tests.shared_servers")

Run = Callable[..., subprocess.CompletedProcess[str]]


def default_signals() -> None:
    """For a child that a test sends signals: those that this run was told to ignore (nohup, a job in the background)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def lockgate(tmp_path: Path) -> Run:
    """Run ``lockgate ARGUMENTS`` in a folder (a temporary one by default)."""

    def run(
        *arguments: str, cwd: Path = tmp_path, stdin: str | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
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
