"""How long the slots of a big folder take: 10,000 slots and 200 branches, half of them with a slot of ours.

python benchmarks/slots.py [SLOTS] [BRANCHES]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path


def build(root: Path, slots: int, branches: int) -> None:
    """A repository made by fast-import: main with all slots, branches with one file each."""
    lines = ["commit refs/heads/main", "committer A <a@b> 1700000000 +0000", "data 1", "x"]
    for number in range(1, slots + 1):
        text = f"CREATE TABLE t{number} (id int);\n"
        lines += [f"M 100644 inline m/{number:06}_t{number}.up.sql", f"data {len(text)}", text]
    for number in range(branches):
        slot = slots if number % 2 else slots + 1 + number
        text = f"CREATE TABLE b{number} (id int);\n"
        lines += [
            f"commit refs/heads/b{number}",
            "committer A <a@b> 1700000001 +0000",
            "data 1",
            "x",
            "from refs/heads/main",
        ]
        lines += [f"M 100644 inline m/{slot:06}_b{number}.up.sql", f"data {len(text)}", text]
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input="\n".join(lines).encode(), check=True)
    subprocess.run(["git", "reset", "-q", "--hard", "main"], cwd=root, check=True)


def main() -> None:
    """Build, ask, print."""
    slots, branches = (int(a) for a in (sys.argv[1:] + ["10000", "200"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "r")
        build(root, slots, branches)
        for command in (["slots", "m", "--format", "json"], ["slots", "m"]):
            start = time.perf_counter()
            words = [sys.executable, "-m", "lockgate", *command]
            done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - start
            print(
                f"lockgate {' '.join(command)}: {slots} slots, {branches} branches: {seconds:.2f} s, exit {done.returncode}"
            )
            if done.returncode not in (0, 1):
                print(done.stderr)


if __name__ == "__main__":
    main()
