"""The long run: ``python -m tests.oracle --majors 15,18 --seconds 600 --seed 1``: every kind of difference once,
shrunk, with its count."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

from lockgate.oracle.server.binaries import Binaries, inspect
from lockgate.oracle.server.embedded import Server
from lockgate.timeline.replay import Replay
from tests.oracle.compare import kind_of, replay_texts, run, shrink
from tests.oracle.program import PREAMBLE, RIGHTS, WEIGHTS, Production, next_statement
from tests.timeline_kit import ENABLED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--majors", default=",".join(map(str, sorted(ENABLED))))
    parser.add_argument("--bindir", action="append", default=[], help="binaries of a further major")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=40)
    parser.add_argument("--rights", action="store_true", help="most of all statements on roles, owners and privileges")
    parser.add_argument("--log", type=Path, help="keep what was found, and go on there with the next sequence")
    options = parser.parse_args()
    given = {found.major: found for path in options.bindir if (found := inspect(Path(path), path)) is not None}
    binaries = [*given.values()] or [ENABLED[int(m)] for m in options.majors.split(",")]
    weights, differences = RIGHTS if options.rights else WEIGHTS, 0
    for found in binaries:
        key = f"{found.major} {options.seed} {options.length} {'rights' if options.rights else 'all'}"
        log = Log(options.log, key)
        differences += hunt(found, options.seed, options.seconds / len(binaries), options.length, weights, log)
    sys.exit(1 if differences else 0)


class Log:
    """What runs with the same seed have played: where to go on, and the differences that they found."""

    def __init__(self, path: Path | None, key: str) -> None:
        self.path, self.key = path, key
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path and path.exists() else []
        mine = [row for row in rows if row["run"] == key]
        self.next = max((row["sequence"] + 1 for row in mine), default=0)
        self.kinds = {row["kind"] for row in mine if row["kind"]}

    def played(self, sequence: int, compared: int, kind: str = "", shrunk: str = "") -> None:
        """Append one sequence; the file is whole after each, so that the run may be killed at any time."""
        if self.path is not None:
            row = {"run": self.key, "sequence": sequence, "compared": compared, "kind": kind, "shrunk": shrunk}
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")


def drawn(
    source: random.Random, weights: dict[Production, int], length: int, replay: Replay, number: int
) -> str | None:
    """The next statement of a sequence; None at its end."""
    return next_statement(source, replay, weights) if number < length else None


def hunt(binaries: Binaries, seed: int, seconds: float, length: int, weights: dict[Production, int], log: Log) -> int:
    """Sequence after sequence on one server; how many differed."""
    seen: Counter[str] = Counter()
    taints: Counter[str] = Counter()
    count, compared = log.next, 0
    with Server(binaries) as server:
        server.ready()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            source = random.Random(f"{seed} {count}")
            outcome = run(server, PREAMBLE, partial(drawn, source, weights, length))
            count, compared = count + 1, compared + outcome.compared
            kind, shrunk = kind_of(outcome.difference), ""
            if outcome.tainted:
                taints[outcome.tainted[:90] + "   <- " + outcome.statements[-1][:100]] += 1
            if outcome.difference:
                seen[kind] += 1
                if seen[kind] == 1 and kind not in log.kinds:
                    texts = shrink(server, outcome.statements, outcome.difference)
                    shrunk = ";\n".join(texts[:-1]) + f";\n>>> {replay_texts(server, texts).difference}"
                    print(f"--- {binaries.major}, sequence {count - 1}\n{shrunk}\n", flush=True)
            log.played(count - 1, outcome.compared, kind, shrunk)
    print(
        f"=== {binaries.major}: {count - log.next} sequences, {compared} statements alike, {sum(seen.values())} differences of {len(seen)} kinds, "
        f"{sum(taints.values())} tainted"
    )
    for kind, number in seen.most_common(30):
        print(f"  {number:4} {kind}")
    for reason, number in taints.most_common(15):
        print(f"  taint {number:4} {reason!r}")
    return sum(seen.values())


if __name__ == "__main__":
    main()
