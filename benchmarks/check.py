"""What ``lockgate check`` costs against squawk on the same files in one run: cold, warm, and after a change of one
file.

    python benchmarks/check.py FOLDER [FOLDER ...]        # any folder of migrations; it is copied, and left as it is
    python benchmarks/check.py --generated 100 1000 10000 # made-up folders, with the growth factor from one size to the
    next

squawk is no dependency: ``pip install squawk-cli`` beside Lockgate. Only ratios mean anything, and only within one run:
wall time of the whole process as a multiple of ``squawk --reporter gcc`` (1.00), medians. ``cold`` has an empty cache,
``off`` none at all, ``warm`` repeats a run, ``touched`` has new times on every file and the same text, ``changed`` has
a statement more in the last file each time; ``floor`` is parsing alone (pglast's JSON of every file), ``start`` is
``python -c pass``, ``one`` a folder of one small file. Peak memory is that of the cold run. Bytecode is written, as it
is for users. Without squawk its ratios are left out.

``--psql DSN`` adds one psql session that applies the same files to a new database of a running server. The bars:
cold at most 1.0 of psql, changed (of 800 files) at most 12 starts, one at most 8.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

BIN = Path(sys.executable).parent
FLOOR = """
import json, sys
from pathlib import Path
from pglast.parser import parse_sql_json
for name in sys.stdin.read().split("\\0"):
    try: json.loads(parse_sql_json(Path(name).read_text(encoding="utf-8")))
    except Exception: pass
"""


def main() -> None:
    """Measure every folder, print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--generated", nargs="*", type=int, default=[], metavar="FILES")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--psql", default="", metavar="DSN", help="of a superuser on a scratch server")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for folder in arguments.folders:
            print(
                line(folder.name, measured(copied(folder, Path(scratch)), arguments.runs, arguments.psql)), flush=True
            )
        before: dict[str, float] = {}
        for size in arguments.generated:
            found = measured(
                generated(size, Path(scratch)),
                arguments.runs if size < 5000 else max(1, arguments.runs // 3),
                arguments.psql,
            )
            print(line(f"{size} made-up files", found), flush=True)
            if before:
                growth = ", ".join(
                    f"{name} x{found[name] / before[name]:.1f}"
                    for name in ("off", "cold", "warm", "changed", "peak MB")
                    if before[name]
                )
                print(f"    growth for x{found['files'] / before['files']:.0f} files: {growth}")
            before = found


def line(name: str, found: dict[str, float]) -> str:
    """One folder's ratios."""
    start = found["start"]
    bars = f"changed {found['changed'] / start:.1f} and one {found['one'] / start:.1f} starts ({start * 1000:.0f} ms)"
    if "psql" in found:
        bars = f"cold {found['cold'] / found['psql']:.2f} of psql ({found['psql'] * 1000:.0f} ms), {bars}"
    out = f"{name}: {found['files']:.0f} files, {bars}; peak {found['peak MB']:.0f} MB"
    if "squawk" in found:
        peer = found["squawk"]
        keys = ("cold", "off", "warm", "touched", "changed", "floor", "start")
        ratios = ", ".join(f"{key} {found[key] / peer:.2f}" for key in keys)
        out += f"; squawk 1.00 ({peer * 1000:.0f} ms, {found['squawk MB']:.0f} MB): {ratios}"
    return out


def measured(root: Path, runs: int, dsn: str = "") -> dict[str, float]:
    """Seconds of each kind of run on a folder that may be written to."""
    files = [p for p in sorted(root.rglob("*.sql")) if p.is_file() and not p.name.endswith("down.sql")]
    home = root.parent / "cache"
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"XDG_CACHE_HOME": str(home)}
    check = [str(BIN / "lockgate"), "check", str(root), "--format", "json"]
    squawk = [str(BIN / "squawk"), "--reporter", "gcc", *map(str, files)]
    small = root.parent / "one"
    small.mkdir(exist_ok=True)
    (small / "0001_a.up.sql").write_text("CREATE TABLE a (id int PRIMARY KEY, b text);\nCREATE INDEX ON a (b);\n")
    counter = iter(range(1_000_000))

    def empty() -> None:
        shutil.rmtree(home, ignore_errors=True)

    def touch() -> None:
        for path in files:
            os.utime(path)

    def change() -> None:
        with files[-1].open("a", encoding="utf-8") as file:
            file.write(f"\nCREATE TABLE changed_{next(counter)} (id bigint);\n")

    def changed_again() -> None:
        for _ in range(2):  # the first of a row of edits leaves the state before the file
            change()
            seconds(check, env)
        change()

    found = {"files": float(len(files))}
    plans: dict[str, tuple[list[str], dict[str, str], Callable[[], None]]] = {
        "one": ([*check[:2], str(small), *check[3:]], env, empty),
        "cold": (check, env, empty),
        "off": (check, env | {"LOCKGATE_CACHE": "off"}, _nothing),
        "touched": (check, env, touch),
        "changed": (check, env, changed_again),
        "start": ([sys.executable, "-c", "pass"], env, _nothing),
        "warm": (check, env, _nothing),
    }
    if dsn:
        plans["psql"] = (psql(dsn, files), env, lambda: renewed(dsn))
    if Path(squawk[0]).exists():
        plans["squawk"] = (squawk, env, _nothing)
        found["squawk MB"] = peak(squawk, env)
    for name, times in interleaved(plans, runs):
        found[name] = statistics.median(times)
    found["floor"] = seconds([sys.executable, "-c", FLOOR], env, "\0".join(map(str, files)))
    empty()
    found["peak MB"] = peak(check, env)
    return found


