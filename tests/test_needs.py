"""What a machine lacks is counted by name, and is a failure where CI says that it is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.needs import NEEDS

TESTS = """
import pytest
from tests.needs import lack, need
@pytest.mark.needs("readable")
def test_a(): raise AssertionError
def test_b(): lack("readable")
def test_c(): need("contrib")
def test_d(): pytest.skip("just so")
def test_e(): need()
"""


def suite(folder: Path, **env: str) -> tuple[int, list[str]]:
    (folder / "test_them.py").write_text(TESTS)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("LOCKGATE_MAY", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.needs", "-p", "no:cacheprovider", folder],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def test_each_need_is_counted(tmp_path: Path) -> None:
    code, said = suite(tmp_path)
    assert code == 0 and said[-1].startswith("1 passed, 4 skipped")
    assert f"2 tests need readable: not run ({NEEDS['readable'][0]})" in said
    assert f"1 test needs contrib: not run ({NEEDS['contrib'][0]})" in said
    assert "1 skipped for another reason: pytest -rs" in said


def test_ci_says_what_may_lack(tmp_path: Path) -> None:
    code, said = suite(tmp_path, LOCKGATE_MAY_LACK="readable")
    assert code == 1 and said[-1].startswith("2 failed, 1 passed, 2 skipped")
    assert sum("which CI does not allow here" in line for line in said) >= 2
    assert suite(tmp_path, LOCKGATE_MAY_LACK="")[1][-1].startswith("3 failed, 1 passed, 1 error")
