"""What a migration makes the server say costs ``verify`` no memory: notices and rows are passed over as they come."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

LOUD = {
    "notices": "DO $$ BEGIN FOR i IN 1..100 LOOP RAISE NOTICE '%', repeat('n', 10000000); END LOOP; END $$;\n",
    "many notices": "DO $$ BEGIN FOR i IN 1..20000 LOOP RAISE NOTICE '%', repeat('n', 500); END LOOP; END $$;\n" * 5,
    "rows": "SELECT repeat('x', 20000000) FROM generate_series(1, 30);\n",
    "an error": "DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 200000000); END $$;\n",
}


def _peak(process: subprocess.Popen[str]) -> int:
    """The most memory that a process has held, in bytes, looked up until it ends."""
    most = 0
    while process.poll() is None:
        with suppress(OSError, IndexError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            most = max(most, int(status.partition("VmHWM:")[2].split()[0]) * 1024)
        time.sleep(0.02)
    return most


def test_what_the_server_says_is_not_kept(tmp_path: Path) -> None:
    for number, sql in enumerate(LOUD.values(), 1):
        (tmp_path / f"00{number}_a.sql").write_text(sql)
    (tmp_path / "lockgate.toml").write_text("[database]\nstatement_timeout = 30\n")
    out = tmp_path / "report.json"
    command = [sys.executable, "-m", "lockgate", "verify", ".", "--no-cache", "--format", "json", "--output", str(out)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        peak = _peak(process)
        assert process.returncode == 1, process.stderr.read() if process.stderr else ""
    assert 0 < peak < 250_000_000
    report = json.loads(out.read_text())
    assert [f["sqlstate"] for f in report["findings"] if f.get("sqlstate")] == ["P0001"]
    assert out.stat().st_size < 5_000_000