def psql(dsn: str, files: list[Path]) -> list[str]:
    """One session that applies the files to the benchmark's database."""
    return ["psql", "-X", "-q", f"{dsn} dbname=lockgate_bench", *(word for path in files for word in ("-f", str(path)))]


def renewed(dsn: str) -> None:
    """The benchmark's database, empty."""
    for sql in ("DROP DATABASE IF EXISTS lockgate_bench", "CREATE DATABASE lockgate_bench"):
        subprocess.run(["psql", "-X", "-q", f"{dsn} dbname=postgres", "-c", sql], check=True)


def interleaved(
    plans: dict[str, tuple[list[str], dict[str, str], Callable[[], None]]], runs: int
) -> Iterator[tuple[str, list[float]]]:
    """Every plan in turn, so that a busy moment of the machine hits all of them; the plan before "warm" runs twice,
    unmeasured once."""
    times: dict[str, list[float]] = {name: [] for name in plans}
    for _ in range(runs):
        for name, (command, env, prepare) in plans.items():
            prepare()
            if name == "warm":
                time.sleep(0.1)  # what was changed a moment ago is not remembered
                seconds(command, env)
            times[name].append(seconds(command, env))
    yield from times.items()


def _nothing() -> None:
    pass


def seconds(command: list[str], env: dict[str, str], stdin: str = "") -> float:
    """Wall seconds of one run."""
    start = time.perf_counter()
    subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=env, input=stdin, text=True
    )
    return time.perf_counter() - start


def peak(command: list[str], env: dict[str, str]) -> float:
    """Peak resident megabytes of one run."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=-3, stderr=-3); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True, env=env)
    return int(done.stdout) / 1024


def copied(folder: Path, scratch: Path) -> Path:
    """A copy of a folder that the benchmark may change."""
    root = scratch / f"copy-{folder.name}" / "migrations"
    return Path(shutil.copytree(folder, root, symlinks=False))


def generated(size: int, scratch: Path) -> Path:
    """A folder of so many small migrations: tables, columns, indexes, foreign keys, a view and a function now and
    then."""
    root = scratch / f"made-{size}" / "migrations"
    root.mkdir(parents=True)
    for number in range(1, size + 1):
        table = number - number % 5 or 5
        text = (
            {
                0: f"CREATE TABLE t{number} (id bigserial PRIMARY KEY, name text NOT NULL, at timestamptz DEFAULT now(), owner_id bigint);\n",
                1: f"ALTER TABLE t{table} ADD COLUMN c{number} int NOT NULL DEFAULT 0;\nCREATE INDEX t{number}_c ON t{table} (c{number});\n",
                2: f"ALTER TABLE t{table} ADD CONSTRAINT t{number}_fk FOREIGN KEY (owner_id) REFERENCES t5 (id);\n",
                3: f"UPDATE t{table} SET name = upper(name) WHERE id > {number};\nALTER TABLE t{table} ALTER COLUMN at SET NOT NULL;\n",
                4: f"CREATE VIEW v{number} AS SELECT id, name, count(*) OVER () AS n FROM t{table} WHERE at > now();\n"
                if number % 50 == 4
                else f"COMMENT ON TABLE t{table} IS 'number {number}';\n",
            }[number % 5]
            if number > 5
            else f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text, at timestamptz, owner_id bigint);\n"
        )
        (root / f"{number:06}_step.up.sql").write_text(text, encoding="utf-8")
    return root


if __name__ == "__main__":
    main()
