"""CPU time of looking at the application's queries, against the bare reading of the same files.

    python benchmarks/queries.py [FILES]

Makes a project of FILES source files (5,000 by default, one in eight with a query), and prints the median of a first run without the cache and of a run
with it, each less the same check without [queries], and how long it takes to read the files and no more.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 5
MIGRATION = "CREATE TABLE people (id int PRIMARY KEY, name text, born date);\nCREATE TABLE orders (id int PRIMARY KEY, person int, amount numeric);\n"
FILLER = {
    "go": "func handle{n}_{m}(w Writer, r *Request) error {{\n\tif r == nil {{\n\t\treturn errors.New(\"no request {m}\")\n\t}}\n\treturn nil\n}}\n\n",
    "py": "def handle_{n}_{m}(request, select=None):\n    with open(request.path) as update:\n        return update.read() + \"from {m}\"\n\n\n",
    "ts": "export const handle{n}_{m} = async (request: Request) => {{\n  const values = request.values ?? [];\n  return values.map((v) => `${{v}} {m}`);\n}};\n\n",
    "rs": "pub fn handle_{n}_{m}(request: &Request) -> Result<String, Error> {{\n    Ok(format!(\"update of {{}} {m}\", request.path()))\n}}\n\n",
}
QUERY = {
    "go": 'var q{n} = "SELECT p.name, o.amount FROM people p JOIN orders o ON o.person = p.id " +\n\t"WHERE p.born > $1"\n',
    "py": 'Q{n} = """\n    SELECT name FROM people WHERE id = %s\n"""\n',
    "ts": "const q{n} = sql`UPDATE orders SET amount = ${{amount}} WHERE id = ${{id}}`;\n",
    "rs": 'fn q{n}() {{ sqlx::query!("INSERT INTO people (id, name) VALUES ($1, $2)", 1, "x"); }}\n',
}


def project(folder: Path, count: int) -> list[Path]:
    (folder / "migrations").mkdir()
    (folder / "migrations/0001_people.up.sql").write_text(MIGRATION)
    files = []
    for n in range(count):
        suffix = list(FILLER)[n % 4]
        path = folder / "src" / f"package{n // 50}" / f"file{n}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = "package app\n\n" if suffix == "go" else ""
        query = QUERY[suffix].format(n=n) if n % 8 < 1 or n % 32 in (9, 18, 27) else ""
        path.write_text(head + "".join(FILLER[suffix].format(n=n, m=m) for m in range(40)) + query)
        files.append(path)
    return files


def cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def timed(folder: Path, env: dict[str, str]) -> float:
    times = []
    for _ in range(RUNS):
        start = cpu(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "lockgate", "check", "--format", "json"], cwd=folder, env=os.environ | env, stdout=subprocess.DEVNULL, check=True)
        times.append(cpu(resource.RUSAGE_CHILDREN) - start)
    return statistics.median(times)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = project(folder, count)
        size = sum(p.stat().st_size for p in files)
        start = cpu(resource.RUSAGE_SELF)
        for path in files:
            path.read_bytes()
        reading = cpu(resource.RUSAGE_SELF) - start
        configuration = folder / "lockgate.toml"
        cached, bare = {"XDG_CACHE_HOME": str(folder / ".cache")}, {"LOCKGATE_CACHE": "off"}
        configuration.write_text('[migrations]\npaths = ["migrations"]\n')
        without = {"cached": timed(folder, cached), "bare": timed(folder, bare)}
        configuration.write_text('[migrations]\npaths = ["migrations"]\n[queries]\npaths = ["src"]\n')
        first, again = timed(folder, bare) - without["bare"], timed(folder, cached) - without["cached"]
        print(f"{count} files, {size / 1e6:.0f} MB; reading them {reading * 1000:.0f} ms; queries without the cache {first * 1000:.0f} ms "
              f"({first / reading:.1f} x), with it {again * 1000:.0f} ms ({again / reading:.1f} x)")  # fmt: skip


if __name__ == "__main__":
    main()
