"""Wall time and peak memory of ``lockgate check`` against squawk and the parsing floor, on the same files in one run.

    python benchmarks/check.py FOLDER [FOLDER ...]

Prints ratios. The floor is parsing alone: pglast's JSON of every file in one process.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 5
FLOOR = """
import json, sys
from pathlib import Path
from pglast.parser import parse_sql_json
for name in sys.argv[1:]:
    try: json.loads(parse_sql_json(Path(name).read_text(encoding="utf-8")))
    except Exception: pass
"""


def timed(command: list[str], env: dict[str, str] | None = None) -> float:
    """Median wall seconds of a command."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=env)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def memory(command: list[str]) -> float:
    """Peak resident megabytes of a command."""
    code = f"import resource, subprocess; subprocess.run({command!r}, stdout=-3, stderr=-3); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def main() -> None:
    squawk = shutil.which("squawk") or str(Path(sys.executable).with_name("squawk"))
    lockgate = str(Path(sys.executable).with_name("lockgate"))
    for folder in map(Path, sys.argv[1:]):
        files = [str(p) for p in sorted(folder.rglob("*.sql")) if not p.name.endswith("down.sql")]
        check = [lockgate, "check", str(folder), "--format", "json"]
        peer = timed([squawk, "--reporter", "gcc", *files])
        ours = timed(check)
        floor = timed([sys.executable, "-c", FLOOR, *files])
        print(f"{folder.name}: {len(files)} files; squawk {peer * 1000:.0f} ms = 1.00; parsing floor {floor / peer:.2f}; check {ours / peer:.2f} "
              f"({ours / floor:.1f} x the floor); peak {memory(check):.0f} MB, squawk {memory([squawk, *files]):.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
