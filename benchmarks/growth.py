"""How the time of `check` grows with the work: twelve shapes at 1, 4 and 16 times a size, in seconds of CPU for each unit.

python benchmarks/growth.py [SIZE] [SHAPE ...]

The last two columns are the time for a unit at 4 and 16 times the size over that at 1: 1.0 is linear.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_LOOP = (
    "DO $$ DECLARE r record; BEGIN FOR r IN SELECT c.constraint_name FROM information_schema.table_constraints c JOIN "
    "information_schema.key_column_usage k ON c.constraint_name = k.constraint_name WHERE c.table_name = 't{n}' LOOP "
    "EXECUTE format('ALTER TABLE t{n} DROP CONSTRAINT %I', r.constraint_name); END LOOP; END $$;\n"
)
_FUNCTION = (
    "CREATE FUNCTION f{n}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.x := NEW.x + {n}; RETURN NEW; END $$;\n"
)


def _each(*lines: str, before: str = "") -> Callable[[int], str]:
    """So many times these lines, with their number in them, those of one line together."""
    return lambda count: before + "".join(line.format(n=n) for line in lines for n in range(count))


def _in_list(count: int) -> str:
    return "CREATE TABLE t (x int);\nSELECT * FROM t WHERE x IN (" + ",".join(map(str, range(50 * count))) + ");\n"


def _views(count: int) -> str:
    chain = "".join(f"CREATE VIEW v{n} AS SELECT x FROM v{n - 1};\n" for n in range(1, count))
    return "CREATE TABLE t (x int);\nCREATE VIEW v0 AS SELECT x FROM t;\n" + chain


_TABLES = "CREATE TABLE t{n} (id int PRIMARY KEY, x int);\n"
SHAPES: dict[str, Callable[[int], str]] = {
    "statements": _each("SELECT {n};\n"),
    "tables": _each(_TABLES),
    "items of IN lists": _in_list,
    "partitions": _each(
        "CREATE TABLE p{n} PARTITION OF p FOR VALUES IN ({n});\n",
        before="CREATE TABLE p (id int) PARTITION BY LIST (id);\n",
    ),
    "loops over information_schema": _each(_TABLES, _LOOP),
    "functions": _each(_FUNCTION),
    "views over views": _views,
    "triggers": _each(
        _TABLES, _FUNCTION, "CREATE TRIGGER r BEFORE INSERT ON t{n} FOR EACH ROW EXECUTE FUNCTION f{n}();\n"
    ),
    "grants": _each(_TABLES, "GRANT SELECT ON t{n} TO PUBLIC;\n"),
    "enum values": _each("ALTER TYPE e ADD VALUE 'v{n}';\n", before="CREATE TYPE e AS ENUM ();\n"),
    "indexes": _each(_TABLES, "CREATE INDEX i{n} ON t{n} (x);\n"),
    "inserts of series": _each(
        "INSERT INTO t SELECT g, g FROM generate_series(1, 2000) g;\n", before="CREATE TABLE t (id int, x int);\n"
    ),
}


def seconds(sql: str) -> float:
    """The CPU that a check of this text takes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "001_a.sql").write_text(sql)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        words = [sys.executable, "-m", "lockgate", "check", folder, "--no-cache"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print a row for each shape."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    empty = min(seconds("SELECT 1;\n") for _ in range(3))
    print(f"{'microseconds for each':32}{'1x':>9}{'4x':>9}{'16x':>9}{'4x/1x':>8}{'16x/1x':>8}   (1x = {size})")
    for name in sys.argv[2:] or SHAPES:
        units = [max(seconds(SHAPES[name](times * size)) - empty, 0.0) / (times * size) * 1e6 for times in (1, 4, 16)]
        first = max(units[0], 1e-9)
        figures = "".join(f"{unit:9.0f}" for unit in units)
        print(f"{name:32}{figures}{units[1] / first:8.2f}{units[2] / first:8.2f}", flush=True)


if __name__ == "__main__":
    main()
