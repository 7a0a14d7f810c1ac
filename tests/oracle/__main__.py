"""The long run: ``python -m tests.oracle --majors 15,18 --seconds 600 --seed 1``: every kind of difference once,
shrunk, with its count."""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from functools import partial
from pathlib import Path

from lockgate.oracle.server.binaries import Binaries, inspect
from lockgate.oracle.server.embedded import Server
from lockgate.timeline.replay import Replay
from tests.oracle.compare import kind_of, run, shrink
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
    options = parser.parse_args()
    given = {found.major: found for path in options.bindir if (found := inspect(Path(path), path)) is not None}
    binaries = [*given.values()] or [ENABLED[int(m)] for m in options.majors.split(",")]
    for found in binaries:
        hunt(
            found, options.seed, options.seconds / len(binaries), options.length, RIGHTS if options.rights else WEIGHTS
        )


def drawn(
    source: random.Random, weights: dict[Production, int], length: int, replay: Replay, number: int
) -> str | None:
    """The next statement of a sequence; None at its end."""
    return next_statement(source, replay, weights) if number < length else None


def hunt(binaries: Binaries, seed: int, seconds: float, length: int, weights: dict[Production, int]) -> None:
    """Sequence after sequence on one server."""
    seen: Counter[str] = Counter()
    taints: Counter[str] = Counter()
    count = compared = 0
    with Server(binaries) as server:
        server.ready()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            source = random.Random(f"{seed} {count}")
            outcome = run(server, PREAMBLE, partial(drawn, source, weights, length))
            count, compared = count + 1, compared + outcome.compared
            if outcome.tainted:
                taints[outcome.tainted[:90] + "   <- " + outcome.statements[-1][:100]] += 1
            if outcome.difference:
                kind = kind_of(outcome.difference)
                seen[kind] += 1
                if seen[kind] == 1:
                    texts = shrink(server, outcome.statements, outcome.difference)
                    final = run(server, texts, lambda replay, n: None)
                    print(
                        f"--- {binaries.major}, sequence {count - 1}\n"
                        + ";\n".join(texts[:-1])
                        + f";\n>>> {final.difference}\n",
                        flush=True,
                    )
    print(
        f"=== {binaries.major}: {count} sequences, {compared} statements alike, {sum(seen.values())} differences of {len(seen)} kinds, "
        f"{sum(taints.values())} tainted"
    )
    for kind, number in seen.most_common(30):
        print(f"  {number:4} {kind}")
    for reason, number in taints.most_common(15):
        print(f"  taint {number:4} {reason!r}")


if __name__ == "__main__":
    main()
