"""CPU time and memory of a check that looks at the application's queries, against the bare reading of the same files.

    python benchmarks/queries.py [FILES | PROJECT]

FILES: a made project of so many source files (5,000 by default, one in eight with a query, no two alike). PROJECT: a
copy of a folder with a lockgate.toml that has [queries]. Prints the least of some runs: without the cache, after a
change of one source file, of one migration, of nothing; times over the reading.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lockgate.base.config import load
from lockgate.queries.files import File, in_tree, wanted
from lockgate.queries.hints import hints
from lockgate.run.plan import Request, read_folder

RUNS = 2
MIGRATION = "CREATE TABLE people (id int PRIMARY KEY, name text, born date);\nCREATE TABLE orders (id int PRIMARY KEY, person int, amount numeric);\n"
FILLER = {
    "go": 'func handle{n}_{m}(w Writer, r *Request) error {{\n\tif r == nil {{\n\t\treturn errors.New("no request {m}")\n\t}}\n\treturn nil\n}}\n\n',
    "py": 'def handle_{n}_{m}(request, select=None):\n    with open(request.path) as update:\n        return update.read() + "from {m}"\n\n\n',
    "ts": "export const handle{n}_{m} = async (request: Request) => {{\n  const values = request.values ?? [];\n  return values.map((v) => `${{v}} {m}`);\n}};\n\n",
    "rs": 'pub fn handle_{n}_{m}(request: &Request) -> Result<String, Error> {{\n    Ok(format!("update of {{}} {m}", request.path()))\n}}\n\n',
}
QUERY = {
    "go": 'var q{n} = "SELECT p.name, o.amount FROM people p JOIN orders o ON o.person = p.id " +\n\t"WHERE p.born > $1 AND p.id <> {n}"\n',
    "py": 'Q{n} = """\n    SELECT name FROM people WHERE id = %s + {n}\n"""\n',
    "ts": "const q{n} = sql`UPDATE orders SET amount = ${{amount}} + {n} WHERE id = ${{id}}`;\n",
    "rs": 'fn q{n}() {{ sqlx::query!("INSERT INTO people (id, name) VALUES ($1 + {n}, $2)", 1, "x"); }}\n',
}


def project(folder: Path, count: int) -> None:
    (folder / "migrations").mkdir()
    (folder / "migrations/0001_people.up.sql").write_text(MIGRATION)
    for n in range(count):
        suffix = list(FILLER)[n % 4]
        path = folder / "src" / f"package{n // 50}" / f"file{n}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = "package app\n\n" if suffix == "go" else ""
        query = QUERY[suffix].format(n=n) if n % 32 in (0, 9, 18, 27) else ""
        path.write_text(head + "".join(FILLER[suffix].format(n=n, m=m) for m in range(40)) + query)
    (folder / "lockgate.toml").write_text('[migrations]\npaths = ["migrations"]\n[queries]\npaths = ["src"]\n')


def copied(source: Path, folder: Path) -> None:
    shutil.copytree(
        source, folder, ignore=shutil.ignore_patterns(".git", "node_modules"), dirs_exist_ok=True, symlinks=True
    )


def looked_at(folder: Path) -> tuple[list[File], list[Path]]:
    """The files with the application's queries, and those of the migrations."""
    config = load(None, folder)
    paths = [m.up.source.path for m in read_folder(config, Request(cwd=folder)).migrations]
    return list(in_tree(config, wanted(config, paths, folder))), [folder / path for path in paths]


def own(work: Callable[[], object]) -> float:
    """The least CPU time of a function here."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


# a child's peak begins with what its parent holds as it starts it: one that holds next to nothing starts it
MEASURE = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "lockgate", "check", "--format", "json"], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def check(folder: Path, **env: str) -> tuple[float, float]:
    """CPU seconds and megabytes at the peak of one check."""
    env = (
        os.environ
        | {
            "XDG_CACHE_HOME": str(folder / ".cache"),
            "PYTHONPYCACHEPREFIX": str(folder / ".pyc"),
            "PYTHONDONTWRITEBYTECODE": "",
        }
        | env
    )
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    code, seconds, peak = done.stdout.split()
    if code not in ("0", "1"):
        sys.exit(done.stderr)
    return float(seconds), int(peak) / (1024 * 1024 if sys.platform == "darwin" else 1024)


def touched(path: Path) -> None:
    """Change a file, and wait until its stamp counts."""
    with path.open("a") as file:
        file.write("\n")
    time.sleep(0.1)


def measured(folder: Path) -> dict[str, tuple[float, float]]:
    """What is measured, with seconds and megabytes."""
    files, migrations = looked_at(folder)
    with_query = next(
        (f for f in files if next(hints(f.read(), f.path.rpartition(".")[2]), None) is not None), files[0]
    )
    configuration = folder / "lockgate.toml"
    text = configuration.read_text()
    found = {
        "reading": (own(lambda: [f.read() for f in files]), 0.0),
        "reading and looking": (own(lambda: [any(hints(f.read(), f.path.rpartition(".")[2])) for f in files]), 0.0),
    }
    configuration.write_text(text.partition("[queries]")[0])
    found["a check without [queries], no cache"] = min(check(folder, LOCKGATE_CACHE="off") for _ in range(RUNS))
    configuration.write_text(text)
    found["with, no cache"] = min(check(folder, LOCKGATE_CACHE="off") for _ in range(RUNS))
    check(folder)
    for name, path in (
        ("one source file changed", folder / with_query.path),
        ("one migration changed", migrations[-1]),
    ):
        found[name] = min((touched(path), check(folder))[1] for _ in range(RUNS))
    found["nothing changed"] = min(check(folder) for _ in range(RUNS))
    return found


def main() -> None:
    asked = sys.argv[1] if len(sys.argv) > 1 else "5000"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        if asked.isdecimal():
            project(folder, int(asked))
        else:
            copied(Path(asked), folder)
        files = looked_at(folder)[0]
        found = measured(folder)
        print(f"{len(files)} files, {sum(len(f.read()) for f in files) / 1e6:.0f} MB")
        for what, (seconds, peak) in found.items():
            print(
                f"{what:40} {seconds * 1000:6.0f} ms {seconds / found['reading'][0]:6.1f} x"
                + (f" {peak:6.0f} MB" if peak else "")
            )
        alone = found["with, no cache"][0] - found["a check without [queries], no cache"][0]
        print(f"{'the queries alone, no cache':40} {alone * 1000:6.0f} ms {alone / found['reading'][0]:6.1f} x")


if __name__ == "__main__":
    main()
