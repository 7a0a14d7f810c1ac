"""Severity by the size of production's tables, as a snapshot estimated it; what is unknown counts in full."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lockgate.base.statistics import Statistics, TableStatistics, decoded, encoded
from lockgate.run.sizes import shown_bytes, shown_seconds
from tests.conftest import Run

MB = 1024 * 1024
FILES = {
    "0001_orders.sql": "CREATE TABLE orders (id int PRIMARY KEY, total int, note text);",
    "0002_more.sql": "ALTER TABLE orders ALTER id TYPE bigint;\nALTER TABLE orders ADD x int NOT NULL;",
}
CONFIG = """[migrations]
paths = ["migrations"]
[rules]
extend-select = ["L101", "X101"]
[database]
version = 18
statistics = "statistics.json"
"""
LEDGER = '[ledger]\nsnapshot = "ledger.json"\n'


def project(folder: Path, statistics: str, more: str = "") -> Path:
    (folder / "migrations").mkdir(exist_ok=True)
    for name, text in FILES.items():
        (folder / "migrations" / name).write_text(text)
    (folder / "lockgate.toml").write_text(CONFIG + more)
    (folder / "ledger.json").write_text(json.dumps({"table": "schema_migrations", "rows": [{"version": "0001"}]}))
    (folder / "statistics.json").write_text(statistics)
    return folder


def found(lockgate: Run) -> dict[str, dict[str, Any]]:
    done = lockgate("check", "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    return {f["rule"]: f for f in json.loads(done.stdout)["findings"]}


# bytes of orders (None: the file does not know it) | is the ledger known | severities of the rewrite and of the column
CASES: list[tuple[int | None, bool, str, str]] = [
    (None, True, "warning", "warning"),
    (0, True, "info", "info"),
    (MB, True, "info", "error"),
    (100 * MB, True, "warning", "error"),
    (2000 * MB, True, "error", "error"),
    (2000 * MB, False, "warning", "warning"),
]


@pytest.mark.parametrize(("size", "ledger", "rewrite", "column"), CASES)
def test_severity_by_size(
    lockgate: Run, tmp_path: Path, size: int | None, ledger: bool, rewrite: str, column: str
) -> None:
    tables = {} if size is None else {"public.orders": TableStatistics(12_000_000 if size else 0, size)}
    project(tmp_path, encoded(Statistics(1, tables)), LEDGER if ledger else "")
    told = found(lockgate)
    assert (told["L101"]["severity"], told["X101"]["severity"]) == (rewrite, column)
    words = told["L101"]["help"]
    if size is None:
        assert "statistics.json does not say: it counts as large" in words and told["L101"]["effect"]["rows"] is None
    elif size == 2000 * MB:
        assert "public.orders has 12,000,000 rows, 1.95 GB: written anew in some 33 s to 3 min" in words
        assert told["L101"]["effect"]["rows"] == 12_000_000


def test_thresholds_are_settings_and_a_wrong_file_is_one_plain_line(lockgate: Run, tmp_path: Path) -> None:
    text = encoded(Statistics(1, {"public.orders": TableStatistics(5, 2 * MB)}))
    assert decoded(text).tables["public.orders"].bytes == 2 * MB
    project(tmp_path, text, "[sizes]\nsmall = 1\nlarge = 2\n" + LEDGER)
    assert found(lockgate)["L101"]["severity"] == "error"
    for wrong in ("{", '{"version": 2, "tables": {}}', '{"version": 1, "tables": {"t": {"bytes": "x"}}}', "[" * 5000):
        project(tmp_path, wrong)
        done = lockgate("check")
        assert done.returncode == 3 and done.stderr.startswith("lockgate: statistics.json: "), (wrong[:40], done.stderr)
        assert "write it anew: `lockgate snapshot`" in done.stderr and "Traceback" not in done.stderr
    (tmp_path / "statistics.json").unlink()
    done = lockgate("check")
    assert done.returncode == 2 and "statistics.json does not exist" in done.stderr


def test_sizes_and_times_as_a_person_says_them() -> None:
    assert [shown_bytes(n) for n in (17, 2048, 20 * MB, 2150 * MB, 3 * MB * MB)] == [
        "17 bytes",
        "2 kB",
        "20 MB",
        "2.1 GB",
        "3 TB",
    ]
    assert [shown_seconds(s) for s in (0.0001, 0.02, 0.7, 40, 720, 9000)] == [
        "1 ms",
        "20 ms",
        "1 s",
        "40 s",
        "12 min",
        "2.5 h",
    ]
