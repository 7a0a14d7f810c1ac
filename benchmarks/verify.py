"""How long ``verify``'s apply takes against one psql session that applies the same files on the same server.

    python benchmarks/verify.py [FOLDER] [--runs 5] [--major 15]

Prints the ratio of the least times for the whole library call (own server started and stopped in it) and for the apply
alone, with and without the locks of every statement; bodies and down scripts are measured apart. The aim is 1.5 for the
whole call, 4 with down scripts. Without FOLDER a made-up one of 300 migrations is applied. psql is the system's; give
--major for a server of its own version.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from lockgate.oracle import verify
from lockgate.oracle.apply.plan import ApplyPlan, RolePlan, ServerWish
from lockgate.oracle.apply.run import _Run
from lockgate.oracle.rows.model import RowWish
from lockgate.oracle.server.backend import start
from lockgate.oracle.server.embedded import Server
from lockgate.parse import parse_script
from lockgate.sources import load
from lockgate.sources.migration import Migration, Transaction


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--major", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.folder or _made_up(Path(made))
        migrations = load([folder], "auto", transaction="", cwd=Path.cwd()).migrations
        plan = ApplyPlan(migrations, server=ServerWish(major=arguments.major), roles=RolePlan(deployer="bench"))
        plan = replace(plan, statements={(m.id, "up"): parse_script(m.up) for m in migrations})
        count = sum(map(len, plan.statements.values()))
        print(f"{folder}: {len(migrations)} migrations, {count} statements; the least of {arguments.runs} runs")
        timed: dict[str, Callable[[], float]] = {
            "one psql session, server running": lambda: _psql(plan),
            "apply, server running": lambda: _apply(replace(plan, observe_locks=False)),
            "apply with locks, server running": lambda: _apply(plan),
            "verify(), server started and stopped": lambda: _whole(replace(plan, observe_locks=False)),
            "verify() with locks": lambda: _whole(plan),
        }
        apart: dict[str, Callable[[], float]] = {
            "verify() with bodies, prepared": lambda: _whole(
                replace(plan, observe_locks=False, bodies=True, plpgsql_check=False)
            ),
            "verify() with bodies, plpgsql_check": lambda: _whole(
                replace(plan, observe_locks=False, bodies=True)
            ),  # where the server has it
            "verify() with downs": lambda: _whole(replace(plan, downs=True)),
            "the run over rows, all pending": lambda: _whole(replace(plan, observe_locks=False, rows=RowWish())),
            "the run over rows, the last pending": lambda: _whole(
                replace(plan, observe_locks=False, rows=RowWish(frozenset({migrations[-1].id})))
            ),
        }
        best = _rounds(arguments.runs, timed | apart)
        floor = best["one psql session, server running"]
        for what, seconds in best.items():
            print(f"{what:40} {seconds * 1000:8.0f} ms {seconds / floor:6.2f}")


def _rounds(runs: int, timed: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The least of each, in turns: other work on the machine only adds to a time, and falls on all alike."""
    taken = [{what: once() for what, once in timed.items()} for _ in range(runs)]
    return {what: min(turn[what] for turn in taken) for what in timed}


def _whole(plan: ApplyPlan) -> float:
    begin = time.perf_counter()
    verify(plan)
    return time.perf_counter() - begin


def _apply(plan: ApplyPlan) -> float:
    backend = start(plan.server, plan.size_limit)
    try:
        backend.open()  # type: ignore[attr-defined]
        begin = time.perf_counter()
        _Run(plan, backend, dict(plan.statements), None).report()
        return time.perf_counter() - begin
    finally:
        backend.close()


def _psql(plan: ApplyPlan) -> float:
    """One session, every file as its runner's shape has it; the same server settings, an ordinary role."""
    from lockgate.oracle.server.binaries import choose

    with Server(choose("", plan.server.major)) as server, tempfile.TemporaryDirectory() as work:
        server.ready()
        admin = server.connect()
        admin.query(
            f"CREATE ROLE bench LOGIN PASSWORD '{server.template.verifier}'; ALTER DATABASE lockgate OWNER TO bench"
        )
        script = Path(work, "all.sql")
        script.write_text("".join(map(_as_psql, plan.migrations)), encoding="utf-8")
        env = {**os.environ, "PGPASSWORD": server.template.password, "PGOPTIONS": "-c client_min_messages=warning"}
        command = [
            shutil.which("psql") or "psql",
            "-X",
            "-q",
            "-h",
            server._home,
            "-U",
            "bench",
            "-d",
            "lockgate",
            "-f",
            str(script),
        ]
        begin = time.perf_counter()
        done = subprocess.run(
            command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        seconds = time.perf_counter() - begin
        if done.returncode or "ERROR" in done.stderr:
            print("psql:", *done.stderr.splitlines()[:3], sep="\n  ")
        return seconds


def _as_psql(migration: Migration) -> str:
    text = (
        "\n".join(migration.up.source.text[piece.start : piece.end] for piece in migration.up.pieces)
        .lstrip("\ufeff")
        .rstrip()
    )
    text += "\n;\n"
    single = len(parse_script(migration.up)) == 1
    return text if single or migration.up.transaction is Transaction.STATEMENT else f"BEGIN;\n{text}COMMIT;\n"


def _made_up(folder: Path) -> Path:
    for number in range(1, 301):
        name = f"t{number:03}"
        up = f"CREATE TABLE {name} (id bigserial PRIMARY KEY, name text NOT NULL, made timestamptz DEFAULT now());\n"
        up += f"CREATE INDEX {name}_name ON {name} (name);\n"
        if number % 10 == 0:  # a body that the next but four makes necessary to look at again
            body = f"BEGIN UPDATE t{number - 1:03} SET name = NEW.name WHERE id = NEW.id; RETURN NEW; END"
            up += f"CREATE FUNCTION f{number}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$;\n"
            up += f"CREATE TRIGGER f AFTER UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION f{number}();\n"
        if number % 10 == 5 and number > 5:
            up += f"ALTER TABLE t{number - 5:03} ADD COLUMN later int;\n"
        if number > 1:
            up += f"ALTER TABLE {name} ADD COLUMN before_id bigint REFERENCES t{number - 1:03} (id);\n"
        (folder / f"{number:04}_{name}.up.sql").write_text(up)
        (folder / f"{number:04}_{name}.down.sql").write_text(f"DROP TABLE {name};\n")
    return folder


if __name__ == "__main__":
    main()
