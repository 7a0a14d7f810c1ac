"""Hazards against what a server was seen to do: python benchmarks/hazards.py FOLDER ... [--squawk PATH]

A FOLDER is a project as ``lockgate verify`` takes it. Truth: the statements that work on a table which production has
while their transaction holds a lock that keeps writers out, as the server showed it (``steps`` of ``verify --format json``).
Printed: how many of these the rules L101 to L104 find, and how many of their findings are at other statements; the same
of squawk's rules on locks (``--assume-in-transaction``) where it is installed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lockgate.base.effects import Lock

Place = tuple[str, int]  # file, line where the statement begins
SQUAWK = [
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",
    "adding-serial-primary-key-field",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "transaction-nesting",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--squawk", default=shutil.which("squawk") or "")
    given = parser.parse_args()
    for folder in given.folders:
        report = verified(folder)
        truth, starts = proven(report["steps"]), statements(report["steps"])
        tell(f"{folder.name}: lockgate", truth, [(f["location"]["path"], line_of(f, starts)) for f in ours(report)])
        if given.squawk:
            tell(f"{folder.name}: squawk", truth, squawk(given.squawk, folder, starts))


def verified(folder: Path) -> dict[str, Any]:
    """The verification, with the rules on work under a lock switched on and everything told."""
    own = folder / "lockgate.toml"
    text = own.read_text() if own.is_file() else ""
    with tempfile.NamedTemporaryFile("w", suffix=".toml", dir=folder) as config:
        lines = [line for line in text.splitlines() if not line.startswith(("[rules]", "extend-select", "select"))]
        config.write("\n".join(lines) + '\n[rules]\nextend-select = ["L1"]\n')
        config.flush()
        command = [sys.executable, "-m", "lockgate", "verify", "--no-downs", "--all", "--format", "json"]
        done = subprocess.run([*command, "--config", config.name], cwd=folder, capture_output=True, text=True)
    if not done.stdout:
        raise SystemExit(f"{folder}: {done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def proven(steps: list[dict[str, Any]]) -> set[Place]:
    """Where the server worked on a table of production's under a lock that keeps writers out."""
    found = set()
    for step in steps:
        for effect in step["effects"] if step["observed"] else ():
            blocked = effect["held"] is not None and Lock.of(effect["held"]).blocks_writes
            old = effect["age"] == "production" and effect["kind"] == "table"
            if blocked and old and effect["work"] != "none":
                found.add((step["path"], step["line"]))
    return found


def statements(steps: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The lines where the statements of each file begin."""
    out: dict[str, list[int]] = {}
    for step in steps:
        out.setdefault(step["path"], []).append(step["line"])
    return out


def ours(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [f for f in report["findings"] if f["rule"].startswith("L1")]


def line_of(finding: dict[str, Any], starts: dict[str, list[int]]) -> int:
    location = finding["location"]
    return begin(starts.get(location["path"], []), location["start"]["line"])


def begin(starts: list[int], line: int) -> int:
    """The line where the statement begins that has this one."""
    return max((start for start in starts if start <= line), default=line)


def squawk(program: str, folder: Path, starts: dict[str, list[int]]) -> list[Place]:
    """squawk's findings on locks, at the statements that they are about."""
    command = [program, "--assume-in-transaction", "--reporter", "json", *sorted(starts)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    told = [f for f in json.loads(done.stdout or "[]") if f["rule_name"] in SQUAWK]
    # its lines count from 0
    return [(f["file"], begin(starts.get(f["file"], []), f["line"] + 1)) for f in told]


def tell(name: str, truth: set[Place], said: list[Place]) -> None:
    at, beside = truth & set(said), set(said) - truth
    print(f"{name}: {len(at)} of {len(truth)} found, {len(said)} findings, {len(beside)} statements told beside them")


if __name__ == "__main__":
    main()
